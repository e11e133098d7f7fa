"""`dormant_wake`: a spend after days without one. Only said where all blocks of these days were read."""

from __future__ import annotations

from collections.abc import Sequence

from tracer.chain import Family, first_tx_id, tx_height
from tracer.db import named_sql
from tracer.flow.worth import DAY
from tracer.ledger.store import Ledger
from tracer.watching import cursor
from tracer.watching.events import SEVERITY, Said
from tracer.watching.match import Watched
from tracer.watching.model import Raised, utc
from tracer.watching.moves import Move

_SQL = named_sql("tracer.watching", "dormant.sql")


def wakes(
    said: Said, ledger: Ledger, found: Watched, clusters: object, moves: Sequence[Move]
) -> list[Raised]:
    """Moves that end a sleep. `clusters`: as `match.cluster_ids` has them."""
    import polars as pl

    assert isinstance(clusters, pl.DataFrame)
    spends = [
        m for m in moves if m.spent and "dormant_wake" in m.watch.alert_types and m.direction != "inbound"
    ]
    if not spends:
        return []
    numbers = {watch.watch_id: number for number, watch in enumerate(found.watches)}
    rows = []
    for place, move in enumerate(spends):
        since = _window(ledger, move)
        if since is not None:
            rows.append((place, numbers[move.watch.watch_id], move.tx.tx_id, first_tx_id(since)))
    if not rows:
        return []
    woken = pl.DataFrame(
        rows, {"row": pl.Int64, "watch": pl.Int32, "tx_id": pl.Int64, "since": pl.Int64}, orient="row"
    )
    asked = woken["watch"].unique().implode()
    keys = found.keys.filter(pl.col("watch").is_in(asked))
    seen = ledger.find_addresses(keys)
    keyed = pl.DataFrame(
        {"watch": keys["watch"].gather(seen["place"]), "address_id": seen["address_id"]},
        schema={"watch": pl.Int32, "address_id": pl.Int32},
    )
    whole = clusters.filter(pl.col("watch").is_in(asked)).select("watch", "cluster_id")
    utxo = ledger.chain.family is Family.UTXO
    with ledger.db.table("keyed", keyed), ledger.db.table("whole", whole):
        ledger.db.run(_SQL["members"])
    with ledger.db.table("woken", woken):
        slept = ledger.db.rows(_SQL["active" if utxo else "active_of_accounts"])
    return [
        said.raised(
            spends[place],
            "dormant_wake",
            SEVERITY["dormant_wake"],
            details=_details(ledger, spends[place], last),
        )
        for place, last, wakes in slept
        if wakes
    ]


def _window(ledger: Ledger, move: Move) -> int | None:
    """The first block of the days before a move; None where they were not all read."""
    since = move.tx.time - move.watch.settings.dormant_days * DAY
    height: int | None = ledger.db.value(_SQL["window_start"], {"since": since})
    run = next((r for r in ledger.runs() if r[0] <= tx_height(move.tx.tx_id) <= r[1]), None)
    if height is None or run is None or height < run[0]:
        return None
    if height == run[0] and height > 0:
        first: int | None = ledger.db.value(_SQL["reads_back"], {"first": run[0]})
        if first is None or first > since:
            return None
    return height


def _details(ledger: Ledger, move: Move, last: int) -> dict[str, object]:
    blocks = cursor.blocks_between(ledger, tx_height(last), tx_height(last))
    return {
        "days_without_a_spend": move.watch.settings.dormant_days,
        "last_movement": {"txid": ledger.render_txids([last])[last], "time": utc(blocks[0].time)},
    }
