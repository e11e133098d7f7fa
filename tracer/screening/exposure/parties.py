"""Counterparties: who stands where a trail ended, in which words, on whose say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tracer.flow.fates import Fate
from tracer.flow.services import Services
from tracer.intel.claims import KycLevel
from tracer.intel.ranking import Row, category_of, named, party, words_of
from tracer.intel.snapshot import Snapshot
from tracer.screening.model import Designation, Identification

if TYPE_CHECKING:
    from tracer.intel.manifest import ListEntry

POOL, CROWD, SHIELDED = "pool_like", "high_degree", "shielded_pool"
"""Words of stops that nobody tagged: a wallet that behaves like a pool, an address of too many transactions."""

MIX = "coinjoin"
"""The word of a transaction with the shape of a mix."""

UNSAID = "service"
"""The word of a service whose claims say no word."""

SANCTION = "sanction"


@dataclass(frozen=True)
class Party:
    """Who holds a place.

    words  word -> the claims that say it; empty of nobody's, whose one word is `bare`
    own    it is whoever asks: no counterparty
    """

    entity: str = ""
    vasp_id: str | None = None
    words: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)
    bare: str = ""
    own: bool = False

    @property
    def said(self) -> frozenset[str]:
        """All its words."""
        return frozenset(self.words) or frozenset({self.bare})


class Parties:
    """The holdings of one snapshot's claims on one ledger, as parties; each worked out once."""

    def __init__(
        self, services: Services | None, snapshot: Snapshot, own: Iterable[str], harm: frozenset[str]
    ) -> None:
        """`services`: None where no ledger is read; then no holding is asked for."""
        self._services, self._snapshot = services, snapshot
        self._own, self.harm = frozenset(own), harm
        self.vasps = frozenset(snapshot.vasps()["vasp_id"].to_list())
        self._known: dict[int, Party] = {}
        self._levels: dict[tuple[str, int], str] = {}
        self._lists: dict[str, list[tuple[str, str]]] | None = None

    def of(self, holding: int) -> Party:
        """Who a holding is."""
        if holding not in self._known:
            self._known[holding] = self._made(holding)
        return self._known[holding]

    def _made(self, number: int) -> Party:
        assert self._services is not None
        holding = self._services.holding(number)
        rows = self._services.said(number)
        if any(self.ours(row) for row in rows):
            return Party(holding.entity.name, own=True)
        winning = {row["claim_id"] for row in holding.claims}
        words: dict[str, list[Row]] = {}
        for row in rows:
            nobody = not holding.claims and holding.fate is Fate.CUSTODIAL_POOL
            told = words_of(row)
            if row["designated_at"] or row["programme"]:
                told = [*told, SANCTION]
            for word in dict.fromkeys(told):
                # whoever wins: what is forbidden is not made good by a better claim of something else
                if nobody or row["claim_id"] in winning or word in self.harm:
                    words.setdefault(word, []).append(row)
        entity = holding.entity
        bare = "" if words else entity.category or UNSAID
        return Party(entity.name, entity.vasp_id, {w: tuple(r) for w, r in sorted(words.items())}, bare)

    def ours(self, row: Row) -> bool:
        """Whether a claim speaks of whoever asks."""
        return bool(self._own) and not self._own.isdisjoint(
            row[name].casefold() for name in ("actor", "label", "nested_in") if row[name]
        )

    def level(self, vasp_id: str | None, day: int) -> str:
        """KYC level on a day (from 1970, UTC)."""
        if vasp_id is None:
            return str(KycLevel.UNKNOWN)
        if (vasp_id, day) not in self._levels:
            self._levels[vasp_id, day] = str(self._snapshot.kyc_at(vasp_id, iso(day)).level)
        return self._levels[vasp_id, day]

    def designations(self, rows: Iterable[Row]) -> tuple[Designation, ...]:
        """Those of these claims that stand on sanctions lists, by list and date."""
        found = {
            Designation(name, version, row["designated_at"], row["claim_id"], row["programme"])
            for row in rows
            if sanctions(row)
            for name, version in self._listed().get(row["claim_id"], [(row["source"], "")])
        }
        return tuple(sorted(found, key=lambda d: (d.list, d.designated_at, d.claim)))

    def _listed(self) -> dict[str, list[tuple[str, str]]]:
        """Claim of a sanction -> the lists it stands in, with their versions."""
        import polars as pl

        if self._lists is None:
            self._lists = {}
            hidden = self._snapshot.unreadable()
            for entry in self._snapshot.entries:
                if entry.kind != "tags" or entry in hidden:
                    continue
                rows = self._snapshot.list_frame(entry).filter(
                    (pl.col("category") == SANCTION) | pl.col("concepts").str.contains(SANCTION, literal=True)
                    | (pl.col("programme") != "") | (pl.col("designated_at") != "")
                )  # fmt: skip
                for claim in rows["claim_id"].to_list():
                    self._lists.setdefault(claim, []).append((entry.list, _version(entry)))
        return self._lists


def _version(entry: ListEntry) -> str:
    return entry.version or entry.claims[:16]


def sanctions(row: Row) -> bool:
    """Whether a claim names somebody on a sanctions list."""
    return bool(row["designated_at"] or row["programme"] or SANCTION in words_of(row))


def identification(row: Row, *, whole: bool) -> Identification:
    """A claim on the subject itself."""
    words = set(words_of(row)) | ({SANCTION} if sanctions(row) else set())
    return Identification(
        label=row["label"],
        category=category_of(row),
        source=row["source"],
        date=row["designated_at"] or row["lastmod"],
        confidence=row["confidence"],
        claim=row["claim_id"],
        words=frozenset(words),
        entity=named(row),
        whole_cluster=whole,
        tlp=row["tlp"] or "",
    )


def said_on(row: Row) -> str:
    """ISO date from which on a claim could be known, "" where nobody dated it."""
    date: str = row["designated_at"] or row["lastmod"]
    return date


def iso(day: int) -> str:
    """ISO date of a day counted from 1970."""
    from datetime import date

    return date.fromordinal(_EPOCH + day).isoformat()


_EPOCH = 719_163
__all__ = ["Parties", "Party", "identification", "iso", "party", "said_on", "sanctions"]
