"""What was clustered, and whether it still speaks of the chain as it is now."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from tracer.chain import Family, first_tx_id
from tracer.clustering.rules import SHAPES, Tier
from tracer.db import named_sql
from tracer.errors import StoreDamaged
from tracer.ledger.store import Ledger

_SQL = named_sql("tracer.clustering", "build.sql")


@dataclass(frozen=True)
class Applied:
    """One heuristic of a build: what it is, and how many links it made."""

    id: str
    version: int
    links: int


@dataclass(frozen=True)
class Recorded:
    """What a build leaves in `meta`, as JSON.

    rules, claims  digests of what it was made from; snapshot: of the claims, as they were read
    blocks         blocks read up to that height
    pending        inputs up to that height whose spent output was not read
    next_address   one more than the greatest address id then
    joins          ids of the overrides that say two addresses are one holder's; joined: how many were taken
    largest        addresses of the largest cluster
    """

    tier: str
    height: int
    tip_hash: str
    rules: str
    claims: str
    snapshot: str
    heuristics: tuple[Applied, ...]
    excluded: dict[str, int]
    blocks: int
    pending: int
    addresses: int
    next_address: int
    clusters: int
    non_singleton: int
    largest: int
    transactions_used: int
    refused: int
    alarms: int
    joined: int
    joins: tuple[str, ...] = field(default_factory=tuple)


@dataclass(frozen=True)
class ClusteringState:
    """The clusters in a store, measured against its tip.

    behind    blocks read since (0: at the tip)
    valid     False where the clustered block left the best chain, or facts below it changed: rebuild
    """

    recorded: Recorded
    behind: int
    valid: bool

    @property
    def tier(self) -> str:
        """Tier of the clusters."""
        return self.recorded.tier

    @property
    def height(self) -> int:
        """The last block that was clustered; cluster names carry it."""
        return self.recorded.height

    @property
    def rules(self) -> str:
        """Digest of the rules that made them."""
        return self.recorded.rules

    @property
    def at_tip(self) -> bool:
        """Nothing was read since."""
        return self.valid and self.behind == 0

    def made_from(self, rules: str, claims: str) -> bool:
        """Whether these rules and claims made them (digests)."""
        return (self.recorded.rules, self.recorded.claims) == (rules, claims)

    def notes(self, rules: str) -> list[str]:
        """What a result must add to its coverage when it leans on these; `rules` is today's digest."""
        said = []
        if not self.valid:
            said.append("clusters were built on facts that changed since; rebuild them")
        elif self.behind:
            said.append(f"clusters end at block {self.height}, {self.behind} blocks below the tip")
        if self.recorded.pending:
            said.append(
                f"{self.recorded.pending} inputs spend outputs that were not read: links may be missing"
            )
        if self.rules != rules:
            said.append("clusters were built with other rules; rebuild them")
        return said


def write(ledger: Ledger, recorded: Recorded) -> None:
    """Put the record of a build in `meta`. Call it inside the build's transaction."""
    record = json.dumps(asdict(recorded), sort_keys=True)
    ledger.db.run(_SQL["record"], {"key": _key(Tier(recorded.tier)), "state": record})


def forget(ledger: Ledger, tier: Tier) -> None:
    """There are no clusters of this tier any more. Call it inside a transaction."""
    ledger.db.run(_SQL["unrecord"], {"key": _key(tier)})


def current(ledger: Ledger, tier: Tier = Tier.CONSERVATIVE) -> ClusteringState | None:
    """The clusters of a tier in this store, or None where none were built."""
    stored = text(ledger, tier)
    if stored is None:
        return None
    recorded = _read(stored, ledger)
    if recorded is None:
        return None
    tip = ledger.tip()
    found = ledger.db.row(_SQL["block_at"], {"height": recorded.height})
    same_block = found is not None and ledger.chain.hash_text(found[0]) == recorded.tip_hash
    behind = tip.height - recorded.height if tip else 0
    same_facts = below(ledger, recorded.height) == (recorded.blocks, recorded.pending)
    return ClusteringState(recorded, max(behind, 0), same_block and same_facts)


def text(ledger: Ledger, tier: Tier) -> str | None:
    """The record of the clusters of a tier as it is stored, or None where none were built."""
    found: str | None = ledger.db.value(_SQL["recorded"], {"key": _key(tier)})
    return found


def below(ledger: Ledger, height: int) -> tuple[int, int]:
    """Blocks, and inputs whose spent output was not read, up to a height."""
    if ledger.chain.family is Family.ACCOUNT:  # nothing waits there
        return int(ledger.db.value(_SQL["blocks_below"], {"height": height})), 0
    blocks, pending = ledger.db.rows(_SQL["below"], {"height": height, "next": first_tx_id(height + 1)})[0]
    return blocks, pending


def _key(tier: Tier) -> str:
    return "clustering" if tier is Tier.CONSERVATIVE else "overlay"


def _read(record: str, ledger: Ledger) -> Recorded | None:
    """What a build left; None where a former version left it: its clusters are built again."""
    try:
        stored = json.loads(record)
        if set(stored) != {f.name for f in fields(Recorded)}:
            return None
        stored["heuristics"] = tuple(Applied(**h) for h in stored["heuristics"])
        stored["joins"] = tuple(stored["joins"])
        return Recorded(**stored)
    except (ValueError, TypeError, KeyError) as error:
        raise StoreDamaged(
            f"the record of the clusters of {ledger.chain.name} cannot be read.",
            hint=f"Run `tracer cluster build {ledger.chain.name} --anew`.",
        ) from error


def as_of(ledger: Ledger, state: ClusteringState) -> list[dict[str, Any]]:
    """The `as_of` entry of CONTRACTS for an answer that stands on these clusters alone."""
    found = ledger.db.row(_SQL["block_at"], {"height": state.height})
    time = None if found is None else datetime.fromtimestamp(found[1], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return [
        {
            "chain": ledger.chain.name,
            "caip2": ledger.chain.caip2,
            "height": state.height,
            "block_hash": state.recorded.tip_hash,
            "block_time": time,
            "clustering": {"tier": state.tier, "height": state.height},
        }
    ]


def document(ledger: Ledger, state: ClusteringState) -> dict[str, Any]:
    """The `tracer.clustering/1` document of clusters that were built."""
    r = state.recorded
    return {
        "schema": "tracer.clustering/1",
        "as_of": as_of(ledger, state),
        "tier": r.tier,
        "addresses": r.addresses,
        "clusters": r.clusters,
        "non_singleton": r.non_singleton,
        "largest": r.largest,
        "transactions_used": r.transactions_used,
        "excluded": {kind: r.excluded.get(kind, 0) for kind, effect in SHAPES.items() if effect.apart},
        "heuristics": [{"id": h.id, "version": h.version, "links": h.links} for h in r.heuristics],
        "refused": r.refused,
        "alarms": r.alarms,
        "overrides": r.joined,
        "rules": r.rules,
        "claims": r.claims,
    }
