"""Peel chains in the text of a trace: one line each, first and last transaction whole."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cli.trace_answer import Answer
from cli.trace_peels import peel_chains
from tests.scenarios.case import Case, tag, vasp
from tests.scenarios.ledger import Tx, shown
from tests.tracer.test_flow_peels import FUND, peeled


def text(document: dict[str, Any], width: int = 80) -> list[str]:
    out = StringIO()
    peel_chains(Console(file=out, width=width, highlight=False, emoji=False, markup=False), Answer(document))
    return out.getvalue().splitlines()


def test_a_trace_without_peel_chains_says_nothing_of_them(tmp_path: Path) -> None:
    assert text(Case(tmp_path, [FUND, *peeled(2)]).documents("fund:0")) == []


@pytest.mark.parametrize("methods", [("fifo",), ("fifo", "haircut")])
def test_a_chain_is_one_line_with_what_became_of_its_peels(tmp_path: Path, methods: tuple[str, ...]) -> None:
    rows = [
        FUND,
        *peeled(4),
        Tx("pay", ins=["peel3:1"], outs=[("exchange", 10), ("ann", 950)]),
        Tx("last", ins=["pay:1"], outs=[("shop", 10), ("exchange", 940)]),
        Tx("spend", ins=["peel1:0"], outs=[("bob", 9)]),
    ]
    case = Case(tmp_path, rows, tags=[tag("exchange", "acme", role="hot")], vasps=[vasp("acme", "full")])
    _, title, line, first, last = text(case.documents("fund:0", methods=methods))
    assert "not a word on whose money" in title
    assert line == (
        "  peel chain of 6 transactions, 2020-09-13, 0.00001000 -> 0.00000940 BTC, 6 peels worth 0.00000060: "
        "4 unspent, 1 followed on, 1 to Acme; what was left: to Acme"
    )
    assert (first, last) == (f"      first {shown('peel0')}", f"      last  {shown('last')}")


def test_a_chain_that_one_method_alone_follows_names_it(tmp_path: Path) -> None:
    """Under FIFO the seed's units go to bob alone; by haircut the coin that is peeled has a share of them."""
    rows = [
        FUND,
        Tx("other", outs=[("zoe", 1_000)]),
        Tx("mix", ins=["fund:0", "other:0"], outs=[("bob", 1_000), ("zoe", 1_000)]),
        *peeled(5, start="mix:1"),
    ]
    _, _, line, *_ = text(Case(tmp_path, rows).documents("fund:0"))
    assert line.endswith(", under haircut alone")


def test_a_chain_that_methods_end_at_different_links_is_one_chain(tmp_path: Path) -> None:
    """Under FIFO the first five peels take all of the seed's 50; by haircut every peel has a share."""
    rows = [
        Tx("fund", outs=[("ann", 50)]),
        Tx("other", outs=[("zoe", 950)]),
        Tx("mix", ins=["fund:0", "other:0"], outs=[("bob", 1_000)]),
        *peeled(8, start="mix:0"),
    ]
    _, *lines = text(Case(tmp_path, rows).documents("fund:0", methods=("fifo", "poison")))[1:]
    assert len(lines) == 4
    assert lines[0].startswith("  peel chain of 8 transactions") and "alone" not in lines[0]
    assert lines[1:] == [
        f"      first {shown('peel0')}",
        f"      last  {shown('peel7')}",
        f"      last  {shown('peel4')} under fifo, after 5 transactions",
    ]


def test_a_chain_that_goes_two_ways_says_so(tmp_path: Path) -> None:
    """Poison follows the larger coin at the fork; under FIFO all of the seed's money is in the smaller one."""
    rows = [
        Tx("fund", outs=[("ann", 300)]),
        Tx("other", outs=[("zoe", 700)]),
        Tx("mix", ins=["fund:0", "other:0"], outs=[("bob", 1_000)]),
        Tx("fork", ins=["mix:0"], outs=[("small", 300), ("large", 700)]),
        *peeled(5, start="fork:0", coin=300, name="s"),
        *peeled(6, start="fork:1", coin=700, name="l"),
    ]
    lines = text(Case(tmp_path, rows).documents("fund:0", methods=("fifo", "poison")))
    assert f"      last  {shown('l5')}" in lines
    assert f"      last  {shown('s4')} under fifo, after 6 transactions on another way" in lines
