"""What only lies behind a mixer: services that the money can have reached, and no flow says it did.

A mix takes coins of several parties; which of its outputs is whose, nobody can tell. So the trail is walked once more
with mixes taken as ordinary transactions, under poison: everything that a tainted coin can have become. Services
that are reached so, and not without a mix, are leads, with the most that can have come: no amount is traced to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tracer.amounts import amount
from tracer.flow import leaned
from tracer.flow.endpoints import Endpoint, group
from tracer.flow.facts import Answer, Facts
from tracer.flow.fates import BUCKETS, Fate
from tracer.flow.kernels.ceiling import ceiling
from tracer.flow.legs import Leg, path
from tracer.flow.methods import method
from tracer.flow.movements import Limits, Taint
from tracer.flow.question import utc
from tracer.flow.trail import Trail


def leads(facts: Facts, open_trail: Trail) -> tuple[list[dict[str, Any]], set[str], list[str]]:
    """Leads as documents show them, the claims they rest on, and notes on where the search behind mixers ended.

    `open_trail` is of the same question with mixes gone through; `facts` are of the trail that stops at them.
    """
    limits, poison = Limits(facts.question.hops, facts.floor), method("poison")
    seeding = facts.lots.seeding(open_trail)
    taint = poison(open_trail.movements, seeding, limits)
    # no more comes out of mixes than can have gone in; nothing is followed out of a shielded pool
    at_mixes = (facts.trail.movements.out_fate == int(Fate.MIXER)) & (facts.trail.holding < 0)
    at_mixes &= facts.trail.beyond >= 0
    entered = min(sum(facts.ceiling[at_mixes].tolist()), sum(taint.seeded.tolist()))
    most = np.minimum(ceiling(open_trail.movements, seeding), entered)
    there = replace(facts, trail=open_trail, seeding=seeding, ceiling=most, accounts={})
    answer = Answer("poison", taint, {})
    there.name_everything([answer])
    plainly = poison(facts.trail.movements, facts.seeding, limits).amount > 0
    known = facts.trail.index(open_trail.point, open_trail.vout)
    without_mix = np.where(known >= 0, plainly[known], np.False_)
    mixing = set(open_trail.mixes.filter(open_trail.mixes["stops"])["tx_id"].to_list())
    found = []
    for endpoint in group(there, answer):
        legs = [leg for leg in endpoint.legs if not without_mix[leg.output]]
        if legs:
            found.append((replace(endpoint, legs=legs), legs))
    rows = [_row(there, answer, endpoint, legs, mixing, entered) for endpoint, legs in found]
    rows.sort(key=lambda row: (-int(row["at_most"]["base_units"]), row["entity"], row["kyc_level"]))
    claims = leaned.claims(there, [endpoint for endpoint, _ in found])
    return rows, set(claims), _ended(taint, without_mix)


def _ended(taint: Taint, without_mix: npt.NDArray[np.bool_]) -> list[str]:
    """What lies behind mixers and was not looked past."""
    behind = (taint.amount > 0) & ~without_mix
    counts = {
        fate.reason: int(np.count_nonzero(behind & (taint.fate == int(fate))))
        for name in ("unread", "stopped", "pruned")
        for fate in BUCKETS[name]
    }
    told = [f"{reason} {count:,}" for reason, count in counts.items() if count]
    if not told:
        return []
    return [f"behind mixers the search for leads ended early at some outputs: {', '.join(told)}"]


def _row(
    facts: Facts, answer: Answer, endpoint: Endpoint, legs: Sequence[Leg], mixing: set[int], entered: int
) -> dict[str, Any]:
    told = [_leg(facts, answer, leg, mixing) for leg in legs]
    parts = [facts.amount(int(facts.ceiling[leg.output]), leg.output) for leg in legs]
    most = facts.worth.total(parts)
    if int(most["base_units"]) > entered:  # which of the payments it would be, nobody knows: nor its day
        most = amount(facts.ledger.chain.asset, entered, facts.ledger.chain.decimals, None)
    day = (utc(int(facts.trail.time[legs[-1].output])) or "")[:10]
    vasp = facts.snapshot.vasp(endpoint.vasp_id, day) if endpoint.vasp_id else None
    name, level, last_known, interval, _, _ = endpoint.key
    return {
        "through": "mixer",
        "entity": vasp.name if vasp else name,
        "vasp_id": endpoint.vasp_id,
        "category": endpoint.category,
        "kyc_level": level,
        "kyc_last_known": last_known,
        "kyc_interval": list(interval) if interval else None,
        "at_most": most,
        "legs": told,
    }


def _leg(facts: Facts, answer: Answer, leg: Leg, mixing: set[int]) -> dict[str, Any]:
    trail, o = facts.trail, leg.output
    way = path(facts, answer.taint, leg)
    return {
        "role": leg.role,
        "role_basis": leg.basis,
        "address": facts.address(o),
        "txid": facts.txid(o),
        "vout": int(trail.vout[o]),
        "height": int(trail.met[o]) >> 24,
        "time": utc(int(trail.time[o])),
        "amount_onchain": facts.amount(int(trail.movements.out_value[o]), o),
        "at_most": facts.amount(int(facts.ceiling[o]), o),
        "hops": int(answer.taint.hop[o]),
        "path": [facts.txids[tx_id] for tx_id in way],
        "mixes": [{"txid": facts.txids[tx_id], **facts.mix(tx_id)} for tx_id in way if tx_id in mixing],
    }
