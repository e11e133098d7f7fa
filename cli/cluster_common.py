"""What the verbs of `tracer cluster` share: clusters that are ready, addresses that were seen, coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracer.errors import ReorgedAway, UsageError

if TYPE_CHECKING:
    from tracer.chain import AddressKey
    from tracer.clustering.state import ClusteringState
    from tracer.intel.snapshot import Snapshot
    from tracer.ledger.coverage import Coverage
    from tracer.ledger.store import Ledger

DEFAULT_CHAIN = "bitcoin"


def seen(ledger: Ledger, key: AddressKey) -> int:
    """The id of an address; `UsageError` where the ledger never saw it."""
    from tracer.ledger.coverage import coverage

    found = ledger.find_address(key)
    if found is None:
        read = coverage(ledger)
        where = f"blocks {ranges(read.ranges)}" if read.ranges else "any block (none were read)"
        raise UsageError(
            f"{ledger.chain.render_address(key)} was never seen in {where} of {ledger.chain.name}.",
            hint="Blocks outside that range may hold it.",
        )
    return found


def usable(ledger: Ledger, tier: str) -> ClusteringState:
    """Clusters that speak of the chain as it is, or the reason why there are none."""
    from tracer.clustering import state as states
    from tracer.clustering.rules import Tier

    state = states.current(ledger, Tier(tier))
    hint = f"Run `tracer cluster build {ledger.chain.name}`."
    if state is None:
        raise UsageError(f"no {tier} clusters of {ledger.chain.name} were built.", hint=hint)
    if not state.valid:
        raise ReorgedAway(
            f"the blocks up to {state.height} of {ledger.chain.name} changed since its clusters were built.",
            hint=hint,
        )
    return state


def head(ledger: Ledger, state: ClusteringState, snapshot: Snapshot) -> dict[str, Any]:
    """Where the chain, the claims, the rules and the engine stood, and what was not read: the start of a document."""
    from rules import digest
    from tracer.clustering import state as states
    from tracer.evidence.custody import engine_version
    from tracer.ledger.coverage import coverage

    read: Coverage = coverage(ledger)
    notes = state.notes(digest())
    if read.gaps:
        notes.append(f"blocks {ranges(read.gaps)} were not read: links in them are missing")
    if read.quarantined:
        notes.append(f"{read.quarantined} rows could not be understood and are in quarantine")
    return {
        "as_of": states.as_of(ledger, state),
        "intel_snapshot": snapshot.id,
        "rules": state.rules,
        "engine": engine_version(),
        "coverage": {
            "status": "partial" if notes else "complete",
            "chains": [
                {"chain": ledger.chain.name, "blocks": [list(r) for r in read.ranges], "missing": read.gaps}
            ],
            "intel": snapshot.lists(),
            "notes": notes,
        },
    }


def heuristics(ledger: Ledger, state: ClusteringState) -> list[dict[str, Any]]:
    """What made these clusters, each with its measured error rate, or null where none was measured."""
    from rules import clustering
    from rules.accuracy import error_rate

    rules = clustering()
    rows = []
    for applied in state.recorded.heuristics:
        rule = rules.heuristic(applied.id)
        rows.append(
            {
                "id": applied.id,
                "version": applied.version,
                "tier": rule.tier.value if rule else None,
                "error_rate": error_rate(applied.id, applied.version, family=ledger.chain.family),
            }
        )
    return rows


def ranges(found: Any) -> str:
    """`0–4312, 5000–5010`."""
    return ", ".join(f"{first}–{last}" for first, last in found)


def named(text: str) -> str:
    """The address in a cluster's name, `cluster:ADDRESS@HEIGHT`; any other text as it is."""
    kind, found, rest = text.strip().partition(":")
    return rest.rpartition("@")[0] or rest if found and kind == "cluster" else text
