"""What a provider's refusal means: ask later, ask for less, or give up with one clear line."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from adapters.nesting import loads
from tracer.errors import SourceUnavailable

if TYPE_CHECKING:
    from requests import Response

# EIP-1474 has few codes and providers have their own, so the words decide
_MISSING = re.compile(
    r"method .*not (found|exist)|(unsupported|unknown|invalid) method|"
    r"(is|are) not (available|supported|enabled|allowed|whitelisted)|disabled|upgrade",
    re.IGNORECASE,
)
_METHOD = re.compile(r"\bmethod\b|\b(eth|debug|trace)_\w+\W+(is|does|not)\b", re.IGNORECASE)
_PRUNED = re.compile(
    r"missing trie node|historical state|pruned|pruning|no state available|state .*(not |un)available|archive",
    re.IGNORECASE,
)
_BUSY = re.compile(
    r"rate.?limit|too many requests|limit exceeded|capacity|try again|busy|overload|not available yet|"
    r"is (syncing|indexing)",
    re.IGNORECASE,
)
_URL = re.compile(r"\b([a-z][a-z0-9+.-]*)://[^\s\"'<>]*", re.IGNORECASE)
_FAILED = re.compile(
    r"revert|evm error|vm execution error|invalid (opcode|jump)|bad instruction|out of gas|stack (under|over)flow",
    re.IGNORECASE,
)
_LARGE = re.compile(
    r"too (large|big|long|many)|response size|exceeds? .*(limit|size|maximum)|range|timed? ?out",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Call:
    """One call; the answer carries its id."""

    method: str
    params: Sequence[object]
    id: int


class Unreachable(SourceUnavailable):
    """The node did not answer, in spite of all patience."""


class Refused(SourceUnavailable):
    """The node answered one call with an error. Trying again will not help."""


class NoMethod(Refused):
    """... because it does not offer the method."""


class NoState(Refused):
    """... because it no longer has the state of that block: it is no archive node."""


class TooLarge(Exception):
    """Fewer calls in a request may work."""


class Later(Exception):
    """The same request may work later. `after`: seconds the provider asked for."""

    def __init__(self, reason: str, after: float = 0.0) -> None:
        super().__init__(reason)
        self.reason, self.after = reason, after


def of_http(response: Response, host: str, longest: float) -> Exception:
    """What an HTTP status means."""
    code = response.status_code
    if code in (401, 403):
        return Unreachable(
            f"{host} refuses us (HTTP {code}): wrong or missing credentials.",
            hint="Put the whole URL into TRACER_SOURCE_<CHAIN>, or a bearer token into TRACER_AUTHORIZATION.",
        )
    if code == 413:
        return TooLarge("HTTP 413")
    if code == 429 or code in (408, 425) or code >= 500:
        words = "is too busy for us (HTTP 429)" if code == 429 else f"has a problem (HTTP {code})"
        return Later(words, _seconds(response.headers.get("Retry-After"), longest))
    said = response.content[:2000]
    if code == 400 and _LARGE.search(said.decode(errors="replace")):
        return TooLarge("HTTP 400")
    return Unreachable(f"{host} is no JSON-RPC endpoint (HTTP {code}).", hint="Check the URL.")


def of_rpc(error: object, call: Call, calls: int, host: str, secrets: Sequence[str] = ()) -> Exception:
    """What an error object means: the codes are few (EIP-1474), so the words decide where they tell more.

    A state or trace that is gone, or not there yet, says nothing of the method: only words that name a method do.

    secrets  parts of the URL that no message may repeat; other URLs lose everything but their scheme
    """
    code = error.get("code") if isinstance(error, dict) else None
    said = str(error.get("message", "") if isinstance(error, dict) else error)
    words = without_secrets(" ".join(said.split()), secrets)[:200]
    if calls > 1 and "batch" in words.lower():
        return TooLarge(words)
    if code == -32601:
        return NoMethod(f"{host} does not offer {call.method}.")
    if code in (-32005, 429) or _BUSY.search(words):
        return Later(f"is too busy for us: {words}")
    if _PRUNED.search(words):
        return NoState(f"{host} no longer has the state {call.method} needs: {words}.")
    if _METHOD.search(words) and _MISSING.search(words):
        return NoMethod(f"{host} does not offer {call.method}.")
    if _LARGE.search(words):
        return TooLarge(words)
    return Refused(f"{host} refuses {call.method}: {words or code}.")


def without_secrets(words: str, secrets: Sequence[str] = ()) -> str:
    """Words of a provider without URLs, and without what its own URL hides."""
    for secret in sorted(secrets, key=len, reverse=True):
        words = words.replace(secret, "...")
    return _URL.sub(r"\1://...", words)


def failed_inside(error: object) -> bool:
    """Whether an error is a contract's own: its code ran and failed. That is an answer, not a refusal of the node."""
    code = error.get("code") if isinstance(error, dict) else None
    said = str(error.get("message", "") if isinstance(error, dict) else error)
    return code == 3 or _FAILED.search(said) is not None


def _seconds(retry_after: str | None, longest: float) -> float:
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


def parsed(body: bytes) -> Any:
    """JSON as Python values; `Later` where it is broken."""
    try:
        return loads(body)
    except ValueError:
        raise Later("answers with broken JSON") from None
