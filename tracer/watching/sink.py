"""What delivery speaks of: envelopes, sinks that take them, channels that are sinks with a configuration.

A sink (`adapters/delivery/`, one file each) takes an envelope to somebody, or says why it cannot. It knows nothing of
retries, order or what may leave the house: that is `tracer.watching.outbox` and `tracer.watching.notice`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Retry(Exception):
    """Not taken now; the same envelope may be taken later. `after`: seconds the receiver asked for, 0 if it did not.

    `why` is one line that names no secret and repeats nothing of the receiver's own words.
    """

    def __init__(self, why: str, after: float = 0.0) -> None:
        super().__init__(why)
        self.why, self.after = why, after


class Refused(Exception):
    """The envelope will never be taken. `gone`: nor will any other, the receiver has taken the channel down."""

    def __init__(self, why: str, *, gone: bool = False) -> None:
        super().__init__(why)
        self.why, self.gone = why, gone


@dataclass(frozen=True)
class Envelope:
    """One revision of one alert (or one digest) as it leaves on one channel. The same bytes at every attempt.

    body         canonical JSON: `tracer.alert/1`, `tracer.alert_digest/1`, or `tracer.alert_notice/1` where content
                 is withheld
    title, text  the same for people: one line; lines
    marking      of the Traffic Light Protocol, "" where nothing is marked
    protected    of a victim or a test purchase
    third_party  it goes to somebody else's service
    severity     for channels that have levels of their own
    """

    alert_id: str
    revision: int
    body: bytes
    title: str
    text: str
    marking: str = ""
    protected: bool = False
    third_party: bool = False
    severity: str = ""

    @property
    def id(self) -> str:
        """`alert_id.revision`: what a receiver tells repetitions by."""
        return f"{self.alert_id}.{self.revision}"


class Sink(Protocol):
    """Takes envelopes, from any number of threads at once; returns when the receiver has it, within `DEADLINE`."""

    def send(self, envelope: Envelope, *, now: float) -> None:
        """Deliver, or raise `Retry` or `Refused`. `now`: unix seconds, for what is signed with a time."""

    def close(self) -> None:
        """Let go of connections and files."""


@dataclass(frozen=True)
class Channel:
    """A sink by name, with what its owner says of it. Times in seconds.

    open           makes the sink; `Retry` where it cannot be made now (a secret that is not there)
    internal       it does not leave the house: everything may go there
    third_party    somebody else's service: the alert id only, unless `allow_content`
    parallel       envelopes in flight at once
    digest         > 0: alerts are held and go out together, once in so long
    cooldown       > 0: after an alert of a watch, further ones of the same watch are held so long
    fallback       channel that is told of this one's dead letters; "" is every other one
    daily_test     a test alert goes out each day
    default        for watches that name no channel
    """

    name: str
    kind: str
    open: Callable[[], Sink]
    internal: bool = False
    third_party: bool = False
    allow_content: bool = False
    parallel: int = 1
    digest: float = 0.0
    cooldown: float = 0.0
    fallback: str = ""
    daily_test: bool = True
    default: bool = True
