"""Made-up evidence and lists for tests of policies."""

from __future__ import annotations

from typing import Any

from rules import policies
from tracer.screening.listed import Listed
from tracer.screening.model import METHODS, Designation, Evidence, Exposure, Subject, Tip
from tracer.screening.policy import Policy, parse

NOW = 1_704_067_200
DAY = 86_400
TIP = Tip(
    "bitcoin", "bip122:000000000019d6689c085ae165831e93", 800_000, "00" * 32, "2024-01-01T00:00:00Z", None
)


def shipped(name: str = "default") -> Policy:
    return parse(policies.load(name), f"{name}.yml")


def listing(name: str, kind: str, published: str | None = "2023-12-31", status: str = "loaded") -> Listed:
    return Listed(list=name, version="v1", published=published, rows=1, status=status, kind=kind)


LISTS = (listing("ofac-sdn", "sanctions"), listing("packs", "tags"), listing("register", "vasps"))
"""All that the default policy requires, young enough at NOW."""


def exposure(category: str, side: str = "source", kind: str = "direct", **given: Any) -> Exposure:
    units = given.pop("units", 10)
    owned = kind == "ownership"
    named = {
        "entity": "somebody", "vasp_id": None, "kyc_level": "unknown", "words": frozenset({category}), "total": 100,
        "min_hops": 0 if owned else 1 if kind == "direct" else 2, "last_time": NOW - DAY, "asset": "BTC",
        **given,
    }  # fmt: skip
    amounts = dict.fromkeys(METHODS, units) if isinstance(units, int) else units
    return Exposure(category=category, side=side, type=kind, units=amounts, **named)  # type: ignore[arg-type]


def evidence(*rows: Exposure, **given: Any) -> Evidence:
    named = {"subject": Subject("address", "bitcoin", "a", "a"), "tip": TIP, "seen": True, **given}
    return Evidence(exposures=rows, **named)


def designated(day: str) -> tuple[Designation, ...]:
    return (Designation("ofac-sdn", "v1", day, "claim"),)
