"""What evidence of every family of chains needs: claims on the unseen, order, and attempts to pay."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from tracer.errors import BadAddress
from tracer.flow.worth import Coin
from tracer.intel.ranking import Row
from tracer.intel.snapshot import Snapshot
from tracer.ledger.store import Ledger
from tracer.screening.exposure.parties import said_on
from tracer.screening.model import METHODS, Evidence, Exposure, Subject

SWITCHED = (
    "amounts are of the address that is to be paid: what it received and sent, not of the payment itself"
)


def tags_of_unseen(
    ledger: Ledger, snapshot: Snapshot, subjects: Sequence[Subject | None]
) -> dict[int, list[Row]]:
    """Place of a subject that the ledger never saw -> what is claimed of its address. None: passed over."""
    import polars as pl

    asked = []
    for place, subject in enumerate(subjects):
        if subject is None or subject.address is None or subject.kind == "transfer":
            continue
        with suppress(BadAddress):
            asked.append((place, ledger.chain.parse_address(subject.address)))
    if not asked:
        return {}
    frame = pl.DataFrame(
        {
            "chain": [ledger.chain.name] * len(asked), "kind": [int(key.kind) for _, key in asked],
            "payload": [key.payload for _, key in asked],
        },
        schema={"chain": pl.String, "kind": pl.UInt8, "payload": pl.Binary},
    )  # fmt: skip
    found: dict[int, list[Row]] = {}
    for row in snapshot.tags_of(frame).iter_rows(named=True):
        found.setdefault(asked[row["asked"]][0], []).append(row)
    return found


def later(row: Row, last: str) -> bool:
    """Whether a claim was made after a day (ISO date)."""
    said = said_on(row)
    return bool(said) and said > last


def order(e: Exposure) -> tuple[object, ...]:
    """Ownership, then direct, then indirect; the largest first."""
    kinds = {"ownership": 0, "direct": 1, "indirect": 2}
    return (
        kinds[e.type], e.side, not e.solicited, -max(e.units.values()), e.category, e.entity, e.kyc_level, e.min_hops,
    )  # fmt: skip


def _in(exposure: Exposure, coin: Coin | None) -> Exposure:
    """An exposure counted in another coin."""
    if coin is None:
        return exposure
    return replace(exposure, asset=coin.name, asset_id=coin.asset_id, decimals=coin.decimals or 0, fiat=None)


def attempt(evidence: Evidence, coin: Coin | None = None) -> Evidence:
    """A payment about to be made: with whoever holds the address directly, with whom that one deals indirectly.

    `coin`: what is to be paid, where it is not the chain's own.
    """
    units = evidence.subject.units
    rows = []
    for exposure in evidence.exposures:
        if exposure.type == "ownership":
            told = dict.fromkeys(METHODS, units or 0)
            paid = _in(exposure, coin)
            rows.append(
                replace(paid, side="destination", type="direct", units=told, total=units or 0, min_hops=1)
            )
        else:
            rows.append(replace(exposure, type="indirect", min_hops=exposure.min_hops + 1))
    return replace(evidence, exposures=tuple(rows), notes=(*evidence.notes, SWITCHED))
