"""What an answer did not look at, and what its facts and claims leave open."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from tracer.clustering.pools import rule_of
from tracer.flow.endpoints import Endpoint
from tracer.flow.facts import Facts
from tracer.flow.movements import Taint
from tracer.flow.question import Exits, utc
from tracer.flow.used import MAY_MIX, may_mix
from tracer.ledger import partial


def coverage(
    facts: Facts, taint: Taint, unread: int, seeded: int, endpoints: Sequence[Endpoint]
) -> dict[str, Any]:
    """`coverage` of one method's document: `partial` unless it looked at everything the question needs.

    `unread` and `seeded` are base units of that method, `endpoints` all it reached.
    """
    runs, tip = facts.runs, facts.tip.height
    edges = [(-1, -1), *runs, (tip + 1, tip + 1)]
    missing = [[a[1] + 1, b[0] - 1] for a, b in pairwise(edges) if b[0] > a[1] + 1]
    gaps = [*_facts(facts, missing, unread), *_claims(facts), *facts.lots.gaps, *facts.gaps]
    notes = [*gaps, *facts.lots.notes, *facts.notes, *_disputes(facts), *_levels(facts, endpoints)]
    if not seeded:
        notes.append(_nothing(facts))
    if not facts.snapshot.vasps().height and not Exits.parse(facts.question.exits).levels:
        notes.append(_NO_REGISTER)
    notes += _pools(facts)
    notes += facts.lead_notes
    notes += [
        f"the money {MAY_MIX}: {count} of kind {kind}; which coins went where is one reading of it"
        for kind, count in may_mix(facts, taint).items()
    ]
    unverified = facts.ledger.chain.unverified()
    if unverified:
        notes.append(f"not verified on {facts.ledger.chain.name}: {', '.join(unverified)}")
    if len(facts.lots.seeds) > 64:
        notes.append("more than 64 seeds: amounts are not told apart by seed")
    return {
        "status": "partial" if gaps else "complete",
        "chains": [
            {"chain": facts.ledger.chain.name, "blocks": [[a, b] for a, b in runs], "missing": missing}
        ],
        "intel": facts.snapshot.lists(),
        "notes": notes,
    }


_ON_DEMAND = (
    "of missing blocks only single transactions were asked for, of {hosts}: that nothing spends an output, that an "
    "address has no more transactions, and amounts spent of transactions that are not here are its word",
    "single transactions were proved by Merkle branch and proof of work, their headers not chained: the explorer could "
    "show a false branch",
    "payments to a bare public key are in no explorer's history of its address",
    "clusters, pools and mixers are known as far as transactions are here: services may be missed",
)
_UNREAD = (
    "part of the money lies in accounts of which not everything is known (what they held before, internal transfers, "
    "missing blocks): it is `unread`"
)
_NO_REGISTER = "no VASP register is loaded: every KYC level is unknown"


def _facts(facts: Facts, missing: Sequence[Sequence[int]], unread: int) -> list[str]:
    """What of the chain was not read or not clustered."""
    gaps = []
    if missing:
        gaps.append("blocks are missing: " + ", ".join(f"{a}-{b}" for a, b in missing))
    if facts.trail.asset is None and missing and (asked := partial.hosts(facts.ledger)):
        gaps += [line.format(hosts=" and ".join(asked)) for line in _ON_DEMAND]
    # on an account chain single rows are in quarantine too: what of them concerns the trail stands in `facts.gaps`
    if facts.trail.asset is None and (quarantined := facts.ledger.quarantined()):
        gaps.append(f"refused blocks are in quarantine: {', '.join(quarantined[:3])}")
    if unread and facts.trail.asset is not None:
        gaps.append(_UNREAD)
    elif unread and facts.trail.backward:
        gaps.append(
            "part of the money came through transactions with inputs that were not read: it is `unread`, not minted"
        )
    elif unread:
        gaps.append(
            "part of the money enters transactions with inputs that were not read, or blocks that were "
            "not read: it is `unread`, not unspent"
        )
    if facts.trail.stopped:
        gaps.append("the trace was ended by hand before its time: `interrupted` money went on")
    if facts.clustering is None:
        gaps.append(
            "no clusters were built: services are known at tagged addresses only, mixers are not recognised"
        )
    else:
        gaps += facts.clustering.notes(facts.rules.digest)
    return gaps


def _claims(facts: Facts) -> list[str]:
    """Claims without which the question cannot be answered whole."""
    gaps, chain = [], facts.ledger.chain.name
    if not facts.snapshot.tags().height:
        gaps.append("no claims are loaded: no service can be recognised")
    elif not facts.snapshot.tags(chain).height:
        gaps.append(f"no claims about addresses of {chain} are loaded: no service can be recognised")
    gaps += [
        f"list {entry.list!r} ({entry.rows} claims) was not read: its permissions keep it from this user"
        for entry in facts.snapshot.unreadable()
    ]
    if not facts.snapshot.vasps().height and Exits.parse(facts.question.exits).levels:
        gaps.append(_NO_REGISTER + ", so --exits kyc:... finds nothing")
    return gaps


def _nothing(facts: Facts) -> str:
    question = facts.question
    windowed = question.seed_after is not None or question.seed_before is not None
    left = facts.lots.unit == "entity" and not facts.trail.backward
    what = "nothing left the entity" if left else "nothing arrived in the seed set"
    return f"{what}{' in the window' if windowed else ''}: there was nothing to follow"


def _pools(facts: Facts) -> list[str]:
    """How far pools that nobody tagged were recognised, and whether the seeds stand in one."""
    if facts.trail.asset is not None:  # accounts have rules of their own, which say so themselves
        return []
    rule = rule_of(facts.rules)
    if rule is None or facts.question.pools == "tagged":
        return ["untagged pools were not looked for: money may have been followed through one"]
    least = rule.parameters
    notes = [
        f"untagged pools are recognised by what they do ({rule.id}: from {least.depositors} depositors on, with batch "
        "payouts and commingling); through smaller ones money was followed"
    ]
    count = len(facts.trail.seed_pools)
    if count:
        notes.append(
            f"seeds stand in {count} untagged wallet{'s' if count > 1 else ''} that behave{'' if count > 1 else 's'} "
            "like a pool: what left an address there need not be what arrived at it; "
            "--unit entity follows what left the pool"
        )
    return notes


def _disputes(facts: Facts) -> list[str]:
    """What claims about the places this trace met do not agree on."""
    met = np.unique(facts.trail.holding[facts.trail.holding >= 0]).tolist()
    return sorted({note for holding in facts.services.holdings(met) for note in holding.notes})


def _levels(facts: Facts, endpoints: Sequence[Endpoint]) -> list[str]:
    """VASPs whose level is unknown because rows of the register that rank alike disagree on it."""
    days: dict[str, set[str]] = {}
    for endpoint in endpoints:
        if endpoint.vasp_id is not None and endpoint.level == "unknown":
            times = (int(facts.trail.time[output]) for output in endpoint.outputs)
            days.setdefault(endpoint.vasp_id, set()).update((utc(time) or "")[:10] for time in times)
    notes = []
    for vasp_id, dates in sorted(days.items()):
        known = ((day, facts.snapshot.kyc_at(vasp_id, day).disagreeing) for day in sorted(dates))
        if tied := next(((day, levels) for day, levels in known if levels), None):
            notes.append(
                f"the KYC level of {vasp_id} on {tied[0]} is unknown: rows of the register disagree "
                f"({', '.join(tied[1])})"
            )
    return notes
