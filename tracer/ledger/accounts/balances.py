"""What accounts hold, exactly: what was told of them, and what moved since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tracer.chain import first_tx_id
from tracer.db import named_sql
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.ledger.accounts", "balances.sql")


def balances(
    ledger: Ledger,
    address_ids: Sequence[int] | None = None,
    asset_id: int | None = None,
    height: int | None = None,
) -> pl.DataFrame:
    """Balances at the end of a block that was read (the tip, unless given), of some accounts or all, by queue.

    -> address_id, asset_id (int32), amount, opening_known, unknown; by (address_id, asset_id)
    amount         integer base units as text, whatever their size; without `opening_known` it is what came and went in
                   the blocks read, which is no balance and may be negative; null where `unknown`
    opening_known  every block since the balance told last was read, or since block 0; of the native coin with its
                   calls. Whoever hands over block 0 tells what accounts were given there, as openings or rewards.
    unknown        an amount of more than 38 digits moved, or was told
    A queue that nothing ever moved through, and of which nothing was told, has no row.
    """
    with _moved(ledger, address_ids, height) as bounds:
        return ledger.db.polars(_SQL["balances"], {**bounds, "asset": asset_id})


def first_negative(ledger: Ledger, address_ids: Sequence[int] | None = None) -> pl.DataFrame:
    """Queues that pay out more than they hold although their opening is known: facts are missing, or wrong.

    -> address_id, asset_id, tx_id, position, balance (text): the first transfer of each after which its balance is
    below nothing; in the order of the chain. Only what came before an unknown amount is judged.
    All movements are walked in order, which takes a while in a large store (ten million: half a minute).
    """
    with _moved(ledger, address_ids, None) as bounds:
        return ledger.db.polars(
            _SQL["negative"], {name: bounds[name] for name in ("stop", "first", "untraced")}
        )


@contextmanager
def _moved(
    ledger: Ledger, address_ids: Sequence[int] | None, height: int | None
) -> Iterator[dict[str, int | None]]:
    """Prepare the movements asked for, and say which blocks they come from."""
    import polars as pl

    db = ledger.db
    tip = ledger.tip()
    at = height if height is not None else tip.height if tip else -1
    db.script(_SQL["text"])
    run = db.row(_SQL["run"], {"height": at})
    assert run is not None
    bounds = {"height": at, "stop": first_tx_id(at + 1), "first": run[0], "untraced": run[1]}
    asked = pl.DataFrame({"address_id": address_ids or []}, schema={"address_id": pl.Int32})
    with db.table("asked", asked):
        db.script(_SQL["all" if address_ids is None else "some"])
        db.run(_SQL["told"], {"height": at})
        if address_ids is not None:
            db.run(_SQL["told_of"])
        yield bounds
