"""What people say about addresses: tags, and services with their KYC level.

A claim has a source, a date and a confidence; two claims may disagree and both stay. Nothing here is a fact
of a chain.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Generic, Literal, TypeVar


class KycLevel(StrEnum):
    """What a service asks of its customers (CONTRACTS). `unknown` is never `none`."""

    NONE = "none"
    RARE = "rare"
    ON_SUSPICION = "on_suspicion"
    THRESHOLDED = "thresholded"
    FULL = "full"
    UNKNOWN = "unknown"


WEAK = (KycLevel.NONE, KycLevel.RARE, KycLevel.ON_SUSPICION, KycLevel.THRESHOLDED)
"""`--exits kyc:weak`: levels 0 to 3; unknown is not among them."""


@dataclass(frozen=True, slots=True)
class Tag:
    """One sourced statement about one address. Field names follow GraphSense TagPacks.

    chain       short chain name, e.g. `bitcoin-regtest`
    address     canonical text; kind and payload are the same address for the ledger (see AddressKey)
    label       what the source calls it
    category    TagPack concept id (`tracer/intel/taxonomy.yml`)
    actor       id of the entity: a `vasp_id`, a market id, or "" where the source names none
    role        hot | deposit | pool | escrow | payment | ""
    confidence  TagPack confidence id
    lastmod     ISO date the source last changed it
    is_cluster_definer  True where the claim speaks of the whole cluster, not of this address alone
    """

    chain: str
    address: str
    kind: int
    payload: bytes
    label: str
    category: str
    actor: str
    role: str
    confidence: str
    source: str
    lastmod: str
    is_cluster_definer: bool


@dataclass(frozen=True, slots=True)
class Vasp:
    """One dated statement about a service. Several rows with one `vasp_id` are its history.

    valid_from / valid_to  ISO dates, "" where open; outside the interval the level is unknown with the
                           last known beside it
    """

    vasp_id: str
    name: str
    type: str
    kyc_level: KycLevel
    jurisdiction: str
    xmr_support: bool | None
    valid_from: str
    valid_to: str
    legal_contact: str
    source: str
    assessed_at: str
    assessor: str


@dataclass(frozen=True)
class KycAt:
    """The KYC level of a service at one time, with what was known before where that is all there is."""

    level: KycLevel
    last_known: KycLevel | None
    interval: tuple[str, str] | None


Claim = Tag | Vasp
"""Anything a list can hold."""

ClaimKind = Literal["tags", "vasps"]
"""What one list holds; also the first part of its file name in the store."""

ClaimT = TypeVar("ClaimT", Tag, Vasp)

ROLES = ("hot", "deposit", "pool", "escrow", "payment", "")
"""What an address does for its actor; "" where the source does not say."""

_DERIVED = frozenset({"kind", "payload"})
_SAID = {kind: tuple(sorted({f.name for f in fields(kind)} - _DERIVED)) for kind in (Tag, Vasp)}


def canonical(claim: Claim) -> str:
    """The one text of a claim: its fields as JSON, names sorted, empty ones left out.

    Leaving empty fields out keeps old ids valid when a later version adds a field. `kind` and `payload` only
    repeat `address`.
    """
    values = {name: getattr(claim, name) for name in _SAID[type(claim)]}
    said = {name: value for name, value in values.items() if value is not None and value != ""}
    return json.dumps([type(claim).__name__, said], ensure_ascii=False, separators=(",", ":"))


def claim_id(claim: Claim) -> str:
    """SHA-256 of the canonical claim, 64 hex digits: the same row is the same claim, whoever imports it."""
    return hashlib.sha256(canonical(claim).encode()).hexdigest()


def clean(text: str) -> str:
    """A text that is safe to show: NFC, runs of white space one space, no control or direction characters.

    Labels come from strangers; an escape sequence or a right-to-left override could make one read as another.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    spaced = "".join(" " if c.isspace() else c for c in text)
    shown = "".join(c for c in spaced if unicodedata.category(c) not in ("Cc", "Cf", "Cs"))
    return " ".join(unicodedata.normalize("NFC", shown).split())


@dataclass(frozen=True)
class Rejection:
    """A row that did not go in: where it stands (line from 1) and why, as CONTRACTS prints it."""

    file: str
    line: int
    reason: str


@dataclass(frozen=True)
class Reading(Generic[ClaimT]):
    """What an adapter read from one file: the good rows in file order, and the others with their reason."""

    claims: tuple[ClaimT, ...]
    rejections: tuple[Rejection, ...]

    @property
    def rows(self) -> int:
        """Rows in the file; a file that could not be read at all counts as one."""
        return len(self.claims) + len(self.rejections)
