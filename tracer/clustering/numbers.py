"""Addresses numbered in the order in which the chain shows them, for kernels that name a set by its least number.

Address ids are that order where blocks were read in the order of the chain, and then nothing is converted. Where
blocks were read out of order (a backfill), the order is worked out; the clusters and their names are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tracer.chain import Family
from tracer.db import named_sql
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int32 = NDArray[np.int32]
    Int64 = NDArray[np.int64]

_SQL = named_sql("tracer.clustering", "numbers.sql")


class Numbers:
    """Address ids <-> numbers in order of first appearance: by transaction, then input, then output.

    size  one more than the greatest number
    ids   one more than the greatest address id
    """

    def __init__(self, size: int, order: Int32 | None = None) -> None:
        """`order`: int32[n], the address id of each number; None where ids are numbers."""
        self._order = order
        self._number: Int32 | None = None
        self.size = self.ids = size
        if order is not None:
            self.size = order.size
            self._number = np.full(size, -1, np.int32)
            self._number[order] = np.arange(order.size, dtype=np.int32)

    @classmethod
    def of(cls, ledger: Ledger) -> Numbers:
        """The numbers of a ledger's addresses."""
        size = int(ledger.db.value(_SQL["next_address"]))
        if ledger.in_order():
            return cls(size)
        order = "order_of_accounts" if ledger.chain.family is Family.ACCOUNT else "order"
        return cls(size, ledger.db.arrow(_SQL[order]).column("address_id").to_numpy())

    def of_ids(self, ids: Int32) -> Int32:
        """Address ids as numbers."""
        return ids if self._number is None else self._number[ids]

    def in_order(self, tx_ids: Int64, ids: Int32) -> tuple[Int64, Int32]:
        """Rows ordered by (tx_id, address id) as rows ordered by (tx_id, number)."""
        if self._number is None:
            return tx_ids, ids
        numbers = self._number[ids]
        order = np.lexsort((numbers, tx_ids))
        return tx_ids[order], numbers[order]

    def to_ids(self, numbers: Int32) -> Int32:
        """Numbers as address ids."""
        return numbers if self._order is None else self._order[numbers]
