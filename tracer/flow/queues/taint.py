"""What a queue kernel finds, and what is asked of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tracer.flow.fates import Fate
from tracer.flow.movements import I32, I64, U8, Limits
from tracer.flow.queues.columns import CONVERSION, FEE_SINK, OUTSIDE, Bools, QueueSeeding, Transfers
from tracer.flow.queues.wide import Wide, minus, sums


@dataclass(frozen=True)
class QueueTaint:
    """What a kernel found.

    amount    Wide[m]   taint in the transfer, carried or seeded; 0 in one of unknown amount, which under poison
                        has a hop nevertheless: it may have carried anything
    seeded    Wide[m]   the part of it that entered the trace there
    cut       Wide[m]   taint that ended in the source queue because this transfer was cut
    cut_fate  uint8[m]  HOP_LIMIT or VALUE_FLOOR where cut, else SPENT
    hop       int32[m]  0 where seeded, else one more than the least hop of what brought its taint, and of what
                        comes out of a conversion that of what went in; -1 where none
    via       int64[m]  the transfer that brought its taint, nearest to a seed, earliest first; -1 where none
    rest      Wide[q]   taint left in the queue; under poison its balance, counted once
    fate      uint8[q]  where that rests: the fate of the queue, UNREAD where `unopened` ended the trail
    unopened  bool[q]   the queue paid out while it held taint, and its balance was not known then
    """

    amount: Wide
    seeded: Wide
    cut: Wide
    cut_fate: U8
    hop: I32
    via: I64
    rest: Wide
    fate: U8
    unopened: Bools

    @property
    def partial(self) -> bool:
        """Whether a balance was not known where it mattered: coverage is `partial`."""
        return bool(self.unopened.any())

    def totals(self, transfers: Transfers) -> Mapping[int, Mapping[str, int]]:
        """Asset number -> reason -> base units, only what is not 0.

        `seed` and `converted_in` equal all others, but for poison. `fees` went to the fee sink, `burned` into
        nothing; turned round, into nothing is `minted`. `converted_out` left the asset by a conversion,
        `converted_in` came into it, each in its own units.
        """
        of_transfer, assets = transfers.asset_of(), transfers.assets()
        rows = [
            ("seed", self.seeded, of_transfer),
            ("fees", self.amount, np.where(transfers.target == FEE_SINK, of_transfer, -1)),
            (
                "minted" if transfers.backward else "burned",
                self.amount,
                np.where(transfers.target == OUTSIDE, of_transfer, -1),
            ),
        ]
        if transfers.conversions():
            came = minus(self.amount, self.seeded)
            rows += [
                ("converted_in", came, np.where(transfers.source <= CONVERSION, of_transfer, -1)),
                ("converted_out", self.amount, np.where(transfers.target <= CONVERSION, of_transfer, -1)),
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


def taint_of(transfers: Transfers, found: tuple[Any, ...], *, ends: bool = True) -> QueueTaint:
    """What a kernel returned, or the error it stopped with.

    `found` is the columns of `QueueTaint` without `fate`, then status and place; `ends` says whether the
    method ends a trail where an opening balance is missing.
    """
    amount, seeded, cut, cut_fate, hop, via, rest, unopened, status, place = found
    transfers.refuse(status, place)
    fate = np.where(unopened & ends, np.uint8(Fate.UNREAD), transfers.fate)
    return QueueTaint(amount, seeded, cut, cut_fate, hop, via, rest, fate, unopened)
