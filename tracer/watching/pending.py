"""The mempool under watch: `transfer` alerts of transactions that no block has yet.

They are the same alerts as those of the block that will have the transaction: the same id, a revision before. One that
leaves the mempool for good without a block is taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tracer.chain import AddressKey, Family
from tracer.db import named_sql
from tracer.flow.accounts.assets import NATIVE
from tracer.ledger.prefix import txid_prefix
from tracer.ledger.store import Ledger
from tracer.ledger.unconfirmed import Waiting, left, waiting
from tracer.state import State
from tracer.watching import alerts, match
from tracer.watching.events import Said, firsts, meeting, transfers
from tracer.watching.match import Watched
from tracer.watching.model import Raised, seconds
from tracer.watching.moves import Leg, Transaction, assembled
from tracer.watching.party import Parties

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.watching", "pending.sql")

Decode = Callable[[Sequence[Waiting]], "tuple[pl.DataFrame, pl.DataFrame]"]
"""What they would pay (tx: their place; vout, units, kind, payload) and spend (tx, vin, prev_txid, prev_vout)."""


def unconfirmed(
    said: Said, state: State, ledger: Ledger, found: Watched, decode: Decode, looked: set[bytes], height: int
) -> tuple[list[Raised], dict[str, str], set[bytes]]:
    """Alerts of what waits, alerts whose transaction left without a block (id -> why), and what was looked at now.

    looked  what was looked at before: it is not looked at again
    height  up to which blocks were read for watches
    """
    name = said.chain.name
    waits = waiting(state, name)
    new = [tx for tx in waits if tx.txid not in looked]
    gone = _gone(said, state, {said.chain.hash_text(tx.txid) for tx in waits}, height)
    asking = any("transfer" in watch.alert_types for watch in found.watches)
    if not new or not asking or ledger.chain.family is not Family.UTXO:
        return [], gone, looked
    paid, spends = decode(new)
    events = _events(said, ledger, found, new, paid, _spent(ledger, spends, waits, decode))
    return events, gone, {tx.txid for tx in waits}


def _gone(said: Said, state: State, waits: set[str], height: int) -> dict[str, str]:
    """Of alerts of unconfirmed transactions: those replaced or dropped, and those that in their block are no event.

    What a block took is told by the block: an alert that still waits after that was of what looked otherwise before.
    """
    open_ = {i: txid for i, txid in alerts.waiting(state, said.chain.name).items() if txid not in waits}
    if not open_:
        return {}
    fates = {said.chain.hash_text(tx.txid): tx for tx in left(state, said.chain.name)}
    found = {}
    for alert_id, txid in open_.items():
        tx = fates.get(txid)
        if tx is not None and tx.fate in ("replaced", "vanished"):
            by = f" by {said.chain.hash_text(tx.by_txid)}" if tx.by_txid else ""
            found[alert_id] = f"{tx.fate}{by}"
        elif tx is not None and tx.height is not None and tx.height <= height:
            found[alert_id] = f"in block {tx.height} it is not what the watch asks for"
    return found


def _spent(ledger: Ledger, spends: pl.DataFrame, waits: Sequence[Waiting], decode: Decode) -> pl.DataFrame:
    """What they spend: tx, vin, units, kind, payload; of the chain, or of others that wait."""
    import polars as pl

    asked = spends.with_columns(
        pl.Series("prefix", [txid_prefix(raw) for raw in spends["prev_txid"].to_list()], dtype=pl.Int64)
    )
    with ledger.db.table("asked", asked):
        known = ledger.db.polars(_SQL["spending"]).drop("address_id")
    wanted = set(spends["prev_txid"].to_list())
    before = [tx for tx in waits if tx.txid in wanted]
    names = pl.DataFrame(
        {"tx": range(len(before)), "prev_txid": [tx.txid for tx in before]},
        schema={"tx": pl.Int64, "prev_txid": pl.Binary},
    )
    parents = decode(before)[0].join(names, on="tx").rename({"vout": "prev_vout"}).drop("tx")
    chained = spends.join(parents, on=["prev_txid", "prev_vout"]).select(
        "tx", "vin", "units", "kind", "payload"
    )
    columns = pl.Schema(
        {"tx": pl.Int64, "vin": pl.Int32, "units": pl.Int64, "kind": pl.UInt8, "payload": pl.Binary}
    )
    return pl.concat([known.cast(columns), chained.cast(columns)]).sort("tx", "vin")


def _events(
    said: Said,
    ledger: Ledger,
    found: Watched,
    new: Sequence[Waiting],
    paid: pl.DataFrame,
    spent: pl.DataFrame,
) -> list[Raised]:
    import polars as pl

    sides = pl.concat(
        [
            paid.select(
                "tx", pl.lit(False).alias("spent"), pl.col("vout").alias("number"), "units", "kind", "payload"
            ),
            spent.select(
                "tx", pl.lit(True).alias("spent"), pl.col("vin").alias("number"), "units", "kind", "payload"
            ),
        ]
    ).with_row_index("place")
    sides = sides.with_columns(pl.col("place").cast(pl.Int64))
    addressed = sides.filter(pl.col("payload").is_not_null())
    ids = ledger.find_addresses(addressed)
    seen = pl.DataFrame({"place": addressed["place"].gather(ids["place"]), "address_id": ids["address_id"]})
    sides = sides.join(seen.cast({"address_id": pl.Int32}), on="place", how="left", maintain_order="left")
    clusters = match.cluster_ids(ledger, found)
    with (
        ledger.db.table("watched", found.keys),
        ledger.db.table("watched_cluster", clusters.select("watch", "cluster_id")),
        ledger.db.table("pending", sides.filter(pl.col("payload").is_not_null())),
    ):
        owned = ledger.db.rows(_SQL["owned"])
    if not owned:
        return []
    hit = sides.filter(pl.col("place").is_in([place for place, _ in owned])).select("tx").unique()
    by_tx: dict[int, list[dict[str, Any]]] = {}
    tx_of: dict[int, int] = {}
    for row in sides.join(hit, on="tx", how="semi", maintain_order="left").iter_rows(named=True):
        by_tx.setdefault(row["tx"], []).append(row)
        tx_of[row["place"]] = row["tx"]
    mine: dict[tuple[int, int], set[int]] = {}
    for place, watch in owned:
        mine.setdefault((tx_of[place], watch), set()).add(place)
    parties = Parties(
        ledger,
        said.snapshot,
        {r["address_id"] for group in by_tx.values() for r in group if r["address_id"] is not None},
    )
    result = []
    for (tx, watch), places in sorted(mine.items()):
        legs = [_leg(ledger, row, row["place"] in places) for row in by_tx[tx]]
        received = sum(leg.units or 0 for leg in legs if leg.own and not leg.spent)
        sent = sum(leg.units or 0 for leg in legs if leg.own and leg.spent)
        shown = sorted(legs, key=lambda leg: (not leg.own, not leg.spent, leg.number))[: 2 * match.MOST_LEGS]
        waits = new[tx]
        transaction = Transaction(
            tx, said.chain.hash_text(waits.txid), None, _fee(legs), int(seconds(waits.seen)), "mempool"
        )
        result.append(
            assembled(
                found.watches[watch],
                transaction,
                NATIVE,
                received,
                sent,
                sorted(shown, key=lambda leg: (not leg.spent, leg.number)),
                len(legs),
                parties,
            )
        )
    return transfers(said, firsts(meeting(result)))


def _fee(legs: Sequence[Leg]) -> int | None:
    came, went = (sum(leg.units or 0 for leg in legs if leg.spent is side) for side in (True, False))
    return came - went if came >= went else None


def _leg(ledger: Ledger, row: dict[str, Any], own: bool) -> Leg:
    name = None
    if row["payload"] is not None:
        name = ledger.chain.render_address(AddressKey(row["kind"], row["payload"]))
    return Leg(row["spent"], own, row["number"], row["address_id"], name, row["units"])
