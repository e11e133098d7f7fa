"""What an investigator would know of the simulated world: labels of services, and the register of its VASPs.

Customer deposit addresses and vendors carry no label: the engine has to infer them. Of the shop's customer
addresses a share is known to police, its sweep addresses are not.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass

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


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def tags_csv(tags: Iterable[Tag], texts: dict[int, str]) -> str:
    """The tags as CSV; `texts` has the address of each row."""
    return table(TAG_COLUMNS, (
        (
            CHAIN, texts[tag.row], tag.label, tag.category, tag.actor, tag.role, tag.confidence,
            "simulation:ground-truth", _DATE, "true" if tag.definer else "false",
        )
        for tag in tags
    ))  # fmt: skip


def vasps_csv() -> str:
    """The register as CSV: levels are claims for the year 2019."""
    return table(VASP_COLUMNS, (
        (
            vasp.vasp_id, vasp.title, vasp.shape, vasp.kyc_level, vasp.jurisdiction, "true" if vasp.xmr else "false",
            "2019-01-01", "", f"legal@{vasp.vasp_id}.example", "simulation:register", _DATE, "simulation",
        )
        for vasp in VASPS
    ))  # fmt: skip
