"""A branch that was lost leaves no trace: the answer is that of a store which never saw it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rules import clustering
from tests.scenarios.case import CHAIN, Case, tag, vasp
from tests.scenarios.ledger import Tx, batch, shown, since
from tracer.clustering import build
from tracer.flow.methods import METHODS
from tracer.ledger.ingest import Loader
from tracer.ledger.store import Ledger

KEPT = [
    Tx("dirty", outs=[("eve", 6)]),
    Tx("clean", outs=[("bob", 4)]),
    Tx("pay", ins=["dirty:0", "clean:0"], outs=[("ann", 5), ("cid", 4)]),  # fee 1
]
FORK = len(KEPT)
# ann's 5 are paid to acme at once, and cid's with them; what is left makes one wallet of both
LOST = [
    *KEPT,
    Tx("spend", ins=["pay:0", "pay:1"], outs=[("lost", 6), ("acmehot", 3)]),
    Tx("quick", ins=["spend:0"], outs=[("acmehot", 6)]),
]
# here they pay apart, to another house
WON = [
    *KEPT,
    Tx("ghost", outs=[("gus", 9)]),
    Tx("slow", ins=["pay:0"], outs=[("zetahot", 3), ("ann2", 2)]),
    Tx("keep", ins=["pay:1"], outs=[("cid2", 4)]),
    Tx("late", ins=["slow:1", "keep:0"], outs=[("zetahot", 6)]),
]
TAGS = [tag("acmehot", "acme", role="hot"), tag("zetahot", "zeta", role="hot")]
VASPS = [vasp("acme", "none"), vasp("zeta", "full")]

ASKED: list[tuple[str, dict[str, Any]]] = [
    ("dirty:0", {"fees": "miners"}),
    ("dirty:0", {"through": ("mixer",), "edges": True}),
    ("eve", {"unit": "entity"}),
    ("slow:0", {"direction": "backward"}),
    ("zetahot", {"direction": "backward", "unit": "entity"}),
]


def switched(folder: Path, *, clusters_by_update: bool) -> Case:
    """A store that read the lost branch, then the other one in its place."""
    case = Case(folder, LOST, tags=TAGS, vasps=VASPS)
    before = case.trace("dirty:0", method="poison")
    assert set(before.endpoints) == {"acme"}
    with Ledger.open(case.workspace, CHAIN, read_only=False) as ledger:
        kept: list[tuple[int, int]] = []
        Loader(ledger).load(
            [since(batch(WON), FORK)],
            reorg_to=FORK - 1,
            at_least=2,
            before_reorg=lambda height, tip: kept.append((height, tip)),
        )
        assert kept == [(FORK - 1, len(LOST) - 1)]
        (build.update if clusters_by_update else build.build)(ledger, clustering())
    case.rows, case.names = WON, {shown(row.name): row.name for row in WON}
    return case


@pytest.fixture(scope="module")
def never(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(tmp_path_factory.mktemp("never"), WON, tags=TAGS, vasps=VASPS)


@pytest.mark.parametrize("clusters_by_update", [True, False], ids=["update", "rebuild"])
def test_after_a_reorg_the_answer_is_that_of_a_store_that_never_saw_the_lost_branch(
    tmp_path: Path, never: Case, clusters_by_update: bool
) -> None:
    case = switched(tmp_path, clusters_by_update=clusters_by_update)
    for seed, question in ASKED:
        answer, expected = (c.documents(seed, methods=tuple(METHODS), **question) for c in (case, never))
        assert json.dumps(answer) == json.dumps(expected), (seed, question)


def test_the_other_branch_has_other_exits(never: Case) -> None:
    """fifo: DDDDD to ann, D to cid; all of it is at zeta in the end, in two payments."""
    found = never.trace("dirty:0", method="fifo")
    assert found.endpoints == {"zeta": 6}
    assert found.totals == {"seed": 6, "services": 6}
