"""The graph that was followed under one method: who sent traced money on to whom, and where it rests.

Nodes are seeds, the transactions that moved traced money, and the places where it rests. An edge is the traced
money of one outpoint on its way from one node to the next, or the fee of a transaction. What enters a transaction is
what leaves it, to the base unit (poison apart, which multiplies); what leaves the seeds is `totals.seed`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import numpy as np

from tracer.flow import stops
from tracer.flow.endpoints import Endpoint, group
from tracer.flow.facts import Answer, Facts
from tracer.flow.fates import BUCKETS, Fate
from tracer.flow.question import Exits, utc
from tracer.flow.trail import FEE, Trail

Node = dict[str, Any]

_SEEDS = -1
"""Stands for the movement that backward seeds begin in: nothing on the trail spent them."""

ENDS = ("service", "stop", "bridge", "unspent", "unread", "rounded", "burned", "minted", "fees")
"""Kinds of places where money rests, in the order in which documents list them."""


def graph(facts: Facts, answer: Answer) -> dict[str, list[dict[str, Any]]]:
    """`nodes` and `edges` of one method, amounts in base units as strings.

    Every node has `id`, `kind`, `name` and `traced`: the traced amount that passed it, or rests there. A transaction
    also has `txid`, `height`, `time` and `fee` (on chain); a service what an endpoint says of it; a stop its reason,
    basis and evidence. Ids of places are made from what they are, so that two methods name them alike. Edges stand in
    the order of the chain: what a transaction was seeded with, its outpoints by vout, its fee. An edge of a fee has
    no outpoint; `amount_onchain` is then the whole fee. What came out of a shielded pool has none either. Of an account
    chain: `tracer.flow.accounts.edges`.
    """
    if answer.graph is not None:
        return answer.graph
    trail, taint, backward = facts.trail, answer.taint, facts.trail.backward
    moved = np.flatnonzero(taint.amount > 0).tolist()
    follows = taint.fate == int(Fate.SPENT)
    place = {tx_id: t for t, tx_id in enumerate(trail.tx_id.tolist())}
    passed = {int(trail.tx_id[trail.out_tx[o]]) for o in moved} - {_SEEDS}
    passed |= {int(trail.beyond[o]) for o in moved if follows[o]} | set(trail.tx_id[taint.fees > 0].tolist())
    txids = facts.ledger.render_txids(passed | {int(trail.point[o]) for o in moved})
    held = np.unique(trail.address[moved])
    addresses = facts.ledger.render_addresses(held[held >= 0].tolist())
    ends, seeds = Ends(facts, answer), seed_nodes(facts, answer)
    flows: list[tuple[tuple[int, int, int], _Flow]] = []
    for o in moved:
        point, vout = int(trail.point[o]), int(trail.vout[o])
        whole, entered = int(taint.amount[o]), int(taint.seeded[o])
        here = _Flow(
            outpoint=None if vout < 0 else f"{txids[point]}:{vout}",
            address=addresses.get(int(trail.address[o])),
            amount=whole,
            onchain=int(trail.movements.out_value[o]),
            time=int(trail.since[o]),
        )
        far = txids[int(trail.beyond[o])] if follows[o] else ends.of(o)
        direct = entered if backward and facts.seeding.fixed[o] else 0  # a lot, found where it was paid
        if direct:
            part = replace(here, amount=direct)
            flows.append(((point, 1, vout), part.between(seeds[o]["id"], far, backward)))
        if whole > direct:
            part = replace(here, amount=whole - direct)
            flows.append(((point, 2, vout), part.between(txids[int(trail.met[o])], far, backward)))
        if entered > direct:
            part, near = replace(here, amount=entered), txids[int(trail.met[o])]
            flows.append(((point, 3 if backward else 0, vout), part.between(seeds[o]["id"], near, backward)))
    for t in np.flatnonzero(taint.fees).tolist():
        tx_id = int(trail.tx_id[t])
        paid = _Flow(None, None, int(taint.fees[t]), _fee(trail, t), _time(trail, t))
        flows.append(((tx_id, 4, 0), paid.between(txids[tx_id], ends.fees(), backward)))
    edges = [flow for _, flow in sorted(flows, key=lambda item: item[0])]
    through = _through(edges)
    steps: list[Node] = [
        {
            "id": txids[tx_id],
            "kind": "transaction",
            "name": txids[tx_id],
            "txid": txids[tx_id],
            "height": tx_id >> 24,
            "time": utc(_time(trail, place[tx_id])),
            "fee": str(_fee(trail, place[tx_id])),
        }
        for tx_id in sorted(passed)
        if txids[tx_id] in through  # not what spent a backward lot, after the seed
    ]
    ranked = sorted(ends.nodes, key=lambda n: (ENDS.index(n["kind"]), -through[n["id"]], n["id"]))
    first = {node["id"]: node for _, node in sorted(seeds.items())}
    return {
        "nodes": [
            {**node, "traced": str(through[node["id"]])} for node in (*first.values(), *steps, *ranked)
        ],
        "edges": [flow.row() for flow in edges],
    }


def _time(trail: Trail, movement: int) -> int:
    """Block time of a movement: that of any of its outputs."""
    return int(trail.time[trail.movements.out_start[movement]])


def _fee(trail: Trail, movement: int) -> int:
    """What a transaction paid on chain. Backward it is what no output brings in; to miners it goes as an output."""
    m = trail.movements
    if trail.backward:
        ins = slice(m.in_start[movement], m.in_start[movement + 1])
        return int(sum(m.in_value[ins][m.in_ref[ins] < 0].tolist()))
    outs = slice(m.out_start[movement], m.out_start[movement + 1])
    return int(m.fee[movement]) + int(sum(m.out_value[outs][trail.vout[outs] == FEE].tolist()))


@dataclass(frozen=True)
class _Flow:
    """Traced money on its way; amounts in base units, time in unix seconds."""

    outpoint: str | None
    address: str | None
    amount: int
    onchain: int
    time: int
    source: str = ""
    target: str = ""

    def between(self, near: str, far: str, backward: bool) -> _Flow:
        """The same from node to node, as money went; `near` is nearer to the seed."""
        return replace(self, source=far if backward else near, target=near if backward else far)

    def row(self) -> dict[str, Any]:
        """As the document shows it."""
        return {
            "from": self.source,
            "to": self.target,
            "outpoint": self.outpoint,
            "address": self.address,
            "amount": str(self.amount),
            "amount_onchain": str(self.onchain),
            "time": utc(self.time),
        }


def _through(edges: Iterable[_Flow]) -> Mapping[str, int]:
    """What passed each node: what it took in, or gave where it took nothing in."""
    came: dict[str, int] = {}
    went: dict[str, int] = {}
    for flow in edges:
        went[flow.source] = went.get(flow.source, 0) + flow.amount
        came[flow.target] = came.get(flow.target, 0) + flow.amount
    return went | came


def seed_nodes(facts: Facts, answer: Answer) -> dict[int, Node]:
    """Output -> the seed that its money entered by."""
    lots, owner = facts.lots, facts.owner
    found: dict[int, Node] = {}
    for o in np.flatnonzero(answer.taint.seeded).tolist():
        if owner[o] < 0:
            found[o] = {"id": "seed", "kind": "seed", "name": "seed"}
            continue
        seed = lots.seeds[int(owner[o])]
        found[o] = {"id": node_id("seed", seed.kind, seed.value), "kind": "seed", "name": seed.text}
    return found


class Ends:
    """The places where money rests, each once."""

    def __init__(self, facts: Facts, answer: Answer) -> None:
        self._facts, self._fate = facts, answer.taint.fate
        exits = Exits.parse(facts.question.exits)
        self._known: dict[str, Node] = {}
        self._services: dict[int, Node] = {}
        for endpoint in group(facts, answer):
            shown = exits.shows(endpoint.level, endpoint.category)
            node = _service(facts, endpoint) if shown else _hidden()
            self._services.update(dict.fromkeys(endpoint.outputs, node))

    @property
    def nodes(self) -> Iterable[Node]:
        """All that were asked for."""
        return self._known.values()

    def of(self, output: int) -> str:
        """Id of the place where the money in an output rests."""
        return self._met(self.node(output))

    def node(self, output: int) -> Node:
        """That place, not counted as asked for."""
        fate = Fate(int(self._fate[output]))
        if fate is Fate.SERVICE:
            return self._services[output]
        if fate in (*BUCKETS["stopped"], *BUCKETS["pruned"]):
            return _stop(self._facts, fate, output)
        if fate is Fate.CROSSED:
            txid, vout = self._facts.outpoint(output)
            where = {"txid": txid, "position": vout}
            return {"id": node_id("bridge", txid, str(vout)), "kind": "bridge", "name": "bridge", **where}
        return {"id": fate.reason, "kind": fate.reason, "name": fate.reason}

    def fees(self) -> str:
        """Id of the fee sink."""
        return self._met({"id": "fees", "kind": "fees", "name": "fees"})

    def _met(self, node: Node) -> str:
        found: str = self._known.setdefault(node["id"], node)["id"]
        return found


def _service(facts: Facts, endpoint: Endpoint) -> Node:
    name, level, last_known, interval, host, _ = endpoint.key
    last = int(facts.trail.time[endpoint.outputs].max())
    vasp = facts.snapshot.vasp(endpoint.vasp_id, (utc(last) or "")[:10]) if endpoint.vasp_id else None
    return {
        "id": node_id("service", name, level, last_known or "", *(interval or ("", "")), host),
        "kind": "service",
        "name": vasp.name if vasp else name,
        "vasp_id": endpoint.vasp_id,
        "category": endpoint.category,
        "kyc_level": level,
        "kyc_last_known": last_known,
        "nested_in": host or None,
    }


def _hidden() -> Node:
    """Services that --exits does not show: in one place, never left out."""
    return {
        "id": "service|other",
        "kind": "service",
        "name": "services not asked for by --exits",
    } | dict.fromkeys(("vasp_id", "category", "kyc_level", "kyc_last_known", "nested_in"))


def _stop(facts: Facts, fate: Fate, output: int) -> Node:
    """A stop of one reason at one named place; limits of the question are one place each."""
    basis, entity, evidence = stops.ground(facts, fate, output)
    shape = (evidence or {}).get("kind") or (evidence or {}).get("cluster")
    return {
        "id": node_id("stop", fate.reason, entity or shape or ""),
        "kind": "stop",
        "name": entity or shape or fate.reason,
        "reason": fate.reason,
        "entity": entity,
        "basis": basis,
        "evidence": evidence,
    }


def node_id(*parts: str) -> str:
    """One name from parts that strangers wrote: no two meet by a separator inside."""
    return "|".join(quote(part, safe="") for part in parts)
