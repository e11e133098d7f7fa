"""What the API answers, for its OpenAPI document: the shapes of CONTRACTS. More keys may come; these stay."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Verdict = Literal["clear", "review", "block", "unknown"]
Handling = Literal["normal", "protect"]


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Fiat(_Open):
    """What an amount was worth on a day."""

    currency: str
    value: str
    date: str | None
    source: str


class Amount(_Open):
    """Exact: base units as a string of digits."""

    asset: str
    base_units: str
    decimal: str
    fiat: Fiat | None


class Clustering(_Open):
    """Which clusters were used."""

    tier: str
    height: int


class AsOf(_Open):
    """The block an answer stands on."""

    chain: str
    caip2: str
    height: int
    block_hash: str
    block_time: str
    clustering: Clustering | None


class ChainRead(_Open):
    """Heights that were read, and those that were not."""

    chain: str
    blocks: list[list[int]]
    missing: list[list[int]]


class ListRead(_Open):
    """A list of claims, and whether it is there and young enough."""

    list: str
    version: str | None
    published: str | None
    rows: int
    status: Literal["loaded", "stale", "missing"]


class Coverage(_Open):
    """What was looked at. Only `complete` lets a verdict be clear."""

    status: Literal["complete", "partial", "unseen", "stale"]
    chains: list[ChainRead]
    intel: list[ListRead]
    notes: list[str]


class PolicyUsed(_Open):
    """Whose rules judged."""

    id: str
    version: int | str
    sha256: str


class SubjectScreened(_Open):
    """What was screened."""

    kind: Literal["address", "transfer", "withdrawal_attempt"]
    chain: str
    address: str | None
    txid: str | None
    vout: int | None
    transfer_index: int | None
    asset: str | None
    amount: Amount | None
    chain_state: str | None
    direction: Literal["both", "inbound", "outbound"]
    customer_reference: str | None


class Sanctioned(_Open):
    """Whether the subject stands on a sanctions list."""

    hit: bool
    list: str | None
    list_version: str | None
    designated_at: str | None
    transfer_after_designation: bool | None


class Cluster(_Open):
    """The subject's conservative cluster."""

    id: str
    size: int
    entity: str | None
    category: str | None
    kyc_level: str | None
    confidence: str | None


class Identification(_Open):
    """A claim about the subject."""

    label: str
    category: str
    source: str
    date: str
    confidence: str


class Exposure(_Open):
    """Money between the subject and a counterparty; amounts and shares as a range over two methods."""

    category: str
    side: Literal["source", "destination"]
    type: Literal["ownership", "direct", "indirect"]
    amount: Amount
    share: str
    share_low: str
    share_high: str
    methods: list[str]
    min_hops: int
    solicited: bool
    paths: list[list[str]]


class TriggerFired(_Open):
    """A rule that fired."""

    rule_id: str
    rule_version: int | str
    threshold: dict[str, Any]
    observed: dict[str, Any]
    severity: Literal["low", "medium", "high", "severe"]


class Screening(_Open):
    """`tracer.screening/1`."""

    schema_: Literal["tracer.screening/1"] = Field(alias="schema")
    screening_id: str = Field(pattern="^[0-9a-f]{64}$")
    as_of: list[AsOf]
    intel_snapshot: str
    rules: str
    engine: str
    evaluated_at: str
    coverage: Coverage
    policy: PolicyUsed
    subject: SubjectScreened
    verdict: Verdict
    risk: Literal["low", "medium", "high", "severe"] | None
    risk_reasons: list[str]
    handling: Handling
    sanctioned: Sanctioned
    cluster: Cluster | None
    identifications: list[Identification]
    exposures: list[Exposure]
    triggers: list[TriggerFired]
    findings: list[dict[str, Any]]
    truncated: bool


class Rejected(_Open):
    """A subject that names nothing that can be screened. `index`: its place in `subjects`, from 0."""

    index: int
    problem: str


class Screenings(_Open):
    """`tracer.screenings/1`: `documents` in the order of the subjects, without those rejected."""

    schema_: Literal["tracer.screenings/1"] = Field(alias="schema")
    documents: list[Any]
    rejected: list[Rejected]


class FrontOffice(_Open):
    """`view=front-office`: verdict and case number, nothing else."""

    schema_: str = Field(alias="schema")
    verdict: Verdict


class ChainHealth(_Open):
    """One chain. `time`: unix seconds of its last block; `lag_seconds`: how long ago that was."""

    height: int | None
    time: int | None
    lag_seconds: int | None
    syncing: bool
    problem: str | None


class Health(_Open):
    """`tracer.health/1`. `ready`: the store answers, and no chain that is synced lags more than it may."""

    schema_: Literal["tracer.health/1"] = Field(alias="schema")
    live: bool
    ready: bool
    engine: str
    intel_snapshot: str | None
    chains: dict[str, ChainHealth]
    watching: bool
    problems: list[str]
