"""A trace over several chains: each runs apart, a matched crossing brings money to the next, to a fixed point.

What a bridge took ends on the near chain as `converted_out`; of the other side's transfer the same share is traced, by
largest remainder, method by method, and counts there as `converted_in`. A chain runs again when more comes to it.
Money never arrives before it left, so each round settles at least the next crossing in time; the number of crossings
bounds the rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tracer.amounts import largest_remainder
from tracer.flow.beyond import BROUGHT, CEILING, NOTHING, Beyond, Place, ends_of
from tracer.flow.bridges.crossings import Told, told
from tracer.flow.bridges.matching import Matched, chains_beyond, match
from tracer.flow.bridges.rules import Bridges
from tracer.flow.bridges.said import said_of
from tracer.flow.document import sums_of
from tracer.flow.facts import Answer, Facts
from tracer.flow.fates import Fate
from tracer.flow.offchain import Followed
from tracer.flow.one import OneChain
from tracer.flow.seeding.seeds import Lots

if TYPE_CHECKING:
    import polars as pl

Units = dict[str, int]
"""Method, or CEILING -> base units."""

Beside = Callable[[str], OneChain | None]
"""Opens another chain of the workspace; None where nothing of it was read, or it cannot be asked this."""


@dataclass(frozen=True)
class Crossed:
    """A crossing that carried money: its row of `Matched.crossings`, and what of each side is traced by each method."""

    row: dict[str, Any]
    near: Units
    far: Units


@dataclass
class Across:
    """A finished trace.

    first     what the home chain said before anything came back to it
    chains    chain -> what was followed there; the home chain first, then by name
    crossed   crossings that carried money, in their order
    beyond    chain -> what it was told
    notes, gaps  for coverage; a gap makes it partial
    """

    first: Followed
    chains: dict[str, Followed]
    crossed: list[Crossed]
    beyond: Mapping[str, Beyond]
    runs: Mapping[str, OneChain]
    notes: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)


class Walk:
    """One question over all chains that its money reaches. One use: `Walk(...).run(lots)`."""

    def __init__(self, home: OneChain, bridges: Bridges, beside: Beside) -> None:
        self._home, self._bridges, self._beside = home.name, bridges, beside
        self._runs: dict[str, OneChain] = {}
        self._told: dict[str, Told] = {}
        self._tried: set[str] = set()
        self._backward = home.question.direction == "backward"
        self._near, self._far = ("in", "out") if self._backward else ("out", "in")
        self._brought: dict[str, dict[Place, Units]] = {}
        self._crossed: dict[int, Crossed] = {}
        self._matched: Matched
        self._open(home)

    def _open(self, run: OneChain) -> None:
        self._tried.add(run.name)
        self._runs[run.name] = run
        self._told[run.name] = told(run.ledger, run.services, self._bridges.rules, self._bridges.pinned)
        self._matched = match({name: one.sides for name, one in self._told.items()})

    def run(self, lots: Lots) -> Across:
        """Follow lots of the home chain, and what of them went on on others."""
        seeds = {self._home: lots}
        found: dict[str, Followed] = {}
        beyond: dict[str, Beyond] = {}
        dirty, rounds, settled = {self._home}, 0, True
        first: Followed | None = None
        while dirty:
            for name in sorted(dirty):
                if name not in seeds:
                    seeds[name] = self._runs[name].nothing()
                beyond[name] = self._beyond(name)
                lots = _with_seed(seeds[name], beyond[name])
                found[name] = self._booked(self._runs[name].follow(lots, beyond[name]), beyond[name])
            opened = self._open_beyond(found)
            if first is None and not opened:
                first = found[self._home]
            if opened:  # ends are known anew everywhere
                dirty = set(found)
                continue
            dirty = self._arrive(found)
            rounds += 1
            if dirty and rounds > self._matched.crossings.height + 1:
                settled, dirty = False, set()
        assert first is not None
        order = [self._home, *sorted(set(found) - {self._home})]
        across = Across(
            first, {name: found[name] for name in order}, [self._crossed[n] for n in sorted(self._crossed)], beyond,
            self._runs, [*self._bridges.notes, *self._spoofed(found)],
        )  # fmt: skip
        if not settled:
            across.gaps.append(
                "crossings between chains feed each other in a circle: amounts behind them are too low"
            )
        return across

    def _beyond(self, name: str) -> Beyond:
        """What a chain is told now."""
        here = self._matched.crossings.filter(self._matched.crossings[f"chain_{self._near}"] == name)
        columns = ["tx_id", "position", "asset_id", "units"]
        rows = [(*row, True) for row in here.select(f"{c}_{self._near}" for c in columns).iter_rows()]
        single = self._matched.single
        lone = single.filter((single["chain"] == name) & (single["side"] == self._near))
        rows += [(*row, False) for row in lone.drop_nulls("position").select(columns).iter_rows()]
        pools = self._runs[name].pools
        holds = {**dict.fromkeys(self._told[name].contracts, Fate.BRIDGE), **dict.fromkeys(pools, Fate.MIXER)}
        return Beyond(
            ends_of(rows), holds, self._brought.get(name, {}),
            said_of(self._runs[name].ledger, lone, self._bridges.pinned, self._opened()), pools,
        )  # fmt: skip

    def _spoofed(self, found: Mapping[str, Followed]) -> list[str]:
        """What transactions of the trail say of bridges by contracts that no list names."""
        notes = []
        for name, followed in found.items():
            unpinned = self._told[name].unpinned
            if unpinned is None or not unpinned.height:
                continue
            txs = _carrying(followed)
            here = unpinned.filter(unpinned["tx_id"].is_in(sorted(txs)))
            for bridge, events in sorted(_counted(here)):
                notes.append(
                    f"{events} events on {name} look like {bridge} and are of contracts that no list names: ignored"
                )
        return notes

    def _opened(self) -> Mapping[str, Any]:
        return {name: run.ledger for name, run in self._runs.items()}

    def _open_beyond(self, found: Mapping[str, Followed]) -> bool:
        """Open the chains to which money left that nobody looked at yet; whether there are any."""
        wanted: set[str] = set()
        single = self._matched.single
        for name, followed in found.items():
            lone = single.filter((single["chain"] == name) & (single["side"] == self._near))
            met = _places(followed, (Fate.BRIDGE,))
            if lone.height and met:
                txs = {tx_id for tx_id, _ in met}
                lone = lone.filter(lone["tx_id"].is_in(list(txs)))
                wanted |= chains_beyond(lone, self._bridges.pinned)
        runs = []
        for name in sorted(wanted - self._tried):
            self._tried.add(name)
            run = self._beside(name)
            if run is not None:
                runs.append(run)
        for run in runs:
            self._open(run)
        return bool(runs)

    def _arrive(self, found: Mapping[str, Followed]) -> set[str]:
        """Take what arrived at crossings over to their far sides; -> the chains to which another amount comes now."""
        brought: dict[str, dict[Place, Units]] = {}
        self._crossed = {}
        for name, followed in found.items():
            here = self._matched.crossings.filter(self._matched.crossings[f"chain_{self._near}"] == name)
            if not here.height:
                continue
            arrived = _arrived(followed)
            for row in here.iter_rows(named=True):
                near = _at(arrived, row, self._near)
                if near is None:
                    continue
                far = {method: self._scaled(row, units) for method, units in near.items()}
                self._crossed[row["number"]] = Crossed(row, near, far)
                place = row[f"tx_id_{self._far}"], row[f"position_{self._far}"]
                brought.setdefault(row[f"chain_{self._far}"], {})[place] = far
        changed = {
            name
            for name in {*brought, *self._brought}
            if brought.get(name, {}) != self._brought.get(name, {})
        }
        self._brought = brought
        return changed

    def _scaled(self, row: Mapping[str, Any], units: int) -> int:
        """The part of the far side's transfer that is traced, where so much of the near side's is."""
        whole = int(row[f"units_{self._near}"])
        part = min(units, whole)
        return largest_remainder(int(row[f"units_{self._far}"]), [part, whole - part])[0]

    @staticmethod
    def _booked(followed: Followed, beyond: Beyond) -> Followed:
        """Answers that count what bridges brought as `converted_in`, not as seeded."""
        facts, answers = followed
        if not beyond.brought:
            return followed
        return facts, [replace(answer, sums=_sums(facts, answer, beyond)) for answer in answers]


def _with_seed(lots: Lots, beyond: Beyond) -> Lots:
    """Lots with one more seed, where a bridge brought anything."""
    return replace(lots, seeds=[*lots.seeds, BROUGHT]) if beyond.brought else lots


def _sums(facts: Facts, answer: Answer, beyond: Beyond) -> list[dict[str, int]]:
    sums = [dict(told) for told in sums_of(answer)]
    for (tx_id, position), units in beyond.of(answer.method).items():
        (o,) = facts.trail.index(np.array([tx_id]), np.array([position])).tolist()
        if o >= 0:
            came = min(units, int(answer.taint.seeded[o]))
            row = sums[facts.asset(o)]
            row["seed"] -= came
            row["converted_in"] += came
    return sums


def _places(followed: Followed, fates: Sequence[Fate]) -> set[Place]:
    """Where money ends so under any method, or at most."""
    facts, answers = followed
    ended = np.isin(facts.trail.movements.out_fate, [int(fate) for fate in fates])
    carries = facts.ceiling > 0
    for answer in answers:
        carries = carries | (answer.taint.amount > 0)
    at = np.flatnonzero(ended & carries.astype(np.bool_))
    return set(zip(facts.trail.point[at].tolist(), facts.trail.vout[at].tolist(), strict=True))


def _counted(unpinned: pl.DataFrame) -> list[tuple[str, int]]:
    import polars as pl

    return unpinned.group_by("bridge").agg(pl.col("events").sum()).rows()


def _carrying(followed: Followed) -> set[int]:
    """Transactions that traced money went through under any method."""
    facts, answers = followed
    carries = np.zeros(len(facts.trail.met), np.bool_)
    for answer in answers:
        carries |= (answer.taint.amount > 0).astype(np.bool_)
    return set(facts.trail.met[carries].tolist())


def _arrived(followed: Followed) -> dict[Place, tuple[int, Units]]:
    """Place -> base units of the transfer, and what of it is traced by each method, where a crossing took money."""
    facts, answers = followed
    trail = facts.trail
    found: dict[Place, tuple[int, Units]] = {}
    for o in np.flatnonzero(trail.movements.out_fate == int(Fate.CROSSED)).tolist():
        if trail.point[o] < 0:
            continue
        units = {answer.method: int(answer.taint.amount[o]) for answer in answers}
        # poison marks whole transfers: it is no bound
        units[CEILING] = max([int(facts.ceiling[o]), *(u for name, u in units.items() if name != "poison")])
        if any(units.values()):
            place = int(trail.point[o]), int(trail.vout[o])
            found[place] = int(trail.movements.out_value[o]), units
    return found


def _at(arrived: Mapping[Place, tuple[int, Units]], row: Mapping[str, Any], near: str) -> Units | None:
    """What arrived at the near side of a crossing; where a swap stands for its transfer, by the amount."""
    tx_id, position = row[f"tx_id_{near}"], row[f"position_{near}"]
    if (tx_id, position) in arrived:
        return arrived[tx_id, position][1]
    same = [
        units for (tx, _), (whole, units) in arrived.items() if tx == tx_id and whole == row[f"units_{near}"]
    ]
    return same[0] if len(same) == 1 else None


def walk(home: OneChain, lots: Lots, bridges: Bridges | None, beside: Beside) -> Across:
    """Follow lots of the home chain, and over bridges on others of the workspace; without bridges there alone."""
    if bridges is None:
        alone = home.follow(lots, NOTHING)
        return Across(alone, {home.name: alone}, [], {home.name: NOTHING}, {home.name: home})
    return Walk(home, bridges, beside).run(lots)
