"""What lies behind a service, on its word: which links a trace follows, and what it says of each."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.case import CHAIN, Case, tag, vasp
from tests.scenarios.ledger import Tx, shown
from tracer.intel.claims import Leg, claim_id
from tracer.ledger.store import Ledger

# ann pays 5 to acme's deposit address and 4 to a friend; acme later pays 3 to bob, which is swept to zeta's hot wallet
ROWS = [
    Tx("fund", outs=[("ann", 9)]),
    Tx("pool", outs=[("acmepot", 50)]),
    Tx("deposit", ins=["fund:0"], outs=[("acmehot", 5), ("friend", 4)]),
    Tx("payout", ins=["pool:0"], outs=[("bob", 3), ("acmepot", 46)]),
    Tx("spend", ins=["payout:0"], outs=[("zetahot", 2)]),
]
TAGS = [tag("acmehot", "acme", role="hot"), tag("zetahot", "zeta", role="hot")]
VASPS = [vasp("acme", "full"), vasp("zeta", "none")]


def case(folder: Path, *legs: Leg) -> Case:
    made = Case(folder, ROWS, tags=TAGS, vasps=VASPS)
    made.claim("legs", *legs)
    return made


def leg(origin: str, target: str, reference: str = "reply 7", **change: Any) -> Leg:
    """What acme replied: the deposit was paid out there."""
    said = {"chain": CHAIN.name, "to_chain": CHAIN.name, "source": "acme", "said_at": "2024-01-01",
            "author": "ann", "reason": "request 7"} | change  # fmt: skip
    return Leg(origin=_outpoint(origin), target=_outpoint(target), reference=reference, **said)


def _outpoint(text: str) -> str:
    name, _, vout = text.partition(":")
    return f"{shown(name)}:{vout}"


def links(asked: Case, seed: str = "fund:0", method: str = "fifo") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = asked.trace(seed, method=method).document["offchain"]
    return rows


def test_behind_a_service_the_trace_goes_on_dashed_with_totals_apart(tmp_path: Path) -> None:
    asked = case(tmp_path)
    plain = asked.trace("fund:0", method="fifo")
    asked.claim("legs", leg("deposit:0", "payout:0"))
    found = asked.trace("fund:0", method="fifo")
    (link,) = found.document["offchain"]
    assert (link["drawn"], link["reference"], link["note"]) == ("dashed", "reply 7", None)
    assert link["traced_in"]["base_units"] == "5"
    behind = link["continuation"]
    assert behind["totals"][0] | {"chain": "", "asset": ""} == {
        "chain": "", "asset": "", "seed": "3", "converted_in": "0", "services": "3", "unspent": "0",
        "minted": "0", "unread": "0",
        "fees": "0", "burned": "0", "stopped": "0", "pruned": "0", "converted_out": "0",
    }  # fmt: skip
    assert [(row["vasp_id"], row["kyc_level"]) for row in behind["endpoints"]] == [("zeta", "none")]
    # the trace itself says what it said before, to the base unit
    assert found.totals == plain.totals == {"seed": 9, "services": 5, "unspent": 4}
    for key in ("totals", "endpoints", "other_endpoints", "stops", "unspent", "unread", "graph", "protected"):
        assert found.document[key] == plain.document[key]
    assert claim_id(leg("deposit:0", "payout:0")) in found.document["claims"]
    assert claim_id(TAGS[1]) in found.document["claims"]


def test_a_link_that_no_traced_money_reached_is_not_followed(tmp_path: Path) -> None:
    assert links(case(tmp_path, leg("pool:0", "payout:0"))) == []


def test_a_link_from_an_output_that_is_not_there_is_not_followed(tmp_path: Path) -> None:
    assert links(case(tmp_path, leg("deposit:7", "payout:0"))) == []


def test_a_circle_of_links_ends(tmp_path: Path) -> None:
    there, back = leg("deposit:0", "deposit:1", "there"), leg("deposit:1", "deposit:0", "back")
    rows = links(case(tmp_path, there, back))
    by_place = {(row["reference"], row["after"]): row["continuation"] is not None for row in rows}
    assert by_place == {
        ("there", None): True,
        ("back", None): True,
        ("back", claim_id(there)): False,
        ("there", claim_id(back)): False,
    }


def test_a_link_reached_at_two_places_has_a_row_for_each_and_is_shown_once(tmp_path: Path) -> None:
    """Acme's payout to ann and ann's own money meet in one later payment to beta's deposit address."""
    rows = [
        Tx("fund", outs=[("ann", 5)]),
        Tx("split", ins=["fund:0"], outs=[("acmehot", 2), ("ann", 3)]),
        Tx("payout", outs=[("ann", 4)]),
        Tx("merge", ins=["split:1", "payout:0"], outs=[("betahot", 7)]),
        Tx("last", outs=[("zoe", 6)]),
    ]
    asked = Case(tmp_path, rows, tags=[tag("acmehot", "acme"), tag("betahot", "beta")])
    first, second = leg("split:0", "payout:0", "reply 1"), leg("merge:0", "last:0", "reply 2")
    asked.claim("legs", first, second)
    found = {(row["reference"], row["after"]): row for row in links(asked)}
    assert {place: row["traced_in"]["base_units"] for place, row in found.items()} == {
        ("reply 1", None): "2", ("reply 2", None): "3", ("reply 2", claim_id(first)): "4"
    }  # fmt: skip
    assert found["reply 2", None]["continuation"]["unspent"][0]["amount"]["base_units"] == "6"
    again = found["reply 2", claim_id(first)]
    assert (again["continuation"], again["note"]) == (None, f"shown above, with claim {claim_id(second)}")


def test_two_replies_about_one_link_are_followed_once(tmp_path: Path) -> None:
    one, again = leg("deposit:0", "payout:0"), leg("deposit:0", "payout:0", "reply 9")
    first, second = links(case(tmp_path, one, again))
    assert first["continuation"] is not None
    assert second["continuation"] is None
    assert second["note"] == f"shown above, with claim {first['claim']}"
    assert {first["claim"], second["claim"]} == {claim_id(one), claim_id(again)}


def test_money_never_leaves_a_service_before_it_arrived(tmp_path: Path) -> None:
    (row,) = links(case(tmp_path, leg("deposit:0", "pool:0")))
    assert row["continuation"] is None
    assert row["note"] == "the withdrawal is earlier than the deposit (block 1, block 2): it was not followed"


def test_a_link_to_what_was_not_read_says_so(tmp_path: Path) -> None:
    elsewhere = leg("deposit:0", "payout:0", to_chain="ethereum")
    unread = replace(leg("deposit:0", "payout:0"), target="ab" * 32 + ":0")
    notes = [row["note"] for row in links(case(tmp_path, elsewhere, unread))]
    assert any("is on ethereum" in note for note in notes)
    assert any("never seen" in note for note in notes)


# which links a method reaches

# 5 stolen and 5 clean enter one payment: fifo puts the stolen ones into the first output, haircut half into each
MIXED = [
    Tx("theft", outs=[("ann", 5)]),
    Tx("clean", outs=[("cat", 5)]),
    Tx("mixed", ins=["theft:0", "clean:0"], outs=[("bob", 5), ("beta", 5)]),
    Tx("out1", outs=[("bob", 7)]),
    Tx("in2", ins=["out1:0"], outs=[("gamma", 7)]),
    Tx("out2", outs=[("bob", 3)]),
]


def test_a_link_behind_a_link_is_shown_only_under_methods_that_got_there(tmp_path: Path) -> None:
    asked = Case(tmp_path, MIXED, tags=[tag("beta", "beta"), tag("gamma", "gamma")])
    asked.claim("legs", leg("mixed:1", "out1:0", "one"), leg("in2:0", "out2:0", "two"))
    fifo, haircut = asked.documents("theft:0")["documents"]
    assert fifo["offchain"] == []
    assert [row["reference"] for row in haircut["offchain"]] == ["one", "two"]


def test_each_method_shows_the_links_its_money_reached(tmp_path: Path) -> None:
    asked = case(tmp_path, leg("deposit:1", "payout:0"))
    documents = asked.documents("fund:0")["documents"]
    assert [doc["offchain"][0]["traced_in"]["base_units"] for doc in documents] == ["4", "4"]


@pytest.mark.parametrize("seed", [0, 4, 6, 8, 9])
def test_a_method_says_of_links_beside_others_what_it_says_alone(tmp_path: Path, seed: int) -> None:
    asked = _random_case(tmp_path, random.Random(seed))
    both = asked.documents("t0:0")["documents"]
    for doc in both:
        alone = asked.documents("t0:0", methods=(doc["method"],))
        assert _without_ranges(doc["offchain"]) == _without_ranges(alone["offchain"])
        assert doc["coverage"] == alone["coverage"]
        assert doc["claims"] == alone["claims"]
        shown = [row["to"] for row in doc["offchain"] if row["continuation"]]
        assert len(shown) == len(set(shown))


def _random_case(folder: Path, dice: random.Random) -> Case:
    """Thirty payments that merge and split, some to services, with links from anywhere to anywhere."""
    rows: list[Tx] = []
    open_points: list[tuple[str, int]] = []
    made: list[str] = []
    for number in range(30):
        name = f"t{number}"
        ins = [] if number < 6 else dice.sample(open_points, min(len(open_points), dice.randint(1, 3)))
        worth = sum(value for _, value in ins) or 12
        first = dice.randint(1, max(worth - 1, 1))
        values = [first, worth - first] if worth > first else [first]
        owners = [dice.choice(["hot_a", "hot_b", f"user{number}", f"own{number}"]) for _ in values]
        rows.append(Tx(name, ins=[point for point, _ in ins], outs=list(zip(owners, values, strict=True))))
        open_points = [point for point in open_points if point not in ins]
        made += [f"{name}:{vout}" for vout in range(len(values))]
        open_points += [
            (f"{name}:{vout}", value)
            for vout, (owner, value) in enumerate(zip(owners, values, strict=True))
            if not owner.startswith("hot")
        ]
    asked = Case(folder, rows, tags=[tag("hot_a", "acme"), tag("hot_b", "beta")])
    chosen = (sorted(dice.sample(range(len(made)), 2)) for _ in range(25))
    asked.claim("legs", *(leg(made[a], made[b], f"reply {n}") for n, (a, b) in enumerate(chosen)))
    return asked


def _without_ranges(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows without what compares methods, which one method alone does not have."""
    return [
        row if not (behind := row["continuation"])
        else {**row, "continuation": {**behind, "endpoints": [{**e, "range": None} for e in behind["endpoints"]]}}
        for row in rows
    ]  # fmt: skip


# what was looked at, and how


def test_what_is_open_behind_a_link_is_open_in_the_answer(tmp_path: Path) -> None:
    """All of ann's money is with services; what bob did with acme's payout may stand in block 3, which is missing."""
    rows = [
        Tx("fund", outs=[("ann", 9)]),
        Tx("deposit", ins=["fund:0"], outs=[("acmehot", 5), ("zetahot", 4)]),
        Tx("payout", outs=[("bob", 3)]),
        Tx("lost", outs=[("zoe", 1)]),
        Tx("last", outs=[("zoe", 1)]),
    ]
    asked = Case(tmp_path, rows, tags=TAGS, vasps=VASPS)
    with Ledger.open(asked.workspace, CHAIN, read_only=False) as ledger:
        ledger.db.run("DELETE FROM block WHERE height = 3")
    plain = asked.trace("fund:0", method="fifo").document["coverage"]["notes"]
    asked.claim("legs", leg("deposit:0", "payout:0"))
    document = asked.trace("fund:0", method="fifo").document
    behind = document["offchain"][0]["continuation"]
    assert behind["coverage"]["status"] == "partial"
    (more,) = [note for note in document["coverage"]["notes"] if note not in plain]
    assert more.startswith("behind reply 7: part of the money enters transactions with inputs")
    assert (behind["totals"][0]["unread"], document["totals"][0]["unread"]) == ("3", "0")


@pytest.mark.parametrize(
    ("link", "why"),
    [
        (leg("deposit:0", "payout:0", to_chain="ethereum"), "behind reply 7: the withdrawal is on ethereum"),
        (replace(leg("deposit:0", "payout:0"), target="ab" * 32 + ":0"), "behind reply 7: transaction abab"),
        (leg("deposit:0", "payout:9"), "has no output 9"),
        (leg("deposit:0", "pool:0"), "behind reply 7: the withdrawal is earlier than the deposit"),
    ],
)
def test_a_link_that_cannot_be_followed_makes_the_answer_partial(tmp_path: Path, link: Leg, why: str) -> None:
    covered = case(tmp_path, link).trace("fund:0", method="fifo").document["coverage"]
    assert covered["status"] == "partial"
    assert [why in note for note in covered["notes"]].count(True) == 1


def test_a_link_that_is_followed_whole_leaves_the_coverage_complete(tmp_path: Path) -> None:
    plain = case(tmp_path / "a").trace("fund:0", method="fifo").document["coverage"]
    found = case(tmp_path / "b", leg("deposit:0", "payout:0"), leg("deposit:0", "payout:0", "reply 9"))
    covered = found.trace("fund:0", method="fifo").document["coverage"]
    assert (covered["status"], covered["notes"]) == ("complete", plain["notes"])


def test_heuristics_that_only_lie_behind_a_link_are_named_as_such(tmp_path: Path) -> None:
    """Bob's address behind the link is zeta's deposit address, because it is swept to zeta's hot wallet."""
    rows = [*ROWS[:4], Tx("pass", ins=["payout:0"], outs=[("zetadep", 3)]),
            Tx("sweep", ins=["pass:0"], outs=[("zetahot", 3)])]  # fmt: skip
    asked = Case(tmp_path, rows, tags=TAGS, vasps=VASPS)
    assert asked.trace("fund:0", method="fifo").document["heuristics"] == []
    asked.claim("legs", leg("deposit:0", "payout:0"), leg("deposit:1", "pass:0", "reply 8"))
    document = asked.trace("fund:0", method="fifo").document
    assert [(h["id"], h["used_for"]) for h in document["heuristics"]] == [
        ("deposit_sweep", "endpoint legs (behind a link)")
    ]
    behind = document["offchain"][0]["continuation"]
    assert [(h["id"], h["used_for"]) for h in behind["heuristics"]] == [("deposit_sweep", "endpoint legs")]


def test_a_hundred_links_from_one_deposit_stay_fast(tmp_path: Path) -> None:
    rows = [
        Tx("fund", outs=[("ann", 9)]),
        Tx("deposit", ins=["fund:0"], outs=[("acmehot", 5), ("ann", 4)]),
        *(Tx(f"out{n}", outs=[(f"bob{n}", 3)]) for n in range(100)),
    ]
    asked = Case(tmp_path, rows, tags=TAGS)
    asked.claim("legs", *(leg("deposit:0", f"out{n}:0", f"reply {n}") for n in range(100)))
    started = time.perf_counter()
    documents = asked.documents("fund:0")["documents"]
    assert [len(doc["offchain"]) for doc in documents] == [100, 100]
    assert time.perf_counter() - started < 60
