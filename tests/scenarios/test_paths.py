"""Paths on small ledgers by name: which there are, in which order, and what no path goes through."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rules import clustering
from tests.scenarios.case import CHAIN, Case, Found, tag, vasp
from tests.scenarios.custodian import custodian
from tests.scenarios.ledger import GENESIS_TIME, Tx
from tracer.errors import UsageError
from tracer.flow.paths.question import MOST_HOPS, PathQuestion, paths
from tracer.flow.question import Question
from tracer.intel.claims import Tag, Vasp
from tracer.ledger.store import Ledger

Way = tuple[int, list[str]]
"""Bottleneck, and the outpoints from the start to the end."""


class Asked:
    """The answer of one question about paths, with the names put back."""

    def __init__(
        self, case: Case, start: str, end: str | None = None, *, best: int = 20, **asked: Any
    ) -> None:
        question = PathQuestion(
            Question((case.seed(start),), **asked), None if end is None else case.seed(end), best
        )
        with Ledger.open(case.workspace, CHAIN) as ledger:
            self.document = paths(ledger, case.snapshot, question, rules=clustering(), engine="test")
        self._found = Found(self.document, case.names)

    @property
    def ways(self) -> list[Way]:
        return [
            (
                int(path["bottleneck"]["base_units"]),
                [
                    self._found.name(p)
                    for p in (path["from"]["outpoint"], *(s["makes"] for s in path["steps"]))
                ],
            )
            for path in self.document["paths"]
        ]

    @property
    def notes(self) -> str:
        return "\n".join(self.document["coverage"]["notes"])


def ways(
    folder: Path,
    rows: Sequence[Tx],
    start: str,
    end: str | None = None,
    *,
    tags: Sequence[Tag] = (),
    vasps: Sequence[Vasp] = (),
    **asked: Any,
) -> list[Way]:
    return Asked(Case(folder, rows, tags=tags, vasps=vasps), start, end, **asked).ways


TWO_ROUTES = [
    Tx("fund", outs=[("ann", 10)]),
    Tx("split", ins=["fund:0"], outs=[("bob", 3), ("cid", 7)]),
    Tx("straight", ins=["split:0"], outs=[("zoe", 3)]),
    Tx("round", ins=["split:1"], outs=[("dee", 6), ("cid", 1)]),
    Tx("end", ins=["round:0"], outs=[("zoe", 5), ("dee", 1)]),
]


def test_a_wider_path_comes_before_a_shorter_one(tmp_path: Path) -> None:
    assert ways(tmp_path, TWO_ROUTES, "ann", "zoe") == [
        (5, ["fund:0", "split:1", "round:0", "end:0"]),
        (3, ["fund:0", "split:0", "straight:0"]),
    ]


def test_of_equally_wide_paths_the_shorter_one_comes_first(tmp_path: Path) -> None:
    rows = [
        Tx("fund", outs=[("ann", 10)]),
        Tx("split", ins=["fund:0"], outs=[("bob", 5), ("cid", 5)]),
        Tx("round", ins=["split:0"], outs=[("dee", 5)]),
        Tx("straight", ins=["split:1"], outs=[("zoe", 5)]),
        Tx("end", ins=["round:0"], outs=[("zoe", 5)]),
    ]
    assert [way[1][-1] for way in ways(tmp_path, rows, "ann", "zoe")] == ["straight:0", "end:0"]


@pytest.mark.parametrize(("hops", "found"), [(1, 0), (2, 1), (3, 2), (4, 2)])
def test_no_path_has_more_hops_than_asked_for(tmp_path: Path, hops: int, found: int) -> None:
    assert len(ways(tmp_path, TWO_ROUTES, "ann", "zoe", hops=hops)) == found


def test_only_the_best_are_listed_and_that_there_are_more_is_said(tmp_path: Path) -> None:
    asked = Asked(Case(tmp_path, TWO_ROUTES), "ann", "zoe", best=1)
    assert [way[0] for way in asked.ways] == [5]
    assert asked.document["more"] is True
    assert asked.document["reached"]["outputs"] == 2


def test_a_start_counts_with_what_was_seeded_there(tmp_path: Path) -> None:
    """Of 9 that ann receives, 6 were hers before."""
    rows = [
        Tx("own", outs=[("ann", 6)]),
        Tx("other", outs=[("bob", 3)]),
        Tx("join", ins=["own:0", "other:0"], outs=[("ann", 9)]),
        Tx("pay", ins=["join:0"], outs=[("zoe", 9)]),
    ]
    assert ways(tmp_path, rows, "ann", "zoe") == [
        (6, ["own:0", "join:0", "pay:0"]),
        (3, ["join:0", "pay:0"]),
    ]


def test_a_peel_chain_is_followed_to_its_end(tmp_path: Path) -> None:
    rows, left = [Tx("peel0", outs=[("ann", 1000)])], 1000
    for n in range(1, 41):
        left -= 10
        rows.append(
            Tx(f"peel{n}", ins=[f"peel{n - 1}:{int(n > 1)}"], outs=[(f"shop{n}", 10), (f"c{n}", left)])
        )
    case = Case(tmp_path, rows)
    assert Asked(case, "peel0:0", "c40", hops=40).ways == [
        (600, ["peel0:0", *[f"peel{n}:1" for n in range(1, 41)]])
    ]
    assert [way[0] for way in Asked(case, "peel0:0", "shop40", hops=40).ways] == [10]
    assert Asked(case, "peel0:0", "shop40", hops=39).ways == []


def test_money_that_was_spent_before_it_came_is_no_path(tmp_path: Path) -> None:
    """bob pays zoe out of older coins; what ann gave him later lies unspent."""
    rows = [
        Tx("older", outs=[("bob", 10)]),
        Tx("fund", outs=[("ann", 10)]),
        Tx("early", ins=["older:0"], outs=[("zoe", 10)]),
        Tx("late", ins=["fund:0"], outs=[("bob", 10)]),
    ]
    asked = Asked(Case(tmp_path, rows), "ann", "zoe")
    assert asked.ways == []
    assert "no path of at most 10 hops, " in asked.notes


THROUGH = [
    Tx("fund", outs=[("ann", 10)]),
    Tx("in", ins=["fund:0"], outs=[("mid", 10)]),
    Tx("out", ins=["in:0"], outs=[("zoe", 10)]),
]


@pytest.mark.parametrize("category", ["exchange", "market"])
def test_no_path_goes_through_a_service_or_a_pool(tmp_path: Path, category: str) -> None:
    tags = [tag("mid", "acme", category=category)]
    assert ways(tmp_path / "a", THROUGH, "ann", "zoe") == [(10, ["fund:0", "in:0", "out:0"])]
    assert ways(tmp_path / "b", THROUGH, "ann", "zoe", tags=tags) == []


def test_a_path_ends_in_a_service_that_is_its_target(tmp_path: Path) -> None:
    case = Case(tmp_path, THROUGH, tags=[tag("mid", "acme")], vasps=[vasp("acme", "none")])
    asked = Asked(case, "ann", "mid")
    assert asked.ways == [(10, ["fund:0", "in:0"])]
    end = asked.document["paths"][0]["to"]
    assert (end["address"], end["vasp_id"], end["category"], end["kyc_level"]) == (
        "mid",
        "acme",
        "exchange",
        "none",
    )


def test_no_path_goes_through_a_pool_that_nobody_tagged(tmp_path: Path) -> None:
    rows = [
        *custodian(),
        Tx("fund", outs=[("ann", 900)]),
        Tx("deposit", ins=["fund:0"], outs=[("dep0", 900)]),
        Tx("payout", ins=["deposit:0"], outs=[("zoe", 900)]),
    ]
    case = Case(tmp_path, rows)
    assert Asked(case, "fund:0", "zoe").ways == []
    assert Asked(case, "fund:0", "dep0").ways == [(900, ["fund:0", "deposit:0"])]
    assert len(Asked(case, "fund:0", "zoe", pools="tagged").ways) == 1


MIX = [
    *[Tx(f"coin{n}", outs=[(f"in{n}", 105_000 if n < 2 else 100_000)]) for n in range(5)],
    Tx("mix", ins=[f"coin{n}:0" for n in range(5)], outs=[(f"out{n}", 100_000) for n in range(5)]),
    Tx("after", ins=["mix:0"], outs=[("zoe", 99_000)]),
]


def test_no_path_goes_through_a_mix(tmp_path: Path) -> None:
    """A whirlpool-shaped mix: five in, five out, all of 0.001 BTC."""
    case = Case(tmp_path, MIX)
    through = Asked(case, "coin0:0", "zoe")
    assert through.ways == []
    assert "stops at mixers" in [row["used_for"] for row in through.document["heuristics"]]
    assert Asked(case, "mix:0", "zoe").ways == [(99_000, ["mix:0", "after:0"])]


def test_a_path_ends_where_it_first_reaches_its_target(tmp_path: Path) -> None:
    rows = [
        Tx("fund", outs=[("ann", 10)]),
        Tx("pay", ins=["fund:0"], outs=[("zoe", 10)]),
        Tx("own", ins=["pay:0"], outs=[("zoe", 10)]),
    ]
    assert ways(tmp_path, rows, "ann", "zoe") == [(10, ["fund:0", "pay:0"])]


def test_change_to_the_same_address_is_a_hop(tmp_path: Path) -> None:
    rows = [
        Tx("fund", outs=[("ann", 10)]),
        Tx("change", ins=["fund:0"], outs=[("bob", 1), ("ann", 9)]),
        Tx("pay", ins=["change:1"], outs=[("zoe", 9)]),
    ]
    assert ways(tmp_path, rows, "ann", "zoe") == [(9, ["fund:0", "change:1", "pay:0"])]


def test_from_an_address_to_itself_is_what_came_back(tmp_path: Path) -> None:
    rows = [
        Tx("fund", outs=[("ann", 10)]),
        Tx("lend", ins=["fund:0"], outs=[("bob", 8)]),
        Tx("back", ins=["lend:0"], outs=[("ann", 5), ("bob", 3)]),
    ]
    asked = Asked(Case(tmp_path, rows), "ann", "ann")
    assert asked.ways == [(5, ["fund:0", "lend:0", "back:0"])]
    assert "1 addresses or outpoints stand at both ends" in asked.notes


SWEEP = [
    Tx("fund", outs=[("ann", 10)]),
    Tx("pay", ins=["fund:0"], outs=[("d1", 6), ("ann", 4)]),
    Tx("other", outs=[("d2", 5)]),
    Tx("sweep", ins=["pay:0", "other:0"], outs=[("hot", 11)]),
    Tx("more", ins=["sweep:0"], outs=[("hot", 3), ("zoe", 8)]),
]
HOT, ACME = [tag("hot", "acme", role="hot")], [vasp("acme", "none")]


@pytest.mark.parametrize("end", ["hot", "vasp:acme", "d1", "pay:0"])
@pytest.mark.parametrize("hops", [1, 2, 3])
def test_a_deposit_that_was_swept_to_the_target_is_the_end(tmp_path: Path, end: str, hops: int) -> None:
    asked = Asked(Case(tmp_path, SWEEP, tags=HOT, vasps=ACME), "ann", end, hops=hops)
    assert asked.ways == [(6, ["fund:0", "pay:0"])]
    assert asked.document["paths"][0]["to"]["swept_to"]["address"] == "hot"


@pytest.mark.parametrize(("since", "found"), [("2020-09-01", 1), ("2020-10-01", 0)])
def test_what_a_tag_says_of_another_time_is_no_target(tmp_path: Path, since: str, found: int) -> None:
    """Scenarios begin on 13 September 2020."""
    dated = replace(tag("zoe", label="mule"), valid_from=since)
    assert len(ways(tmp_path, THROUGH, "ann", "tag:mule", tags=[dated])) == found


def test_through_the_hot_wallet_there_is_no_path(tmp_path: Path) -> None:
    assert ways(tmp_path, SWEEP, "ann", "zoe", tags=HOT, vasps=ACME) == []


EXITS = [
    Tx("fund", outs=[("ann", 100)]),
    Tx("pay", ins=["fund:0"], outs=[("strict", 60), ("lax", 30), ("bob", 10)]),
    Tx("bet", ins=["pay:2"], outs=[("dice", 9)]),
]
TAGS = [tag("strict", "bank"), tag("lax", "shop"), tag("dice", "luck", category="gambling")]


def test_without_a_target_paths_lead_to_services_of_the_kind_asked_for(tmp_path: Path) -> None:
    case = Case(tmp_path, EXITS, tags=TAGS, vasps=[vasp("bank", "full"), vasp("shop", "none")])
    assert [way[1][-1] for way in Asked(case, "ann").ways] == ["pay:0", "pay:1"]
    asked = Asked(case, "ann", exits=("kyc:none",))
    assert asked.ways == [(30, ["fund:0", "pay:1"])]
    assert [
        (r["category"], r["kyc_level"], r["asked_for"], r["outputs"], r["bottleneck"]["base_units"])
        for r in asked.document["by_category"]
    ] == [("exchange", "full", False, 1, "60"), ("exchange", "none", True, 1, "30")]


def test_windows_and_the_value_floor_cut_paths(tmp_path: Path) -> None:
    rows = [Tx(r.name, r.ins, r.outs, day=n) for n, r in enumerate(TWO_ROUTES)]
    case = Case(tmp_path, rows)
    day = [GENESIS_TIME + n * 86_400 for n in range(6)]
    assert [way[0] for way in Asked(case, "ann", "zoe", min_value=4).ways] == [5]
    assert [way[0] for way in Asked(case, "ann", "zoe", before=day[3]).ways] == [3]
    assert [way[0] for way in Asked(case, "split:1", "zoe", after=day[3]).ways] == [5]
    assert Asked(case, "ann", "zoe", after=day[2]).ways == []
    assert Asked(case, "ann", "zoe", seed_after=day[1]).ways == []


def test_a_search_that_was_cut_says_so(tmp_path: Path) -> None:
    asked = Asked(Case(tmp_path, TWO_ROUTES), "ann", "zoe", max_txs=2)
    assert asked.document["complete"] is False
    assert asked.document["coverage"]["status"] == "partial"
    assert "more than 2 transactions lie on the way" in asked.notes


@pytest.mark.parametrize(("start", "end"), [("nobody", "zoe"), ("ann", "nobody")])
def test_an_end_that_was_never_seen_is_unseen_not_unreached(tmp_path: Path, start: str, end: str) -> None:
    with pytest.raises(UsageError, match="`unseen`, not `no exposure`"):
        ways(tmp_path, TWO_ROUTES, start, end)


def test_a_place_and_a_kind_of_service_are_two_questions() -> None:
    with pytest.raises(UsageError, match="a place to reach was named too"):
        PathQuestion(Question(("ann",), exits=("kyc:none",)), "zoe")


@pytest.mark.parametrize(("hops", "best"), [(MOST_HOPS + 1, 20), (0, 20), (10, 0), (10, 1_001)])
def test_limits_beyond_reason_are_refused(hops: int, best: int) -> None:
    with pytest.raises(UsageError, match="is from 1 to"):
        PathQuestion(Question(("ann",), hops=hops), "zoe", best)


def test_one_thread_and_two_give_the_same_bytes(tmp_path: Path) -> None:
    case = Case(tmp_path, [*TWO_ROUTES, *custodian()], tags=[tag("zoe", "acme")])
    said = []
    for threads in (1, 2):
        with Ledger.open(case.workspace, CHAIN, threads=threads) as ledger:
            asked = PathQuestion(Question(("ann",)), "zoe")
            found = paths(ledger, case.snapshot, asked, rules=clustering(), engine="test")
            said.append(json.dumps(found))
    assert said[0] == said[1]
