"""Asking servers of strangers over HTTP: patience with busy ones, clear errors, and no secret in any of them.

What every client shares: nodes of all families and explorers. What an answer means beyond HTTP is the client's own.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from tracer.errors import SourceUnavailable, UsageError

if TYPE_CHECKING:
    from requests import Response, Session

T = TypeVar("T")

IN_FLIGHT = 4
"""Requests in flight (P): enough to hide a network's delay, few enough for a public provider's limits."""
THREADS = IN_FLIGHT + 2
"""Jobs in flight: while two decode what they were answered, the server is still kept busy."""
FIRST_ATTEMPTS = 4
"""How often a server is asked that never answered yet (P): a mistyped URL should not cost a minute."""
SECRET = 5
"""Least letters of a part of a URL that may be a key (P)."""
_LARGE = re.compile(
    r"too (large|big|long|many)|response size|exceeds? .*(limit|size|maximum)|range|timed? ?out",
    re.IGNORECASE,
)
_URL = re.compile(r"\b([a-z][a-z0-9+.-]*)://[^\s\"'<>]*", re.IGNORECASE)


class Unreachable(SourceUnavailable):
    """The server did not answer, in spite of all patience."""


class Refused(SourceUnavailable):
    """The server answered one question with an error. Trying again will not help."""


class NoMethod(Refused):
    """... because it does not offer what was asked."""


class TooLarge(Exception):
    """Less in a request may work."""


class Later(Exception):
    """The same request may work later. `after`: seconds the server asked for."""

    def __init__(self, reason: str, after: float = 0.0) -> None:
        super().__init__(reason)
        self.reason, self.after = reason, after


class Late(Later):
    """... and less in a request may be answered in time."""


@dataclass(frozen=True)
class Patience:
    """How long a server is given: waits double from `first` to `longest` seconds, each shortened by chance."""

    attempts: int = 8
    first: float = 0.25
    longest: float = 30.0
    timeout: float = 120.0

    def wait(self, attempt: int) -> float:
        """Seconds to wait after the attempt of this number, counted from 0 (full jitter, at least half)."""
        return min(self.longest, self.first * 2.0**attempt) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


class Patient:
    """Asks one server, from any number of threads, until it answers or patience ends.

    host  what messages call it
    met   whether it ever answered
    """

    def __init__(self, host: str, patience: Patience, in_flight: int = IN_FLIGHT) -> None:
        self.host, self.patience, self.met = host, patience, False
        self._lock = threading.Lock()
        self._in_flight = threading.BoundedSemaphore(in_flight)
        self._not_before = 0.0

    def ask(self, once: Callable[[], T]) -> T:
        """What `once` answers; it is called again where it raises `Later`. `Unreachable` says why it never did."""
        attempt = 0
        while True:
            self._hold()
            try:
                with self._in_flight:
                    found = once()
            except Later as problem:
                attempt += 1
                if attempt >= (self.patience.attempts if self.met else FIRST_ATTEMPTS):
                    raise Unreachable(
                        f"{self.host} {problem.reason}; asked {attempt} times.",
                        hint="What was read is kept: run the same command again, it resumes."
                        if self.met
                        else "Is the URL right, and does the node run?",
                    ) from None
                self._pause(max(problem.after, self.patience.wait(attempt - 1)), everybody=problem.after > 0)
                continue
            self.met = True
            return found

    def _hold(self) -> None:
        """Wait as long as the server asked all of us to."""
        while (left := self._not_before - time.monotonic()) > 0:
            time.sleep(left)

    def _pause(self, seconds: float, *, everybody: bool) -> None:
        if everybody:
            with self._lock:
                self._not_before = max(self._not_before, time.monotonic() + seconds)
        else:
            time.sleep(seconds)


@contextmanager
def transport(host: str, scheme: str) -> Iterator[None]:
    """Turn what goes wrong on the way into `Later`, or one clear line. `scheme` is the source's: `evm`, `core`."""
    import requests

    try:
        yield
    except requests.HTTPError:  # the client's own: `of_http`
        raise
    except requests.Timeout:
        raise Late("does not answer in time") from None
    except requests.exceptions.SSLError:
        raise Unreachable(f"{host} has no valid certificate.") from None
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema):
        raise UsageError(f"{host} is no URL of a node.", hint=f"Give {scheme}:http://HOST:PORT.") from None
    except requests.RequestException as error:
        cut = isinstance(
            error, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError
        )
        raise Later("breaks off its answers" if cut else "cannot be reached") from None


def session(connections: int = IN_FLIGHT) -> Session:
    """A session that keeps so many connections open."""
    from requests import Session
    from requests.adapters import HTTPAdapter

    made = Session()
    for scheme in ("http://", "https://"):
        made.mount(scheme, HTTPAdapter(pool_maxsize=connections))
    return made


def of_http(response: Response, host: str, longest: float, body: bytes | None = None) -> Exception:
    """What an HTTP status means; `body` where it was read apart."""
    code = response.status_code
    if code in (401, 403):
        return Unreachable(
            f"{host} refuses us (HTTP {code}): wrong or missing credentials.",
            hint="Put the whole URL into TRACER_SOURCE_<CHAIN>, or a bearer token into TRACER_AUTHORIZATION.",
        )
    if code == 413:
        return TooLarge("HTTP 413")
    if later := later_by(response, longest, "is too busy for us"):
        return later
    said = (response.content if body is None else body)[:2000]
    if code == 400 and too_large(said.decode(errors="replace")):
        return TooLarge("HTTP 400")
    return Unreachable(f"{host} is no JSON-RPC endpoint (HTTP {code}).", hint="Check the URL.")


def later_by(response: Response, longest: float, busy: str) -> Later | None:
    """What a status that will pass means, None where it will not; `busy` are the words for too many requests."""
    code = response.status_code
    if code in (408, 425, 429) or code >= 500:
        words = f"{busy} (HTTP 429)" if code == 429 else f"has a problem (HTTP {code})"
        return Later(words, seconds_asked(response.headers.get("Retry-After"), longest))
    return None


def too_large(words: str) -> bool:
    """Whether words of a server ask for less."""
    return _LARGE.search(words) is not None


def seconds_asked(retry_after: str | None, longest: float) -> float:
    """What Retry-After asks for (RFC 9110: seconds or a date), within what we are ready to wait."""
    if not retry_after:
        return 0.0
    try:
        wanted = float(retry_after)
    except ValueError:
        try:
            wanted = parsedate_to_datetime(retry_after).timestamp() - time.time()
        except (TypeError, ValueError):
            return 0.0
    return min(max(wanted, 0.0), longest)


def shown(url: str, scheme: str) -> str:
    """Host and port of a URL: what messages call a server; `UsageError` where it is none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(
            "the node's URL is not of the form http://HOST:PORT.", hint=f"Give {scheme}:http://HOST:PORT."
        )
    return f"{host}:{port}" if port else host


def secrets_of(url: str, authorization: str | None) -> tuple[str, ...]:
    """Parts of a URL, and of the header, that may be keys: providers repeat them in what they refuse.

    Short parts of a path ("v3") are none (P): keys are longer.
    """
    parts = urlsplit(url)
    queried = (pair.rpartition("=")[2] for pair in parts.query.split("&"))
    long = (part for part in (*parts.path.split("/"), *queried) if len(part) >= SECRET)
    named = (parts.username, parts.password, *(authorization or "").split()[-1:])
    return tuple(part for part in (*long, *named) if part)


def without_secrets(words: str, secrets: Sequence[str] = ()) -> str:
    """Words of a server without URLs, and without what its own URL hides."""
    for secret in sorted(secrets, key=len, reverse=True):
        words = words.replace(secret, "...")
    return _URL.sub(r"\1://...", words)
