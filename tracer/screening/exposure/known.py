"""What was read of the chain and of claims, and what was not: the ground every answer of one tip stands on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from tracer.clustering import state as clustering
from tracer.clustering.rules import RuleSet
from tracer.errors import UsageError
from tracer.flow.question import utc
from tracer.intel.snapshot import Snapshot
from tracer.ledger import partial
from tracer.ledger.store import Ledger
from tracer.screening.model import Tip


@dataclass(frozen=True)
class Ground:
    """What all answers share.

    gaps      what was not looked at, whoever is asked about
    lacking   the same of blocks; not said of an address whose whole history was told
    notes     what a reader must know besides
    time      of the tip, unix seconds; cluster_height: to which clusters reach
    """

    tip: Tip
    time: int
    cluster_height: int
    runs: tuple[tuple[int, int], ...]
    missing: tuple[tuple[int, int], ...]
    gaps: tuple[str, ...]
    lacking: tuple[str, ...]
    notes: tuple[str, ...]


def ground(ledger: Ledger, snapshot: Snapshot, rules: RuleSet) -> Ground:
    """Look once. `UsageError` where the store holds no blocks."""
    tip = ledger.tip()
    if tip is None:
        raise UsageError(
            f"the store of {ledger.chain.name} holds no blocks.",
            hint=f"Run `tracer sync {ledger.chain.name}` first.",
        )
    runs = tuple(ledger.runs())
    edges = [(-1, -1), *runs, (tip.height + 1, tip.height + 1)]
    missing = tuple((a[1] + 1, b[0] - 1) for a, b in pairwise(edges) if b[0] > a[1] + 1)
    clusters = clustering.current(ledger)
    gaps, lacking, notes = [], [], []
    if missing:
        lacking.append("blocks are missing: " + ", ".join(f"{a}-{b}" for a, b in missing))
        if hosts := partial.hosts(ledger):
            notes.append(
                f"single transactions of missing blocks were asked of {' and '.join(hosts)}; that there are no more is "
                "their word, and services may be missed"
            )
    if quarantined := ledger.quarantined():
        gaps.append(f"refused blocks are in quarantine: {', '.join(quarantined[:3])}")
    if clusters is None:
        gaps.append(
            "no clusters were built: services are known at tagged addresses only, mixers are not recognised"
        )
    else:
        gaps += clusters.notes(rules.digest)
    gaps += _claims(ledger.chain.name, snapshot)
    unverified = ledger.chain.unverified()
    if unverified:
        notes.append(f"not verified on {ledger.chain.name}: {', '.join(unverified)}")
    said = None if clusters is None else {"tier": str(clusters.tier), "height": clusters.height}
    chain, time = ledger.chain, utc(tip.time) or ""
    read = Tip(chain.name, chain.caip2, tip.height, chain.hash_text(tip.block_hash), time, said)
    return Ground(
        read, tip.time, clusters.height if clusters else tip.height, runs, missing, tuple(gaps), tuple(lacking),
        tuple(notes),
    )  # fmt: skip


def _claims(chain: str, snapshot: Snapshot) -> list[str]:
    gaps = []
    if not snapshot.tags().height:
        gaps.append("no claims are loaded: no service can be recognised")
    elif not snapshot.tags(chain).height:
        gaps.append(f"no claims about addresses of {chain} are loaded: no service can be recognised")
    return gaps + [
        f"list {entry.list!r} ({entry.rows} claims) was not read: its permissions keep it from this user"
        for entry in snapshot.unreadable()
    ]
