"""How people write seeds (CONTRACTS, "Seeds").

An address, `txid:vout`, `txid@address`, `txid:*`, a bare txid, `tag:LABEL`, `vasp:ID`, `cluster:ADDRESS`, each
with an optional `chain:` in front.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from tracer.chain import Chain
from tracer.errors import UsageError


@dataclass(frozen=True)
class Seed:
    """One seed argument. `value` is its canonical text without the kind's prefix; `text` has it."""

    kind: str
    value: str

    @property
    def text(self) -> str:
        """As it can be given again."""
        return f"{self.kind}:{self.value}" if self.kind in _KINDS else self.value


_KINDS = ("tag", "vasp", "cluster")
_HEX = frozenset("0123456789abcdefABCDEF")
_MOST_OUTPUTS = 0xFFFFFFFF


def parse(text: str, chain: Chain) -> Seed:
    """Read one seed argument; raises `UsageError` (`BadAddress` where it is an address gone wrong)."""
    body = " ".join(text.split())
    for prefix in (f"{chain.name}:", f"{chain.caip2}:"):
        if body.lower().startswith(prefix.lower()):
            body = body[len(prefix) :].strip()
    kind, _, value = (part.strip() for part in body.partition(":"))
    if kind.lower() in _KINDS:
        if not value:
            raise UsageError(f"the seed {text!r} names nothing after {kind}:.")
        if kind.lower() == "cluster":
            value = chain.render_address(chain.parse_address(value.partition("@")[0].strip()))
        return Seed(kind.lower(), value)
    head, rest = body[:64], body[64:].strip()
    if len(head) == 64 and set(head) <= _HEX:
        return _output(text, head.lower(), rest, chain)
    return Seed("address", chain.render_address(chain.parse_address(body)))


def _output(text: str, txid: str, rest: str, chain: Chain) -> Seed:
    """A txid and what stands after it."""
    if not rest:
        return Seed("txid", txid)
    mark, which = rest[0], rest[1:].strip()
    if mark == ":" and which == "*":
        return Seed("txid_all", f"{txid}:*")
    if mark == ":" and which.isdecimal():
        number = which.lstrip("0") or "0"
        if len(number) > 10 or int(number) > _MOST_OUTPUTS:
            raise UsageError(
                f"transaction {txid} cannot have that many outputs.", hint="Check the output number."
            )
        return Seed("outpoint", f"{txid}:{int(number)}")
    if mark == "@" and which:
        return Seed("txid_address", f"{txid}@{chain.render_address(chain.parse_address(which))}")
    raise UsageError(f"{text!r} is no seed.", hint="After a txid: :VOUT, @ADDRESS or :*.")


def digest(seeds: Iterable[Seed], chain: Chain) -> str:
    """SHA-256 over the seeds' canonical forms, whatever their order on the command line."""
    rows = sorted([chain.name, seed.kind, seed.value] for seed in seeds)
    return hashlib.sha256(json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
