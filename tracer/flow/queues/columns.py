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

**Conversions.** A swap, a wrap, a bridge inside one chain: one transfer takes units of one asset out of a queue
into a conversion, a later one brings units of another asset out of it into a queue. The two are one movement: the
second has the hop of the first, carries its taint scaled by the amounts, and is never cut itself; a first one that
is cut brings nothing. Under FIFO and LIFO the order of the units is kept, under poison taint in is taint out.
Who nets several transfers of one party into the two is the caller.

**Openings.** A share, a first unit and a last unit are of a balance. Where a queue pays out while it holds
taint and its opening balance is not known, FIFO, LIFO and haircut stop: the taint stays there as `unread` and
the result is partial (`QueueTaint.partial` in `.taint`). Poison needs no balance but to end; there it never ends.
A transfer of an amount that nobody could read (`Transfers.unknown`), or one that makes a balance outgrow 128 bits,
takes the known balance away from there on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tracer.errors import DataError, StoreDamaged
from tracer.flow.fates import Fate
from tracer.flow.movements import I64, U8, Limits
from tracer.flow.queues.shared import FOLLOWED, NEGATIVE, OVERFLOW, UNFOLLOWED, UNOPENED, still
from tracer.flow.queues.wide import MOST, U64, Wide, from_ints, limbs, sums, zeros

Bools = np.ndarray[tuple[int], np.dtype[np.bool_]]

OUTSIDE, FEE_SINK, CONVERSION = -1, -2, -3
"""Ends that are no queue: nothing (a mint comes out of it, a burn goes into it), where gas goes, and conversions:
number `k` of them is the end `CONVERSION - k`."""

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

    source   int64[m]     queue number, OUTSIDE for a mint (FEE_SINK when turned round), CONVERSION - k for what
                          comes out of conversion k
    target   int64[m]     queue number, OUTSIDE for a burn, FEE_SINK for gas, CONVERSION - k for what goes into
                          conversion k; conversions are numbered from 0, each has one in and, later, one out
    amount   Wide[m]      at most `GREATEST`; 0 where unknown
    asset    int64[q]     asset number of the queue
    opening  Wide[q]      balance before the first transfer; 0 where unknown or not followed
    known    bool[q]      whether the opening balance is known
    fate     uint8[q]     `Fate` of what stays in the queue: one of `PASSED_ON` where the queue is followed; else
                          what enters it stays, and what leaves it carries no taint
    backward              whether the columns were turned round by `reverse`
    name                  how errors name a transfer
    unknown  bool[m]      whether nobody could read the amount (a uint256 above 38 digits): the queues at both ends
                          have no known balance from there on; never of a conversion, never a seed; None: none is
    """

    source: I64
    target: I64
    amount: Wide
    asset: I64
    opening: Wide
    known: Bools
    fate: U8
    backward: bool = False
    name: Naming = by_place
    unknown: Bools | None = None

    def __len__(self) -> int:
        return len(self.source)

    def mode(self) -> U8:
        """uint8[q]: FOLLOWED, UNFOLLOWED, or UNOPENED for one to follow whose opening is not known."""
        passed = np.isin(self.fate, PASSED_ON)
        return np.where(passed, np.where(self.known, FOLLOWED, UNOPENED), UNFOLLOWED).astype(np.uint8)

    def asset_of(self) -> I64:
        """int64[m]: the asset of each transfer."""
        return self.asset[np.maximum(self.source, self.target)]

    def assets(self) -> int:
        """How many assets there are: their numbers are below it."""
        return int(self.asset.max(initial=-1)) + 1

    def conversions(self) -> int:
        """How many conversions there are."""
        return int(np.count_nonzero(self.target <= CONVERSION))

    def floors(self, limits: Limits) -> Wide:
        """Wide[assets]: the value floor of each asset; `ValueError` where `Limits.floors` are not one for each."""
        if limits.floors and len(limits.floors) != self.assets():
            raise ValueError(f"{len(limits.floors)} floors for {self.assets()} assets")
        if limits.floors:
            return from_ints(min(floor, MOST) for floor in limits.floors)
        floors = zeros(self.assets())
        floors[:, 1], floors[:, 0] = limbs(min(limits.floor, MOST))
        return floors

    def unreadable(self) -> Bools:
        """`unknown` in full."""
        return np.zeros(len(self), np.bool_) if self.unknown is None else self.unknown

    def kernel(self) -> tuple[Any, Any, Any, Any, Any, Any, int]:
        """What every kernel reads first; views that cannot be written to, so that each is compiled once."""
        return (
            still(self.source),
            still(self.target),
            still(self.amount),
            still(self.opening),
            still(self.mode()),
            still(self.unreadable()),
            self.conversions(),
        )

    def check(self) -> None:
        """Refuse columns that break what kernels rest on; `StoreDamaged` names the first transfer.

        A negative balance shows when a kernel runs.
        """
        q, unknown = len(self.asset), self.unreadable()
        low, high = np.minimum(self.source, self.target), np.maximum(self.source, self.target)
        self._refuse((high >= q) | (high < 0), "has an end that is no account")
        # where the lower end is no queue, the higher one stands for both
        other = self.asset[np.where(low >= 0, low, high)]
        self._refuse(self.asset_of() != other, "changes the asset on its way")
        self._refuse(self.amount[:, 1] >= U64(1 << 63), f"moves more than {GREATEST} base units")
        self._refuse(unknown & self.amount.any(axis=1), "has an amount and is said to have none")
        self._refuse(unknown & (low <= CONVERSION), "converts an amount that nobody knows")
        self._refuse(self._unpaired(low), "is of a conversion without its other side")
        if np.any(self.fate == Fate.SPENT):
            raise StoreDamaged("an account on the trail has no fate.")

    def _unpaired(self, low: I64) -> Bools:
        """Transfers of conversions that have not one in and, later, one out, or a number beyond their count."""
        count, wrong, number = self.conversions(), low <= CONVERSION, CONVERSION - low
        into, out = (
            np.flatnonzero((end <= CONVERSION) & (number < count)) for end in (self.target, self.source)
        )
        once = [np.bincount(number[places], minlength=count) == 1 for places in (into, out)]
        entered, left = np.full(count, -1), np.full(count, -1)
        entered[number[into]], left[number[out]] = into, out
        paired = np.append(once[0] & once[1] & (entered < left), False)
        fits: Bools = paired[np.where(wrong, np.minimum(number, count), count)]
        return wrong & ~fits

    def _refuse(self, wrong: Bools, words: str) -> None:
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
        """Refuse seeds of an amount that nobody knows, and more than a taint can count; `DataError`."""
        lost = transfers.unreadable() & (self.owner >= 0)
        if lost.any():
            raise DataError(
                f"{transfers.name(int(lost.argmax()))} is a seed, and its amount is too great to be read.",
                hint="No honest asset has so many units: leave it out.",
            )
        if self.outgrown(transfers):
            raise DataError(
                f"seeds and conversions add up to more than {MOST} base units of one asset.",
                hint="No honest asset has so many: leave it out.",
            )

    def outgrown(self, transfers: Transfers) -> list[int]:
        """Assets of which seeds and conversions together bring more than a taint can count.

        A hostile token can be made so: a caller ends the conversions into it, lest it spoil all others.
        """
        asset = transfers.asset_of()
        brought = sums(self.fixed, asset, transfers.assets())
        if transfers.conversions():
            came = sums(
                transfers.amount, np.where(transfers.source <= CONVERSION, asset, -1), transfers.assets()
            )
            brought = [one + two for one, two in zip(brought, came, strict=True)]
        return [number for number, units in enumerate(brought) if units > MOST]
