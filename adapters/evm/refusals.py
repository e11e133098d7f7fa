"""What a provider's refusal means: ask later, ask for less, or give up with one clear line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adapters.http import Later, NoMethod, Refused, TooLarge, too_large, without_secrets
from adapters.nesting import loads

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
_FAILED = re.compile(
    r"revert|evm error|vm execution error|invalid (opcode|jump)|bad instruction|out of gas|stack (under|over)flow",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Call:
    """One call; the answer carries its id."""

    method: str
    params: Sequence[object]
    id: int


class NoState(Refused):
    """The node no longer has the state of that block: it is no archive node."""


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
    if too_large(words):
        return TooLarge(words)
    return Refused(f"{host} refuses {call.method}: {words or code}.")


def failed_inside(error: object) -> bool:
    """Whether an error is a contract's own: its code ran and failed. That is an answer, not a refusal of the node."""
    code = error.get("code") if isinstance(error, dict) else None
    said = str(error.get("message", "") if isinstance(error, dict) else error)
    return code == 3 or _FAILED.search(said) is not None


def parsed(body: bytes) -> Any:
    """JSON as Python values; `Later` where it is broken."""
    try:
        return loads(body)
    except ValueError:
        raise Later("answers with broken JSON") from None
