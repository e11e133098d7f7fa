"""One turn of a load: batches joined, resolved against each other and the store, ready to insert."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tracer.chain import TX_INDEX_BITS, Chain, ScriptKind, utxo
from tracer.db import Database, named_sql
from tracer.ledger import kernels
from tracer.ledger.batch import UtxoBatch
from tracer.ledger.loading import Refused, column
from tracer.ledger.numbering import number_addresses

if TYPE_CHECKING:
    import pyarrow as pa

_SQL = named_sql("tracer.ledger", "ingest.sql")


def words32(table: pa.Table, name: str) -> NDArray[np.uint64]:
    """A column of 32-byte hashes as (n, 4) machine words."""
    array = table.column(name).combine_chunks()
    if hasattr(array, "chunks"):  # pyarrow keeps an empty or single chunk wrapped
        array = array.chunk(0) if array.num_chunks else None
    if array is None:
        return np.empty((0, 4), np.uint64)
    raw = np.frombuffer(array.buffers()[1], np.uint8)[array.offset * 32 : (array.offset + len(array)) * 32]
    return np.ascontiguousarray(raw).view(np.uint64).reshape(-1, 4)


class Turn:
    """The columns of one turn while they are being resolved. `resolve()` first, then the tables."""

    def __init__(self, batch: UtxoBatch, chain: Chain) -> None:
        self.batch = batch
        self.chain = utxo(chain)
        self.tx_id: NDArray[np.int64] = column(batch.txs, "tx_id")
        self.txids = words32(batch.txs, "txid")
        self.in_first = self._firsts("inputs")
        self.out_first = self._firsts("outputs")
        self.prev_vout = column(batch.inputs, "prev_vout").astype(np.int64)
        n = batch.inputs.num_rows
        self.from_pool = self._from_pool()
        self.prev_row = np.full(n, -1, np.int64)
        self.prev_tx_id = np.full(n, -1, np.int64)
        self.value = np.full(n, -1, np.int64)
        self.kind = np.zeros(n, np.uint8)
        self.address = np.full(n, -1, np.int64)
        self.fee = np.full(len(self.tx_id), -1, np.int64)
        self.new_addresses: pa.Table | None = None

    def _firsts(self, name: str) -> NDArray[np.int64]:
        counts = column(self.batch.txs, name)
        return np.concatenate(([0], np.cumsum(counts))).astype(np.int64)

    @property
    def heights(self) -> tuple[int, int]:
        """First and last height."""
        return int(self.tx_id[0] >> TX_INDEX_BITS), int(self.tx_id[-1] >> TX_INDEX_BITS)

    def resolve(self, db: Database) -> None:
        """Settle prevouts, addresses and fees; raises `Refused` for the first transaction that breaks a rule."""
        self._pools()
        self._prevouts_inside()
        self._prevouts_before(db)
        self._refuse_unresolved(db)
        self._addresses(db)
        self._fees()

    def _refuse(self, problem: int, t: int) -> None:
        if problem != kernels.SOUND:
            self._refuse_tx(t, kernels.PROBLEMS[problem])

    def _refuse_tx(self, t: int, reason: str) -> None:
        raise Refused(int(self.tx_id[t]), self.txids[t].tobytes(), reason)

    def _from_pool(self) -> NDArray[np.bool_]:
        """Which inputs leave a shielded pool and spend no output (`UtxoBatch`)."""
        kinds = self.batch.inputs.column("prev_kind")
        if kinds.null_count == len(kinds):
            return np.zeros(len(kinds), np.bool_)
        found: NDArray[np.bool_] = kinds.fill_null(0).to_numpy() == int(ScriptKind.SHIELDED)
        return found

    def _pools(self) -> None:
        """What leaves a pool is told with its value, and is nobody's."""
        if self.from_pool.any():
            import pyarrow as pa

            told = self.batch.inputs.column("prev_value").filter(pa.array(self.from_pool))
            self.value[self.from_pool] = told.to_numpy()
            self.kind[self.from_pool] = int(ScriptKind.SHIELDED)

    def _prevouts_inside(self) -> None:
        table = np.full(kernels.table_size(len(self.tx_id)), -1, np.int32)
        spent = np.zeros(self.batch.outputs.num_rows, np.bool_)
        problem, t = kernels.match_prevouts(
            self.txids,
            self.in_first,
            words32(self.batch.inputs, "prev_txid"),
            self.prev_vout,
            self.out_first,
            table,
            self.prev_row,
            spent,
        )
        self._refuse(problem, t)
        hit = self.prev_row >= 0
        rows = self.prev_row[hit]
        self.prev_tx_id[hit] = column(self.batch.outputs, "tx_id")[rows]
        self.value[hit] = column(self.batch.outputs, "value")[rows]
        self.kind[hit] = column(self.batch.outputs, "kind")[rows]
        pooled = hit & (self.kind == int(ScriptKind.SHIELDED))
        if pooled.any():  # no outpoint names what is in a pool
            self._refuse_input(int(np.flatnonzero(pooled)[0]), kernels.NO_SUCH_OUTPUT)

    def _prevouts_before(self, db: Database) -> None:
        """Ask the store for what is not in the turn; take what the source told where it does not know."""
        import pyarrow as pa

        rows = np.flatnonzero((self.prev_row < 0) & ~self.from_pool)
        if not len(rows):
            return
        inputs = self.batch.inputs
        wanted = pa.table(
            {
                "row": rows,
                "prefix": words32(inputs, "prev_txid")[rows, 0].astype(np.int64),
                "prev_txid": inputs.column("prev_txid").take(pa.array(rows)).cast(pa.binary()),
                "prev_vout": self.prev_vout[rows].astype(np.int32),
            }
        )
        with db.table("wanted", wanted):
            found = db.arrow(_SQL["find_prevouts"])
            twice = db.value(_SQL["wanted_twice"])
        if twice is not None:
            self._refuse_input(int(twice), kernels.DOUBLE_SPEND)
        at = column(found, "row")
        if len(at):
            bad = found.column("value").is_null().to_numpy()
            if bad.any():
                self._refuse_input(int(at[bad][0]), kernels.NO_SUCH_OUTPUT)
            spent = found.column("spent").to_numpy(zero_copy_only=False)
            if spent.any():
                self._refuse_input(int(at[spent][0]), kernels.DOUBLE_SPEND)
            self.prev_tx_id[at] = column(found, "tx_id")
            self.value[at] = column(found, "value")
            self.kind[at] = column(found, "kind")
            self.address[at] = found.column("address_id").fill_null(-1).to_numpy()
        told = inputs.column("prev_value").is_valid().to_numpy() & (self.value < 0)
        self.value[told] = inputs.column("prev_value").filter(pa.array(told)).to_numpy()
        kinds = inputs.column("prev_kind").fill_null(int(ScriptKind.NONSTANDARD))
        self.kind[told] = kinds.filter(pa.array(told)).to_numpy()

    def _refuse_unresolved(self, db: Database) -> None:
        """Where every block below was read, what is not there does not exist."""
        rows = np.flatnonzero(self._pending())
        first = self.heights[0]
        if len(rows) and db.value(_SQL["blocks_below"], {"height": first}) == first:
            self._refuse_input(int(rows[0]), kernels.NO_SUCH_OUTPUT)

    def _pending(self) -> NDArray[np.bool_]:
        """Which inputs wait for a transaction that was not read."""
        found: NDArray[np.bool_] = (self.prev_tx_id < 0) & ~self.from_pool
        return found

    def _refuse_input(self, row: int, problem: int) -> None:
        self._refuse(problem, int(np.searchsorted(self.in_first, row, side="right")) - 1)

    def _addresses(self, db: Database) -> None:
        """Give every address of the turn its dense id; what was told must be what the blocks show."""
        import pyarrow as pa

        inputs = self.batch.inputs
        told = np.flatnonzero(inputs.column("prev_payload").is_valid().to_numpy())
        found = number_addresses(db, self.batch.outputs, inputs.take(pa.array(told)))
        self.out_address, self.new_addresses = found.outputs, found.new
        inside = self.prev_row >= 0
        self.address[inside] = self.out_address[self.prev_row[inside]]
        told_address = np.full(len(self.address), -1, np.int64)
        told_address[told] = found.told
        self._compare_told(told_address)
        waiting = self.prev_tx_id < 0
        self.address[waiting] = told_address[waiting]

    def _compare_told(self, address: NDArray[np.int64]) -> None:
        """Refuse where a source told another amount or address than that of the output that was found."""
        values = self.batch.inputs.column("prev_value")
        both = values.is_valid().to_numpy() & (self.prev_tx_id >= 0)
        if not both.any():
            return
        other_value = values.fill_null(-1).to_numpy() != self.value
        told_whose = self.batch.inputs.column("prev_kind").is_valid().to_numpy()
        other_address = told_whose & (self.address >= 0) & (address != self.address)
        wrong = np.flatnonzero(both & (other_value | other_address))
        if len(wrong):
            self._refuse_input(int(wrong[0]), kernels.TOLD_OTHERWISE)

    def _fees(self) -> None:
        heights = column(self.batch.blocks, "height").tolist()
        counts = column(self.batch.blocks, "tx_count")
        block_first = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        allowance = np.array([self.chain.subsidy(h) for h in heights], np.int64)
        out_value = column(self.batch.txs, "out_value")
        problem, t = kernels.settle_fees(
            self.in_first, self.value, out_value, block_first, allowance, self.fee
        )
        self._refuse(problem, t)

    # What goes into the store -----------------------------------------------------------------------

    def tx_table(self) -> pa.Table:
        """Rows of `tx`."""
        return self.batch.txs.append_column("fee", nullable(self.fee, "int64"))

    def txout_table(self) -> pa.Table:
        """Rows of `txout`."""
        outputs = self.batch.outputs.select(["tx_id", "vout", "value", "kind", "script"])
        return outputs.add_column(4, "address_id", nullable(self.out_address, "int32"))

    def txin_table(self) -> pa.Table:
        """Rows of `txin`."""
        import pyarrow as pa

        inputs = self.batch.inputs
        return pa.table(
            {
                "tx_id": inputs.column("tx_id"),
                "vin": inputs.column("vin"),
                "prev_tx_id": nullable(self.prev_tx_id, "int64"),
                "prev_vout": inputs.column("prev_vout"),
                "value": nullable(self.value, "int64"),
                "kind": pa.array(self.kind, mask=self.value < 0),
                "address_id": nullable(self.address, "int32"),
                "sequence": inputs.column("sequence"),
            }
        )

    def spend_table(self) -> pa.Table:
        """Rows of `spend`, sorted by the spent outpoint."""
        import pyarrow as pa

        rows = np.flatnonzero(self.prev_tx_id >= 0)
        rows = rows[_outpoint_order(self.prev_tx_id[rows], self.prev_vout[rows])]
        inputs = self.batch.inputs
        return pa.table(
            {
                "prev_tx_id": self.prev_tx_id[rows],
                "prev_vout": self.prev_vout[rows].astype(np.int32),
                "tx_id": column(inputs, "tx_id")[rows],
                "vin": column(inputs, "vin")[rows],
            }
        )

    def pending_table(self) -> pa.Table:
        """Rows of `pending_spend`."""
        import pyarrow as pa

        rows = pa.array(np.flatnonzero(self._pending()))
        pending = self.batch.inputs.select(["prev_txid", "prev_vout", "tx_id", "vin"]).take(rows)
        return pending.set_column(0, "prev_txid", pending.column("prev_txid").cast(pa.binary()))

    def address_tx_table(self) -> pa.Table:
        """Rows of `address_tx`: each address with each transaction that pays it or spends from it, once."""
        import pyarrow as pa

        tx_of_out = np.repeat(np.arange(len(self.tx_id)), np.diff(self.out_first))
        tx_of_in = np.repeat(np.arange(len(self.tx_id)), np.diff(self.in_first))
        keys = np.concatenate(
            (
                (self.out_address << 32 | tx_of_out)[self.out_address >= 0],
                (self.address << 32 | tx_of_in)[self.address >= 0],
            )
        )
        keys.sort()
        if len(keys):
            keys = keys[np.concatenate(([True], keys[1:] != keys[:-1]))]
        return pa.table(
            {
                "address_id": (keys >> 32).astype(np.int32),
                "tx_id": self.tx_id[keys & 0xFFFFFFFF],
            }
        )

    def txid_lookup_table(self) -> pa.Table:
        """Rows of `txid_lookup`, sorted by prefix."""
        import pyarrow as pa

        prefix = self.txids[:, 0].astype(np.int64)
        order = np.argsort(prefix, kind="stable")
        return pa.table({"prefix": prefix[order], "tx_id": self.tx_id[order]})

    def address_lookup_table(self) -> pa.Table:
        """Rows of `address_lookup`, sorted by prefix."""
        assert self.new_addresses is not None
        return self.new_addresses.select(["prefix", "address_id"]).sort_by(
            [("prefix", "ascending"), ("address_id", "ascending")]
        )


def nullable(values: NDArray[np.int64], dtype: str) -> pa.Array:
    """An Arrow column where -1 means absent."""
    import pyarrow as pa

    return pa.array(values.astype(dtype), mask=values < 0)


def _outpoint_order(tx_id: NDArray[np.int64], vout: NDArray[np.int64]) -> NDArray[np.intp]:
    """The order by (tx_id, vout); both fit one word below height 2^20."""
    if len(tx_id) and int(tx_id.max()) >= 1 << 44:
        return np.lexsort((vout, tx_id))
    return np.argsort(tx_id.astype(np.uint64) << np.uint64(20) | vout.astype(np.uint64), kind="stable")
