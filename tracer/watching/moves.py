"""What a watch's money did in one transaction: direction, net amount, legs, and who was on the other side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from tracer.chain import Family, TransferKind
from tracer.flow.accounts.assets import NATIVE, Assets
from tracer.flow.worth import DAY, Worth
from tracer.intel.prices import Prices
from tracer.intel.snapshot import Snapshot
from tracer.ledger.store import Ledger
from tracer.watching import match
from tracer.watching.model import Block, ChainState, Watch
from tracer.watching.party import Parties, Party

Worths = Callable[[int], Worth]
"""How amounts of an asset (by its id) are written."""


@dataclass(frozen=True)
class Leg:
    """One input or output of a transaction, or one transfer.

    own      it is the watch's side
    number   input or output number; position of a transfer
    came     of a transfer: it came to the watch
    address, name   of an account chain the other side's; None where nobody's
    """

    spent: bool
    own: bool
    number: int
    address: int | None
    name: str | None
    units: int | None
    asset_id: int = NATIVE
    outpoint: str | None = None
    said: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Transaction:
    """A transaction that concerns a watch; `block` None while it is in none.

    fee  base units that are missing of what was spent in it: 0 on account chains, whose fees are no part of a movement
    """

    tx_id: int
    txid: str
    block: Block | None
    fee: int | None
    time: int
    chain_state: ChainState


@dataclass(frozen=True)
class Move:
    """What one watch's money did in one transaction, in one asset.

    units      net base units; None where nobody knows
    direction  inbound | outbound | internal: it came back but for the fee
    others     the other side: holder and base units each, known holders first, then the largest
    """

    watch: Watch
    tx: Transaction
    asset_id: int
    units: int | None
    direction: str
    spent: bool
    legs: Sequence[Leg]
    others: Sequence[tuple[Party, Leg]]
    left_out: int

    def worth(self, worths: Worths, units: int | None) -> dict[str, Any] | None:
        """An amount of this move's asset as CONTRACTS writes it."""
        return None if units is None else dict(worths(self.asset_id).on(units, self.tx.time // DAY))

    def shown(self, worths: Worths) -> list[dict[str, Any]]:
        """The legs, as an alert tells them."""
        day = self.tx.time // DAY
        return [
            {
                "role": "input" if leg.spent else "output",
                "own": leg.own,
                "address": leg.name,
                "number": leg.number,
                "outpoint": leg.outpoint,
                "amount": None if leg.units is None else worths(leg.asset_id).on(leg.units, day),
                **leg.said,
            }
            for leg in self.legs
        ]


def worths_of(ledger: Ledger, snapshot: Snapshot, asset_ids: Iterable[int] = ()) -> Worths:
    """How amounts of a chain's assets are written, with the snapshot's prices in dollars."""
    prices = Prices(snapshot.claims("prices"))
    if ledger.chain.family is Family.UTXO:
        coin = Worth(ledger.chain, prices)
        return lambda _asset: coin
    assets = Assets(ledger, asset_ids)
    worths = assets.worths(ledger, prices)
    return lambda asset: worths[assets.number(asset)]


def moves(
    ledger: Ledger, snapshot: Snapshot, watches: Sequence[Watch], rows: Sequence[tuple[Any, ...]]
) -> tuple[list[Move], Worths]:
    """Moves of hits (watch, tx_id, asset_id, received, spent): one for each asset. Inside `match.looking`."""
    txs = transactions(ledger, sorted({row[1] for row in rows}))
    owners = match.owners(ledger)
    raw = match.legs(ledger, list(txs)).rows()
    utxo = ledger.chain.family is Family.UTXO
    legs_of, sides = (_utxo_legs, slice(3, 4)) if utxo else (_account_legs, slice(4, 6))
    by_tx = {tx_id: list(group) for tx_id, group in groupby(raw, key=lambda row: row[0])}
    parties = Parties(ledger, snapshot, {i for row in raw for i in row[sides] if i is not None})
    found = []
    for number, tx_id, asset_id, received, spent in rows:
        if tx_id not in txs:  # a reward of the block itself
            continue
        legs, count = legs_of(ledger, by_tx.get(tx_id, []), owners, number, asset_id, parties)
        found.append(assembled(watches[number], txs[tx_id], asset_id, received, spent, legs, count, parties))
    return found, worths_of(ledger, snapshot, {row[2] for row in rows})


def assembled(
    watch: Watch,
    tx: Transaction,
    asset_id: int,
    received: Any,
    spent: Any,
    legs: Sequence[Leg],
    count: int,
    parties: Parties | None,
) -> Move:
    """A move from its sums and legs."""
    units: int | None = None
    direction = "inbound" if any(leg.own and not leg.spent for leg in legs) else "outbound"
    if received is not None and spent is not None:
        net = int(received) - int(spent)
        units, direction = abs(net), "inbound" if net > 0 else "outbound"
        if received > 0 and spent > 0 and tx.fee is not None and 0 <= -net <= tx.fee:
            direction = "internal"
    inward = direction == "inbound"
    others = [
        (parties.of(leg.address, tx.time), leg)
        for leg in legs
        if parties is not None
        and not leg.own
        and leg.spent == inward
        and leg.asset_id == asset_id
        and leg.address is not None
    ]
    others.sort(key=lambda other: (other[0].entity is None, -(other[1].units or 0), other[0].address))
    return Move(
        watch, tx, asset_id, units, direction, bool(spent is None or spent > 0), legs,
        [] if direction == "internal" else others, max(0, count - len(legs)),
    )  # fmt: skip


def transactions(ledger: Ledger, tx_ids: Sequence[int]) -> dict[int, Transaction]:
    """Transactions of the chain by their ids."""
    text, utxo = ledger.chain.hash_text, ledger.chain.family is Family.UTXO
    return {
        tx_id: Transaction(
            tx_id,
            text(bytes(txid)),
            Block(height, text(bytes(raw)), time),
            None if fee is None else int(fee) if utxo else 0,
            time,
            "confirmed",
        )
        for tx_id, txid, height, raw, time, fee in match.transactions(ledger, tx_ids).iter_rows()
    }


def _utxo_legs(
    ledger: Ledger,
    rows: Sequence[tuple[Any, ...]],
    owners: Mapping[int, set[int]],
    number: int,
    _asset: int,
    parties: Parties,
) -> tuple[list[Leg], int]:
    legs = []
    for _, place, spent, address, units, prev_txid, prev_vout, _ in rows:
        point = f"{ledger.chain.hash_text(bytes(prev_txid))}:{prev_vout}" if prev_txid is not None else None
        own = number in owners.get(address, ())
        legs.append(
            Leg(
                spent,
                own,
                place,
                address,
                parties.names.get(address),
                None if units is None else int(units),
                NATIVE,
                point,
            )
        )
    return legs, rows[0][-1] if rows else 0


def _account_legs(
    _ledger: Ledger,
    rows: Sequence[tuple[Any, ...]],
    owners: Mapping[int, set[int]],
    number: int,
    asset: int,
    parties: Parties,
) -> tuple[list[Leg], int]:
    """A transfer has two ends: each is a leg, as input of who sent it and output of who got it."""
    legs = []
    for _, place, kind, asset_id, source, target, units, _ in rows:
        whole = None if units is None else int(units)
        said = {"transfer": TransferKind(kind).name.lower()}
        for spent, address in ((True, source), (False, target)):
            if address is not None and (asset_id == asset or number in owners.get(address, ())):
                own = number in owners.get(address, ())
                legs.append(
                    Leg(spent, own, place, address, parties.names.get(address), whole, asset_id, None, said)
                )
    return legs, rows[0][-1] if rows else 0
