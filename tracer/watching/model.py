"""What watching speaks of: a watch, and what it raises. Nothing here reads a store.

An alert has one id whoever sees its event, and however often: a hash of watch, type and event (CONTRACTS).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from tracer.chain import AddressKey

WatchKind = Literal["address", "cluster", "tag"]
Direction = Literal["both", "inbound", "outbound"]
ChainState = Literal["mempool", "confirmed", "final", "reorged"]

ON = (
    "transfer",
    "exposure",
    "reached_service",
    "dormant_wake",
    "tag_change",
    "cluster_merge",
    "sanction_added",
)
"""What a watch can be asked to look for (`--on`)."""
OF_TRANSACTIONS = ("transfer", "exposure", "reached_service", "dormant_wake")
"""Those whose event is a transaction."""
RULE_VERSION = 1
"""Of the rules below `tracer/watching`: what an alert was raised by."""
MOST_HOPS = 32
"""The longest trail (P)."""


@dataclass(frozen=True)
class Settings:
    """What narrows a watch.

    min_units     base units of the chain's coin, or of `asset`: less is no event; None: everything
    asset         contract of a token (canonical address); "" the coin
    counterparty  `kyc:LEVEL`, `kyc:weak` or `category:WORD`; "" anybody
    trail         hops that the watch moves along with coins that left it
    dormant_days  days without a spend after which one is a wake
    policy        by which exposure is judged
    cooldown      seconds after a notification in which others of this watch are held back
    """

    min_units: int | None = None
    asset: str = ""
    direction: Direction = "both"
    counterparty: str = ""
    trail: int = 0
    dormant_days: int = 180
    policy: str = "default"
    cooldown: int = 0

    def text(self) -> str:
        """JSON, the same for equal settings."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True)
class Watch:
    """One thing that is watched; see the table `watch` in `tracer/state.sql`.

    key           of the address, or of a cluster's anchor; None of a tag
    start_height  blocks above it count; None until the chain was first read
    base_size, base_held, overgrown  of a cluster: what it was when it was added, and when it grew beyond that
    trail_full    height from which on its trail leaves outputs out; None: it follows all
    """

    watch_id: str
    chain: str
    kind: WatchKind
    subject: str
    key: AddressKey | None
    alert_types: tuple[str, ...]
    settings: Settings = field(default_factory=Settings)
    label: str = ""
    tags: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    case_id: str = ""
    basis: str = ""
    owner: str = ""
    tlp: str = ""
    added: str = ""
    expires: str = ""
    start_height: int | None = None
    base_size: int | None = None
    base_held: str | None = None
    overgrown: int | None = None
    trail_full: int | None = None

    @property
    def text(self) -> str:
        """What is watched, as it is given."""
        return self.subject if self.kind == "address" else f"{self.kind}:{self.subject}"


SYSTEM = Watch("", "", "tag", "", None, ())
"""Whose alerts are the house's own: a stalled source, a dead letter, the daily test."""


@dataclass(frozen=True)
class Block:
    """The block an event stands in; `hash` as its chain's people write it, `time` in unix seconds."""

    height: int
    hash: str
    time: int


@dataclass(frozen=True)
class Raised:
    """An event that a watch asked for, ready to be recorded.

    event_key    `chain|txid`, a claim's id, a merge's id: what tells it from every other
    amount       net, as CONTRACTS writes amounts; None where the event moved nothing, or nobody knows how much
    details      what else its type says, in its own words
    chain_state  None of an event that stands in no block
    protected    a victim or an authorised purchase has part in it
    tlp          the most closed marking of what it says; "" none
    """

    watch: Watch
    alert_type: str
    event_key: str
    severity: str
    chain: str
    caip2: str = ""
    txid: str | None = None
    direction: str | None = None
    amount: Mapping[str, Any] | None = None
    legs: Sequence[Mapping[str, Any]] = ()
    counterparty: Mapping[str, Any] | None = None
    exposure: Mapping[str, Any] | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    chain_state: ChainState | None = None
    block: Block | None = None
    late: bool = False
    tlp: str = ""
    protected: bool = False
    channels: tuple[str, ...] | None = None
    """Where it goes; None: where the watch says."""

    @property
    def alert_id(self) -> str:
        """The same for the same event, whenever it is seen."""
        return alert_id(self.watch.watch_id, self.alert_type, self.event_key)


def alert_id(watch_id: str, alert_type: str, event_key: str) -> str:
    """`sha256(watch_id | alert_type | event_key)`, 64 hex digits."""
    return hashlib.sha256(f"{watch_id}|{alert_type}|{event_key}".encode()).hexdigest()


def watch_id(
    chain: str, kind: str, subject: str, alert_types: Sequence[str], settings: Settings, case_id: str
) -> str:
    """The id of a watch: what is watched, for what, for which case. The same list loaded twice is one list."""
    said = [chain, kind, subject, sorted(alert_types), settings.text(), case_id]
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    return f"w-{hashlib.sha256(text.encode()).hexdigest()[:20]}"


def tx_event(chain: str, txid: str) -> str:
    """The event key of a transaction."""
    return f"{chain}|{txid}"


def utc(seconds: float) -> str:
    """ISO 8601 in whole seconds, as documents have times."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(text: str) -> float:
    """Unix seconds of such a text."""
    return datetime.fromisoformat(text).timestamp()
