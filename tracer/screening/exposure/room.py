"""What stays while the tip stays: claims resolved on the ledger, who is whom, what was read. For chains of outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tracer.clustering.pools import rule_of
from tracer.clustering.rules import RuleSet
from tracer.flow import services as service_room
from tracer.flow.deposits import DEPOSIT_SWEEP
from tracer.flow.fates import last_gap
from tracer.flow.question import HIGH_DEGREE
from tracer.flow.sets import among, union
from tracer.flow.untagged import Untagged
from tracer.flow.worth import Worth
from tracer.intel.prices import Prices
from tracer.intel.snapshot import Snapshot
from tracer.ledger.store import Ledger
from tracer.screening.exposure import rows, trails
from tracer.screening.exposure.bursts import Payment
from tracer.screening.exposure.known import Ground, ground
from tracer.screening.exposure.parties import Parties
from tracer.screening.exposure.read import Read
from tracer.screening.exposure.rows import Met, Reach
from tracer.screening.exposure.seeding import Entered, Histories
from tracer.screening.exposure.sets import Sets, find
from tracer.screening.exposure.settings import HARM, Settings
from tracer.screening.exposure.trails import Scope
from tracer.screening.exposure.unsolicited import DUST, Unasked
from tracer.screening.model import Side, Subject

MOST_TOGETHER = 1_000_000
"""Transactions one trail for many may have; beyond, its sets are halved (P). A set alone is cut there."""


@dataclass
class Flow:
    """What was found of the sets of a chunk on one side.

    met     run (`Entered`) -> counterparties
    totals  set -> base units
    extorted  run -> payments of the sets to extorters
    mixed   run -> (tx_id, base units, time) that went into mixes by outflow
    cut, unread  sets
    """

    met: dict[int, list[Met]] = field(default_factory=dict)
    extorted: dict[int, list[Payment]] = field(default_factory=dict)
    totals: Mapping[int, int] = field(default_factory=dict)
    mixed: dict[int, list[tuple[int, int, int]]] = field(default_factory=dict)
    cut: set[int] = field(default_factory=set)
    unread: set[int] = field(default_factory=set)


@dataclass
class Looked:
    """All that was read for a chunk."""

    sets: Sets
    flows: dict[Side, Flow]


class Room:
    """One ledger at one tip, with one snapshot of claims."""

    def __init__(self, ledger: Ledger, snapshot: Snapshot, settings: Settings, rules: RuleSet) -> None:
        self.ledger, self.snapshot, self.settings = ledger, snapshot, settings
        own = frozenset(name.casefold() for name in settings.own)
        stop = frozenset(settings.stop) | HARM
        self.services = service_room.load(ledger, snapshot, stop, own)
        self.parties = Parties(self.services, snapshot, own, stop)
        pools = rule_of(rules)
        self.thresholds = pools.parameters if pools else None
        self.ground: Ground = ground(ledger, snapshot, rules)
        self.worth = Worth(
            ledger.chain, Prices(snapshot.claims("prices"), settings.currency, settings.price_source)
        )
        self.priced = snapshot.claims("prices").height > 0 and ledger.chain.price_asset is not None
        self._sweeps = rules.heuristic(DEPOSIT_SWEEP) is not None
        frame = self.services.tagged.frame
        self._spoken_of = union(frame["address_id"].to_numpy(), frame["cluster_id"].to_numpy())
        self._gap = last_gap(self.ground.runs, self.ground.tip.height)
        self._untagged = Untagged(ledger, self.thresholds, HIGH_DEGREE)
        self._unasked = Unasked(dust=settings.dust.get(ledger.chain.name, DUST))

    def claimed(self, ids: set[int]) -> set[int]:
        """Those of these addresses, and clusters by their number, of which anything is claimed at all."""
        asked = np.array(sorted(ids), np.int64)
        return set(asked[among(asked, self._spoken_of)].tolist())

    def look(self, subjects: Sequence[Subject]) -> Looked:
        """Everything there is to be read for these subjects."""
        sets = find(self.ledger, self.services, subjects, self.thresholds, self.settings.max_txs)
        flows: dict[Side, Flow] = {}
        if sets.lots:
            histories = Histories(self.ledger, self.services, sets, self._unasked)
            for side, entered in (("source", histories.arrived), ("destination", histories.left)):
                wanted = _asked(subjects, sets, side)  # type: ignore[arg-type]
                if wanted:
                    flows[side] = self._flow(sets, histories.read, entered().of(wanted), side)  # type: ignore[index, arg-type]
        return Looked(sets, flows)

    def _flow(self, sets: Sets, read: Read, entered: Entered, side: Side) -> Flow:
        found = Flow(totals=entered.totals, unread=set(entered.unread))
        for run, tx_id, net, time in entered.mixed.iter_rows():
            found.mixed.setdefault(run, []).append((tx_id, net, time))
        seeds = sorted({run // 2 for run in entered.runs()})
        for reach in self._reach(sets, read, entered, seeds, side):
            found.met.update(reach.met)
            found.extorted.update(reach.extorted)
            found.cut |= reach.over
            found.unread |= reach.unread
        return found

    def _reach(self, sets: Sets, read: Read, entered: Entered, seeds: list[int], side: Side) -> list[Reach]:
        """What the lots of these sets reach: together, or where that is too much in halves."""
        if not seeds:
            return []
        part = entered.of(set(seeds))
        scope = Scope(self.ledger, self.services, self._untagged, self._gap, MOST_TOGETHER, self._sweeps)
        hops = self.settings.hops if side == "source" else self.settings.hops - 1
        walk = trails.backward if side == "source" else trails.forward
        many = walk(scope, sets, part, read, hops)
        if many.cut and len(seeds) > 1:
            half = len(seeds) // 2
            return [
                reach
                for some in (seeds[:half], seeds[half:])
                for reach in self._reach(sets, read, entered, some, side)
            ]
        reach = rows.reach(many, self.parties, hops=hops, most=self.settings.max_txs, days=self.priced)
        if many.cut:
            reach.over.update(seeds)
        return [reach]


def _asked(subjects: Sequence[Subject], sets: Sets, side: Side) -> set[int]:
    """The sets whose money somebody asks about on one side."""
    not_asked = "outbound" if side == "source" else "inbound"
    return {
        found.lots
        for subject, found in zip(subjects, sets.found, strict=True)
        if found.lots is not None and (subject.direction != not_asked or subject.kind == "withdrawal_attempt")
    }
