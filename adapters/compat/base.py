"""What all projections have in common: how a document is read, and what none of them may lose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

Document = Mapping[str, Any]
"""`tracer.screening/1`."""


class Projection(Protocol):
    """One product's shape."""

    def __call__(self, document: Document, /) -> Any:
        """The document as that product's interface would answer; JSON values."""


def is_known(document: Document) -> bool:
    """Whether anything may be said of the risk."""
    return bool(document["verdict"] != "unknown")


def origin(document: Document) -> dict[str, Any]:
    """What the shape has no field for: which screening this is, what it came to, what was not looked at."""
    return {
        "screening_id": document["screening_id"],
        "verdict": document["verdict"],
        "risk": document["risk"],
        "handling": document["handling"],
        "coverage": document["coverage"]["status"],
        "reasons": list(document["risk_reasons"]),
    }


def fired(document: Document) -> Iterator[tuple[Document, Document | None]]:
    """Triggers that ask for something, each with the exposure that made it fire; None where it was no exposure."""
    for row in document["triggers"]:
        if row["verdict"] != "clear":
            place = row["exposure"]
            yield row, None if place is None else document["exposures"][place]


def of_side(rows: Sequence[Document], side: str) -> list[Document]:
    """Exposures of one side; ownership belongs to both."""
    return [row for row in rows if row["side"] == side or row["type"] == "ownership"]


def usd(amount: Document | None) -> float | None:
    """What an amount was worth in US dollars, as a JSON number; None where nobody knows, never 0."""
    fiat = None if amount is None else amount["fiat"]
    return float(fiat["value"]) if fiat is not None and fiat["currency"] == "USD" else None


def percent(share: str) -> float:
    """`0.4210` as the number 42.1."""
    whole, _, part = share.partition(".")
    digits = int(whole + part.ljust(4, "0"))
    return digits / 100


def number(amount: Document | None) -> float | None:
    """An amount as a JSON number, as those interfaces write it; the exact one stands in the document."""
    return None if amount is None else float(amount["decimal"])


def title(category: str) -> str:
    """`child_sexual_abuse` as `child sexual abuse`."""
    return category.replace("_", " ")
