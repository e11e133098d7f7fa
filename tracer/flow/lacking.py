"""What a question lacks on the facts that are here: what somebody who can be asked for more should be asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracer.clustering.rules import RuleSet
from tracer.db import named_sql
from tracer.flow.beyond import NOTHING
from tracer.flow.deposits import MOST_TRANSACTIONS
from tracer.flow.facts import UNREAD_VOUT, Facts
from tracer.flow.fates import Fate
from tracer.flow.movements import I64
from tracer.flow.one import one_chain
from tracer.flow.question import Question
from tracer.flow.sets import distinct, union
from tracer.flow.trail import Pulse
from tracer.intel.snapshot import Snapshot
from tracer.ledger import partial
from tracer.ledger.store import Ledger

_SQL = named_sql("tracer.flow", "closure.sql")


@dataclass(frozen=True)
class Lacking:
    """What is not known of one chain. Txids and addresses as people write them, in one order, each once.

    outputs    txid -> vouts of which nobody knows whether and by what they are spent; with whom they pay in `owners`
    parents    txids of transactions whose outputs were spent on the trail
    histories  addresses whose other payments decide what an output is: deposit addresses of a service
    """

    outputs: dict[str, list[int]]
    owners: list[str]
    parents: list[str]
    histories: list[str]

    @property
    def nothing(self) -> bool:
        """Whether the facts that are here answer the question."""
        return not (self.outputs or self.parents or self.histories)


def lacking(
    ledger: Ledger, snapshot: Snapshot, question: Question, *, rules: RuleSet, pulse: Pulse
) -> Lacking:
    """What a trace of this question on a chain of outputs does not know, under its own stops and limits.

    Only where money went, by a method of the question or at most: what no convention reaches is not asked for.
    """
    home = one_chain(
        ledger,
        snapshot,
        question,
        rules=rules,
        engine="",
        rates=lambda _id, _version, _family: None,
        pulse=pulse,
    )
    facts, answers = home.follow(home.lots(), NOTHING)
    reached = facts.ceiling > 0
    for answer in answers:
        reached |= answer.taint.amount > 0
    trail = facts.trail
    unread = np.flatnonzero(reached & (trail.movements.out_fate == int(Fate.UNREAD)))
    open_ended = unread[(trail.beyond[unread] < 0) & (trail.vout[unread] >= 0)]
    waiting = union(trail.beyond[unread], trail.point[unread[trail.vout[unread] <= UNREAD_VOUT]])
    outputs: dict[str, list[int]] = {}
    if not trail.backward:
        names = ledger.render_txids(trail.point[open_ended].tolist())
        for at in open_ended.tolist():
            outputs.setdefault(names[int(trail.point[at])], []).append(int(trail.vout[at]))
    swept = distinct(trail.address[reached & (trail.swept_to >= 0) & (trail.address >= 0)])
    return Lacking(
        {txid: sorted(vouts) for txid, vouts in sorted(outputs.items())},
        _addresses(ledger, distinct(trail.address[open_ended][trail.address[open_ended] >= 0])),
        _parents(facts, waiting[waiting >= 0]),
        _addresses(ledger, _unfinished(ledger, swept)),
    )


def _parents(facts: Facts, spending: I64) -> list[str]:
    """Txids of what these transactions spend and nobody read."""
    import polars as pl

    with facts.ledger.db.table("wanted", pl.DataFrame({"tx_id": spending}, schema={"tx_id": pl.Int64})):
        rows = facts.ledger.db.rows(_SQL["pending"])
    return sorted({facts.ledger.chain.hash_text(bytes(txid)) for _, _, txid, _ in rows})


def _unfinished(ledger: Ledger, addresses: I64) -> I64:
    """Those of these addresses of which something may have happened that is not here, and that could be deposits."""
    tip = ledger.tip()
    runs = ledger.runs()
    if tip is None or (len(runs) == 1 and runs[0] == (0, tip.height)):
        return addresses[:0]
    done = [
        address
        for address, told in partial.told_of(ledger, addresses.tolist()).items()
        if told.whole_to >= tip.height or told.txs > MOST_TRANSACTIONS
    ]
    return np.setdiff1d(addresses, np.array(done, np.int64))


def _addresses(ledger: Ledger, ids: I64) -> list[str]:
    return sorted(ledger.render_addresses(ids.tolist()).values())
