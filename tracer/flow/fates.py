"""Where money rests at the end of a trace: one fate per output, one bucket per fate.

The buckets are those of the conservation rule (CONTRACTS, `totals`): what was seeded equals what rests in
them, to the base unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum


class Fate(IntEnum):
    """Why the money in an output is not followed further; `SPENT` is the one that is followed.

    Backward, `MINTED` is money of a coinbase, and `UNSPENT` and `BURNED` do not occur. `CROSSED` went on over a bridge
    and is followed on the other chain.
    """

    SPENT = 0
    UNSPENT = 1
    UNREAD = 2
    BURNED = 3
    SERVICE = 4
    CUSTODIAL_POOL = 5
    MIXER = 6
    BRIDGE = 7
    HIGH_DEGREE = 8
    HOP_LIMIT = 9
    VALUE_FLOOR = 10
    TX_LIMIT = 11
    TIME_WINDOW = 12
    MINTED = 13
    CATEGORY = 14
    INTERRUPTED = 15
    CROSSED = 16

    @property
    def reason(self) -> str:
        """The word that documents use: `custodial_pool`."""
        return self.name.lower()


BUCKETS: dict[str, tuple[Fate, ...]] = {
    "services": (Fate.SERVICE,),
    "unspent": (Fate.UNSPENT,),
    "minted": (Fate.MINTED,),
    "unread": (Fate.UNREAD,),
    "burned": (Fate.BURNED,),
    "stopped": (Fate.CUSTODIAL_POOL, Fate.MIXER, Fate.BRIDGE, Fate.HIGH_DEGREE, Fate.CATEGORY),
    "converted_out": (Fate.CROSSED,),
    "pruned": (Fate.HOP_LIMIT, Fate.VALUE_FLOOR, Fate.TX_LIMIT, Fate.TIME_WINDOW, Fate.INTERRUPTED),
}
"""Bucket of `totals` -> the fates it sums. Fees are counted per movement and have no fate."""


def last_gap(runs: Sequence[tuple[int, int]], tip: int) -> int:
    """The greatest height up to the tip whose block was not read whole; -1 where all from the first one on were.

    What was made up to there may have been spent there: that nothing spends it was not seen.
    """
    if not runs or runs[-1][1] < tip:
        return tip
    return runs[-1][0] - 1 if len(runs) > 1 else -1
