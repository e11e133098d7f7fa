"""What an investigator would know of the simulated world: labels of services, and the register of its VASPs.

Customer deposit addresses and vendors carry no label: the engine has to infer them. Of the shop's customer
addresses a share is known to police, its sweep addresses are not.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from adapters.simulation.exchanges import VASPS

CHAIN = "bitcoin-regtest"
TAG_COLUMNS = (
    "chain",
    "address",
    "label",
    "category",
    "actor",
    "role",
    "confidence",
    "source",
    "lastmod",
    "is_cluster_definer",
)
VASP_COLUMNS = (
    "vasp_id", "name", "type", "kyc_level", "jurisdiction", "xmr_support", "valid_from", "valid_to",
    "legal_contact", "source", "assessed_at", "assessor",
)  # fmt: skip
_DATE = "2019-12-01"


@dataclass(frozen=True, slots=True)
class Tag:
    """One label of one address row of the truth."""

    row: int
    label: str
    category: str
    actor: str
    role: str
    confidence: str
    definer: bool = False


def write_tags(path: Path, tags: Iterable[Tag], texts: dict[int, str]) -> None:
    """The tags as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(TAG_COLUMNS)
        for tag in tags:
            definer = "true" if tag.definer else "false"
            writer.writerow((
                CHAIN, texts[tag.row], tag.label, tag.category, tag.actor, tag.role, tag.confidence,
                "simulation:ground-truth", _DATE, definer,
            ))  # fmt: skip


def write_vasps(path: Path) -> None:
    """The register as CSV: levels are claims for the year 2019."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(VASP_COLUMNS)
        for vasp in VASPS:
            writer.writerow((
                vasp.vasp_id, vasp.title, vasp.shape, vasp.kyc_level, vasp.jurisdiction,
                "true" if vasp.xmr else "false",
                "2019-01-01", "", f"legal@{vasp.vasp_id}.example", "simulation:register", _DATE, "simulation",
            ))  # fmt: skip
