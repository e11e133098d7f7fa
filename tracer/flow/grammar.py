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
    """One seed argument. `value` is its canonical text without the kind's prefix."""

    kind: str
    value: str
    text: str


def parse(text: str, chain: Chain) -> Seed:
    """Read one seed argument; raises `UsageError` (`BadAddress` where it is an address gone wrong)."""
    body = text.strip().removeprefix(f"{chain.name}:").removeprefix(f"{chain.caip2}:")
    for kind in ("tag", "vasp", "cluster"):
        if body.startswith(f"{kind}:"):
            value = body[len(kind) + 1 :].strip()
            if kind == "cluster":
                address = value.partition("@")[0]
                value = chain.render_address(chain.parse_address(address))
            if not value:
                raise UsageError(f"the seed {text!r} names nothing after {kind}:.")
            return Seed(kind, value, text)
    head = body[:64]
    if len(head) == 64 and all(c in "0123456789abcdefABCDEF" for c in head):
        rest = body[64:]
        if not rest:
            return Seed("txid", head.lower(), text)
        if rest == ":*":
            return Seed("txid_all", f"{head.lower()}:*", text)
        if rest[0] == ":" and rest[1:].isdecimal():
            return Seed("outpoint", f"{head.lower()}:{int(rest[1:])}", text)
        if rest[0] == "@":
            address = chain.render_address(chain.parse_address(rest[1:]))
            return Seed("txid_address", f"{head.lower()}@{address}", text)
        raise UsageError(f"{text!r} is no seed.", hint="After a txid: :VOUT, @ADDRESS or :*.")
    return Seed("address", chain.render_address(chain.parse_address(body)), text)


def digest(seeds: Iterable[Seed], chain: Chain) -> str:
    """SHA-256 over the seeds' canonical forms, whatever their order on the command line."""
    rows = sorted([chain.name, seed.kind, seed.value] for seed in seeds)
    return hashlib.sha256(json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
