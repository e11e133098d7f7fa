"""What a trace says in sentences: poison marks, labelled places that are no exits, what may not be read into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.trace_words import says, says_not
from rules import clustering
from tests.cli.test_trace_text import text
from tests.scenarios.case import CHAIN, Case, tag, vasp
from tests.scenarios.ledger import Tx
from tracer.flow.question import Question
from tracer.flow.trace import trace
from tracer.ledger.store import Ledger

TAGS = [
    tag("hot", "acme", role="hot"),
    tag("pool", "bazaar", category="market", role="pool"),
    tag("tumbler", "blender", category="mixing_service"),
    tag("unnamed", category="mixing_service"),
]
VASPS = [vasp("acme", "none")]

AHEAD = [
    Tx("fund", outs=[("ann", 40)]),
    Tx("other", outs=[("zoe", 60)]),
    Tx("mix", ins=["fund:0", "other:0"], outs=[("hot", 50), ("pool", 30), ("tumbler", 20)]),
]
"""40 of the seed among 100; poison marks all of it."""

BACK = [
    Tx("funds", outs=[("hot", 500), ("pool", 300), ("tumbler", 200)]),
    Tx("paid", ins=["funds:0"], outs=[("dan", 100), ("hot", 400)]),
    Tx("cashed", ins=["funds:1"], outs=[("eve", 300)]),
    Tx("mixed", ins=["funds:2"], outs=[("fay", 200)]),
    Tx("shop", ins=["paid:0", "cashed:0", "mixed:0"], outs=[("shop", 600)]),
]


def case(folder: Path, rows: list[Tx]) -> Case:
    return Case(folder, rows, tags=TAGS, vasps=VASPS)


def test_poison_forward_is_said_of_outputs_that_hold_amounts(tmp_path: Path) -> None:
    said = says(case(tmp_path, AHEAD).documents("fund:0", methods=("poison",)))
    assert said[:2] == [
        "Under poison, outputs that any of the seed's money touched reached Acme, holding 0.00000050 BTC in all "
        "(KYC then: none).",
        "Under poison, marked outputs ended at bazaar (custodial_pool): 0.00000030 BTC, "
        "blender (mixer): 0.00000020 BTC; not attributable further.",
    ]


def test_poison_backward_is_never_said_to_be_where_the_seed_came_from(tmp_path: Path) -> None:
    document = case(tmp_path, BACK).documents("shop:0", methods=("poison",), direction="backward")
    said = says(document)
    assert said[:2] == [
        "Under poison, outputs marked by the seed's money were paid by Acme, holding 0.00000100 BTC in all "
        "(KYC then: none).",
        "Under poison, marked outputs lie at bazaar (custodial_pool): 0.00000300 BTC, "
        "blender (mixer): 0.00000200 BTC; not attributable further.",
    ]
    _, _, totals = text(document).partition("Where it came from (BTC)")
    assert "do not add up to the seed; services are all the coins that services paid from" in totals


def test_tables_call_poisons_amounts_marked(tmp_path: Path) -> None:
    shown_text = text(case(tmp_path, AHEAD).documents("fund:0", methods=("fifo", "poison")))
    services, _, rest = shown_text.partition("Single transactions to ask about")
    legs, _, rest = rest.partition("Where the trail was ended (BTC)")
    stops, _, totals = rest.partition("Where it is (BTC)")
    table, _, _ = totals.partition("What this result says")
    assert "poison (marked)  0.00000050" in services
    assert "; traced: fifo 0.00000040; marked: poison 0.00000050" in legs
    assert stops.splitlines()[1].split() == ["stops", "fifo", "poison", "(marked)"]
    assert "custodial_pool: marked 0.00000030 at pool (bazaar)" in stops
    assert table.splitlines()[1].split() == ["fifo", "poison", "(marked)"]
    assert "poison: marked, not divided: these do not add up to the seed" in table


def test_without_poison_nothing_is_called_marked(tmp_path: Path) -> None:
    document = case(tmp_path, AHEAD).documents("fund:0", methods=("fifo", "haircut"))
    assert "marked" not in text(document)
    assert "; traced: fifo 0.00000040, haircut 0.00000020" in text(document)


@pytest.mark.parametrize(
    ("rows", "seed", "direction", "sentences"),
    [
        (
            [Tx("fund", outs=[("ann", 40)]), Tx("pay", ins=["fund:0"], outs=[("pool", 30), ("unnamed", 10)])],
            "fund:0",
            "forward",
            [
                "Under FIFO, no service that could be asked was reached in the blocks and claims named above.",
                "Under FIFO, it ended at bazaar (custodial_pool): 0.00000030 BTC, mixing_service (mixer): 0.00000010 "
                "BTC; not attributable further.",
            ],
        ),
        (
            [Tx("fund", outs=[("pool", 40)]), Tx("pay", ins=["fund:0"], outs=[("ann", 40)])],
            "pay:0",
            "backward",
            [
                "Under FIFO, no service that could be asked paid it in the blocks and claims named above.",
                "Under FIFO, it came from bazaar (custodial_pool): 0.00000040 BTC; not attributable further.",
            ],
        ),
        (
            [Tx("fund", outs=[("ann", 40)]), Tx("pay", ins=["fund:0"], outs=[("bob", 40)])],
            "fund:0",
            "forward",
            ["Under FIFO, no labelled service was reached in the blocks and claims named above."],
        ),
    ],
    ids=["ended at a market and a mixer", "came from a market", "nothing labelled"],
)
def test_a_labelled_place_that_is_no_exit_is_named(
    tmp_path: Path, rows: list[Tx], seed: str, direction: str, sentences: list[str]
) -> None:
    document = case(tmp_path, rows).documents(seed, methods=("fifo",), direction=direction)
    assert says(document) == sentences
    did = "found that paid it" if direction == "backward" else "reached"
    assert f"No service that could be asked was {did}." in text(document)


def test_three_places_are_named_and_the_others_counted(tmp_path: Path) -> None:
    pools = [tag(f"pool{n}", f"market{n}", category="market", role="pool") for n in range(5)]
    rows = [
        Tx("fund", outs=[("ann", 150)]),
        Tx("pay", ins=["fund:0"], outs=[(f"pool{n}", 50 - 10 * n) for n in range(5)]),
    ]
    said = says(Case(tmp_path, rows, tags=pools).documents("fund:0", methods=("fifo",)))
    assert said[1] == (
        "Under FIFO, it ended at market0 (custodial_pool): 0.00000050 BTC, market1 (custodial_pool): 0.00000040 BTC, "
        "market2 (custodial_pool): 0.00000030 BTC and 2 more; not attributable further."
    )


@pytest.mark.parametrize(
    ("direction", "seed", "rows", "words"),
    [
        ("forward", "fund:0", AHEAD, ["nothing that later left it is attributed", "where it came out is not known"]),
        (
            "backward",
            "shop:0",
            BACK,
            ["what earlier entered the pool is not this money's source", "whose coins these were is not known"],
        ),
    ],
)  # fmt: skip
def test_a_pool_and_a_mixer_are_explained_for_the_way_that_was_asked(
    tmp_path: Path, direction: str, seed: str, rows: list[Tx], words: list[str]
) -> None:
    document = case(tmp_path, rows).documents(seed, methods=("haircut",), direction=direction)
    said = " ".join(says_not(document))
    assert [word for word in words if word not in said] == []
    assert ("later left" in said, "earlier entered" in said) == (
        direction == "forward",
        direction == "backward",
    )


CHAIN_OF_SIX = [
    Tx("t0", outs=[("a0", 100)]),
    *(Tx(f"t{n}", ins=[f"t{n - 1}:0"], outs=[(f"a{n}", 100)]) for n in range(1, 6)),
]


def stopped(made: Case, seed: str, direction: str, *, by_hand: bool) -> dict[str, Any]:
    """A trace of two hops at most, or one that a person ended before its second."""
    with Ledger.open(made.workspace, CHAIN) as ledger:
        asked = Question(
            (made.seed(seed),),
            ("fifo",),
            hops=100 if by_hand else 2,
            direction="backward" if direction == "backward" else "forward",
        )
        return trace(
            ledger, made.snapshot, asked, rules=clustering(), engine="test",
            pulse=lambda hop, _transactions: not by_hand or hop < 2,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("direction", "seed", "went"),
    [("forward", "t0:0", "money went on; "), ("backward", "t5:0", "money has an earlier source; ")],
)
def test_what_limits_cut_off_and_what_a_person_ended_are_told_apart(
    tmp_path: Path, direction: str, seed: str, went: str
) -> None:
    made = Case(tmp_path, CHAIN_OF_SIX)
    limited = " ".join(says_not(stopped(made, seed, direction, by_hand=False)))
    ended = " ".join(says_not(stopped(made, seed, direction, by_hand=True)))
    assert f"Pruned {went}the limits of this question" in limited
    assert "a person ended" not in limited
    assert f"Interrupted {went}a person ended the trace there" in ended
    assert "the limits of this question" not in ended
