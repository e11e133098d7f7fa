"""How people write seeds (CONTRACTS, "Seeds").

An address, `txid:vout`, `txid@address`, `txid:*`, a bare txid, `tag:LABEL`, `vasp:ID`, `cluster:ADDRESS`, each
with an optional `chain:` in front. On an account chain `txid:N` is the transfer at position N of the transaction.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from tracer.chain import Chain, Family
from tracer.errors import UsageError
from tracer.flow.spans import FOREVER, Span, merge


@dataclass(frozen=True)
class Seed:
    """One seed. `value` is its canonical text without the kind's prefix; `text` has it.

    role   what a list of seeds calls it ("seller", "victim"); several rows' roles in one; None where none does
    times  when money must arrive to count (unix seconds, in order, apart); the rows of a list say

    Two seeds are equal where they name the same, whatever their roles and times: `distinct` joins those.
    """

    kind: str
    value: str
    role: str | None = field(default=None, compare=False)
    times: tuple[Span, ...] = field(default=(FOREVER,), compare=False)

    @property
    def text(self) -> str:
        """As it can be given again."""
        return f"{self.kind}:{self.value}" if self.kind in _KINDS else self.value


def distinct(seeds: Iterable[Seed]) -> list[Seed]:
    """Each seed once and in one order, however often and however they were written."""
    same: dict[Seed, list[Seed]] = {}
    for seed in seeds:
        same.setdefault(seed, []).append(seed)
    return [
        _joined(group) if len(group) > 1 else group[0]
        for _, group in sorted(same.items(), key=lambda item: (item[0].kind, item[0].value))
    ]


def _joined(group: list[Seed]) -> Seed:
    roles = sorted({seed.role for seed in group if seed.role})
    times = merge(span for seed in group for span in seed.times)
    return Seed(group[0].kind, group[0].value, ", ".join(roles) or None, tuple(times))


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
    start = 2 if body[:2] in ("0x", "0X") else 0
    head, rest = body[start : start + 64], body[start + 64 :].strip()
    if len(head) == 64 and set(head) <= _HEX:
        txid = chain.hash_text(chain.hash_bytes(body[: start + 64].lower()))
        return _output(text, txid, rest, chain)
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
        what = "output" if chain.family is Family.UTXO else "transfer"
        if len(number) > 10 or int(number) > _MOST_OUTPUTS:
            raise UsageError(
                f"transaction {txid} cannot have that many {what}s.", hint=f"Check the {what} number."
            )
        return Seed("outpoint", f"{txid}:{int(number)}")
    if mark == "@" and which:
        return Seed("txid_address", f"{txid}@{chain.render_address(chain.parse_address(which))}")
    raise UsageError(f"{text!r} is no seed.", hint="After a txid: :VOUT, @ADDRESS or :*.")


def txid_of(seed: Seed) -> str:
    """The txid in a seed that names one: `txid:vout`, `txid@address`."""
    return seed.value.partition(":")[0].partition("@")[0]


def digest(seeds: Iterable[Seed], chain: Chain) -> str:
    """SHA-256 over the seeds' canonical forms, with the roles and times of those that have any, in any order."""
    rows: list[list[object]] = []
    for seed in sorted(seeds, key=lambda seed: (seed.kind, seed.value)):
        row: list[object] = [chain.name, seed.kind, seed.value]
        if seed.role is not None or seed.times != (FOREVER,):
            row += [seed.role, seed.times]
        rows.append(row)
    return hashlib.sha256(json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
