"""Taint, counted by counterparty: from the parts of a cut to exposures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from tracer.errors import StoreDamaged
from tracer.flow.fates import Fate
from tracer.flow.methods import method
from tracer.flow.movements import I64, Limits, Taint
from tracer.flow.worth import DAY
from tracer.screening.exposure.bursts import WORDS, Payment
from tracer.screening.exposure.cut import Cut, cut
from tracer.screening.exposure.parties import CROWD, MIX, POOL, SHIELDED, Parties, Party
from tracer.screening.exposure.trails import Many
from tracer.screening.exposure.ways import by_day, paths
from tracer.screening.model import METHODS

if TYPE_CHECKING:
    import polars as pl

STOPS = tuple(
    int(fate)
    for fate in (Fate.SERVICE, Fate.CUSTODIAL_POOL, Fate.MIXER, Fate.BRIDGE, Fate.HIGH_DEGREE, Fate.CATEGORY)
)
PATHS = 3
"""Shown of each exposure, the ones of most money."""

ROOM = 1 << 19
"""Outputs of parts that are copied at a time (P)."""


@dataclass
class Met:
    """Money of one run at one counterparty, of one KYC level, at one distance."""

    party: Party
    level: str
    hops: int
    units: dict[str, int]
    first: int
    last: int
    paths: list[list[int]] = field(default_factory=list)
    days: dict[int, int] = field(default_factory=dict)


@dataclass
class Reach:
    """What lots came to in one direction: by run what was met, what extorters got; sets cut, sets with unread money."""

    met: dict[int, list[Met]] = field(default_factory=dict)
    extorted: dict[int, list[Payment]] = field(default_factory=dict)
    over: set[int] = field(default_factory=set)
    unread: set[int] = field(default_factory=set)


def reach(many: Many, parties: Parties, *, hops: int, most: int, days: bool) -> Reach:
    """Run the kernels over the parts of all runs and count what they bring to whom. `most`: transactions of a run."""
    found, first = Reach(), 0
    ends = _Ends(many, parties)
    while first < len(many.runs):
        part = cut(many.field, many.entries, first, hops, most, ROOM)
        taints = {name: method(name)(part.movements, part.seeding, Limits(hops)) for name in METHODS}
        for name, taint in taints.items():
            _conserved(name, part, taint)
        _count(many, part, taints, ends, found, days=days)
        found.over.update(int(many.entries.seed[r]) for r in np.flatnonzero(part.over))
        first = part.last
    return found


def _conserved(name: str, part: Cut, taint: Taint) -> None:
    """Of every run: what was seeded rests somewhere or was paid as a fee."""
    fees = np.zeros(len(part.run), np.int64)
    first = part.movements.out_start[:-1]
    has = np.diff(part.movements.out_start) > 0
    np.add.at(fees, first[has], taint.fees[has])
    gone = int(taint.fees[~has].sum())
    open_ = taint.seeded - taint.rests() - fees
    sums = np.add.reduceat(open_, _begins(part.run)) if len(open_) else open_
    if np.any(sums) or gone or np.any(taint.amount < 0):
        raise StoreDamaged(
            f"a {name} examination does not conserve value.",
            hint="This is a fault of the engine or the store; please report it with the subject.",
        )


def _begins(run: I64) -> I64:
    return np.flatnonzero(np.append(True, run[1:] != run[:-1]))


class _Ends:
    """Which party stands at each output of a trail where it may end: numbers, and what they mean."""

    def __init__(self, many: Many, parties: Parties) -> None:
        trail = many.trail
        self.levels = parties
        self.parties: list[Party] = []
        self.number = np.full(len(trail.vout), -1, np.int64)
        held = trail.holding >= 0
        self._each(np.flatnonzero(held), trail.holding, parties.of)
        free = ~held
        fate = trail.movements.out_fate
        other = np.where(many.field.other != 255, many.field.other, fate)
        self._bare(free & (trail.pool >= 0), POOL)
        self._bare(free & (trail.degree >= 0) & (trail.pool < 0), CROWD)
        mixed = free & (other == int(Fate.MIXER))
        self._bare(mixed & (trail.beyond >= 0), MIX)
        self._bare(mixed & (trail.beyond < 0), SHIELDED)
        self.mixing = np.array([party.bare == MIX for party in self.parties], np.int64)
        self.extorting = np.array([not WORDS.isdisjoint(party.words) for party in self.parties], bool)
        self.own = np.array([party.own for party in self.parties], bool)

    def _each(self, at: I64, of: I64, party: Any) -> None:
        if not len(at):
            return
        keys, place = np.unique(of[at], return_inverse=True)
        self.number[at] = len(self.parties) + place
        self.parties += [party(int(key)) for key in keys]

    def _bare(self, which: Any, word: str) -> None:
        if which.any():
            self.number[which] = len(self.parties)
            self.parties.append(Party(bare=word))


def _count(
    many: Many, part: Cut, taints: Mapping[str, Taint], ends: _Ends, found: Reach, *, days: bool
) -> None:
    trail = many.trail
    moved = np.zeros(len(part.run), bool)
    for taint in taints.values():
        moved |= taint.amount > 0
    fate = part.movements.out_fate
    unread = moved & (fate == int(Fate.UNREAD))
    found.unread.update((many.entries.seed[np.unique(part.run[unread])]).tolist())
    at = np.flatnonzero(moved & np.isin(fate, STOPS))
    number = ends.number[part.source[at]]
    at, number = at[number >= 0], number[number >= 0]
    if not len(at):
        return
    at, number = at[~ends.own[number]], number[~ends.own[number]]
    if not len(at):
        return
    source = part.source[at]
    hop = _least(
        [taint.hop[at] for taint in taints.values()], [taint.amount[at] for taint in taints.values()]
    )
    steps = hop + ends.mixing[number]
    # what left is at hop 0, and so is what is spread; a lot that is gone back from was brought by the first hop
    steps += np.where(_from_lots(part, taints)[at] > 0, 0, 1) if trail.backward else 1
    _extorted(many, part, at[ends.extorting[number] & (steps <= 1)], taints, found)
    level, names = _levels(ends, number, trail.time[source])
    grouped = _grouped(part.run[at], number, level, steps, taints, at, trail.time[source], whole=days)
    for row in grouped.iter_rows(named=True):
        run = many.runs[row["run"]]
        met = Met(
            ends.parties[row["party"]], names[row["level"]], row["steps"],
            {name: row[name] for name in METHODS}, row["first"], row["last"],
            paths(many, part, taints, row["top"], mixed=bool(ends.mixing[row["party"]])),
        )  # fmt: skip
        if days:
            met.days = by_day(trail.time[part.source[row["all"]]], taints, row["all"], met.units)
        found.met.setdefault(run, []).append(met)


def _extorted(many: Many, part: Cut, at: I64, taints: Mapping[str, Taint], found: Reach) -> None:
    """Note payments of the sets themselves to extorters."""
    if many.trail.backward:
        return
    for output in at.tolist():
        source, run = int(part.source[output]), many.runs[int(part.run[output])]
        units = max(int(taint.amount[output]) for taint in taints.values())
        paid = Payment(int(many.trail.time[source]), int(many.trail.met[source]), units)
        found.extorted.setdefault(run, []).append(paid)


def _least(hops: Sequence[Any], amounts: Sequence[I64]) -> I64:
    """The least hop of the methods that bring anything."""
    big = np.int64(1 << 40)
    met = [np.where(a > 0, h.astype(np.int64), big) for h, a in zip(hops, amounts, strict=True)]
    least: I64 = np.min(met, axis=0)
    return least


def _from_lots(part: Cut, taints: Mapping[str, Taint]) -> I64:
    """Of each output whether its money goes back to a lot by itself (1), along `via`, or to a net that was spread."""
    found = np.zeros(len(part.run), np.int64)
    for taint in reversed(list(taints.values())):
        lot = _along(taint.via, taint.seeded, part.seeding.fixed)
        found = np.where(taint.amount > 0, lot, found)
    return found


@njit(cache=True, nogil=True)
def _along(via, seeded, given):  # type: ignore[no-untyped-def]
    lot = np.zeros(len(via), np.int64)
    for o in range(len(via)):
        if seeded[o] > 0:
            lot[o] = given[o] > 0
        elif via[o] >= 0:
            lot[o] = lot[via[o]]
    return lot


def _levels(ends: _Ends, number: I64, time: I64) -> tuple[I64, list[str]]:
    """KYC level of each payment's service on its day: numbers and names."""
    parties = ends.parties
    vasp = np.array([p.vasp_id is not None for p in parties], bool)[number]
    day = np.where(vasp, time // DAY, -1)
    key = number * (1 << 32) + day + 1
    each, place = np.unique(key, return_inverse=True)
    names: dict[str, int] = {}
    told = np.empty(len(each), np.int64)
    for i, k in enumerate(each.tolist()):
        who, when = divmod(k, 1 << 32)
        level = ends.levels.level(parties[who].vasp_id, when - 1)
        told[i] = names.setdefault(level, len(names))
    return told[place], list(names)


def _grouped(
    run: I64,
    party: I64,
    level: I64,
    steps: I64,
    taints: Mapping[str, Taint],
    at: I64,
    time: I64,
    *,
    whole: bool,
) -> pl.DataFrame:
    """One row for each run, party, level, and direct or not: sums, the least steps, times, outputs of most money."""
    import polars as pl

    frame = pl.DataFrame(
        {
            "run": run,
            "party": party,
            "level": level,
            "direct": steps <= 1,
            "steps": steps,
            "time": time,
            "at": at,
        }
        | {name: taints[name].amount[at] for name in METHODS}
    )
    most = pl.max_horizontal(*METHODS)
    return (
        frame.sort(
            ["run", "party", "level", "direct", "steps", most, "at"], descending=[False] * 5 + [True, False]
        )
        .group_by("run", "party", "level", "direct", maintain_order=True)
        .agg(
            pl.col("steps").min(),
            *(pl.col(name).sum() for name in METHODS),
            pl.col("time").min().alias("first"),
            pl.col("time").max().alias("last"),
            pl.col("at").head(PATHS).alias("top"),
            *([pl.col("at").alias("all")] if whole else []),
        )
    )
