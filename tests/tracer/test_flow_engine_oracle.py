"""The whole engine, store and closure included, equals the oracle over random ledgers, in both directions."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules import clustering
from tests.conftest import scaled
from tests.oracle import OracleTaint, came_back
from tests.scenarios.asked import NOBODY, Asked, asked, bucketed, resting, tables
from tests.scenarios.case import CHAIN, Case, Found
from tests.scenarios.ledger import Tx, batch, blocks_of, oracle_ledger
from tracer.flow.methods import METHODS
from tracer.flow.question import Question
from tracer.flow.trace import trace
from tracer.intel.snapshot import Snapshot
from tracer.ledger.ingest import Loader
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

LABELLED = ("fifo", "lifo", "tiho")


def equals_the_oracle(question: Asked) -> None:
    """Every bucket, every outpoint where money rests or began, every service, and what each seed brought to it."""
    with tempfile.TemporaryDirectory() as folder:
        case = question.case(Path(folder))
        documents = case.documents(*question.seeds, **question.question())["documents"]
    for method, document in zip(METHODS, documents, strict=True):
        found, right = Found(document, case.names), question.oracle(method)
        assert found.totals == bucketed(right)
        assert found.unspent == resting(right, "unspent")
        assert {
            found.name(row["outpoint"]): int(row["amount"]["base_units"]) for row in document["minted"]
        } == resting(right, "minted")
        at_service = sum(units for reason, units in right.rests.values() if reason == "service")
        if method == "poison" and question.direction == "backward":
            # a service put in whole coins, and is an endpoint with what it paid out of them
            assert set(found.endpoints) == ({"acme"} if at_service else set())
            least = paid_out(question, right)
            (told,) = found.endpoints.values() or (0,)
            # what is spread over inputs is paid out too, and is no outpoint of its own
            assert least <= told <= at_service if right.spread else told == least
        else:
            assert found.endpoints == ({"acme": at_service} if at_service else {})
        if question.direction == "forward":
            assert {point: units for _, _, point, _, units in found.legs} == resting(right, "service")
        if method in LABELLED and len(question.seeds) > 1:
            owners, brought = question.owners(right), dict.fromkeys(question.seeds, 0)
            for point, (reason, _) in right.rests.items():
                for label, units in right.came[point].items() if reason == "service" else ():
                    brought[owners[label]] += units
            assert {
                found.name(part["seed"]) if ":" in part["seed"] else part["seed"]: int(part["amount"])
                for row in document["endpoints"]
                for part in row["by_seed"]
            } == {seed: units for seed, units in brought.items() if units}


def paid_out(question: Asked, right: OracleTaint) -> int:
    """What services paid to the trail, of each transaction no more than what they put in."""
    found = 0
    for tx in oracle_ledger(question.rows):
        sources = [*tx.ins, *map(came_back, tx.ins)]
        came = sum(
            right.rests[point][1] for point in sources if right.rests.get(point, ("",))[0] == "service"
        )
        paid = [(tx.name, vout) for vout in range(len(tx.outs))]
        found += min(came, sum(right.amount.get(point, 0) for point in paid if point not in right.rests))
    return found


@settings(max_examples=scaled(15, full=40), deadline=None)
@given(question=asked(direction="forward"))
def test_engine_equals_oracle_through_the_store(question: Asked) -> None:
    equals_the_oracle(question)


@settings(max_examples=scaled(15, full=40), deadline=None)
@given(question=asked(direction="backward"))
def test_engine_equals_oracle_backward_through_the_store(question: Asked) -> None:
    equals_the_oracle(question)


@pytest.mark.parametrize("direction", ["forward", "backward"])
@settings(max_examples=scaled(2, full=4), deadline=None)
@given(data=st.data())
def test_threads_batches_and_the_order_of_seeds_change_no_byte(direction: str, data: st.DataObject) -> None:
    question = data.draw(asked(direction=direction))
    with tempfile.TemporaryDirectory() as folder:
        case = question.case(Path(folder) / "at once")
        apart = Workspace(Path(folder) / "one by one").ready()
        for part in blocks_of(batch(question.rows)):
            with Ledger.open(apart, CHAIN, read_only=False) as ledger:
                Loader(ledger).load([part])
        question.note_mixes(apart)
        seeds = question.seeds

        def answered(workspace: Workspace, threads: int, texts: tuple[str, ...]) -> str:
            with Ledger.open(workspace, CHAIN, threads=threads) as ledger:
                return _bytes(ledger, case, case.snapshot, texts, question)

        first = answered(case.workspace, 1, seeds)
        assert answered(case.workspace, 2, seeds) == first
        assert answered(apart, 2, seeds) == first
        assert answered(case.workspace, 2, (*seeds[::-1], seeds[0])) == first


def _bytes(ledger: Ledger, case: Case, snapshot: Snapshot, texts: tuple[str, ...], question: Asked) -> str:
    seeds = tuple(case.seed(text) for text in texts)
    found = trace(ledger, snapshot, Question(seeds, **question.question()), rules=clustering(), engine="test")
    return json.dumps(found)


@settings(max_examples=scaled(2, full=4), deadline=None)
@given(rows=tables(most=5))
def test_fifo_and_lifo_of_uncut_lots_are_undone_backward_through_the_store(rows: list[Tx]) -> None:
    """What a coin minted in A brought to X, forward, is what X, backward, has from A; unit for unit."""
    spent = {point for row in rows for point in row.ins}
    minted = [
        f"{row.name}:{v}" for row in rows if not row.ins for v, (_, units) in enumerate(row.outs) if units
    ]
    resting = [
        f"{row.name}:{v}"
        for row in rows
        for v, (name, units) in enumerate(row.outs)
        if units and name not in NOBODY and f"{row.name}:{v}" not in spent
    ]
    with tempfile.TemporaryDirectory() as folder:
        case = Case(Path(folder), rows, clusters=False)
        for method in ("fifo", "lifo"):
            sent = {
                (a, x): units
                for a in minted
                for x, units in case.trace(a, method=method, hops=10_000).unspent.items()
            }
            had = {}
            for x in resting:
                found = case.trace(x, method=method, hops=10_000, direction="backward")
                for row in found.document["minted"]:
                    had[found.name(row["outpoint"]), x] = int(row["amount"]["base_units"])
            assert sent == had
