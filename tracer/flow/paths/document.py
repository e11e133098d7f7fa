"""The `tracer.paths/1` document: the best paths, and what stands beside them.

A bottleneck bounds what can have flowed along one path, valued on the day of its arrival. Two paths may need the same
coins, so nothing here is a sum over paths.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from tracer.clustering.constraints import overrides
from tracer.clustering.lookup import clusters_of
from tracer.clustering.overrides import touching
from tracer.clustering.rules import Tier
from tracer.flow import leaned
from tracer.flow.accounts.paths_document import account_path, account_rows, name, notes_of
from tracer.flow.accounts.paths_search import Way
from tracer.flow.coverage import coverage
from tracer.flow.document import as_of
from tracer.flow.facts import Facts
from tracer.flow.fates import Fate
from tracer.flow.paths.answer import PathAnswer
from tracer.flow.paths.limits import nothing, within
from tracer.flow.paths.search import Path
from tracer.flow.question import Exits, utc
from tracer.flow.tagged import among
from tracer.flow.used import MAY_MIX, used_heuristics
from tracer.intel.ranking import protection_of


def path_document(answer: PathAnswer) -> dict[str, Any]:
    """Keys and order of `tracer.paths/1`."""
    facts, question = answer.facts, answer.question
    _name(answer)
    facts.overrides = _overrides(answer)
    used = _claims(answer)
    chain = facts.ledger.chain.name
    return {
        "schema": "tracer.paths/1",
        **as_of(facts),
        "coverage": _coverage(answer),
        "seeds": [
            {"chain": chain, "kind": seed.kind, "value": seed.value, "lots": facts.lots.count(number)}
            for number, seed in enumerate(facts.lots.seeds)
        ],
        "targets": [
            {
                "chain": chain,
                "kind": seed.kind,
                "value": seed.value,
                "addresses": len(answer.reach.members),
                "outpoints": len(answer.reach.points),
            }
            for seed in answer.reach.seeds
        ]
        if answer.reach
        else [],
        "unit": facts.lots.unit,
        "parameters": question.parameters(),
        "paths": [_path(answer, path) for path in answer.shown],
        "more": len(answer.best) > question.best,
        "reached": _reached(answer),
        "by_category": [] if answer.reach else _by_category(answer),
        "complete": not (answer.cut or facts.trail.stopped),
        "heuristics": _heuristics(answer),
        "overrides": facts.overrides,
        "protected": _protected(answer),
        "claims": used,
        "tlp": leaned.marking(facts, used),
        **({} if answer.looked is None else account_rows(answer, answer.looked)),
    }


def _name(answer: PathAnswer) -> None:
    """Render what the shown paths need."""
    facts, trail = answer.facts, answer.facts.trail
    if answer.looked is not None:
        shown = (row for path in answer.shown for row in path.outputs)
        name(facts, answer.looked, [*shown, *answer.stopped.tolist()])
    outputs = np.unique(np.array([o for path in answer.shown for o in path.outputs], np.int64))
    sweeps = trail.beyond[outputs[trail.swept_to[outputs] >= 0]]
    facts.txids.update(facts.ledger.render_txids(sweeps.tolist()))
    owners = np.union1d(trail.address[outputs], trail.swept_to[outputs])
    facts.addresses.update(facts.ledger.render_addresses(owners[owners >= 0].tolist()))


def _path(answer: PathAnswer, path: Path | Way) -> dict[str, Any]:
    if isinstance(path, Way):
        assert answer.looked is not None
        return account_path(answer.facts, answer.looked, path, _to(answer, path.steps[-1]))
    facts, (first, *rest) = answer.facts, path.outputs
    return {
        "bottleneck": facts.amount(path.bottleneck, rest[-1]),
        "hops": path.hops,
        "first_time": _time(facts, rest[0]),
        "last_time": _time(facts, rest[-1]),
        "from": {
            "address": facts.address(first),
            "outpoint": _outpoint(facts, first),
            "time": _time(facts, first),
            "amount": facts.amount(int(answer.start[first]), first),
        },
        "to": _to(answer, rest[-1]),
        "steps": [
            {
                "txid": facts.txid(made),
                "height": int(facts.trail.point[made]) >> 24,
                "time": _time(facts, made),
                "spends": _outpoint(facts, spent),
                "makes": _outpoint(facts, made),
                "address": facts.address(made),
                "amount": facts.amount(int(facts.trail.movements.out_value[made]), made),
            }
            for spent, made in pairwise(path.outputs)
        ],
    }


def _to(answer: PathAnswer, output: int) -> dict[str, Any]:
    """Where a path ends, and who is claimed to hold it. `swept_to`: the hot wallet that tells whose deposit it is."""
    facts, held = answer.facts, answer.met.of(output)
    day = (_time(facts, output) or "")[:10]
    vasp = facts.snapshot.vasp(held.vasp_id, day) if held and held.vasp_id else None
    hot, swept = int(facts.trail.swept_to[output]), None
    if hot >= 0:
        swept = {"address": facts.addresses[hot], "txid": facts.txids[int(facts.trail.beyond[output])]}
    return {
        "address": facts.address(output),
        "outpoint": _outpoint(facts, output),
        "entity": vasp.name if vasp else held.key[0] if held else None,
        "vasp_id": held.vasp_id if held else None,
        "category": held.category if held else None,
        "kyc_level": held.level if held else None,
        "kyc_last_known": held.key[2] if held else None,
        "swept_to": swept,
    }


def _outpoint(facts: Facts, output: int) -> str:
    return f"{facts.txid(output)}:{int(facts.trail.vout[output])}"


def _time(facts: Facts, output: int) -> str | None:
    """When the transaction that made an output was mined."""
    return utc(int(facts.trail.time[output]))


def _reached(answer: PathAnswer) -> dict[str, Any]:
    """Of all outputs that any path of the question ends in, not of the shown ones alone."""
    outputs = np.flatnonzero(answer.target & (answer.came > 0))
    widest = answer.widest(outputs)
    row = {"outputs": len(outputs), "bottleneck": widest[0] if widest else None}
    return row if answer.looked is None else {**row, "bottlenecks": widest}


def _by_category(answer: PathAnswer) -> list[dict[str, Any]]:
    """Services reached by category, KYC level and asset, those too that --exits does not ask for."""
    met, exits = answer.met, Exits.parse(answer.question.asked.exits)
    reached = answer.came[met.outputs] > 0
    kinds: dict[tuple[int, str, str], list[int]] = {}
    for number, endpoint in enumerate(met.endpoints):
        kinds.setdefault((endpoint.asset, endpoint.category, endpoint.level), []).append(number)
    rows = []
    for (asset, category, level), numbers in kinds.items():
        outputs = met.outputs[reached & np.isin(met.which, numbers)]
        for widest in answer.widest(outputs):
            row = {
                "category": category,
                "kyc_level": level,
                "asked_for": exits.shows(level, category),
                "outputs": len(outputs),
                "bottleneck": widest,
            }
            rows.append(((asset, -int(widest["base_units"]), category, level), row))
    return [row for _, row in sorted(rows, key=lambda found: found[0])]


def _coverage(answer: PathAnswer) -> dict[str, Any]:
    facts, question = answer.facts, answer.question
    reach, looked = answer.within_reach(), answer.looked
    unread = int(np.count_nonzero((reach.amount > 0) & (reach.fate == int(Fate.UNREAD))))
    seeded = int(np.count_nonzero(answer.start))
    covered = coverage(facts, answer.carried(), unread, seeded, answer.reached)
    notes = covered["notes"]
    if answer.cut:
        covered["status"] = "partial"
        notes.append(
            f"more than {question.asked.max_txs} transactions lie on the way: paths through those that were cut off, "
            "the later ones, are missing (--max-txs)"
        )
    if answer.reach:
        both = len(facts.lots.members.keys() & answer.reach.members.keys())
        both += len(facts.lots.points.keys() & answer.reach.points.keys())
        if both:
            notes.append(
                f"{both} addresses or outpoints stand at both ends: a path leads out of them and comes back"
            )
    if not seeded:
        notes.append(nothing(question.parameters(), facts.lots.unit))
    elif not answer.best:
        limits = within(question.parameters(), _decimals(answer))
        through = "a pool or a mix" if looked is None else "a pool, a mix or a bridge"
        notes.append(
            f"no path {limits} was found in what was read: one beyond these limits, or one through a service, "
            f"{through}, there may be"
        )
    if looked is not None:
        notes += notes_of(facts, looked)
    coins = (answer.carried().amount > 0) & (facts.trail.assets() == 0)
    notes += facts.worth.notes(facts.days_of(coins))
    return covered


def _decimals(answer: PathAnswer) -> int:
    """Digits after the point of what --min-value is given in."""
    chain = answer.facts.ledger.chain
    return chain.decimals if answer.looked is None else answer.looked.decimals(chain.decimals)


def _heuristics(answer: PathAnswer) -> list[dict[str, Any]]:
    """What ended the search, and what the shown paths went through."""
    facts, reached = answer.facts, answer.reached
    stops = used_heuristics(facts, reached, answer.within_reach())
    passed = used_heuristics(facts, reached, answer.carried())
    return [
        *(row for row in stops if row["used_for"] != MAY_MIX),
        *(row for row in passed if row["used_for"] == MAY_MIX),
    ]


def _claims(answer: PathAnswer) -> list[str]:
    """Claims that had a say at either end or between."""
    facts, found = answer.facts, set(leaned.claims(answer.facts, answer.reached))
    if answer.reach:
        found |= answer.reach.considered
        found |= facts.snapshot.naming({seed.value for seed in answer.reach.seeds if seed.kind == "vasp"})
    return sorted(found)


def _overrides(answer: PathAnswer) -> list[dict[str, Any]]:
    """The analysts' overrides that touch a cluster at either end or on the way."""
    facts = answer.facts
    said = overrides(facts.ledger, facts.snapshot)
    if not said:
        return []
    ends = [*facts.lots.members, *(answer.reach.members if answer.reach else ())]
    met = clusters_of(facts.ledger, [*ends, *facts.trail.seen.tolist()])
    return touching(facts.ledger, said, set(met.values()), Tier.CONSERVATIVE)


def _protected(answer: PathAnswer) -> list[dict[str, Any]]:
    """Addresses on the shown paths that claims ask to protect."""
    import polars as pl

    facts = answer.facts
    outputs = sorted({o for path in answer.shown for o in path.outputs})
    shields = pl.col("shields") & among("address_id", facts.trail.address[outputs].tolist())
    rows = {
        (facts.addresses[address], protection_of(row), row["claim_id"])
        for row, address in facts.services.tagged.select(shields)
    }
    return [{"address": a, "protection": b, "claim": c} for a, b, c in sorted(rows)]
