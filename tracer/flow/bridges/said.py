"""What the event of a bridge says of money that this answer does not follow further: evidence of a stop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tracer.chain import AddressKey, Family, accounts
from tracer.flow.beyond import Place
from tracer.flow.bridges.matching import far_chain
from tracer.flow.bridges.rules import Pinned
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl


def said_of(
    ledger: Ledger, sides: pl.DataFrame, pinned: Mapping[str, Pinned], opened: Mapping[str, Ledger]
) -> dict[Place, dict[str, Any]]:
    """Place -> what is told of each of these sides of one chain that are no crossing (`Matched.single`).

    A side without a transfer is at position -1 of its transaction.
    """
    found: dict[Place, dict[str, Any]] = {}
    for row in sides.iter_rows(named=True):
        position = -1 if row["position"] is None else row["position"]
        found.setdefault((row["tx_id"], position), _evidence(ledger, row, pinned, opened))
    return found


def _evidence(
    ledger: Ledger, row: Mapping[str, Any], pinned: Mapping[str, Pinned], opened: Mapping[str, Ledger]
) -> dict[str, Any]:
    chain = far_chain(row, pinned)
    there = opened.get(chain or "")
    return {
        "bridge": row["bridge"],
        "key": row["key"],
        "chain": chain,
        "network": row["far"],
        "recipient": row["named"] or address_text(there or ledger, row["recipient"]),
        "amount": None if row["amount"] is None else str(row["amount"]),
        "token": address_text(ledger, row["token"]),
        "memo": row["note"],
        "note": row["why"] or _missing(chain, there),
    }


def _missing(chain: str | None, there: Ledger | None) -> str:
    if there is not None:
        tip = there.tip()
        return (
            f"the other side was not found on {chain}, read up to block {-1 if tip is None else tip.height}"
        )
    if chain is not None:
        return f"{chain} is not followed here: sync it to go on there"
    return "the other chain is not known here"


def address_text(ledger: Ledger | None, payload: bytes | None) -> str | None:
    """An account as its chain writes it, where that is known and keeps accounts of such a length; else hex after 0x."""
    if payload is None:
        return None
    if ledger is not None and ledger.chain.family is Family.ACCOUNT and len(payload) == 20:
        return ledger.chain.render_address(AddressKey(accounts(ledger.chain).account_kind, payload))
    return f"0x{payload.hex()}"
