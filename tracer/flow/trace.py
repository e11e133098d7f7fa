"""One question, one answer: seeds -> closure -> kernels -> the documents of CONTRACTS.

Nothing here depends on the clock, the host or the user: the same question on the same facts and claims gives
the same bytes.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from tracer.clustering.rules import RuleSet
from tracer.errors import UsageError
from tracer.flow.bridges.document import across_chains, answer_of
from tracer.flow.bridges.rules import Bridges
from tracer.flow.bridges.trace import Across, walk
from tracer.flow.document import compare, document
from tracer.flow.facts import Rates
from tracer.flow.offchain import Followed, Links, with_links
from tracer.flow.one import OneChain, one_chain, there
from tracer.flow.question import Question
from tracer.flow.seeding import seeds as seeding_room
from tracer.flow.trail import Pulse
from tracer.intel.snapshot import Snapshot
from tracer.ledger.store import Ledger


def trace(
    ledger: Ledger,
    snapshot: Snapshot,
    question: Question,
    *,
    rules: RuleSet,
    engine: str,
    rates: Rates = lambda _id, _version, _family: None,
    pulse: Pulse = lambda _hop, _txs: True,
    bridges: Bridges | None = None,
) -> dict[str, Any]:
    """Answer a question: `tracer.trace/1` for one method, `tracer.traces/1` for several.

    `rules` are those in force, with what they do; `engine` is the version of this program; both are quoted. `rates`
    tells the measured error rate of a rule on a family of chains. `pulse` is told of every hop, and may end the trace
    there: the answer then says that it is partial. `bridges` lead on to other chains; without them the trace stays on
    its own.
    Raises `UsageError` for seeds that are unseen or ambiguous, `StoreDamaged` if a balance does not close.
    """
    made = partial(
        one_chain, snapshot=snapshot, rules=rules, engine=engine, rates=rates, pulse=pulse, bridges=bridges
    )
    home = made(ledger, question=question)

    def beside(name: str) -> OneChain | None:
        other = None if bridges is None else bridges.opened(name)
        if other is None:
            return None
        try:
            return made(other, question=there(question, other.chain.family))
        except UsageError as error:  # a method that chain does not have
            refused.append(f"{name} was not followed: {error.problem}")
            return None

    refused: list[str] = []
    across = walk(home, home.lots(), bridges, beside)
    across.gaps += refused
    links = {name: _links(snapshot, across, across.runs[name]) for name in across.chains}

    def single(followed: Followed, method: str, chain: str) -> dict[str, Any]:
        facts, answers = followed
        said = document(facts, answer_of(followed, method), answers)
        return with_links(said, links[chain].reached(followed, method), document)

    documents = [across_chains(across, method, single) for method in question.methods]
    if len(documents) == 1:
        return documents[0]
    return {
        "schema": "tracer.traces/1",
        "documents": documents,
        "comparison": compare(documents),
    }


def _links(snapshot: Snapshot, across: Across, run: OneChain) -> Links:
    """What services said of off-chain links on one chain; behind one the trail stays on that chain."""
    apart = across.beyond[run.name].apart()
    lots_of = partial(seeding_room.resolve, run.ledger, run.services, backward=run.backward)
    return Links(snapshot.legs(), lambda lots: run.follow(lots, apart), lots_of, backward=run.backward)
