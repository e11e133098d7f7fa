"""A claim counts for the payments of the days between which it held; a level for the day of the payment."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.scenarios.case import Case, Found, tag, vasp
from tests.scenarios.ledger import Tx
from tracer.flow.spans import FOREVER, cut, valid
from tracer.intel.claims import Actor, Tag

# GENESIS_TIME of scenarios is 2020-09-13; day 30 is 2020-10-13, day 60 is 2020-11-12
PAYMENTS = [
    Tx("fund", outs=[("ann", 9)]),
    Tx("one", ins=["fund:0"], outs=[("hot", 3), ("ann", 6)], day=30),
    Tx("two", ins=["one:1"], outs=[("hot", 2), ("ann", 4)], day=60),
    Tx("away", ins=["one:0"], outs=[("x", 3)], day=61),
]


def ask(folder: Path, *tags: Tag, **levels: Any) -> Found:
    registered = levels.get("vasps", [vasp("acme", "none"), vasp("zeta", "none")])
    return Case(folder, PAYMENTS, tags=tags, vasps=registered).trace("fund:0", method="fifo")


def during(claim: Tag, first: str = "", last: str = "") -> Tag:
    return replace(claim, valid_from=first, valid_to=last)


def test_an_exchange_that_changed_is_none_before_and_full_after_in_one_trace(tmp_path: Path) -> None:
    changed = [vasp("acme", "none", until="2020-10-31"), vasp("acme", "full", since="2020-11-01")]
    found = ask(tmp_path, tag("hot", "acme"), vasps=changed)
    rows = [
        (r["kyc_level"], r["amount"]["base_units"], r["first_time"][:10]) for r in found.document["endpoints"]
    ]
    assert rows == [("none", "3", "2020-10-13"), ("full", "2", "2020-11-12")]


def test_an_address_that_changed_hands_belongs_to_each_at_its_time(tmp_path: Path) -> None:
    found = ask(
        tmp_path,
        during(tag("hot", "acme"), last="2020-10-31"),
        during(tag("hot", "zeta"), first="2020-11-01"),
    )
    assert found.endpoints == {"acme": 3, "zeta": 2}


def test_outside_its_days_a_claim_stops_nothing(tmp_path: Path) -> None:
    found = ask(tmp_path, during(tag("hot", "acme"), first="2020-11-12", last="2020-11-12"))
    assert found.endpoints == {"acme": 2}
    assert found.unspent == {"away:0": 3, "two:1": 4}


def test_both_days_of_an_interval_belong_to_it(tmp_path: Path) -> None:
    for last, reached in (("2020-10-13", {"acme": 3}), ("2020-10-12", {})):
        assert ask(tmp_path / last, during(tag("hot", "acme"), last=last)).endpoints == reached


def test_a_claim_on_the_cluster_is_bound_to_its_time_too(tmp_path: Path) -> None:
    found = ask(tmp_path, during(tag("hot", "acme", definer=True), first="2020-11-01"))
    assert found.endpoints == {"acme": 2}


def test_a_claim_on_the_address_beats_the_cluster_only_while_it_holds(tmp_path: Path) -> None:
    found = ask(
        tmp_path,
        tag("hot", "acme", definer=True, confidence="web_crawl"),
        during(tag("hot", "zeta", confidence="authority_data"), last="2020-10-31"),
    )
    assert found.endpoints == {"zeta": 3, "acme": 2}


days = st.dates(min_value=date(2019, 1, 1), max_value=date(2022, 1, 1))
edge = st.one_of(st.just(""), days.map(str))


@given(st.lists(st.tuples(edge, edge), max_size=6))
def test_spans_cover_all_time_once_and_no_claim_begins_or_ends_inside_one(
    edges: list[tuple[str, str]],
) -> None:
    rows = [{"valid_from": a, "valid_to": b} for a, b in edges]
    spans = cut(rows)
    assert (spans[0][0], spans[-1][1]) == FOREVER
    assert all(left[1] == right[0] for left, right in pairwise(spans))
    for row in rows:
        length = sum(until - since for since, until in spans if valid(row, (since, until)))
        if not row["valid_from"] and not row["valid_to"]:
            assert length == FOREVER[1] - FOREVER[0]
        elif row["valid_from"] and row["valid_from"] == row["valid_to"]:
            assert length == 86_400


def test_two_names_of_one_house_do_not_disagree(tmp_path: Path) -> None:
    """A pack calls it `Acme.com` without an actor, a register `acme`: one party, by the actor pack."""
    case = Case(
        tmp_path, PAYMENTS, vasps=[vasp("acme", "none")],
        tags=[tag("hot", "acme", definer=True), tag("hot", label="Acme.com", definer=True)],
    )  # fmt: skip
    assert case.trace("fund:0", method="fifo").stops != []  # unknown to be one house: nobody is named
    named = Actor("acme", "Acme Exchange", "exchange", "", "acme.com", "", "", "a pack", "")
    case.claim("actors", named)
    found = case.trace("fund:0", method="fifo")
    assert (found.endpoints, found.stops) == ({"acme": 5}, [])


def test_a_name_that_two_actors_share_means_neither(tmp_path: Path) -> None:
    case = Case(tmp_path, PAYMENTS, vasps=[vasp("acme", "none")], tags=[tag("hot", label="Change")])
    for actor in ("acme", "other"):
        case.claim("actors", Actor(actor, actor, "exchange", "", "", "Change", "", "a pack", ""))
    assert [row["vasp_id"] for row in case.trace("fund:0", method="fifo").document["endpoints"]] == [None]


@pytest.mark.parametrize("category", ["scam", "user", "victim"])
def test_a_persons_label_is_never_taken_for_a_service_of_that_name(tmp_path: Path, category: str) -> None:
    case = Case(
        tmp_path, PAYMENTS, vasps=[vasp("acme", "none")], tags=[tag("hot", label="acme", category=category)]
    )
    assert case.trace("fund:0", method="fifo").endpoints == {}


def test_an_entity_as_a_seed_is_its_addresses_at_their_times(tmp_path: Path) -> None:
    """What arrived at an address before or after it was a service's is not that service's."""
    case = Case(
        tmp_path, PAYMENTS, vasps=[vasp("acme", "none"), vasp("zeta", "none")],
        tags=[during(tag("hot", "acme"), last="2020-10-31"), during(tag("hot", "zeta"), first="2020-11-01")],
    )  # fmt: skip
    received = {
        name: case.trace(f"vasp:{name}", method="fifo", unit="lot").document["seed_summary"]["gross_received"]
        for name in ("acme", "zeta")
    }
    assert {name: amount["base_units"] for name, amount in received.items()} == {"acme": "3", "zeta": "2"}
    left = case.trace("vasp:zeta", method="fifo", unit="entity").document["seed_summary"]["left"]
    assert left["base_units"] == "3"  # `away` left on day 61, when the address was zeta's


def test_nobody_becomes_part_of_a_service_by_being_mentioned_or_protected(tmp_path: Path) -> None:
    rows = [Tx(f"to{name}", outs=[(name, value)]) for name, value in (("hot", 3), ("vic", 7), ("men", 2))]
    tags = [
        tag("hot", "acme"),
        replace(tag("vic", "acme", category="user"), protection="victim"),
        replace(tag("men", "acme"), tag_type="mention"),
    ]
    found = Case(tmp_path, rows, tags=tags, vasps=[vasp("acme", "none")])
    for seed, unit in (("vasp:acme", "lot"), ("vasp:acme", "entity"), ("hot", "entity")):
        summary = found.trace(seed, method="fifo", unit=unit).document["seed_summary"]
        assert summary["gross_received"]["base_units"] == "3"


def test_a_persons_actor_is_not_renamed_to_a_service_and_an_id_means_its_own(tmp_path: Path) -> None:
    person = tag("hot", "bobby", category="user", confidence="ownership")
    case = Case(tmp_path / "a", PAYMENTS, vasps=[vasp("acme", "none")], tags=[person])
    case.claim("actors", Actor("acme", "Acme", "exchange", "", "", "bobby", "", "a pack", ""))
    assert case.trace("fund:0", method="fifo").endpoints == {}
    other = replace(vasp("zzz", "none"), names="acme")
    case = Case(tmp_path / "b", PAYMENTS, vasps=[vasp("acme", "none"), other], tags=[tag("hot", "acme")])
    assert case.trace("fund:0", method="fifo").endpoints == {"acme": 5}


def test_a_better_claim_of_a_person_is_said_and_the_trace_ends_all_the_same(tmp_path: Path) -> None:
    person = tag("hot", "bobby", category="user", confidence="ownership")
    case = Case(
        tmp_path, PAYMENTS, vasps=[vasp("acme", "none")],
        tags=[tag("hot", "acme", confidence="web_crawl"), person],
    )  # fmt: skip
    found = case.trace("fund:0", method="fifo")
    assert found.endpoints == {"acme": 5}
    assert any("with higher confidence by bobby" in note for note in found.document["coverage"]["notes"])


def test_a_mention_or_an_ended_claim_does_not_hide_a_deposit_address(tmp_path: Path) -> None:
    rows = [
        Tx("fund", outs=[("ann", 5)]),
        Tx("pay", ins=["fund:0"], outs=[("dep", 5)], day=30),
        Tx("sweep", ins=["pay:0"], outs=[("hot", 5)], day=31),
    ]
    beside = [
        [],
        [replace(tag("dep", category="forum_mention"), tag_type="mention")],
        [during(tag("dep", "zeta"), last="2019-01-01")],
    ]
    for number, more in enumerate(beside):
        tags = [tag("hot", "acme", role="hot"), *more]
        case = Case(tmp_path / str(number), rows, tags=tags, vasps=[vasp("acme", "none")])
        assert [leg[:3] for leg in case.trace("fund:0", method="fifo").legs] == [("deposit", "dep", "pay:0")]


def test_the_category_shown_is_the_one_that_ended_the_trace(tmp_path: Path) -> None:
    case = Case(tmp_path, PAYMENTS, tags=[replace(tag("hot", category="sanction"), concepts="exchange")])
    found = case.trace("fund:0", method="fifo", exits=("category:exchange",))
    assert [row["category"] for row in found.document["endpoints"]] == ["exchange"]
