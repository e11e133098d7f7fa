"""Rows on their way to a batch: transfers and relations before they are put in order, and what is quarantined."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from adapters.evm import amounts
from adapters.evm.amounts import Amounts
from tracer.chain import AssetStandard, RelationKind, TransferKind
from tracer.ledger.accounts.batch import schemas

if TYPE_CHECKING:
    import pyarrow as pa

FIRST, LAST = -(1 << 62), 1 << 62
"""`order` of what comes before everything a transaction does, and behind all of it."""
_WITH_TOKEN_ID = (AssetStandard.UNIQUE, AssetStandard.MULTI)


@dataclass(frozen=True)
class Ends:
    """A column of addresses: (n, 20) bytes, and (n,) where there is one."""

    raw: NDArray[np.uint8]
    there: NDArray[np.bool_]

    def __getitem__(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Ends:
        return Ends(self.raw[rows], self.there[rows])

    def arrow(self) -> pa.Array:
        """As binary(20)."""
        return binaries(self.raw, self.there)


def all_of(raw: NDArray[np.uint8]) -> Ends:
    """Addresses without a gap."""
    return Ends(raw, np.ones(len(raw), np.bool_))


def nobody(count: int) -> Ends:
    """No address, `count` times."""
    return Ends(np.zeros((count, 20), np.uint8), np.zeros(count, np.bool_))


def somebody(raw: NDArray[np.uint8]) -> Ends:
    """Addresses of a token event: the zero address stands for nobody."""
    return Ends(raw, np.asarray(raw.any(axis=1)))


def everywhere(address: bytes, count: int) -> Ends:
    """The same address `count` times."""
    return all_of(np.tile(np.frombuffer(address, np.uint8), (count, 1)))


@dataclass(frozen=True)
class Moves:
    """Transfers in any order.

    order      place in the execution of the transaction; what is equal goes by `log_index`
    contract   (n, 20) zeros for the native coin; token_id (n, 32) zeros where the asset has none
    log_index  -1 where no event told it
    """

    tx_id: NDArray[np.int64]
    order: NDArray[np.int64]
    kind: NDArray[np.uint8]
    standard: NDArray[np.uint8]
    contract: NDArray[np.uint8]
    token_id: NDArray[np.uint8]
    source: Ends
    target: Ends
    amount: Amounts
    log_index: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.tx_id)

    def __getitem__(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Moves:
        return Moves(*(getattr(self, column.name)[rows] for column in fields(self)))

    def but_nothing(self) -> Moves:
        """Without those of amount 0."""
        return self[~self.amount.nothing()]

    def of_kind(self, kind: TransferKind) -> Moves:
        """All called that kind."""
        return replace(self, kind=np.full(len(self), kind, np.uint8))


def native(
    kind: TransferKind,
    tx_id: NDArray[np.int64],
    order: NDArray[np.int64] | int,
    source: Ends,
    target: Ends,
    amount: Amounts,
) -> Moves:
    """Transfers of the chain's coin."""
    count = len(tx_id)
    return Moves(
        tx_id, np.broadcast_to(np.int64(order), count) if isinstance(order, int) else order,
        np.full(count, kind, np.uint8), np.full(count, AssetStandard.NATIVE, np.uint8),
        np.zeros((count, 20), np.uint8), np.zeros((count, 32), np.uint8),
        source, target, amount, np.full(count, -1, np.int64),
    )  # fmt: skip


def stack(parts: Sequence[Moves]) -> Moves:
    """Transfers one after the other."""
    return Moves(*(_stack([getattr(part, column.name) for part in parts]) for column in fields(Moves)))


def _stack(columns: Sequence[Any]) -> Any:
    if isinstance(columns[0], Amounts):
        return amounts.stack(columns)
    if isinstance(columns[0], Ends):
        return Ends(np.concatenate([c.raw for c in columns]), np.concatenate([c.there for c in columns]))
    return np.concatenate(columns)


def transfers(parts: Sequence[Moves]) -> pa.Table:
    """The table of transfers: in the order of execution, numbered inside each transaction."""
    import pyarrow as pa

    moves = stack(parts)
    moves = moves[np.lexsort((moves.log_index, moves.order, moves.tx_id))]
    tokens = moves.standard != AssetStandard.NATIVE
    return pa.table(
        [
            moves.tx_id, positions(moves.tx_id), moves.kind, moves.standard, binaries(moves.contract, tokens),
            binaries(moves.token_id, np.isin(moves.standard, _WITH_TOKEN_ID)), moves.source.arrow(),
            moves.target.arrow(), moves.amount.arrow(),
            pa.array(moves.log_index.astype(np.int32), mask=moves.log_index < 0),
        ],
        schema=schemas()["transfers"],
    )  # fmt: skip


@dataclass(frozen=True)
class Ties:
    """Relations in any order; `contract` (n, 20) zeros where there is none."""

    tx_id: NDArray[np.int64]
    order: NDArray[np.int64]
    log_index: NDArray[np.int64]
    kind: NDArray[np.uint8]
    giver: NDArray[np.uint8]
    receiver: NDArray[np.uint8]
    contract: NDArray[np.uint8]


def relations(parts: Sequence[Ties]) -> pa.Table:
    """The table of relations: in the order of execution, numbered inside each transaction."""
    import pyarrow as pa

    ties = Ties(*(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(Ties)))
    order = np.lexsort((ties.log_index, ties.order, ties.tx_id))
    tx_id, kind, everyone = ties.tx_id[order], ties.kind[order], np.ones(len(order), np.bool_)
    return pa.table(
        [
            tx_id, positions(tx_id), kind, binaries(ties.giver[order], everyone),
            binaries(ties.receiver[order], everyone),
            binaries(ties.contract[order], kind == RelationKind.APPROVAL),
            pa.nulls(len(order), pa.decimal128(38, 0)),
        ],
        schema=schemas()["relations"],
    )  # fmt: skip


@dataclass
class Quarantine:
    """What could not be understood: few rows, so they are Python's."""

    rows: list[tuple[int, str, str, bytes]] = field(default_factory=list)

    def add(self, tx_id: int, place: str, reason: str, raw: bytes) -> None:
        """Keep one. `place` names transaction and log or frame."""
        self.rows.append((tx_id, place, reason, raw))

    def table(self) -> pa.Table:
        """Sorted by transaction, place and reason."""
        import pyarrow as pa

        columns: Iterable[tuple[Any, ...]] = (
            zip(*sorted(self.rows), strict=True) if self.rows else ((), (), (), ())
        )
        return pa.table([list(column) for column in columns], schema=schemas()["quarantine"])


def positions(tx_id: NDArray[np.int64]) -> NDArray[np.int32]:
    """Number of each row among those of its transaction; rows of one transaction stand together."""
    count = len(tx_id)
    first = np.ones(count, np.bool_)
    first[1:] = tx_id[1:] != tx_id[:-1]
    starts = np.flatnonzero(first)
    found: NDArray[np.int32] = (np.arange(count) - np.repeat(starts, np.diff(starts, append=count))).astype(
        np.int32
    )
    return found


def binaries(raw: NDArray[np.uint8], there: NDArray[np.bool_]) -> pa.Array:
    """Rows of bytes as fixed-size binaries; null where not `there`."""
    import pyarrow as pa

    mask = pa.py_buffer(np.packbits(there, bitorder="little"))
    return pa.Array.from_buffers(
        pa.binary(raw.shape[1]), len(raw), [mask, pa.py_buffer(np.ascontiguousarray(raw))]
    )
