"""What screening speaks of: subjects, exposures, evidence, judgements. Nothing here reads a store or decides.

A subject is examined (`tracer.screening.examine`) into evidence; a policy judges evidence and nothing else
(`tracer.screening.judge`); a document is made of both (`tracer.screening.document`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

SubjectKind = Literal["address", "transfer", "withdrawal_attempt"]
Direction = Literal["both", "inbound", "outbound"]
Side = Literal["source", "destination"]
ExposureType = Literal["ownership", "direct", "indirect"]
Verdict = Literal["clear", "review", "block", "unknown"]
Risk = Literal["low", "medium", "high", "severe"]
Handling = Literal["normal", "protect"]

RISKS: tuple[Risk, ...] = ("low", "medium", "high", "severe")
"""Ascending."""

METHODS = ("fifo", "haircut")
"""The conventions between which an exposure is a range."""


@dataclass(frozen=True)
class Subject:
    """What is screened.

    address             whose money it is asked about, one address
    transfer            one output (`vout`) or transfer of an account chain (`transfer_index`) of a transaction: inbound
                        its source is judged, outbound its destination, and of this transfer only
    withdrawal_attempt  `address` is where `units` are about to be sent

    address    canonical; of a transfer None until it was found
    asset      of an account chain; None: the chain's own coin
    units      base units of a withdrawal attempt, None where not told; of a transfer what the ledger says
    reference  the customer's own, repeated in the document and never read
    text       as it was given
    """

    kind: SubjectKind
    chain: str
    text: str
    address: str | None = None
    txid: str | None = None
    vout: int | None = None
    transfer_index: int | None = None
    asset: str | None = None
    units: int | None = None
    direction: Direction = "both"
    reference: str = ""


@dataclass(frozen=True)
class Identification:
    """A claim on the subject's address or cluster. `whole_cluster`: it speaks of the cluster, not of the address."""

    label: str
    category: str
    source: str
    date: str
    confidence: str
    claim: str
    words: frozenset[str]
    entity: str = ""
    whole_cluster: bool = False
    tlp: str = ""


@dataclass(frozen=True)
class Designation:
    """The subject stands on a sanctions list; `designated_at` is an ISO date, "" where the list does not say."""

    list: str
    list_version: str
    designated_at: str
    claim: str
    programme: str = ""


@dataclass(frozen=True)
class Cluster:
    """The conservative cluster of the subject's address. `id` as CONTRACTS writes clusters."""

    id: str
    size: int
    entity: str | None
    category: str | None
    kyc_level: str | None
    confidence: str | None


@dataclass(frozen=True)
class Exposure:
    """Money between the subject and one counterparty, on one side, in one asset.

    category    the word of the counterparty's claims that this row is about: one that several words are said of has a
                row for each, so rows of several categories overlap and are never summed
    words       all words of its claims
    units       method -> base units, by `METHODS`; of ownership 0
    total       base units that all of this side is: what arrived at (or left) the subject; shares are of it
    min_hops    transactions between: 0 of ownership, 1 of direct
    solicited   False for dust and other inflow nobody asked for: it never blocks alone
    first_time, last_time   unix seconds of the payments at the counterparty's end
    paths       txids from the subject to the counterparty, shortest first, a few
    claims      ids of the claims that name the counterparty
    labels_later  True where every claim that names it is dated after the payments
    listed      designations of the counterparty, for before/after
    """

    category: str
    side: Side
    type: ExposureType
    entity: str
    vasp_id: str | None
    kyc_level: str
    words: frozenset[str]
    units: Mapping[str, int]
    total: int
    min_hops: int
    solicited: bool = True
    first_time: int | None = None
    last_time: int | None = None
    paths: tuple[tuple[str, ...], ...] = ()
    claims: frozenset[str] = frozenset()
    labels_later: bool = False
    listed: tuple[Designation, ...] = ()
    asset: str = ""
    asset_id: str | None = None
    decimals: int = 8
    fiat: Mapping[str, Any] | None = None
    """`Amount.fiat` of the larger method's units (CONTRACTS): {currency, value, date, source}; None without a price."""


@dataclass(frozen=True)
class Tip:
    """What of one chain was read when it was examined, as `as_of` quotes it."""

    chain: str
    caip2: str
    height: int
    block_hash: str
    block_time: str
    clustering: Mapping[str, Any] | None


@dataclass(frozen=True)
class Evidence:
    """All that is known of a subject, and what was not looked at. A policy sees nothing else.

    seen         the ledger holds the address, or the transfer
    protected    marks on the subject: `victim`, `test_purchase`
    bursts       extortion-like bursts of payments by the subject (heuristics.md CSE-6): what was counted
    findings     of typology rules (`tracer.detection`)
    truncated    a limit cut the expansion: nothing may be called clear
    gaps         what was not looked at, in words: coverage is partial
    notes        what else a reader must know
    missing      height ranges not read
    time         unix seconds of the transfer; None of an address
    chain_state  of a transfer: `mempool`, `confirmed`; None of an address
    received, sent   base units that arrived at and left the subject; None where that side was not asked
    claims       ids of all claims that had a part
    """

    subject: Subject
    tip: Tip | None
    seen: bool
    exposures: tuple[Exposure, ...] = ()
    identifications: tuple[Identification, ...] = ()
    designations: tuple[Designation, ...] = ()
    cluster: Cluster | None = None
    protected: tuple[str, ...] = ()
    bursts: tuple[Mapping[str, Any], ...] = ()
    findings: tuple[Mapping[str, Any], ...] = ()
    truncated: bool = False
    gaps: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    blocks: tuple[tuple[int, int], ...] = ()
    missing: tuple[tuple[int, int], ...] = ()
    time: int | None = None
    chain_state: str | None = None
    received: int | None = None
    sent: int | None = None
    claims: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Trigger:
    """A rule of the policy that fired, with what it asks for and what was seen."""

    rule_id: str
    rule_version: int
    threshold: Mapping[str, Any]
    observed: Mapping[str, Any]
    severity: Risk
    verdict: Verdict
    handling: Handling
    exposure: int | None = None
    """Place of the exposure in the evidence that made it fire; None where it was something else."""


@dataclass(frozen=True)
class ListState:
    """A claims list as coverage shows it: `loaded`, `stale` (older than the policy allows), `missing`.

    kind  what it is of (`tracer.screening.listed.KINDS`)
    """

    list: str
    version: str | None
    published: str | None
    rows: int
    status: Literal["loaded", "stale", "missing"]
    kind: str = ""


@dataclass(frozen=True)
class Judgement:
    """What a policy makes of evidence.

    risk      None where the verdict is unknown for want of knowledge
    reasons   in words, worst first
    lists     all lists, with those the policy requires
    status    of coverage: complete | partial | unseen | stale
    second    a decision on it needs a second person
    """

    verdict: Verdict
    risk: Risk | None
    reasons: tuple[str, ...]
    handling: Handling
    triggers: tuple[Trigger, ...]
    lists: tuple[ListState, ...]
    status: Literal["complete", "partial", "unseen", "stale"]
    second: bool = False
    notes: tuple[str, ...] = field(default_factory=tuple)
