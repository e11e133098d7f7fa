"""Subjects of account chains: one trace in each direction for each, by the room of account traces; the same evidence.

What left an account is followed from there, what arrived is followed back; every asset is counted by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tracer.clustering import lookup
from tracer.clustering import state as clustering
from tracer.clustering.rules import RuleSet
from tracer.detection.findings import Detector
from tracer.errors import BadAddress, UsageError
from tracer.flow import services as service_room
from tracer.flow.accounts import trace as accounts
from tracer.flow.accounts.assets import Assets, chosen
from tracer.flow.beyond import NOTHING
from tracer.flow.facts import Facts
from tracer.flow.question import Question
from tracer.flow.seeding import seeds as seeding_room
from tracer.flow.seeding.grammar import Seed
from tracer.flow.seeding.seeds import Unit
from tracer.flow.worth import DAY, Coin
from tracer.intel.prices import Prices
from tracer.intel.snapshot import Snapshot
from tracer.ledger.store import Ledger
from tracer.screening.exposure import owners
from tracer.screening.exposure.account_rows import Counting, Run
from tracer.screening.exposure.beside import attempt, order, tags_of_unseen
from tracer.screening.exposure.evidence import CUT
from tracer.screening.exposure.known import ground
from tracer.screening.exposure.parties import Parties
from tracer.screening.exposure.sets import POOL_NOTE, SHUT
from tracer.screening.exposure.settings import HARM, Settings
from tracer.screening.exposure.unsolicited_transfers import UnaskedTransfers
from tracer.screening.model import METHODS, Cluster, Evidence, Exposure, Side, Subject

if TYPE_CHECKING:
    import polars as pl


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
        self._counting = Counting(ledger, self._parties)
        self._unasked = UnaskedTransfers(ledger, settings.dust.get(ledger.chain.name))

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
        truncated, extorted = False, tuple[Mapping[str, Any], ...]()
        for side, direction in sides:
            followed = self._followed(subject, side, direction)
            brought: Counter[str] = Counter()
            for run in followed:
                brought.update(run.brought)
            for run in followed:
                gaps += [gap for gap in run.facts.gaps if gap not in gaps]
                notes += [note for note in run.facts.notes if note not in notes]
                truncated |= run.cut
                exposures += self._counting.exposures(side, run, brought)
                if side == "destination":
                    extorted = self._counting.bursts(run, self._ground.time)
            if subject.kind == "transfer":
                evidence, subject = _named(evidence, followed)
            totals[side] = brought[_native(followed[0].facts)]
        if truncated:
            notes.append(CUT.format(most=self._settings.max_txs))
        return replace(
            evidence, exposures=tuple(sorted(exposures, key=order)), gaps=tuple(gaps), notes=tuple(notes),
            truncated=truncated, bursts=extorted, received=totals.get("source"), sent=totals.get("destination"),
        )  # fmt: skip

    def _followed(self, subject: Subject, side: Side, direction: Any) -> list[Run]:
        """What was asked for, and beside it what was not, each followed by itself."""
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

        def follow(some: pl.DataFrame, *, solicited: bool) -> Run:
            found = accounts.follow(
                self._ledger, self._snapshot, question, self._prices, self._services, read, made_by, _on,
                replace(lots, moved=some), NOTHING,
            )  # fmt: skip
            return Run(*found, solicited)

        moved = lots.moved
        assert moved is not None
        unasked = self._unasked.among(moved)
        if side == "destination" or not unasked.any():
            return [follow(moved, solicited=True)]
        return [
            follow(part, solicited=solicited)
            for part, solicited in ((moved.filter(~unasked), True), (moved.filter(unasked), False))
            if part.height
        ]

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


def _native(facts: Facts) -> str:
    return f"{facts.ledger.chain.caip2}/native"


def _named(evidence: Evidence, followed: Sequence[Run]) -> tuple[Evidence, Subject]:
    """A transfer with what the ledger says of it."""
    own = [
        row
        for run in followed
        if run.facts.lots.moved is not None
        for row in run.facts.lots.moved.filter("lot").iter_rows(named=True)
    ]
    if not own:
        return evidence, evidence.subject
    row, facts = own[0], followed[0].facts
    paid = None if row["target"] is None else facts.ledger.render_addresses([row["target"]])[row["target"]]
    units = None if row["amount"] is None else int(row["amount"])
    subject = replace(evidence.subject, transfer_index=row["position"], address=paid, units=units)
    return replace(evidence, subject=subject, chain_state="confirmed", time=row["time"]), subject


def _no_rates(_id: str, _version: int, _family: object) -> None:
    return None


def _on(_hop: int, _txs: int) -> bool:
    return True
