"""Evidence that a person wrote down: the made-up subjects of the tests inside policies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tracer.intel import taxonomy
from tracer.screening.asked import KYC, PROTECTED, SIDES, SUBJECTS, TYPES
from tracer.screening.model import (
    METHODS,
    Designation,
    Evidence,
    Exposure,
    ExposureType,
    Identification,
    Side,
    Subject,
    SubjectKind,
    Tip,
    Verdict,
)
from tracer.screening.places import Item

EVALUATED_AT = 1_704_067_200
"""When made-up subjects are judged where nothing else is said: 2024-01-01."""
PAID_AT = EVALUATED_AT - 30 * 86_400
"""When their payments were where nothing else is said: 30 days before."""

_TIP = Tip(
    "bitcoin", "bip122:000000000019d6689c085ae165831e93", 800_000, "00" * 32, "2024-01-01T00:00:00Z", None
)
EXPECTED: tuple[Verdict, ...] = ("clear", "review", "block", "unknown")

_KEYS = (
    "expect", "subject", "evaluated_at", "seen", "truncated", "protected", "designated", "labels", "bursts",
    "findings", "exposures",
)  # fmt: skip
_ROW = (
    "category", "side", "type", "units", "total", "entity", "vasp_id", "kyc_level", "concepts", "hops", "solicited",
    "paid_at", "labels_later", "designated", "asset", "decimals", "fiat",
)  # fmt: skip


@dataclass(frozen=True)
class Described:
    """Evidence as described, when it is judged, and what must come of it (None: not said)."""

    evidence: Evidence
    evaluated_at: int
    expect: Verdict | None


def described(item: Item) -> Described:
    """Read a made-up subject; what is not said is innocent: seen, whole, paid 30 days ago, asked for, of all 100."""
    given = item.table(_KEYS)
    at = given["evaluated_at"].time() if "evaluated_at" in given else EVALUATED_AT
    kind = given["subject"].word(SUBJECTS) if "subject" in given else "address"
    designations = _designations(given["designated"]) if "designated" in given else ()
    rows = tuple(_row(one) for one in given["exposures"].many()) if "exposures" in given else ()
    labels = given["labels"].texts() if "labels" in given else ()
    words = frozenset(row.category for row in rows if row.type == "ownership")
    expect = given["expect"].word(EXPECTED) if "expect" in given else None
    evidence = Evidence(
        subject=Subject(_kind(kind), "bitcoin", "made-up", "made-up"),
        tip=_TIP,
        seen=given["seen"].flag() if "seen" in given else True,
        truncated=given["truncated"].flag() if "truncated" in given else False,
        exposures=rows,
        designations=designations,
        identifications=tuple(
            Identification(label, next(iter(sorted(words)), ""), "made-up", "", "forensic", "made-up", words)
            for label in labels
        ),
        protected=tuple(sorted(given["protected"].words(PROTECTED))) if "protected" in given else (),
        bursts=tuple({"payments": 3} for _ in range(given["bursts"].integer(1, 1000)))
        if "bursts" in given
        else (),
        findings=tuple(_finding(one) for one in given["findings"].many()) if "findings" in given else (),
    )
    return Described(evidence, at, next((word for word in EXPECTED if word == expect), None))


def _row(item: Item) -> Exposure:
    given = item.table(_ROW, ("category",))
    kind = given["type"].word(TYPES) if "type" in given else "direct"
    side = given["side"].word(SIDES) if "side" in given else "source"
    category = given["category"].word(taxonomy.load())
    concepts = given["concepts"].words(taxonomy.load()) if "concepts" in given else frozenset()
    paid = given["paid_at"].time() if "paid_at" in given else PAID_AT
    ownership = kind == "ownership"
    hops = given["hops"].integer(1, 100) if "hops" in given else 1 if kind == "direct" else 2
    fiat = given["fiat"].table(("currency", "value"), ("currency", "value")) if "fiat" in given else None
    return Exposure(
        category=category,
        side=_side(side),
        type=_type(kind),
        entity=given["entity"].text() if "entity" in given else "",
        vasp_id=given["vasp_id"].text() if "vasp_id" in given else None,
        kyc_level=given["kyc_level"].word(KYC) if "kyc_level" in given else "unknown",
        words=concepts | {category},
        units=_units(given["units"]) if "units" in given else dict.fromkeys(METHODS, 0 if ownership else 10),
        total=given["total"].integer(0, 10**38) if "total" in given else 0 if ownership else 100,
        min_hops=0 if ownership else hops,
        solicited=given["solicited"].flag() if "solicited" in given else True,
        first_time=None if ownership else paid,
        last_time=None if ownership else paid,
        labels_later=given["labels_later"].flag() if "labels_later" in given else False,
        listed=_designations(given["designated"]) if "designated" in given else (),
        asset=given["asset"].text() if "asset" in given else "BTC",
        decimals=given["decimals"].integer(0, 38) if "decimals" in given else 8,
        fiat=fiat and {"currency": fiat["currency"].text(), "value": str(fiat["value"].decimal())},
    )


def _units(item: Item) -> dict[str, int]:
    """One number for all methods, or one for each."""
    if not item.is_table:
        return dict.fromkeys(METHODS, item.integer(0, 10**38))
    given = item.table(METHODS, METHODS)
    return {method: given[method].integer(0, 10**38) for method in METHODS}


def _designations(item: Item) -> tuple[Designation, ...]:
    """`undated`, or the ISO dates of designations."""
    found = []
    for one in item.many():
        day = one.text()
        if day != "undated":
            one.time()
        found.append(Designation("ofac-sdn", "made-up", "" if day == "undated" else day, "made-up"))
    return tuple(found)


def _finding(item: Item) -> dict[str, Any]:
    given = item.table(("rule", "level"), ("rule",))
    return {"rule_id": given["rule"].text(), "level": given["level"].text() if "level" in given else ""}


def _side(word: str) -> Side:
    return "source" if word == "source" else "destination"


def _type(word: str) -> ExposureType:
    return "ownership" if word == "ownership" else "direct" if word == "direct" else "indirect"


def _kind(word: str) -> SubjectKind:
    return (
        "transfer"
        if word == "transfer"
        else "withdrawal_attempt"
        if word == "withdrawal_attempt"
        else "address"
    )
