"""What is claimed of a subject itself: identifications, sanctions, marks that protect, and exposure by ownership."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tracer.intel.ranking import Row, category_of, leaders, named, party, protection_of, ranked, words_of
from tracer.screening.exposure.parties import SANCTION, UNSAID, Parties, identification, sanctions
from tracer.screening.model import METHODS, Cluster, Designation, Exposure, Identification


@dataclass(frozen=True)
class Said:
    """Claims on a subject, best first. `whole`: ids of those that speak of its whole cluster."""

    rows: tuple[Row, ...]
    whole: frozenset[str]

    @property
    def identifications(self) -> tuple[Identification, ...]:
        """As evidence shows them."""
        return tuple(identification(row, whole=row["claim_id"] in self.whole) for row in self.rows)

    @property
    def protected(self) -> tuple[str, ...]:
        """Marks: `victim`, `test_purchase`."""
        return tuple(sorted({mark for row in self.rows if (mark := protection_of(row))}))

    @property
    def holders(self) -> list[Row]:
        """Those that say who holds it: not where it was mentioned, nor where it protects somebody."""
        return [row for row in self.rows if row["tag_type"] != "mention" and not protection_of(row)]

    @property
    def first(self) -> Row | None:
        """The claim that names the holder; None where nobody is named, or several alike."""
        best = leaders(self.holders)
        return best[0] if best and len({party(row) for row in best}) == 1 else None


NOTHING = Said((), frozenset())


def said(on: Sequence[Row], over: Sequence[Row]) -> Said:
    """Claims on the address, and on its whole cluster."""
    rows = {row["claim_id"]: row for row in (*on, *over)}
    here = {row["claim_id"] for row in on}
    return Said(tuple(ranked(rows.values())), frozenset(set(rows) - here))


def ours(found: Said, parties: Parties) -> bool:
    """Whether the subject is a wallet of whoever asks."""
    return any(parties.ours(row) for row in found.holders)


def designations(found: Said, parties: Parties) -> tuple[Designation, ...]:
    """Sanctions lists that name the subject."""
    return parties.designations(found.holders)


def cluster(name: str, size: int, found: Said, parties: Parties, day: int) -> Cluster:
    """The cluster of a subject, with whom its claims name; `day`: of which the KYC level is."""
    row = found.first
    if row is None:
        return Cluster(name, size, None, None, None, None)
    vasp = row["actor"] if row["actor"] in parties.vasps else None
    return Cluster(
        name, size, named(row), category_of(row) or None, parties.level(vasp, day), row["confidence"]
    )


def ownership(found: Said, parties: Parties, day: int, decimals: int, asset: str) -> list[Exposure]:
    """A row for each word that is said of whoever holds the subject; `day`: from which KYC levels are.

    The best claim names the holder and says its words; what is forbidden is said whoever says it.
    """
    rows, first = found.holders, found.first
    exposures, done = [], set[str]()
    for row in rows:
        words = words_of(row) + ([SANCTION] if sanctions(row) else [])
        wins = first is None or party(row) == party(first)
        for word in dict.fromkeys(words or [category_of(row) or UNSAID]):
            if word in done or not (wins or word in parties.harm):
                continue
            done.add(word)
            telling = [r for r in rows if word in (*words_of(r), *([SANCTION] if sanctions(r) else []))] or [
                row
            ]
            vasp = row["actor"] if row["actor"] in parties.vasps else None
            exposures.append(
                Exposure(
                    category=word,
                    side="source",
                    type="ownership",
                    entity=named(row),
                    vasp_id=vasp,
                    kyc_level=parties.level(vasp, day),
                    words=frozenset(words) or frozenset({word}),
                    units=dict.fromkeys(METHODS, 0),
                    total=0,
                    min_hops=0,
                    claims=frozenset(r["claim_id"] for r in telling),
                    listed=parties.designations(telling),
                    asset=asset,
                    decimals=decimals,
                )
            )
    return sorted(exposures, key=lambda e: (e.category, e.entity))
