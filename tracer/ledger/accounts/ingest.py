"""Load an account chain: blocks in turns, and beside them the balances and names that a node was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tracer.chain import AddressKey, accounts, first_tx_id
from tracer.db import named_sql
from tracer.errors import DataError
from tracer.ledger.accounts.batch import AccountBatch, schemas
from tracer.ledger.accounts.checks import impossible_asset
from tracer.ledger.accounts.numbers import (
    ADDRESS_WORDS,
    Ids,
    Numbers,
    asset_words,
    known_of,
    nullable,
    words_of,
)
from tracer.ledger.accounts.turn import Turn
from tracer.ledger.loading import BlockLoader, column

if TYPE_CHECKING:
    import pyarrow as pa

_SQL = named_sql("tracer.ledger.accounts", "ingest.sql")
_LOADING = named_sql("tracer.ledger", "loading.sql")


class AccountLoader(BlockLoader[AccountBatch]):
    """Writes batches, opening balances and what tokens say of themselves into an open ledger."""

    def write(self, batch: AccountBatch) -> None:
        """Check a turn, number its accounts and assets, insert it."""
        turn = Turn(batch, self.ledger.chain)
        turn.check()
        turn.resolve(self.ledger.db)
        first = int(column(batch.blocks, "height")[0])
        self.ledger.db.run(_LOADING["note_backfill"], {"first": first})
        for statement, rows in turn.tables():
            if rows.num_rows:
                with self.ledger.db.table("arriving", rows):
                    self.ledger.db.run(_SQL[statement])

    def head(self, batch: AccountBatch, blocks: int) -> AccountBatch:
        """The first `blocks` blocks of a batch."""
        import pyarrow as pa

        stop = first_tx_id(int(column(batch.blocks, "height")[0]) + blocks)

        def cut(rows: pa.Table) -> pa.Table:
            return rows.slice(0, int(np.searchsorted(column(rows, "tx_id"), stop)))

        quarantine = batch.quarantine.filter(pa.array(column(batch.quarantine, "tx_id") < stop))
        parts = (cut(rows) for rows in (batch.txs, batch.transfers, batch.relations, batch.events))
        txs, transfers, relations, events = parts
        return AccountBatch(batch.blocks.slice(0, blocks), txs, transfers, relations, events, quarantine)

    def roll_back(self, height: int) -> None:
        """Remove every fact above a height, and what was told as of a block above it."""
        bounds = {"height": height, "first": first_tx_id(height + 1)}
        for script in ("lost", "rollback"):
            self.run_rollback(_SQL[script], bounds)

    def openings(self, table: pa.Table) -> None:
        """Note balances at the end of a block, as a node told them (`schemas()["openings"]`).

        Of one account, asset and height the last word counts, in this table and over former ones. Accounts and
        assets that no block showed yet get an id. Raises `DataError` for an asset there cannot be.
        """
        rows = _typed(table, "openings")
        if (found := impossible_asset(rows)) is not None:
            at, height = found[0], rows.column("height")[found[0]]
            kind = accounts(self.ledger.chain).account_kind
            who = self.ledger.chain.render_address(AddressKey(kind, rows.column("address")[at].as_py()))
            raise DataError(f"the balance told of {who} at height {height} is of {found[1]}.")
        with self.ledger.db.transaction():
            address, contract = self._accounts(rows, "address", "contract")
            (asset,) = self._numbers.assets(
                [asset_words(column(rows, "standard"), contract, rows)], [np.ones(len(contract), np.bool_)],
                np.arange(2), _one_unit(rows),
            )  # fmt: skip
            self._insert_new()
            told = rows.select(["height", "amount"])
            told = told.append_column("address_id", nullable(address)).append_column(
                "asset_id", nullable(asset)
            )
            self._replace("openings", told, "address_id", "asset_id", "height")

    def tokens(self, table: pa.Table) -> None:
        """Note what contracts say of themselves (`schemas()["tokens"]`).

        Of one contract the last word counts, in this table and over former ones.
        """
        rows = _typed(table, "tokens")
        with self.ledger.db.transaction():
            (contract,) = self._accounts(rows, "contract")
            self._insert_new()
            self._replace("tokens", rows.set_column(0, "contract", nullable(contract)), "contract")

    def _accounts(self, rows: pa.Table, *columns: str) -> list[Ids]:
        self._numbers = Numbers(self.ledger.db, self.ledger.chain)
        return self._numbers.accounts(
            [words_of(rows, name, ADDRESS_WORDS) for name in columns],
            [known_of(rows, name) for name in columns],
            np.array([0, len(columns)]),
            _one_unit(rows),
        )

    def _insert_new(self) -> None:
        if self._numbers.insert():
            self.ledger.db.run(_SQL["note_out_of_order"])

    def _replace(self, what: str, rows: pa.Table, *key: str) -> None:
        """Insert rows in place of those with the same key; of several in the table the last."""
        import pyarrow as pa

        numbered = rows.append_column("row", pa.array(np.arange(rows.num_rows)))
        last = numbered.group_by(list(key)).aggregate([("row", "max")]).column("row_max")
        with self.ledger.db.table("arriving", rows.take(last)):
            self.ledger.db.run(_SQL[f"drop_{what}"])
            self.ledger.db.run(_SQL[f"insert_{what}"])


def _typed(table: pa.Table, name: str) -> pa.Table:
    return table.select(schemas()[name].names).cast(schemas()[name]).combine_chunks()


def _one_unit(rows: pa.Table) -> NDArray[np.int64]:
    """All rows of one table, in its order."""
    return np.array([[0, rows.num_rows]], np.int64)
