"""Peel chains on a trail: a large coin that is paid away piece by piece, shown as one thing with its pieces.

A link is a followed transaction with one input and two outputs. The chain goes on at the output that another link
spends: the same shape as `rules/heuristics/peel_chain.py` looks for. It is a fact about shape, not a claim of
ownership: nothing is merged by it, and a payee who pays on in the same manner looks alike.

Where this differs from the heuristic, which decides which single output is change:

- OP_RETURN outputs, and fees that go on to miners, are not counted: nobody is paid by them.
- Where both outputs go on in links, the larger one is the coin and the smaller one the peel (the heuristic stays
  silent). Of two equal ones neither is: the chain ends there, and each may begin another.
- What no link spends ends a chain. The larger output of the last link is what is left (the first of two equal ones);
  the heuristic calls unspent coins possible change.
- A chain has `LINKS` links at least.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tracer.flow.fates import Fate
from tracer.flow.movements import I64, Movements, Taint
from tracer.flow.question import utc

if TYPE_CHECKING:
    from tracer.flow.facts import Facts

Chosen = npt.NDArray[np.bool_]

LINKS = 5
"""(P) Links of a chain at least, as in section A6 of the heuristics reference: fewer are everyday payments."""


@dataclass(frozen=True)
class Chain:
    """One chain, as indices of movements and outputs, in execution order.

    links  int64[n]  its transactions
    peels  int64[n]  of each, the output that was paid away
    rests  int64[n]  of each, the output that was peeled on; the last is what is left
    """

    links: I64
    peels: I64
    rests: I64


def find(movements: Movements, taint: Taint, least: int = LINKS) -> list[Chain]:
    """The longest chains of at least `least` links in what was followed forward, by their first transactions.

    All is done in columns, but for cutting them into chains.
    """
    out_tx = np.repeat(np.arange(len(movements)), np.diff(movements.out_start))
    paying = movements.out_fate != int(Fate.BURNED)
    if movements.fee_lot is not None:
        paying[movements.fee_lot[movements.fee_lot >= 0]] = False
    links = _links(movements, out_tx, paying, taint)
    if len(links) < least:
        return []
    chosen = np.zeros(len(movements), bool)
    chosen[links] = True
    outputs = np.flatnonzero(chosen[out_tx] & paying)
    first, second = outputs[0::2], outputs[1::2]
    spender = np.full(len(paying), -1, np.int64)  # place of the link that spends an output
    spender[movements.in_ref[movements.in_start[links]]] = np.arange(len(links))
    rest, following = _goes_on(movements.out_value, first, second, spender)
    before = np.full(len(links), -1, np.int64)
    before[following[following >= 0]] = np.flatnonzero(following >= 0)
    heads, depth = _heads(before)
    order = np.lexsort((depth, heads))
    order = order[np.bincount(heads)[heads[order]] >= least]
    if not len(order):
        return []
    peel = np.where(rest == first, second, first)
    cuts = np.flatnonzero(depth[order] == 0)[1:]
    return [Chain(links[own], peel[own], rest[own]) for own in np.split(order, cuts)]


def _links(movements: Movements, out_tx: I64, paying: Chosen, taint: Taint) -> I64:
    """Transactions with one input and two outputs that pay, through which traced money went, in order."""
    count = len(movements)
    two = np.bincount(out_tx[paying], minlength=count) == 2
    reached = np.bincount(out_tx[taint.amount > 0], minlength=count) > 0
    places = np.flatnonzero((np.diff(movements.in_start) == 1) & two & reached)
    spent = movements.in_ref[movements.in_start[places]]
    carried = (
        (spent >= 0) & paying[spent] & (taint.amount[spent] > 0) & (taint.fate[spent] == int(Fate.SPENT))
    )
    found: I64 = places[carried]
    return found


def _goes_on(value: I64, first: I64, second: I64, spender: I64) -> tuple[I64, I64]:
    """Of each link the output that is peeled on, and the link that spends it, -1 where the chain ends."""
    larger = np.where(value[second] > value[first], second, first)
    on_first, on_second = spender[first] >= 0, spender[second] >= 0
    rest = np.where(on_first & ~on_second, first, np.where(on_second & ~on_first, second, larger))
    unclear = on_first & on_second & (value[first] == value[second])
    return rest, np.where(unclear, -1, spender[rest])


def _heads(before: I64) -> tuple[I64, I64]:
    """First link of the chain of each link, and how many links lie between, by pointer doubling."""
    heads = np.where(before >= 0, before, np.arange(len(before)))
    depth = (before >= 0).astype(np.int64)
    while True:
        further = heads[heads]
        if np.array_equal(further, heads):
            return heads, depth
        depth = depth + depth[heads]
        heads = further


def peel_chains(facts: Facts, taint: Taint) -> list[dict[str, Any]]:
    """The chains of one method as documents show them, the largest coin first; of a forward trace.

    Amounts are those on chain, `_traced` what the method found. The fate of a peel, and of what is left, is a word
    of `Fate`; `followed` where traced money went on from it, `untraced` where the method put none of it there.
    """
    trail, columns = facts.trail, facts.trail.movements
    found = find(columns, taint)
    shown = np.concatenate([np.append(chain.peels, chain.rests[-1]) for chain in found] or [np.empty(0, int)])
    numbers = np.unique(trail.address[shown])
    addresses = facts.ledger.render_addresses(numbers[numbers >= 0].tolist())

    def output(o: int) -> dict[str, Any]:
        return {
            "txid": facts.txid(o),
            "vout": int(trail.vout[o]),
            "address": addresses.get(int(trail.address[o])),
            "amount": facts.amount(int(columns.out_value[o]), o),
            "amount_traced": facts.amount(int(taint.amount[o]), o),
            "fate": _fate(taint, o),
        }

    rows = []
    for chain in found:
        coin, rest = int(columns.in_ref[columns.in_start[chain.links[0]]]), int(chain.rests[-1])
        made = int(chain.peels[0])  # its block dates what entered
        left = output(rest)
        rows.append(
            {
                "first_txid": facts.txid(made),
                "last_txid": facts.txid(rest),
                "links": len(chain.links),
                "entered": facts.amount(int(columns.out_value[coin]), made),
                "entered_traced": facts.amount(int(taint.amount[coin]), made),
                "left": left["amount"],
                "left_in": {key: left[key] for key in ("vout", "address", "amount_traced", "fate")},
                "first_time": utc(int(trail.time[made])),
                "last_time": utc(int(trail.time[rest])),
                "peels": [output(o) for o in chain.peels.tolist()],
            }
        )
    return sorted(rows, key=lambda r: (-int(r["entered"]["base_units"]), r["first_txid"], r["last_txid"]))


def _fate(taint: Taint, output: int) -> str:
    if not taint.amount[output]:
        return "untraced"
    fate = Fate(int(taint.fate[output]))
    return "followed" if fate is Fate.SPENT else fate.reason
