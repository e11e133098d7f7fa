"""What people say: tags, actors, services with their KYC level, prices, off-chain links, overrides, withdrawals.

A claim has a source, a date and a confidence; two claims may disagree and both stay. Nothing here is a fact
of a chain. Every kind is one frozen dataclass; its fields are the columns of the store, and the hash of what
they say is the claim's id.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Literal


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Who says something for a case, and who may read it. Empty for published claims.

    author, reason  the analyst and why
    case_id         the case it belongs to
    tlp             marking of the Traffic Light Protocol 2.0 (`TLPS`); "" where the source marks nothing
    """

    author: str = ""
    reason: str = ""
    case_id: str = ""
    tlp: str = ""


@dataclass(frozen=True, slots=True)
class Tag(Said):
    """One sourced statement about one address. Field names follow GraphSense TagPacks.

    chain       short chain name, e.g. `bitcoin-regtest`
    address     canonical text; kind and payload are the same address for the ledger (see AddressKey)
    label       what the source calls it
    category    TagPack concept id (`tracer/intel/taxonomy.yml`); "" where the source gives none
    actor       id of the entity: a `vasp_id`, a market id, or "" where the source names none
    role        hot | deposit | pool | escrow | payment | ""
    confidence  TagPack confidence id
    lastmod     ISO date the source last changed it
    is_cluster_definer  True where the claim speaks of the whole cluster, not of this address alone
    asset       ticker where it speaks of a token or of another name of the coin (`USDT`), else ""
    concepts    further concept ids, sorted, separated by a space
    tag_type    TagPack's: actor | event | mention | ""
    context     TagPack's free text
    pack        title of the pack it came in
    creator     who made that pack
    nested_in   `vasp_id` of the service in whose custody this account lies
    programme   sanctions programmes, sorted, separated by a space
    designated_at  ISO date of a designation
    subject     the list's own id of the person or body meant, e.g. `ofac:26137`
    valid_from / valid_to  ISO dates between which it held, both included; "" where open
    protection  victim | test_purchase | "": a person to protect, an authorised purchase
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
    asset: str = ""
    concepts: str = ""
    tag_type: str = ""
    context: str = ""
    pack: str = ""
    creator: str = ""
    nested_in: str = ""
    programme: str = ""
    designated_at: str = ""
    subject: str = ""
    valid_from: str = ""
    valid_to: str = ""
    protection: str = ""


@dataclass(frozen=True, slots=True)
class Actor(Said):
    """Who an actor id means: GraphSense ActorPacks. Several values in one field are separated by `; `.

    uri      the actor's own site, as text; context  the rest of what the pack says, as JSON
    """

    id: str
    label: str
    categories: str
    jurisdictions: str
    uri: str
    aliases: str
    context: str
    source: str
    lastmod: str
    pack: str = ""
    creator: str = ""


@dataclass(frozen=True, slots=True)
class Vasp(Said):
    """One dated statement about a service. Several rows with one `vasp_id` are its history.

    Several values in one field are separated by `; `. Fields follow section H of the heuristics reference.

    jurisdiction     where it says it is; jurisdiction_licensed, jurisdiction_operating  where it is licensed, works
    status           active | closed | seized | sanctioned | ""; successor  the `vasp_id` that took it over
    legal_contact    where a request goes; records_holder  who holds the customer data, where that is another
    nested_in        `vasp_id` of the service whose accounts it uses
    valid_from / valid_to  ISO dates, "" where open; outside its evidence the level is unknown (`evidence_interval`)
    evidence_url, evidence_sha256, captured_at  what was read, and when
    next_review      ISO date after which the statement needs a new look
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
    names: str = ""
    legal_entity: str = ""
    lei: str = ""
    jurisdiction_licensed: str = ""
    jurisdiction_operating: str = ""
    licences: str = ""
    kyc_threshold_usd: str = ""
    travel_rule: str = ""
    enforcement: str = ""
    status: str = ""
    successor: str = ""
    nested_in: str = ""
    records_holder: str = ""
    retention: str = ""
    evidence_url: str = ""
    evidence_sha256: str = ""
    captured_at: str = ""
    confidence: str = ""
    next_review: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Price(Said):
    """What one coin was worth on one UTC day, by one source. `price` is an exact decimal text, never a float."""

    asset: str
    currency: str
    day: str
    price: str
    source: str


@dataclass(frozen=True, slots=True)
class Leg(Said):
    """A link that no chain shows: a service says that what it was paid at one outpoint left it at another.

    origin, target   `txid:vout`; reference  the service's reply; said_at  its ISO date
    """

    chain: str
    origin: str
    to_chain: str
    target: str
    reference: str
    source: str
    said_at: str


@dataclass(frozen=True, slots=True)
class Override(Said):
    """An analyst's word on who shares control: two addresses have one holder (`join`), or two (`split`).

    a, b   canonical addresses of one chain, a < b as texts
    txid   of a split: the transaction whose common spend is not taken as one; "" where none is named
    said_at  ISO date
    """

    chain: str
    kind: str
    a: str
    b: str
    txid: str
    source: str
    said_at: str


@dataclass(frozen=True, slots=True)
class Withdrawal(Said):
    """Takes another claim back from a day on: who, why. The claim stays in the snapshots made before."""

    claim: str
    source: str
    withdrawn_at: str


Claim = Tag | Actor | Vasp | Price | Leg | Override | Withdrawal
"""Anything a list can hold."""

ClaimKind = Literal["tags", "actors", "vasps", "prices", "legs", "overrides", "withdrawals"]
"""What one list holds; also the first part of its file name in the store."""

KINDS: Mapping[ClaimKind, type[Claim]] = {
    "tags": Tag,
    "actors": Actor,
    "vasps": Vasp,
    "prices": Price,
    "legs": Leg,
    "overrides": Override,
    "withdrawals": Withdrawal,
}

DATED: Mapping[ClaimKind, str] = {
    "tags": "lastmod",
    "actors": "lastmod",
    "vasps": "assessed_at",
    "prices": "day",
    "legs": "said_at",
    "overrides": "said_at",
    "withdrawals": "withdrawn_at",
}
"""The field that dates a claim of each kind."""

ROLES = ("hot", "deposit", "pool", "escrow", "payment", "")
"""What an address does for its actor; "" where the source does not say."""

RED = "TLP:RED"
UNMARKED = "TLP:AMBER+STRICT"
"""What case data counts as that nobody marked."""

TLPS = ("TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", UNMARKED, RED)
"""Markings of the Traffic Light Protocol 2.0 (FIRST), from free to closed."""

OVERRIDES = ("join", "split")
PROTECTIONS = ("victim", "test_purchase", "")
STATUSES = ("active", "closed", "seized", "sanctioned", "")

_DERIVED: Mapping[type[Claim], frozenset[str]] = {Tag: frozenset({"kind", "payload"})}
_SAID = {
    kind: tuple(sorted({f.name for f in fields(kind)} - _DERIVED.get(kind, frozenset())))
    for kind in KINDS.values()
}
_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def canonical(claim: Claim) -> str:
    """The one text of a claim: its fields as JSON, names sorted, empty ones left out.

    Leaving empty fields out keeps old ids valid when a later version adds a field. `kind` and `payload` of a tag
    only repeat `address`.
    """
    kind = type(claim)
    said = {n: v for n in _SAID[kind] if (v := getattr(claim, n)) is not None and v != ""}
    return _ENCODE([kind.__name__, said])


def claim_id(claim: Claim) -> str:
    """SHA-256 of the canonical claim, 64 hex digits: the same row is the same claim, whoever imports it."""
    return hashlib.sha256(canonical(claim).encode()).hexdigest()


def from_row(kind: ClaimKind, row: Mapping[str, Any]) -> Claim:
    """A claim from a row of its frame (`tracer.intel.frames`)."""
    values = {f.name: row[f.name] for f in fields(KINDS[kind])}
    if kind == "vasps":
        values["kyc_level"] = KycLevel(values["kyc_level"])
    return KINDS[kind](**values)


def marked(tlp: str, case_id: str) -> str:
    """The marking that counts: what belongs to a case and that nobody marked is TLP:AMBER+STRICT."""
    return tlp or (UNMARKED if case_id else "")


def most_closed(marks: Iterable[str | None]) -> str | None:
    """The most closed of some markings: what holds for all they are put on. None where none is marked."""
    return max((mark for mark in marks if mark in TLPS), key=TLPS.index, default=None)


def clean(text: str) -> str:
    """A text that is safe to show: NFC, runs of white space one space, no control or direction characters.

    Labels come from strangers; an escape sequence or a right-to-left override could make one read as another.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    spaced = "".join(" " if c.isspace() else c for c in text)
    shown = "".join(c for c in spaced if unicodedata.category(c) not in ("Cc", "Cf", "Cs"))
    return " ".join(unicodedata.normalize("NFC", shown).split())
