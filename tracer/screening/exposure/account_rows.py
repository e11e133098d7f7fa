"""Money of an account that was followed, counted by counterparty and asset: exposures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tracer.flow.facts import Answer, Facts
from tracer.flow.fates import Fate
from tracer.flow.worth import DAY
from tracer.ledger.store import Ledger
from tracer.screening.exposure.beside import later
from tracer.screening.exposure.bursts import WORDS, Payment, bursts
from tracer.screening.exposure.parties import CROWD, MIX, POOL, Parties, Party, iso
from tracer.screening.exposure.rows import PATHS, STOPS
from tracer.screening.model import METHODS, Exposure, Side

BRIDGE = "defi_bridge"
"""The word of a bridge that a list or an event names and no claim."""

_BARE = {
    Fate.CUSTODIAL_POOL: POOL, Fate.HIGH_DEGREE: CROWD, Fate.MIXER: MIX, Fate.BRIDGE: BRIDGE,
}  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One trace of a subject's money. `solicited`: of what was asked for; else of the inflow that was not."""

    facts: Facts
    answers: list[Answer]
    solicited: bool

    @property
    def brought(self) -> dict[str, int]:
        """Id of each asset -> base units that entered."""
        sums = self.answers[0].sums or []
        return {str(w.coin.asset_id): int(s["seed"]) for w, s in zip(self.facts.worths, sums, strict=True)}

    @property
    def cut(self) -> bool:
        """Whether money goes on behind the limit of transactions."""
        return any((a.taint.fate == int(Fate.TX_LIMIT))[a.taint.amount > 0].any() for a in self.answers)


@dataclass
class _Row:
    """Money of one asset at one party, at one level, directly or not."""

    party: Party
    level: str
    asset: int
    hops: int
    units: dict[str, int]
    first: int
    last: int
    ways: list[tuple[int, list[int]]] = field(default_factory=list)
    days: dict[str, dict[int, int]] = field(default_factory=dict)


class Counting:
    """Counts what traces of accounts bring to whom."""

    def __init__(self, ledger: Ledger, parties: Parties) -> None:
        self._ledger, self._parties = ledger, parties

    def exposures(self, side: Side, run: Run, brought: Mapping[str, int]) -> list[Exposure]:
        """Of one run; `brought`: id of each asset -> base units that entered in all runs of this side."""
        facts, answers = run.facts, run.answers
        trail, rows, least = facts.trail, dict[tuple[Any, ...], _Row](), _steps(run)
        for answer in answers:
            taint = answer.taint
            for o in _met(answer):
                party, key = self._party(facts, Fate(int(taint.fate[o])), o)
                if party is None:
                    continue
                time, units, steps = int(trail.time[o]), int(taint.amount[o]), max(least[o], 1)
                level = self._parties.level(party.vasp_id, time // DAY)
                row = rows.setdefault(
                    (key, level, facts.asset(o), steps <= 1),
                    _Row(party, level, facts.asset(o), steps, dict.fromkeys(METHODS, 0), time, time),
                )
                row.units[answer.method] += units
                row.hops, row.first, row.last = (
                    min(row.hops, steps),
                    min(row.first, time),
                    max(row.last, time),
                )
                row.ways.append((units, _way(facts, answer, o)))
                days = row.days.setdefault(answer.method, {})
                days[time // DAY] = days.get(time // DAY, 0) + units
        return [
            exposure
            for row in rows.values()
            for exposure in self._written(
                side, run, row, brought[str(facts.worth_of(row.asset).coin.asset_id)]
            )
        ]

    def bursts(self, run: Run, tip: int) -> tuple[dict[str, Any], ...]:
        """Bursts of payments of the subject itself to extorters, asset by asset; `tip`: time of the last block."""
        facts, paid = run.facts, dict[int, dict[int, Payment]]()
        steps = _steps(run)
        for answer in run.answers:
            for o in _met(answer):
                party, _ = self._party(facts, Fate(int(answer.taint.fate[o])), o)
                if party is None or steps[o] > 1 or WORDS.isdisjoint(party.words):
                    continue
                found = paid.setdefault(facts.asset(o), {})
                units = max(int(answer.taint.amount[o]), found[o].units if o in found else 0)
                found[o] = Payment(int(facts.trail.time[o]), int(facts.trail.met[o]), units)
        names = self._ledger.render_txids({p.tx_id for each in paid.values() for p in each.values()})
        return tuple(
            {**burst, "asset": worth.coin.name, "asset_id": worth.coin.asset_id}
            for worth, rows in ((facts.worth_of(asset), paid[asset]) for asset in sorted(paid))
            for burst in bursts(list(rows.values()), worth, tip, names)
        )

    def _party(self, facts: Facts, fate: Fate, output: int) -> tuple[Party | None, object]:
        number = int(facts.trail.holding[output])
        if number >= 0:
            party = self._parties.of(number)
            return (None, None) if party.own else (party, number)
        if fate is Fate.CUSTODIAL_POOL and facts.trail.pool[output] < 0:
            return None, None  # it came back to the account itself
        word = _BARE.get(fate, POOL)
        return Party(bare=word), word

    def _written(self, side: Side, run: Run, row: _Row, total: int) -> list[Exposure]:
        worth, party = run.facts.worth_of(row.asset), row.party
        names = self._ledger.render_txids({tx for _, way in row.ways for tx in way if tx >= 0})
        ways: list[tuple[str, ...]] = []
        for _, way in sorted(row.ways, key=lambda item: (-item[0], item[1])):
            shown = tuple(names[tx] for tx in way if tx in names)
            if shown not in ways:
                ways.append(shown)
        days = row.days[max(row.days, key=lambda name: row.units[name])]
        return [
            Exposure(
                category=word, side=side, type="direct" if row.hops <= 1 else "indirect", entity=party.entity,
                vasp_id=party.vasp_id, kyc_level=row.level, words=party.said, units=row.units, total=total,
                min_hops=row.hops, solicited=run.solicited, first_time=row.first, last_time=row.last,
                paths=tuple(sorted(ways[:PATHS], key=len)), claims=frozenset(r["claim_id"] for r in rows),
                labels_later=bool(rows) and all(later(r, iso(row.last // DAY)) for r in rows),
                listed=self._parties.designations(rows), asset=worth.coin.name, asset_id=worth.coin.asset_id,
                decimals=worth.coin.decimals or 0, fiat=worth.over(days)["fiat"],
            )
            for word, rows in (party.words or {party.bare: ()}).items()
        ]  # fmt: skip


def _met(answer: Answer) -> list[int]:
    """Outputs at which an answer's money ends with somebody."""
    taint = answer.taint
    found: list[int] = np.flatnonzero((taint.amount > 0) & np.isin(taint.fate, STOPS)).tolist()
    return found


def _steps(run: Run) -> dict[int, int]:
    """Of each such output the least number of transactions between it and the subject."""
    least: dict[int, int] = {}
    for answer in run.answers:
        for o in _met(answer):
            least[o] = min(least.get(o, 1 << 40), len(_way(run.facts, answer, o)))
    return least


def _way(facts: Facts, answer: Answer, output: int) -> list[int]:
    """Transactions from the subject to where money rests, the nearest first; both sides of a swap are one step."""
    steps: list[int] = []
    while output >= 0:
        tx_id = int(facts.trail.met[output])
        if steps[-1:] != [tx_id]:
            steps.append(tx_id)
        output = -1 if answer.taint.seeded[output] else int(answer.taint.via[output])
    return steps[::-1]
