"""Subjects of account chains: one trace in each direction for each, by the room of account traces; the same evidence.

What left an account is followed from there, what arrived is followed back; every asset is counted by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tracer.clustering import lookup
from tracer.clustering import state as clustering
from tracer.clustering.rules import RuleSet
from tracer.detection.findings import Detector
from tracer.errors import BadAddress, UsageError
from tracer.flow import services as service_room
from tracer.flow.accounts import trace as accounts
from tracer.flow.accounts.assets import Assets, chosen
from tracer.flow.beyond import NOTHING
from tracer.flow.facts import Answer, Facts
from tracer.flow.fates import Fate
from tracer.flow.question import Question
from tracer.flow.seeding import seeds as seeding_room
from tracer.flow.seeding.grammar import Seed
from tracer.flow.seeding.seeds import Unit
from tracer.flow.worth import DAY, Coin
from tracer.intel.prices import Prices
from tracer.intel.snapshot import Snapshot
from tracer.ledger.store import Ledger
from tracer.screening.exposure import owners
from tracer.screening.exposure.beside import attempt, later, order, tags_of_unseen
from tracer.screening.exposure.evidence import CUT
from tracer.screening.exposure.known import ground
from tracer.screening.exposure.parties import CROWD, MIX, POOL, Parties, Party, iso
from tracer.screening.exposure.rows import PATHS, STOPS
from tracer.screening.exposure.sets import POOL_NOTE, SHUT
from tracer.screening.exposure.settings import HARM, Settings
from tracer.screening.model import METHODS, Cluster, Evidence, Exposure, Side, Subject

BRIDGE = "defi_bridge"
"""The word of a bridge that a list or an event names and no claim."""

_BARE = {
    Fate.CUSTODIAL_POOL: POOL, Fate.HIGH_DEGREE: CROWD, Fate.MIXER: MIX, Fate.BRIDGE: BRIDGE,
}  # fmt: skip


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


class Accounts:
    """One account chain at one tip; claims are resolved once."""

    def __init__(self, ledger: Ledger, snapshot: Snapshot, settings: Settings, rules: RuleSet) -> None:
        self._ledger, self._snapshot, self._settings, self._rules = ledger, snapshot, settings, rules
        own = frozenset(name.casefold() for name in settings.own)
        self._stop = frozenset(settings.stop) | HARM
        self._services = service_room.load(ledger, snapshot, self._stop, own)
        self._parties = Parties(self._services, snapshot, own, self._stop)
        self._ground = ground(ledger, snapshot, rules)
        self._clusters = clustering.current(ledger)
        self._prices = Prices(snapshot.claims("prices"), settings.currency, settings.price_source)

    def examine(self, subjects: Sequence[Subject], detector: Detector) -> list[Evidence]:
        """Evidence of each, in their order."""
        found = [self._one(subject) for subject in subjects]
        seen = sorted({e.subject.address for e in found if e.seen and e.subject.address})
        findings = detector(self._ledger, seen) if seen else {}
        return [replace(e, findings=tuple(findings.get(e.subject.address or "", ()))) for e in found]

    def _one(self, subject: Subject) -> Evidence:
        ground_ = self._ground
        base = Evidence(
            subject, ground_.tip, seen=False, blocks=ground_.runs, missing=ground_.missing,
            gaps=ground_.gaps + ground_.lacking, notes=ground_.notes,
        )  # fmt: skip
        address = self._address(subject)
        if subject.kind != "transfer" and address is None:
            rows = tags_of_unseen(self._ledger, self._snapshot, [subject]).get(0, ())
            return self._claimed(base, owners.said(rows, ()), None)
        told = self._said(address)
        evidence = replace(base, seen=True)
        if subject.kind != "transfer" and (shut := self._shut(address)):
            evidence = replace(evidence, notes=(*evidence.notes, POOL_NOTE.format(what=f"claimed: {shut}")))
        elif not owners.ours(told, self._parties) or subject.kind == "transfer":
            try:
                evidence = self._flows(evidence, subject)
            except UsageError as error:  # unseen, or several transfers of which none was named
                seen = "unseen" not in str(error) and "never seen" not in str(error)
                return replace(base, seen=seen, gaps=(*base.gaps, error.problem))
            if evidence.subject.kind == "transfer":
                told = self._said(self._address(evidence.subject))
        evidence = self._claimed(evidence, told, address)
        return attempt(evidence, self._coin(subject)) if subject.kind == "withdrawal_attempt" else evidence

    def _coin(self, subject: Subject) -> Coin | None:
        """What is to be paid, where it is not the chain's own coin."""
        if subject.asset is None:
            return None
        try:
            return Assets(self._ledger, chosen(self._ledger, subject.asset)[:1]).shown[-1].coin
        except UsageError:  # never seen here
            return Coin(subject.asset, None, None)

    def _flows(self, evidence: Evidence, subject: Subject) -> Evidence:
        sides: list[tuple[Side, str]] = [("source", "backward"), ("destination", "forward")]
        if subject.kind != "withdrawal_attempt":
            asked = {"both": 2, "inbound": 1, "outbound": 0}[subject.direction]
            sides = sides if asked == 2 else [sides[1 - asked]]
        exposures: list[Exposure] = []
        gaps, notes, totals = list(evidence.gaps), list(evidence.notes), dict[Side, int]()
        truncated = False
        for side, direction in sides:
            facts, answers = self._followed(subject, side, direction)
            if subject.kind == "transfer":
                evidence, subject = _named(evidence, facts)
            gaps += [gap for gap in facts.gaps if gap not in gaps]
            notes += [note for note in facts.notes if note not in notes]
            truncated |= any((a.taint.fate == int(Fate.TX_LIMIT))[a.taint.amount > 0].any() for a in answers)
            totals[side] = int((answers[0].sums or [{}])[0].get("seed", 0)) if facts.worths else 0
            exposures += self._exposures(side, facts, answers)
        if truncated:
            notes.append(CUT.format(most=self._settings.max_txs))
        return replace(
            evidence, exposures=tuple(sorted(exposures, key=order)), gaps=tuple(gaps), notes=tuple(notes),
            truncated=truncated, received=totals.get("source"), sent=totals.get("destination"),
        )  # fmt: skip

    def _followed(self, subject: Subject, side: Side, direction: Any) -> tuple[Facts, list[Answer]]:
        transfer = subject.kind == "transfer"
        seed = Seed("address", subject.address or "")
        if transfer:
            place = subject.transfer_index if subject.transfer_index is not None else subject.vout
            seed = (
                Seed("txid", subject.txid or "")
                if place is None
                else Seed("outpoint", f"{subject.txid}:{place}")
            )
        unit: Unit = "lot" if transfer or side == "source" else "entity"
        hops = self._settings.hops if side == "source" else self._settings.hops - 1
        question = Question(
            (seed.text,), METHODS, unit=unit, direction=direction, hops=hops, max_txs=self._settings.max_txs,
            stop=tuple(sorted(self._stop)), currency=self._settings.currency, price_source=self._settings.price_source,
            asset=subject.asset if not transfer else None,
        )  # fmt: skip
        tip = self._ledger.tip()
        assert tip is not None
        lots = seeding_room.resolve(
            self._ledger,
            self._services,
            [seed],
            unit=unit,
            backward=direction == "backward",
        )
        read = (tip, list(self._ground.runs))
        made_by = (self._rules, _no_rates, "")
        return accounts.follow(
            self._ledger,
            self._snapshot,
            question,
            self._prices,
            self._services,
            read,
            made_by,
            _on,
            lots,
            NOTHING,
        )

    def _exposures(self, side: Side, facts: Facts, answers: Sequence[Answer]) -> list[Exposure]:
        trail, rows = facts.trail, dict[tuple[Any, ...], _Row]()
        least: dict[int, int] = {}
        for answer in answers:
            for o in np.flatnonzero((answer.taint.amount > 0) & np.isin(answer.taint.fate, STOPS)).tolist():
                least[o] = min(least.get(o, 1 << 40), len(_way(facts, answer, o)))
        for answer in answers:
            taint = answer.taint
            for o in np.flatnonzero((taint.amount > 0) & np.isin(taint.fate, STOPS)).tolist():
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
            for exposure in self._written(side, facts, row, int((answers[0].sums or [])[row.asset]["seed"]))
        ]

    def _party(self, facts: Facts, fate: Fate, output: int) -> tuple[Party | None, object]:
        number = int(facts.trail.holding[output])
        if number >= 0:
            party = self._parties.of(number)
            return (None, None) if party.own else (party, number)
        if fate is Fate.CUSTODIAL_POOL and facts.trail.pool[output] < 0:
            return None, None  # it came back to the account itself
        word = _BARE.get(fate, POOL)
        return Party(bare=word), word

    def _written(self, side: Side, facts: Facts, row: _Row, total: int) -> list[Exposure]:
        worth, party = facts.worth_of(row.asset), row.party
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
                min_hops=row.hops, first_time=row.first, last_time=row.last,
                paths=tuple(sorted(ways[:PATHS], key=len)), claims=frozenset(r["claim_id"] for r in rows),
                labels_later=bool(rows) and all(later(r, iso(row.last // DAY)) for r in rows),
                listed=self._parties.designations(rows), asset=worth.coin.name, asset_id=worth.coin.asset_id,
                decimals=worth.coin.decimals or 0, fiat=worth.over(days)["fiat"],
            )
            for word, rows in (party.words or {party.bare: ()}).items()
        ]  # fmt: skip

    def _claimed(self, base: Evidence, told: owners.Said, address: int | None) -> Evidence:
        chain, tip = self._ledger.chain, self._ground.time // DAY
        transfer = base.subject.kind == "transfer"
        owned = [] if transfer or owners.ours(told, self._parties) else owners.ownership(
            told, self._parties, tip, chain.decimals, chain.asset
        )  # fmt: skip
        exposures = (*owned, *base.exposures)
        claims = {row["claim_id"] for row in told.rows}
        return replace(
            base, exposures=exposures, identifications=told.identifications, protected=told.protected,
            designations=() if transfer else owners.designations(told, self._parties),
            cluster=None if address is None else self._cluster(address, told),
            claims=frozenset(claims.union(*(e.claims for e in exposures))),
        )  # fmt: skip

    def _cluster(self, address: int, told: owners.Said) -> Cluster | None:
        if self._clusters is None:
            return None
        found = lookup.cluster(self._ledger, address, self._clusters, limit=1)
        return owners.cluster(found.name, found.size, told, self._parties, self._ground.time // DAY)

    def _address(self, subject: Subject) -> int | None:
        if subject.address is None:
            return None
        try:
            return self._ledger.find_address(self._ledger.chain.parse_address(subject.address))
        except BadAddress:
            return None

    def _said(self, address: int | None) -> owners.Said:
        if address is None:
            return owners.said((), ())
        cluster = lookup.clusters_of(self._ledger, [address])[address]
        return owners.said(
            [row for row, _ in self._services.on(address)], [row for row, _ in self._services.over(cluster)]
        )

    def _shut(self, address: int | None) -> str:
        if address is None:
            return ""
        cluster = lookup.clusters_of(self._ledger, [address])[address]
        for holding in self._services.holdings(self._services.holders(address, cluster)):
            if holding.fate in SHUT:
                return holding.entity.name or "by several"
        return ""


def _way(facts: Facts, answer: Answer, output: int) -> list[int]:
    """Transactions from the subject to where money rests, the nearest first; both sides of a swap are one step."""
    steps: list[int] = []
    while output >= 0:
        tx_id = int(facts.trail.met[output])
        if steps[-1:] != [tx_id]:
            steps.append(tx_id)
        output = -1 if answer.taint.seeded[output] else int(answer.taint.via[output])
    return steps[::-1]


def _named(evidence: Evidence, facts: Facts) -> tuple[Evidence, Subject]:
    """A transfer with what the ledger says of it."""
    moved = facts.lots.moved
    own = None if moved is None else moved.filter("lot")
    if own is None or not own.height:
        return evidence, evidence.subject
    row = own.row(0, named=True)
    paid = None if row["target"] is None else facts.ledger.render_addresses([row["target"]])[row["target"]]
    units = None if row["amount"] is None else int(row["amount"])
    subject = replace(evidence.subject, transfer_index=row["position"], address=paid, units=units)
    return replace(evidence, subject=subject, chain_state="confirmed", time=row["time"]), subject


def _no_rates(_id: str, _version: int, _family: object) -> None:
    return None


def _on(_hop: int, _txs: int) -> bool:
    return True
