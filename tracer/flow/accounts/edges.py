"""The graph that was followed on an account chain: which account's money of which asset went where, and rests where.

A node is a queue, an account with one asset, or a place where units of one asset rest; so every amount of a node is of
its asset and none is added to another's. An edge is the traced part of one transfer; a swap or a wrap is an edge
with two sides, `amount` of what was given and `converted` of what came. What enters an account leaves it, to the
base unit (poison apart).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import numpy as np

from tracer.amounts import largest_remainder
from tracer.flow.accounts.rows import PLAIN, WRAP
from tracer.flow.accounts.view import View
from tracer.flow.facts import Answer, Facts
from tracer.flow.graph import ENDS, Ends, Node, node_id, seed_nodes
from tracer.flow.question import utc
from tracer.flow.queues.columns import CONVERSION, FEE_SINK
from tracer.flow.queues.taint import QueueTaint

_CUT, _REST = "cut", "rest"

_ROUNDED: Node = {"id": "rounded", "kind": "rounded", "name": "rounded away in a conversion"}


def account_graph(
    facts: Facts, answer: Answer, view: View, taint: QueueTaint
) -> dict[str, list[dict[str, Any]]]:
    """`nodes` and `edges` of one method, amounts in base units as strings.

    Every node has `id`, `kind`, `name`, `asset`, `asset_id`, `decimals` and `traced`, an account also `address` and
    the `time` at which traced money first came or went. Seeds come first, accounts as money met them, then ends.
    An edge is a `transfer`, `fee`, `swap` or `wrap`; or what a limit ended at a transfer (`cut`), or what lies in an
    account at the end (`rest`, which no transaction did: `txid`, `transfer_index`, `time` and `hops` are null). Edges
    stand in the order of the chain; what rests comes last, backward first. The `transfer_index` of a swap is that of
    what came out of it; null where it is the net of several transfers.
    """
    return _Graph(facts, answer, view, taint).document()


@dataclass(frozen=True)
class _Edge:
    """Traced money on its way, from `near`, which is nearer to the seed, to `far`; amounts in base units.

    order   of the chain; asset: number of what left `near`; came: (asset number, traced, on chain) of what came of it
    """

    order: tuple[int, int, int]
    kind: str
    near: str
    far: str
    asset: int
    amount: int
    onchain: int | None
    txid: str | None = None
    index: int | None = None
    address: str | None = None
    time: int | None = None
    hops: int | None = None
    came: tuple[int, int, int] | None = None

    def turned(self) -> _Edge:
        """A step back, as money went."""
        edge = replace(self, near=self.far, far=self.near)
        if self.came is None:
            return edge
        asset, units, onchain = self.came
        assert self.onchain is not None
        return replace(
            edge, asset=asset, amount=units, onchain=onchain, came=(self.asset, self.amount, self.onchain)
        )


class _Graph:
    """One use: `_Graph(...).document()`. An output is one of a trail (`View`)."""

    def __init__(self, facts: Facts, answer: Answer, view: View, taint: QueueTaint) -> None:
        self._facts, self._view, self._kernel = facts, view, taint
        self._found, self._backward = answer.taint, view.transfers.backward
        self._ends, self._seeds = Ends(facts, answer), seed_nodes(facts, answer)
        self._known: dict[str, Node] = {}
        self._accounts: dict[int, str] = {}
        trail = facts.trail
        moved = np.flatnonzero(self._found.amount > 0)
        followed = view.book.queues["address_id"].to_list()
        met = np.unique(trail.address[moved])
        self._names = facts.ledger.render_addresses({*followed, *met[met >= 0].tolist()})
        self._followed = followed
        self._row = view.row(np.concatenate([view.place, view.cut]))
        self._basis = view.book.rows["basis"].to_numpy()

    def document(self) -> dict[str, list[dict[str, Any]]]:
        """Nodes and edges as documents show them."""
        found = [*self._moves(), *self._conversions(), *self._cuts(), *self._rests()]
        edges = [edge.turned() for edge in found] if self._backward else found
        edges.sort(key=lambda e: (e.order, e.near, e.far))
        came: dict[str, int] = {}
        went: dict[str, int] = {}
        first: dict[str, int | None] = {}
        for edge in edges:
            units = edge.amount if edge.came is None else edge.came[1]
            went[edge.near] = went.get(edge.near, 0) + edge.amount
            came[edge.far] = came.get(edge.far, 0) + units
            for end in (edge.near, edge.far):
                if first.get(end) is None:  # in the order in which money met them
                    first[end] = edge.time
        through, place = went | came, {name: number for number, name in enumerate(first)}
        nodes: dict[str, list[Node]] = {"seed": [], "account": [], "": []}
        for name in sorted(first, key=place.__getitem__):
            node = self._known[name]
            told = {"time": utc(first[name])} if node["kind"] == "account" else {}
            nodes[node["kind"] if node["kind"] in nodes else ""].append(
                {**node, **told, "traced": str(through[name])}
            )
        nodes[""].sort(key=lambda n: (ENDS.index(n["kind"]), n["asset_id"], -through[n["id"]], n["id"]))
        nodes["seed"].sort(key=lambda n: (n["asset_id"], n["id"]))
        return {
            "nodes": [node for own in nodes.values() for node in own],
            "edges": [self._shown(edge) for edge in edges],
        }

    def _moves(self) -> Iterator[_Edge]:
        """Transfers from account to account, or to where money rests; and what entered the trace there."""
        view, found = self._view, self._found
        t = view.transfers
        for o, place in enumerate(view.place.tolist()):
            amount, entered = int(found.amount[o]), int(found.seeded[o])
            source, target = int(t.source[place]), int(t.target[place])
            if not amount or target <= CONVERSION:
                continue
            whole = self._edge(o, "fee" if target == FEE_SINK else "transfer", self._far(o, target), amount)
            if entered:
                yield replace(whole, near=self._seed(o), amount=entered)
            if amount > entered and source > CONVERSION:
                yield replace(whole, near=self._account(source), amount=amount - entered)

    def _conversions(self) -> Iterator[_Edge]:
        """Swaps and wraps: what went in, from each that gave, with its part of what came out."""
        view, found = self._view, self._found
        t = view.transfers
        outs = np.flatnonzero(t.source <= CONVERSION)
        out_of = dict(zip(t.source[outs].tolist(), outs.tolist(), strict=True))
        output = {place: o for o, place in enumerate(view.place.tolist())}
        for o, place in enumerate(view.place.tolist()):
            amount, entered = int(found.amount[o]), int(found.seeded[o])
            source, target = int(t.source[place]), int(t.target[place])
            if not amount or target > CONVERSION:
                continue
            far = out_of[target]
            other = output.get(far, -1)
            came = int(found.amount[other]) - int(found.seeded[other]) if other >= 0 else 0
            asset = int(t.asset_of()[far])
            end = self._far(other, int(t.target[far])) if came else self._met(_ROUNDED, asset)
            kind = "wrap" if self._basis[self._row[o]] == WRAP else "swap"
            whole = self._edge(o if other < 0 else other, kind, end, amount)
            came_out = o if self._backward else other
            index = self._index(came_out) if came_out >= 0 else None
            whole = replace(
                whole, asset=self._asset(o), onchain=self._onchain(o), hops=self._hops(o), index=index
            )
            (units,) = view.ints(t.amount, np.array([far]))
            givers = [(self._seed(o), entered)] if entered else []
            givers += [(self._account(source), amount - entered)] if amount > entered else []
            shares = largest_remainder(came, [part for _, part in givers])
            for (near, part), share in zip(givers, shares, strict=True):
                yield replace(whole, near=near, amount=part, came=(asset, share, int(units)))

    def _cuts(self) -> Iterator[_Edge]:
        """What a limit of the question ended in an account, at a transfer out of it."""
        view, start = self._view, len(self._view.place)
        onchain = view.ints(view.transfers.amount, view.cut)
        for number, place in enumerate(view.cut.tolist()):
            o = start + number
            if amount := int(self._found.amount[o]):
                edge = self._edge(o, _CUT, self._met(self._ends.node(o), self._asset(o)), amount)
                near = self._account(int(view.transfers.source[place]))
                yield replace(edge, near=near, onchain=int(onchain[number]), hops=None)

    def _rests(self) -> Iterator[_Edge]:
        """What lies in an account at the end."""
        start = len(self._view.place) + len(self._view.cut)
        for number, queue in enumerate(self._view.queue.tolist()):
            o = start + number
            if amount := int(self._found.amount[o]):
                asset = self._asset(o)
                far = self._met(self._ends.node(o), asset)
                order = (0 if self._backward else 2, asset, 0)
                yield _Edge(
                    order, _REST, self._account(queue), far, asset, amount, None,
                    address=self._names.get(self._followed[queue]),
                )  # fmt: skip

    def _edge(self, o: int, kind: str, far: str, amount: int) -> _Edge:
        """What is known of an output that is a transfer, or is cut at one."""
        trail = self._facts.trail
        row = int(self._row[o])
        step = {_CUT: 2}.get(kind, 0 if self._basis[row] == PLAIN else 1)
        address = None if kind == "fee" else self._names.get(int(trail.address[o]))
        return _Edge(
            (1, row, step), kind, "", far, self._asset(o), amount, self._onchain(o), self._facts.met(o),
            self._index(o), address, int(trail.time[o]), self._hops(o),
        )  # fmt: skip

    def _index(self, o: int) -> int | None:
        """Position of the one transfer that an output is; None where several were netted."""
        shown = self._facts.trail.shown
        return int(shown[o]) if shown is not None and shown[o] >= 0 else None

    def _asset(self, o: int) -> int:
        return self._facts.asset(o)

    def _onchain(self, o: int) -> int:
        return int(self._facts.trail.movements.out_value[o])

    def _hops(self, o: int) -> int | None:
        return int(self._found.hop[o]) if self._found.hop[o] >= 0 else None

    def _far(self, o: int, target: int) -> str:
        """Id of where an output's money went on to, or rests."""
        if 0 <= target < len(self._followed):
            return self._account(target)
        if target == FEE_SINK:
            return self._met({"id": "fees", "kind": "fees", "name": "fees"}, self._asset(o))
        return self._met(self._ends.node(o), self._asset(o))

    def _seed(self, o: int) -> str:
        return self._met(self._seeds[o], self._asset(o))

    def _account(self, queue: int) -> str:
        """Id of a followed account with one asset."""
        if queue not in self._accounts:
            asset, name = int(self._view.transfers.asset[queue]), self._names[self._followed[queue]]
            node = {"id": node_id("account", name), "kind": "account", "name": name, "address": name}
            self._accounts[queue] = self._met(node, asset)
        return self._accounts[queue]

    def _met(self, node: Mapping[str, Any], asset: int) -> str:
        """Id of a place for units of one asset."""
        told = _coin(self._facts, asset)
        own = f"{node['id']}|{quote(str(told['asset_id']), safe='')}"
        self._known.setdefault(own, {**node, "id": own, **told})
        return own

    def _shown(self, edge: _Edge) -> dict[str, Any]:
        """As the document shows it."""
        return {
            "from": edge.near,
            "to": edge.far,
            "kind": edge.kind,
            "txid": edge.txid,
            "transfer_index": edge.index,
            "address": edge.address,
            **_coin(self._facts, edge.asset),
            "amount": str(edge.amount),
            "amount_onchain": None if edge.onchain is None else str(edge.onchain),
            "converted": self._converted(edge),
            "time": utc(edge.time),
            "hops": edge.hops,
        }

    def _converted(self, edge: _Edge) -> dict[str, Any] | None:
        if edge.came is None:
            return None
        asset, units, onchain = edge.came
        return {**_coin(self._facts, asset), "amount": str(units), "amount_onchain": str(onchain)}


def _coin(facts: Facts, asset: int) -> dict[str, Any]:
    coin = facts.worth_of(asset).coin
    return {"asset": coin.name, "asset_id": coin.asset_id, "decimals": coin.decimals}
