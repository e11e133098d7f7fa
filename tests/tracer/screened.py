"""Real screening documents of made-up subjects: real evidence, a real policy, the real judge, the real document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tracer.screening.document import Coin, document
from tracer.screening.judge import judge
from tracer.screening.listed import Listed
from tracer.screening.model import Evidence, Exposure, Identification, Side, Subject, Tip
from tracer.screening.policy import Policy, parse

NOW = 1_790_000_000
"""When all is judged: 2026-09-21."""
DAY = 86_400
_POLICY = """
id: house
version: 1
title: Of tests
description: Three rules.
settings: {hops: 3, max_txs: 100}
requires: [{kind: sanctions, max_age_days: 14}]
rules:
  - id: sanctioned
    version: 1
    title: Money of a sanctioned party
    when: {category: sanction, type: [ownership, direct, indirect]}
    severity: severe
    verdict: block
  - id: mixer
    version: 1
    title: Money out of a mixer
    when: {category: mixing_service, type: [direct, indirect]}
    severity: medium
    verdict: review
  - id: ransom
    version: 1
    title: Money of ransomware
    when: {category: ransomware, type: [direct, indirect]}
    severity: high
    verdict: review
    second_person: %s
"""
POLICY = parse(_POLICY % "false", "house.yml")
STRICT = parse(_POLICY % "true", "strict.yml")
"""The same, but ransomware asks for a second person."""
ADDRESS = "1Archive1n2C579dMsAu3iC6tWzuQJz8dN"
TIP = Tip(
    "bitcoin", "bip122:000000000019d6689c085ae165831e93", 800_000, "ab" * 32, "2026-09-21T00:00:00Z", None
)


@dataclass(frozen=True)
class Met:
    """Money between the subject and a category."""

    category: str
    units: int = 10
    total: int = 1_000
    side: Side = "source"
    entity: str = ""


def screened(
    *met: Met,
    address: str = ADDRESS,
    policy: Policy = POLICY,
    at: int = NOW,
    list_age: int = 0,
    tip: Tip | None = TIP,
    seen: bool = True,
    reference: str = "",
    tlp: str = "",
    protected: tuple[str, ...] = (),
    claims: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """The document of an address that met some money."""
    evidence = Evidence(
        Subject("address", "bitcoin", address, address=address, reference=reference),
        tip,
        seen,
        exposures=tuple(_exposure(each) for each in met),
        identifications=(
            Identification(
                "a label", "exchange", "a list", "2026-01-01", "forensic", "c" * 64, frozenset(), tlp=tlp
            ),
        )
        if tlp
        else (),
        protected=protected,
        blocks=((0, 800_000),),
        received=1_000,
        sent=1_000,
        claims=claims,
    )
    return told(evidence, policy, at, list_age, tlp)


def told(
    evidence: Evidence, policy: Policy = POLICY, at: int = NOW, list_age: int = 0, tlp: str = ""
) -> dict[str, Any]:
    """The document of evidence; the one list it has was published `list_age` days before."""
    from datetime import UTC, datetime

    published = datetime.fromtimestamp(NOW - list_age * DAY, UTC).strftime("%Y-%m-%d")
    lists = (
        Listed(
            list="ofac-sdn", version="7", published=published, rows=700, status="loaded", kind="sanctions"
        ),
    )
    return document(
        evidence,
        judge(evidence, policy, lists, at),
        policy,
        snapshot_id=f"sha256:{'5' * 64}",
        rules=f"sha256:{'6' * 64}",
        engine="test",
        evaluated_at=at,
        parameters={"hops": policy.settings.hops, "max_txs": policy.settings.max_txs, "own": []},
        coin=Coin("BTC", 8),
        tlp=tlp or None,
    )


def _exposure(met: Met) -> Exposure:
    return Exposure(
        category=met.category,
        side=met.side,
        type="direct",
        entity=met.entity,
        vasp_id=None,
        kyc_level="unknown",
        words=frozenset({met.category}),
        units={"fifo": met.units, "haircut": met.units // 2},
        total=met.total,
        min_hops=1,
        first_time=NOW - 40 * DAY,
        last_time=NOW - 30 * DAY,
        paths=(("ab" * 32,),),
        asset="BTC",
    )
