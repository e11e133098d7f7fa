"""What was found, written down: one `Evidence` per subject."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tracer.amounts import Fiat
from tracer.detection.findings import Detector, Finding
from tracer.flow.seeding.receipts import times_of
from tracer.flow.worth import DAY
from tracer.intel.claims import KycLevel
from tracer.ledger import partial
from tracer.screening.exposure import owners
from tracer.screening.exposure.beside import attempt, later, order, tags_of_unseen
from tracer.screening.exposure.bursts import bursts
from tracer.screening.exposure.owners import Said
from tracer.screening.exposure.parties import MIX, Party, iso
from tracer.screening.exposure.room import Flow, Looked, Room
from tracer.screening.exposure.rows import Met
from tracer.screening.exposure.sets import Found
from tracer.screening.model import METHODS, Cluster, Evidence, Exposure, Side, Subject

if TYPE_CHECKING:
    import polars as pl

UNREAD = "part of the money goes through transactions or blocks that were not read: what lies behind was not looked at"
CUT = (
    "the trail of the subject's money is larger than {most} transactions: what lies behind was not looked at"
)


class Writer:
    """Writes the evidence of one chunk."""

    def __init__(self, room: Room, looked: Looked, subjects: Sequence[Subject], detector: Detector) -> None:
        self._room, self._looked, self._subjects = room, looked, subjects
        sets = looked.sets
        self._tip_day = room.ground.time // DAY
        ids = {f.address for f in sets.found if f.address is not None}
        told = {
            f.address: s.address
            for s, f in zip(subjects, sets.found, strict=True)
            if f.address is not None and s.address is not None and s.kind != "transfer"
        }
        clusters = {f.cluster for f in sets.found if f.cluster is not None}
        self._names = told | room.ledger.render_addresses((ids | clusters) - told.keys())
        self._claimed = room.claimed(ids | clusters)
        txs = {
            tx
            for flow in looked.flows.values()
            for mets in flow.met.values()
            for met in mets
            for way in met.paths
            for tx in way
        } | {tx for flow in looked.flows.values() for rows in flow.mixed.values() for tx, _, _ in rows}
        txs |= {p.tx_id for flow in looked.flows.values() for paid in flow.extorted.values() for p in paid}
        self._txids = room.ledger.render_txids(txs)
        self._times = times_of(room.ledger, {f.output[0] for f in sets.found if f.output is not None})
        unseen = [f.address is None and f.output is None for f in sets.found]
        self._unseen = tags_of_unseen(
            room.ledger, room.snapshot, [s if u else None for s, u in zip(subjects, unseen, strict=True)]
        )
        seen = sorted({self._names[address] for address in ids})
        self._findings: Mapping[str, Sequence[Finding]] = detector(room.ledger, seen) if seen else {}
        self._whole = self._told_whole(sets.members)

    def all(self) -> list[Evidence]:
        """Evidence of the chunk's subjects, in their order."""
        return [
            self._one(place, subject, found)
            for place, (subject, found) in enumerate(
                zip(self._subjects, self._looked.sets.found, strict=True)
            )
        ]

    def _one(self, place: int, subject: Subject, found: Found) -> Evidence:
        ground = self._room.ground
        base = Evidence(
            subject, ground.tip, seen=False, blocks=ground.runs, missing=ground.missing,
            gaps=ground.gaps + ground.lacking, notes=ground.notes,
        )  # fmt: skip
        if found.problem:
            return replace(base, seen=True, gaps=(*base.gaps, found.problem))
        if found.address is None and found.output is None:
            return self._with_claims(base, subject, owners.said(self._unseen.get(place, ()), ()), None)
        if found.output is not None:
            named_ = None if found.address is None else self._names[found.address]
            subject = replace(subject, address=named_, vout=found.output[1], units=found.output[2])
        told = self._said(found)
        sides = self._sides(subject)
        flows = {side: flow for side, flow in self._looked.flows.items() if side in sides}
        own = owners.ours(told, self._room.parties)
        exposures = (
            [] if found.lots is None or (own and found.output is None) else self._exposures(found.lots, flows)
        )
        truncated = found.truncated or any(found.lots in flow.cut for flow in flows.values())
        gaps = list(ground.gaps)
        if found.lots is None or found.lots not in self._whole:
            gaps += ground.lacking
        if any(found.lots in flow.unread for flow in flows.values()):
            gaps.append(UNREAD)
        notes = [*ground.notes, *found.notes]
        if truncated and not found.truncated:
            notes.append(CUT.format(most=self._room.settings.max_txs))
        if own:
            notes.append("the subject is a wallet of whoever asks")
        findings = self._findings.get(
            self._names.get(found.address if found.address is not None else -1, ""), ()
        )
        evidence = replace(
            base, subject=subject, seen=True, exposures=tuple(exposures), truncated=truncated, gaps=tuple(gaps),
            notes=tuple(notes), findings=tuple(findings),
            time=None if found.output is None else self._times[found.output[0]],
            chain_state=None if found.output is None else "confirmed",
            bursts=self._bursts(found.lots, flows),
            received=self._total("source", found, flows), sent=self._total("destination", found, flows),
        )  # fmt: skip
        evidence = self._with_claims(evidence, subject, told, found)
        return attempt(evidence) if subject.kind == "withdrawal_attempt" else evidence

    def _with_claims(self, base: Evidence, subject: Subject, told: Said, found: Found | None) -> Evidence:
        parties, chain = self._room.parties, self._room.ledger.chain
        owned = [] if subject.kind == "transfer" or owners.ours(told, parties) else owners.ownership(
            told, parties, self._tip_day, chain.decimals, chain.asset
        )  # fmt: skip
        claims = {row["claim_id"] for row in told.rows}
        exposures = (*owned, *base.exposures)
        return replace(
            base,
            exposures=exposures,
            identifications=told.identifications,
            designations=() if subject.kind == "transfer" else owners.designations(told, parties),
            protected=told.protected,
            cluster=None if found is None or found.cluster is None else self._cluster(found, told),
            claims=frozenset(claims.union(*(exposure.claims for exposure in exposures))),
        )

    def _cluster(self, found: Found, told: Said) -> Cluster:
        assert found.cluster is not None
        name = f"cluster:{self._names[found.cluster]}@{self._room.ground.cluster_height}"
        return owners.cluster(name, found.size, told, self._room.parties, self._tip_day)

    def _said(self, found: Found) -> Said:
        services = self._room.services
        if found.address is None or self._claimed.isdisjoint((found.address, found.cluster)):
            return owners.NOTHING
        on = [row for row, _ in services.on(found.address)]
        over = [] if found.cluster is None else [row for row, _ in services.over(found.cluster)]
        return owners.said(on, over)

    @staticmethod
    def _sides(subject: Subject) -> tuple[Side, ...]:
        if subject.direction == "inbound" and subject.kind != "withdrawal_attempt":
            return ("source",)
        if subject.direction == "outbound" and subject.kind != "withdrawal_attempt":
            return ("destination",)
        return ("source", "destination")

    @staticmethod
    def _total(side: Side, found: Found, flows: Mapping[Side, Flow]) -> int | None:
        if found.lots is None or side not in flows:
            return None
        return int(flows[side].totals.get(found.lots, 0))

    def _exposures(self, lots: int, flows: Mapping[Side, Flow]) -> list[Exposure]:
        found: list[Exposure] = []
        for side, flow in flows.items():
            total = int(flow.totals.get(lots, 0))
            for run in (2 * lots, 2 * lots + 1):
                found += [
                    exposure
                    for met in flow.met.get(run, ())
                    for exposure in self._rows(met, side, total, solicited=not run % 2)
                ]
                if run in flow.mixed:
                    found.append(self._mixed(flow.mixed[run], side, total))
        return sorted(found, key=order)

    def _bursts(self, lots: int | None, flows: Mapping[Side, Flow]) -> tuple[Mapping[str, Any], ...]:
        flow = flows.get("destination")
        paid = [] if lots is None or flow is None else flow.extorted.get(2 * lots, [])
        return bursts(paid, self._room.worth, self._room.ground.time, self._txids) if paid else ()

    def _rows(self, met: Met, side: Side, total: int, *, solicited: bool) -> Iterable[Exposure]:
        """One row for each word of the counterparty."""
        party, chain = met.party, self._room.ledger.chain
        paths = tuple(tuple(self._txids[tx] for tx in way) for way in met.paths)
        last = iso(met.last // DAY)
        for word, rows in (party.words or {party.bare: ()}).items():
            yield Exposure(
                category=word,
                side=side,
                type="direct" if met.hops <= 1 else "indirect",
                entity=party.entity,
                vasp_id=party.vasp_id,
                kyc_level=met.level,
                words=party.said,
                units=met.units,
                total=total,
                min_hops=max(met.hops, 1),
                solicited=solicited,
                first_time=met.first,
                last_time=met.last,
                paths=paths,
                claims=frozenset(row["claim_id"] for row in rows),
                labels_later=bool(rows) and all(later(row, last) for row in rows),
                listed=self._room.parties.designations(rows),
                asset=chain.asset,
                decimals=chain.decimals,
                fiat=self._fiat(met.days),
            )

    def _mixed(self, rows: Sequence[tuple[int, int, int]], side: Side, total: int) -> Exposure:
        """What the set put into mixing transactions."""
        days: dict[int, int] = {}
        for _, units, time in rows:
            days[time // DAY] = days.get(time // DAY, 0) + units
        whole = sum(units for _, units, _ in rows)
        most = sorted(rows, key=lambda row: (-row[1], row[0]))[:3]
        met = Met(
            Party(bare=MIX), str(KycLevel.UNKNOWN), 1, dict.fromkeys(METHODS, whole), min(t for *_, t in rows),
            max(t for *_, t in rows), [[tx] for tx, _, _ in most], days if self._room.priced else {},
        )  # fmt: skip
        (row,) = self._rows(met, side, total, solicited=True)
        return row

    def _fiat(self, days: Mapping[int, int]) -> Fiat | None:
        return self._room.worth.over(days)["fiat"] if days else None

    def _told_whole(self, members: pl.DataFrame) -> frozenset[int]:
        """Sets of which somebody told every transaction, where that is all that is asked: direct exposure."""
        room = self._room
        if not room.ground.missing or room.settings.hops > 1 or not members.height:
            return frozenset()
        told = partial.told_of(room.ledger, members["address_id"].to_list())
        whole = {address for address, row in told.items() if row.whole_to >= 0}
        sets: dict[int, list[bool]] = {}
        for address, seed in members.iter_rows():
            sets.setdefault(seed, []).append(address in whole)
        return frozenset(seed for seed, every in sets.items() if all(every))
