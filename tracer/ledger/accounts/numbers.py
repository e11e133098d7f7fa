"""Accounts and assets as ids of the store: looked up, or given in the order in which the chain shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tracer.chain import Chain, accounts
from tracer.db import Database, named_sql
from tracer.errors import StoreUnwritable
from tracer.ledger.accounts import kernels
from tracer.ledger.loading import column

if TYPE_CHECKING:
    import pyarrow as pa

_SQL = named_sql("tracer.ledger.accounts", "ingest.sql")
ADDRESS_WORDS, HASH_WORDS = 5, 8
_MOST = 1 << 31
Words = NDArray[np.uint32]
Mask = NDArray[np.bool_]
Ids = NDArray[np.int32]
"""Ids of the store, -1 where there is none."""


class Numbers:
    """Gives ids inside the transaction under way; what is new must be inserted before the next question.

    new_addresses   address_id, kind, payload, prefix of accounts the store did not know, by id
    new_assets      asset_id, standard, contract (address id), token_id likewise
    """

    def __init__(self, db: Database, chain: Chain) -> None:
        self.db, self.kind = db, accounts(chain).account_kind
        self.new_addresses: pa.Table | None = None
        self.new_assets: pa.Table | None = None

    def accounts(
        self, words: Sequence[Words], known: Sequence[Mask], groups: NDArray[Any], firsts: NDArray[np.int64]
    ) -> list[Ids]:
        """The account in each row of each column, given as (n, 5) words; order as `kernels.number_in_order` says."""
        import pyarrow as pa

        keys, local = _numbered(words, known, groups, firsts)
        distinct = pa.table(
            {
                "local": np.arange(len(keys), dtype=np.int64),
                # `tracer.ledger.prefix.address_prefix`, column-wise
                "prefix": _int64(keys[:, :2]) ^ np.int64(self.kind << 56),
                "kind": np.full(len(keys), self.kind, np.uint8),
                "payload": _binary(keys).cast(pa.binary()),
            }
        )
        ids, self.new_addresses = self._ids(distinct, "address")
        return [ids[rows] for rows in local]

    def assets(
        self, words: Sequence[Words], known: Sequence[Mask], groups: NDArray[Any], firsts: NDArray[np.int64]
    ) -> list[Ids]:
        """The asset in each row of each column, given as `asset_words`."""
        import pyarrow as pa
        import pyarrow.compute as pc

        keys, local = _numbered(words, known, groups, firsts)
        tokens = _binary(np.ascontiguousarray(keys[:, 3:])).cast(pa.binary())
        distinct = pa.table(
            {
                "local": np.arange(len(keys), dtype=np.int64),
                "standard": keys[:, 0].astype(np.uint8),
                "contract": nullable(np.ascontiguousarray(keys[:, 1]).view(np.int32)),
                "token_id": pc.if_else(pa.array(keys[:, 2] > 0), tokens, pa.scalar(None, pa.binary())),
            }
        )
        ids, self.new_assets = self._ids(distinct, "asset")
        return [ids[rows] for rows in local]

    def _ids(self, distinct: pa.Table, what: str) -> tuple[Ids, pa.Table]:
        """Id of each row, with a last element for "none", and the rows that are new."""
        import pyarrow as pa

        start = int(self.db.value(_SQL[f"next_{what}_id"]))
        ids = np.full(distinct.num_rows + 1, -1, np.int64)
        if start and distinct.num_rows:
            with self.db.table("wanted", distinct):
                found = self.db.arrow(_SQL[f"find_{what}"])
            ids[column(found, "local")] = column(found, "id")
        fresh = np.flatnonzero(ids[:-1] < 0)
        ids[fresh] = start + np.arange(len(fresh))
        if start + len(fresh) > _MOST:
            raise StoreUnwritable(f"{self.db.path} is full: it has numbers for {_MOST:,} of each kind.")
        given = ids.astype(np.int32)
        return given, distinct.take(pa.array(fresh)).append_column(f"{what}_id", pa.array(given[fresh]))

    def insert(self) -> bool:
        """Put what is new into the store; whether anything was."""
        new = False
        for statement, rows in (
            ("insert_address", self.new_addresses),
            ("insert_address_lookup", self.new_addresses),
            ("insert_asset", self.new_assets),
        ):
            if rows is not None and rows.num_rows:
                new = True
                with self.db.table("arriving", rows):
                    self.db.run(_SQL[statement])
        return new


def _numbered(
    words: Sequence[Words], known: Sequence[Mask], groups: NDArray[Any], firsts: NDArray[np.int64]
) -> tuple[Words, list[NDArray[np.int32]]]:
    for rows in words:
        rows.flags.writeable = False  # views of Arrow's memory are: the kernel is compiled for one kind
    local = [np.empty(len(rows), np.int32) for rows in words]
    keys: Words = kernels.number_in_order(
        tuple(words), tuple(known), tuple(local), np.asarray(groups, np.int64), firsts
    )
    return keys, local


def words_of(table: pa.Table, name: str, width: int) -> Words:
    """A column of fixed-size bytes as (n, width) machine words; rows without a value hold anything."""
    array = _whole(table, name)
    if not len(array) or array.buffers()[1] is None:
        return np.zeros((len(array), width), np.uint32)
    size = 4 * width
    raw = np.frombuffer(array.buffers()[1], np.uint8)[
        array.offset * size : (array.offset + len(array)) * size
    ]
    return raw.view(np.uint32).reshape(-1, width)


def known_of(table: pa.Table, name: str) -> Mask:
    """Where a column has a value."""
    known: Mask = _whole(table, name).is_valid().to_numpy(zero_copy_only=False)
    return known


def asset_words(standard: NDArray[np.uint8], contract: Ids, rows: pa.Table | None = None) -> Words:
    """Keys of assets: standard, contract, whether there is a token id, and the `token_id` of these rows."""
    keys = np.zeros((len(standard), 3 + HASH_WORDS), np.uint32)
    keys[:, 0] = standard
    keys[:, 1] = contract.view(np.uint32)
    if rows is not None:
        known = known_of(rows, "token_id")
        keys[:, 2] = known
        keys[known, 3:] = words_of(rows, "token_id", HASH_WORDS)[known]
    return keys


def nullable(ids: Ids) -> pa.Array:
    """An Arrow column where -1 means absent."""
    import pyarrow as pa

    return pa.array(ids, mask=ids < 0)


def prefixes(words: Words) -> NDArray[np.int64]:
    """`tracer.ledger.prefix.txid_prefix` of hashes given as (n, 8) words."""
    return _int64(words[:, :2])


def _int64(pairs: Words) -> NDArray[np.int64]:
    return np.ascontiguousarray(pairs).view(np.int64).reshape(-1)


def _binary(rows: Words) -> Any:
    import pyarrow as pa

    size = 4 * rows.shape[1]
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(size), len(rows), [None, pa.py_buffer(rows)])


def _whole(table: pa.Table, name: str) -> Any:
    import pyarrow as pa

    array = table.column(name).combine_chunks()
    if hasattr(array, "chunks"):  # pyarrow keeps an empty or single chunk wrapped
        array = array.chunk(0) if array.num_chunks else pa.array([], array.type)
    return array
