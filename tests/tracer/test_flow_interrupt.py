"""A trace that is ended by hand says so, and what it found until then is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules import clustering
from tests.scenarios.case import Case, Found
from tests.scenarios.ledger import Tx
from tracer.flow.question import Direction, Question
from tracer.flow.trace import trace
from tracer.ledger.store import Ledger

CHAIN = [
    Tx("t0", outs=[("a0", 1_000)]),
    *(
        Tx(f"t{n}", ins=[f"t{n - 1}:0"], outs=[(f"a{n}", 1_000 - 10 * n), (f"side{n}", 10)])
        for n in range(1, 21)
    ),
]


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path, CHAIN)


def ended(case: Case, seed: str, at: int, direction: Direction = "forward") -> Found:
    """The answer of a trace that was ended before hop `at`."""
    from tests.scenarios.case import CHAIN as PLAY

    with Ledger.open(case.workspace, PLAY) as ledger:
        asked = Question((case.seed(seed),), ("fifo",), hops=100, direction=direction)
        document = trace(
            ledger, case.snapshot, asked, rules=clustering(), engine="test",
            pulse=lambda hop, _transactions: hop < at,
        )  # fmt: skip
    return Found(document, case.names)


def test_what_was_found_before_stands_and_the_rest_is_interrupted(case: Case) -> None:
    found = ended(case, "t0:0", at=4)
    # three hops were made: a1, a2, a3 moved on, three payments of 10 rest where they are
    assert found.totals == {"seed": 1_000, "unspent": 30, "pruned": 970}
    assert found.stops == [("interrupted", "a3", "t3", 970)]
    assert found.document["coverage"]["status"] == "partial"
    assert any("ended by hand" in note for note in found.document["coverage"]["notes"])


def test_backward_too(case: Case) -> None:
    found = ended(case, "t20:0", at=4, direction="backward")
    # t20, t19 and t18 were gone back through
    assert found.totals == {"seed": 800, "pruned": 800}
    assert [(reason, address) for reason, address, _, _ in found.stops] == [("interrupted", "a17")]
    assert found.document["coverage"]["status"] == "partial"


def test_ended_at_once_nothing_was_followed(case: Case) -> None:
    found = ended(case, "t0:0", at=1)
    assert found.totals == {"seed": 1_000, "pruned": 1_000}


def test_a_trace_that_was_not_ended_says_nothing_of_it(case: Case) -> None:
    found = ended(case, "t0:0", at=1_000)
    assert found.document["coverage"]["status"] == "partial"  # no claims are loaded
    assert not any("ended by hand" in note for note in found.document["coverage"]["notes"])
    assert found.totals == {"seed": 1_000, "unspent": 1_000}
