"""Account transfers as columns: all that a queue kernel may know.

On an account chain the container is a queue, `(address, asset)`, and the movement is one transfer of one
asset (DESIGN section 5). A queue is filled and emptied again and again, so its balance counts: a kernel needs
what the queue held before the first transfer read. Amounts are 128-bit numbers (`tracer.flow.queues.wide`).

**Cuts.** Units of one asset are interchangeable, so nothing can be left lying in a queue for later. Taint that
a transfer would carry below the floor or beyond the hop limit ends in its source queue, at that transfer
(`cut`); the units themselves move on clean. So a cut is final, as it is for an outpoint, and what was seeded
is still what rests, was cut, was paid as fee and left the ledger, to the base unit. The floor never cuts
a fee: fees are small and end anyway. A transfer's hop is one more than the least hop of what brought the taint
it carries.

**Openings.** A share, a first unit and a last unit are of a balance. Where a queue pays out while it holds
taint and its opening balance is not known, FIFO, LIFO and haircut stop: the taint stays there as `unread` and
the result is partial (`QueueTaint.partial`). Poison needs no balance but to end; there it never ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numba import njit

from tracer.errors import DataError, StoreDamaged
from tracer.flow.fates import Fate
from tracer.flow.movements import I32, I64, U8, Limits
from tracer.flow.queues.shared import FOLLOWED, NEGATIVE, OVERFLOW, UNFOLLOWED, UNOPENED, gain, lose
from tracer.flow.queues.wide import MOST, U64, Wide, at, limbs, sums, zeros

OUTSIDE, FEE_SINK = -1, -2
"""Ends that are no queue: nothing (a mint comes out of it, a burn goes into it), and where gas goes."""

GREATEST = (1 << 127) - 1
"""The greatest amount of one transfer; 38 decimal digits fit."""

PASSED_ON = (Fate.UNSPENT, Fate.UNREAD, Fate.TIME_WINDOW, Fate.TX_LIMIT)
"""Fates of queues that are followed: where what is left in the end rests. Any other fate ends the trail."""

Naming = Callable[[int], str]
"""How an error names a transfer, given its place."""


def by_place(place: int) -> str:
    """Where nothing better is known: by its place in execution order."""
    return f"transfer {place}"


@dataclass(frozen=True)
class Transfers:
    """`m` transfers in execution order between `q` queues, amounts in base units.

    Order is (block, transaction, place in its trace), and the gas of a transaction, a transfer to FEE_SINK,
    comes after its value moves. Transfers of several assets may stand in one order.

    source   int64[m]     queue number, OUTSIDE for a mint (FEE_SINK when turned round)
    target   int64[m]     queue number, OUTSIDE for a burn, FEE_SINK for gas
    amount   Wide[m]      at most `GREATEST`
    asset    int64[q]     asset number of the queue
    opening  Wide[q]      balance before the first transfer; 0 where unknown or not followed
    known    bool[q]      whether the opening balance is known
    fate     uint8[q]     `Fate` of what stays in the queue: one of `PASSED_ON` where the queue is followed; else
                          what enters it stays, and what leaves it carries no taint
    backward              whether the columns were turned round by `reverse`
    name                  how errors name a transfer
    """

    source: I64
    target: I64
    amount: Wide
    asset: I64
    opening: Wide
    known: np.ndarray[tuple[int], np.dtype[np.bool_]]
    fate: U8
    backward: bool = False
    name: Naming = by_place

    def __len__(self) -> int:
        return len(self.source)

    def mode(self) -> U8:
        """uint8[q]: FOLLOWED, UNFOLLOWED, or UNOPENED for one to follow whose opening is not known."""
        passed = np.isin(self.fate, PASSED_ON)
        return np.where(passed, np.where(self.known, FOLLOWED, UNOPENED), UNFOLLOWED).astype(np.uint8)

    def asset_of(self) -> I64:
        """int64[m]: the asset of each transfer."""
        return self.asset[np.maximum(self.source, self.target)]

    def check(self) -> None:
        """Refuse columns that break what kernels rest on; `StoreDamaged` names the first transfer.

        A negative balance shows when a kernel runs.
        """
        q = len(self.asset)
        low, high = np.minimum(self.source, self.target), np.maximum(self.source, self.target)
        self._refuse((low < FEE_SINK) | (high >= q) | (high < 0), "has an end that is no account")
        # where the lower end is no queue, the higher one stands for both
        other = self.asset[np.where(low >= 0, low, high)]
        self._refuse(self.asset_of() != other, "changes the asset on its way")
        self._refuse(self.amount[:, 1] >= U64(1 << 63), f"moves more than {GREATEST} base units")
        if np.any(self.fate == Fate.SPENT):
            raise StoreDamaged("an account on the trail has no fate.")

    def _refuse(self, wrong: np.ndarray[tuple[int], np.dtype[np.bool_]], words: str) -> None:
        if wrong.any():
            raise StoreDamaged(f"{self.name(int(wrong.argmax()))} {words}.")

    def refuse(self, status: int, place: int) -> None:
        """Raise what a kernel's status means; nothing for 0.

        `StoreDamaged` for a negative balance, `DataError` for one beyond 128 bits.
        """
        if status == NEGATIVE:
            raise StoreDamaged(
                f"{self.name(place)} pays out more than its account holds.",
                hint="Transfers or the opening balance of that account are missing or wrong: sync it again.",
            )
        if status == OVERFLOW:
            raise DataError(
                f"{self.name(place)} makes an account hold more than {MOST} base units.",
                hint="No honest asset has so many: leave it out.",
            )


@dataclass(frozen=True)
class QueueSeeding:
    """What enters the trace, per transfer; a lot is a transfer. Placed after carried taint, in clean units.

    fixed  Wide[m]   base units that enter here: the whole amount of a lot; of what arrives in a set, the
                     amount net of what the set itself sent in that transaction; else 0
    owner  int64[m]  number of the seed they belong to, -1 where nothing enters
    """

    fixed: Wide
    owner: I64

    @classmethod
    def empty(cls, transfers: Transfers) -> QueueSeeding:
        """Nothing seeded; the arrays are there to be filled."""
        return cls(zeros(len(transfers)), np.full(len(transfers), -1, np.int64))

    @classmethod
    def whole(cls, transfers: Transfers, places: Iterable[int]) -> QueueSeeding:
        """Whole transfers as lots, each a seed of its own, numbered in the order given."""
        seeding = cls.empty(transfers)
        for number, place in enumerate(places):
            seeding.fixed[place] = transfers.amount[place]
            seeding.owner[place] = number
        return seeding

    def check(self, transfers: Transfers) -> None:
        """Refuse seeds that add up to more than a taint can count; `DataError`."""
        seeded = sums(self.fixed, transfers.asset_of(), int(transfers.asset.max(initial=-1)) + 1)
        if max(seeded, default=0) > MOST:
            raise DataError(
                f"the seeds add up to more than {MOST} base units of one asset.",
                hint="No honest asset has so many: leave it out.",
            )


@dataclass(frozen=True)
class QueueTaint:
    """What a kernel found.

    amount    Wide[m]   taint in the transfer, carried or seeded
    seeded    Wide[m]   the part of it that entered the trace there
    cut       Wide[m]   taint that ended in the source queue because this transfer was cut
    cut_fate  uint8[m]  HOP_LIMIT or VALUE_FLOOR where cut, else SPENT
    hop       int32[m]  0 where seeded, else one more than the least hop of what brought its taint; -1 where none
    via       int64[m]  the transfer that brought its taint, nearest to a seed, earliest first; -1 where none
    rest      Wide[q]   taint left in the queue; under poison its balance, counted once
    fate      uint8[q]  where that rests: the fate of the queue, UNREAD where `unopened` ended the trail
    unopened  bool[q]   the queue paid out while it held taint, and its opening balance is not known
    """

    amount: Wide
    seeded: Wide
    cut: Wide
    cut_fate: U8
    hop: I32
    via: I64
    rest: Wide
    fate: U8
    unopened: np.ndarray[tuple[int], np.dtype[np.bool_]]

    @property
    def partial(self) -> bool:
        """Whether an opening balance was missing where it mattered: coverage is `partial`."""
        return bool(self.unopened.any())

    def totals(self, transfers: Transfers) -> Mapping[int, Mapping[str, int]]:
        """Asset number -> reason -> base units, only what is not 0; `seed` equals all others, but for poison.

        `fees` went to the fee sink, `burned` into nothing; turned round, into nothing is `minted`.
        """
        of_transfer, assets = transfers.asset_of(), int(transfers.asset.max(initial=-1)) + 1
        rows = [
            ("seed", self.seeded, of_transfer),
            ("fees", self.amount, np.where(transfers.target == FEE_SINK, of_transfer, -1)),
            (
                "minted" if transfers.backward else "burned",
                self.amount,
                np.where(transfers.target == OUTSIDE, of_transfer, -1),
            ),
        ]
        rows += [
            (Fate(fate).reason, self.cut, np.where(self.cut_fate == fate, of_transfer, -1))
            for fate in np.unique(self.cut_fate[self.cut_fate != Fate.SPENT]).tolist()
        ]
        rows += [
            (Fate(fate).reason, self.rest, np.where(self.fate == fate, transfers.asset, -1))
            for fate in np.unique(self.fate).tolist()
        ]
        found: dict[int, dict[str, int]] = {}
        for reason, column, group in rows:
            for asset, units in enumerate(sums(column, group, assets)):
                if units:
                    row = found.setdefault(asset, {})
                    row[reason] = row.get(reason, 0) + units
        return found


class QueueMethod(Protocol):
    """A convention of how taint passes through account queues."""

    def __call__(self, transfers: Transfers, seeding: QueueSeeding, limits: Limits) -> QueueTaint:
        """Run over all transfers in order."""


class QueueApart(Protocol):
    """How a method tells seeds apart."""

    def __call__(self, transfers: Transfers, seeding: QueueSeeding, limits: Limits) -> dict[int, Wide]:
        """Seed number -> taint of each transfer that is that seed's; under the cuts of all together."""


def reverse(transfers: Transfers) -> Transfers:
    """The same ledger with time turned round, to follow money back to where it came from.

    Transfers in reverse order with their ends swapped; a queue opens with what it closed with. FIFO and LIFO
    match every unit that left a queue with one that entered it, so that each, turned round, is its own inverse:
    what transfer `s` sends into transfer `x` forward is what `x` has from `s` backward. Raises as a kernel does.
    """
    closing, status, place = _closing(
        transfers.source, transfers.target, transfers.amount, transfers.opening, transfers.mode()
    )
    transfers.refuse(status, place)
    last = len(transfers) - 1
    return Transfers(
        transfers.target[::-1].copy(),
        transfers.source[::-1].copy(),
        transfers.amount[::-1].copy(),
        transfers.asset,
        closing,
        transfers.known,
        transfers.fate,
        not transfers.backward,
        lambda place: transfers.name(last - place),
    )


@njit(cache=True, nogil=True)
def _closing(source, target, amount, opening, mode):  # type: ignore[no-untyped-def]
    balance = opening.copy()
    for t in range(len(source)):
        hi, lo = at(amount, t)
        if not lose(balance, source[t], mode, hi, lo):
            return balance, NEGATIVE, t
        if not gain(balance, target[t], mode, hi, lo):
            return balance, OVERFLOW, t
    return balance, 0, 0


def taint_of(transfers: Transfers, found: tuple[Any, ...], *, ends: bool = True) -> QueueTaint:
    """What a kernel returned, or the error it stopped with.

    `found` is the columns of `QueueTaint` without `fate`, then status and place; `ends` says whether the
    method ends a trail where an opening balance is missing.
    """
    amount, seeded, cut, cut_fate, hop, via, rest, unopened, status, place = found
    transfers.refuse(status, place)
    fate = np.where(unopened & ends, np.uint8(Fate.UNREAD), transfers.fate)
    return QueueTaint(amount, seeded, cut, cut_fate, hop, via, rest, fate, unopened)


def floor_of(limits: Limits) -> tuple[np.uint64, np.uint64]:
    """The value floor as (hi, lo)."""
    return limbs(min(limits.floor, MOST))
