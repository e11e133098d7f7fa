"""Movements as columns: all that a taint kernel may know.

A movement takes amounts out of containers and puts amounts into containers, in order (DESIGN section 5).
On a UTXO chain it is a transaction and a container is an outpoint. A kernel reads `Movements` and `Seeding`
only, so evidence can be verified without a store and tests can feed it random ledgers.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tracer.errors import StoreDamaged

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
U8 = npt.NDArray[np.uint8]


def fixed(ids: npt.NDArray[np.integer]) -> I64:
    """A view that cannot be written to, int64: a kernel is compiled once for it, not again for arrays that can be."""
    found: I64 = ids.astype(np.int64, copy=False).view()
    found.flags.writeable = False
    return found


NO_LIMIT = 1 << 30
"""A hop limit that no chain of movements reaches."""


@dataclass(frozen=True)
class Movements:
    """`m` transactions in execution order with `n` inputs and `k` outputs, all amounts in base units.

    in_start   int64[m+1]  slice of each transaction's inputs, in vin order
    in_ref     int64[n]    the spent output as an index into the outputs, -1 where it is outside the closure
    in_value   int64[n]
    out_start  int64[m+1]  slice of each transaction's outputs, in vout order
    out_value  int64[k]
    out_rank   int32[k]    place of the output in its transaction by (script, value, vout): breaks ties; None where
                           no method of the question needs it (`ranks`), for it costs a look at every script
    out_fate   uint8[k]    `Fate` under static stops; SPENT means: its spender is in here
    fee        int64[m]    inputs minus outputs; 0 for a coinbase, which has no inputs
    fee_lot    int64[m]    where fees go to miners: the output that stands for the fee, the last of its
                           transaction and of the highest rank, -1 where there is none; None: no movement has one
    """

    in_start: I64
    in_ref: I64
    in_value: I64
    out_start: I64
    out_value: I64
    out_rank: I32 | None
    out_fate: U8
    fee: I64
    fee_lot: I64 | None = None

    def __len__(self) -> int:
        return len(self.fee)

    def ranks(self, seeding: Seeding | None = None) -> I32:
        """`out_rank` for a kernel: what leaves an entity is split by it, and by some methods everything.

        Nothing where only `seeding` could need it and does not; `ValueError` where it is needed and was not read.
        """
        if self.out_rank is not None:
            return self.out_rank
        if seeding is None or np.any(seeding.left > 0):
            raise ValueError("a kernel needs out_rank, and these movements were read without it")
        return np.empty(0, np.int32)

    def check(self) -> None:
        """Refuse columns that break what kernels rest on: time order, and inputs = outputs + fee.

        Raises `StoreDamaged`.
        """
        ins = np.diff(self.in_start)
        owner = np.repeat(np.arange(len(self)), ins)
        if np.any(self.in_ref >= self.out_start[owner]):
            raise StoreDamaged("a transaction spends an output that comes after it in execution order.")
        if np.any(self.in_value < 0) or np.any(self.out_value < 0) or np.any(self.fee < 0):
            raise StoreDamaged("a transaction on the trail has a negative amount.")
        spent, made = _sums(self.in_value, self.in_start), _sums(self.out_value, self.out_start)
        if np.any((spent - made != self.fee) & (ins > 0)):
            raise StoreDamaged(
                "a transaction on the trail does not balance: inputs are not outputs plus fee."
            )


def _sums(values: I64, starts: I64) -> I64:
    """Sum of each slice, in Python integers where 64 bits might not hold the running sum."""
    if float(values.sum(dtype=np.float64)) > 2.0**62:
        sums = [sum(values[a:b].tolist()) for a, b in pairwise(starts.tolist())]
        if max(sums) > np.iinfo(np.int64).max:
            raise StoreDamaged("a transaction on the trail moves more than 2^63-1 base units.")
        return np.array(sums, np.int64)
    running = np.zeros(len(values) + 1, np.int64)
    np.cumsum(values, out=running[1:])
    found: I64 = running[starts[1:]] - running[starts[:-1]]
    return found


MEMBER, LEAVING = 1, 2
"""How a set seeds an output: as a member it receives; as money that leaves the entity."""


@dataclass(frozen=True)
class Seeding:
    """What enters the trace, per output and transaction, placed after carried taint into clean capacity.

    flag   uint8[k]   0, MEMBER or LEAVING
    fixed  int64[k]   base units of an output that is a lot itself: its whole value; else 0
    net    int64[m]   base units arriving in the set (MEMBER) from outside by this transaction, net
    left   int64[m]   base units leaving the entity (LEAVING) by this transaction, net
    """

    flag: U8
    fixed: I64
    net: I64
    left: I64

    @classmethod
    def empty(cls, movements: Movements) -> Seeding:
        """Nothing seeded; the arrays are there to be filled."""
        k, m = len(movements.out_value), len(movements)
        return cls(np.zeros(k, np.uint8), np.zeros(k, np.int64), np.zeros(m, np.int64), np.zeros(m, np.int64))


@dataclass(frozen=True)
class Limits:
    """What a kernel cuts: hops, and lots smaller than a floor in base units.

    On an account chain assets have base units of their own: `floors` is then the floor of each asset, by its
    number; empty, `floor` is that of every asset.
    """

    hops: int = NO_LIMIT
    floor: int = 0
    floors: tuple[int, ...] = ()


@dataclass(frozen=True)
class Taint:
    """What a kernel found.

    amount  int64[k]  taint that arrived in the output
    seeded  int64[k]  the part of it that entered the trace there
    hop     int32[k]  0 where seeded, else the hop of the movement that carried it; -1 where there is none
    fate    uint8[k]  `out_fate`, with HOP_LIMIT or VALUE_FLOOR where the kernel cut
    fees    int64[m]  taint paid as fee
    via     int64[k]  the spent output whose taint came here, nearest to a seed, earliest first; -1 where none

    `hop` is the movement's: one more than the least of its tainted inputs. Under FIFO the units in an output
    may have come another way, so that the way back along `via` can be longer than `hop`.
    """

    amount: I64
    seeded: I64
    hop: I32
    fate: U8
    fees: I64
    via: I64

    def rests(self) -> I64:
        """Taint that stays in each output: all of it where it is not followed, else nothing."""
        return np.where(self.fate != 0, self.amount, 0)


class MovementSource(Protocol):
    """Anything that can hand out movements in execution order: a store, an evidence bundle, a test."""

    def movements(self) -> Movements:
        """The movements of the trail, checked."""


class Method(Protocol):
    """A convention of how taint passes through a movement."""

    def __call__(self, movements: Movements, seeding: Seeding, limits: Limits) -> Taint:
        """Run over all movements in order."""


class Apart(Protocol):
    """How a method tells seeds apart."""

    def __call__(self, movements: Movements, taint: Taint, owner: I64) -> dict[int, I64]:
        """Seed number -> taint of each output that is that seed's, int64[k]; `taint` is of all together."""
