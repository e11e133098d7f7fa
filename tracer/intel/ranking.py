"""Which of several claims about one address is the better one: a rule that can be read out in court.

1. The higher confidence (TagPack's scale, `taxonomy.yml`).
2. Of equal confidence the more recent, by the day its source last changed it; undated claims come last.
3. Of equal date one that names an actor, then one that would end a trace over one that would not.
What is then still alike is ordered by its words, so that every list comes out the same; but order by words
decides nothing: where claims that lead alike name different parties, nobody is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from tracer.intel import taxonomy

Row = Mapping[str, Any]
"""A tag, by the snapshot's column names."""

RowT = TypeVar("RowT", bound=Row)

_STRONGEST = ("mixer", "bridge", "endpoint", "pool", "follow")
RULE = "higher confidence, then the more recent, then one that names an actor"
"""The rule in one line, as answers quote it."""


def score(row: Row) -> int:
    """Confidence of a tag, 0 to 100; 0 for a word the taxonomy does not know."""
    known = taxonomy.confidences().get(row["confidence"])
    return known.score if known else 0


def named(row: Row) -> str:
    """Whom a tag names: its actor, else its label."""
    name: str = row["actor"] or row["label"]
    return name


def party(row: Row) -> str:
    """The same, to tell whether two tags name one entity."""
    return named(row).casefold()


def words_of(row: Row) -> list[str]:
    """Category and further concepts of a tag."""
    return [word for word in (row["category"], *row["concepts"].split()) if word]


def behaviour_of(row: Row) -> str:
    """The strongest behaviour among a tag's category and further concepts."""
    concepts = taxonomy.load()
    said = {str(concepts[word].behaviour) for word in words_of(row) if word in concepts}
    return next((behaviour for behaviour in _STRONGEST if behaviour in said), "follow")


def category_of(row: Row) -> str:
    """The word among a tag's category and concepts that decides what a trace does; the category where none does."""
    behaviour, concepts = behaviour_of(row), taxonomy.load()
    deciding = (
        word for word in words_of(row) if word in concepts and str(concepts[word].behaviour) == behaviour
    )
    category: str = row["category"]
    return next(deciding, category) if behaviour != "follow" else category


def protection_of(row: Row) -> str:
    """`victim`, `test_purchase` or "": whether a tag asks to protect somebody.

    The concept `victim` beside a service's speaks of a service that was harmed: it protects nobody.
    """
    said: str = row["protection"]
    harmed = row["category"] == "victim" or ("victim" in words_of(row) and behaviour_of(row) == "follow")
    return said or ("victim" if harmed else "")


def ranked(rows: Iterable[RowT]) -> list[RowT]:
    """Best first, in a total order."""

    def words(row: Row) -> tuple[bool, int, str, str, str, str]:
        return (
            not row["actor"], _STRONGEST.index(behaviour_of(row)), row["actor"], row["label"], row["source"],
            row["claim_id"],
        )  # fmt: skip

    return sorted(sorted(rows, key=words), key=_strength, reverse=True)


def leaders(rows: Sequence[RowT]) -> list[RowT]:
    """The rows that no other beats by confidence or date."""
    best = max(map(_strength, rows), default=None)
    return [row for row in ranked(rows) if _strength(row) == best]


def reasons(rows: Sequence[Row]) -> list[str]:
    """Why each of some ranked rows stands where it stands."""
    said = []
    for place, row in enumerate(rows):
        dated = f"dated {row['lastmod']}" if row["lastmod"] else "undated"
        what = f"confidence {row['confidence']} ({score(row)} of 100), {dated}"
        if place == 0:
            alike = len({party(other) for other in leaders(rows)}) > 1
            why = "the only claim" if len(rows) == 1 else "as good as the next" if alike else "the best claim"
        elif score(row) < score(rows[0]):
            why = "lower confidence than the first"
        elif row["lastmod"] < rows[0]["lastmod"]:
            why = "as sure as the first, and older"
        else:
            why = "as sure and as recent as the first"
        said.append(f"{what}: {why}")
    return said


def _strength(row: Row) -> tuple[int, str]:
    return score(row), row["lastmod"]
