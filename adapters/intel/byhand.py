"""Claims that a person makes at the command line: the same checks as an imported row."""

from __future__ import annotations

import re

from adapters.intel.build import Options, builder
from adapters.intel.fields import Fields, word
from tracer.errors import BadClaim
from tracer.intel.claims import OVERRIDES, TLPS, Claim, ClaimKind, Leg, Override, Withdrawal

_OUTPOINT = re.compile(r"[0-9a-f]{64}:(0|[1-9][0-9]{0,9})")
_TXID = re.compile(r"[0-9a-f]{64}")
_LEG = ("chain", "origin", "to_chain", "target", "reference", "source", "said_at")
_OVERRIDE = ("chain", "kind", "a", "b", "txid", "source", "said_at")
_WITHDRAWAL = ("claim", "source", "withdrawn_at")
_KNOWN: dict[ClaimKind, tuple[str, ...]] = {
    "legs": _LEG,
    "overrides": _OVERRIDE,
    "withdrawals": _WITHDRAWAL,
}
_SAID = ("author", "reason", "case_id", "tlp")


def claim(kind: ClaimKind, row: dict[str, str], options: Options) -> Claim:
    """A tag, an off-chain link, an override or a withdrawal from its texts. Raises `BadClaim`, `UsageError`."""
    if kind == "tags":
        return builder(kind, options)(row)
    fields = Fields((*_KNOWN[kind], *_SAID), options.today)
    fields.take(row)
    said = {
        "author": fields.required("author"),
        "reason": fields.required("reason"),
        "case_id": fields.text("case_id"),
        "tlp": fields.one_of("tlp", TLPS, ""),
    }
    if kind == "withdrawals":
        return Withdrawal(
            claim=fields.required("claim"),
            source=fields.required("source"),
            withdrawn_at=fields.day("withdrawn_at"),
            **said,
        )
    if kind == "overrides":
        chain = fields.required("chain")
        a, b = sorted(options.parse_address(chain, fields.required(name))[0] for name in ("a", "b"))
        return Override(
            chain=chain,
            kind=word("kind", fields.required("kind"), OVERRIDES),
            a=a,
            b=b,
            txid=_txid(fields),
            source=fields.required("source"),
            said_at=fields.day("said_at"),
            **said,
        )
    return Leg(
        chain=fields.required("chain"),
        origin=_outpoint(fields, "origin"),
        to_chain=fields.required("to_chain"),
        target=_outpoint(fields, "target"),
        reference=fields.required("reference"),
        source=fields.required("source"),
        said_at=fields.day("said_at"),
        **said,
    )


def _txid(fields: Fields) -> str:
    """The transaction a split names, "" where it names none."""
    value = fields.text("txid").lower()
    if value and fields.text("kind") != "split":
        raise BadClaim("a join names no transaction: it stands for itself")
    if value and not _TXID.fullmatch(value):
        raise BadClaim(f"txid {value!r} is no txid", hint="Write 64 hex digits.")
    return value


def _outpoint(fields: Fields, name: str) -> str:
    value = fields.required(name).lower()
    if not _OUTPOINT.fullmatch(value):
        raise BadClaim(
            f"{name} {value!r} is no outpoint", hint="Write txid:vout, 64 hex digits and a number."
        )
    return value
