"""What an answer says about what it could not know: claims, registers, empty windows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.case import Case, tag, vasp
from tests.scenarios.ledger import GENESIS_TIME, Tx

ROWS = [
    Tx("fund", outs=[("ann", 10)]),
    Tx("pay", ins=["fund:0"], outs=[("shop", 6), ("ann", 4)]),
]
SHOP = [tag("shop", "acme")]


def notes(document: dict[str, Any], word: str) -> list[str]:
    return [note for note in document["coverage"]["notes"] if word in note]


def ask(case: Case, *seeds: str, **question: Any) -> dict[str, Any]:
    return case.trace(*seeds, method="fifo", **question).document


def test_without_claims_nothing_is_complete(tmp_path: Path) -> None:
    found = ask(Case(tmp_path, ROWS), "fund:0")
    assert found["coverage"]["status"] == "partial"
    assert notes(found, "no claims are loaded")


def test_without_a_register_the_level_is_said_to_be_unknown(tmp_path: Path) -> None:
    case = Case(tmp_path, ROWS, tags=SHOP)
    plain = ask(case, "fund:0")
    assert plain["coverage"]["status"] == "complete"
    assert notes(plain, "no VASP register")
    asked = ask(case, "fund:0", exits=("kyc:none",))
    assert asked["coverage"]["status"] == "partial"
    assert notes(asked, "no VASP register")
    assert ask(case, "fund:0", exits=("category:exchange",))["coverage"]["status"] == "complete"


@pytest.mark.parametrize(
    ("unit", "words"), [("lot", "nothing arrived in the seed set"), ("entity", "nothing left the entity")]
)
def test_a_question_about_nothing_says_so(tmp_path: Path, unit: str, words: str) -> None:
    case = Case(tmp_path, ROWS, tags=SHOP, vasps=[vasp("acme", "none")])
    found = ask(case, "ann", unit=unit, seed_before=GENESIS_TIME - 1)
    assert notes(found, f"{words} in the window")
    assert not notes(ask(case, "ann", unit=unit), words)
    still = ask(case, "shop", unit="entity")
    assert notes(still, "nothing left the entity: ")


def test_seeds_outside_the_window_are_nothing_too(tmp_path: Path) -> None:
    case = Case(tmp_path, ROWS, tags=SHOP, vasps=[vasp("acme", "none")])
    assert notes(ask(case, "fund:0", seed_before=GENESIS_TIME - 1), "nothing arrived in the seed set")


def test_registers_that_disagree_are_named(tmp_path: Path) -> None:
    tags = [*SHOP, tag("ann", "zeta")]
    case = Case(
        tmp_path, ROWS, tags=tags, vasps=[vasp("acme", "none"), vasp("acme", "full"), vasp("zeta", "none")]
    )
    found = ask(case, "fund:0", exits=("kyc:none",))
    assert found["other_endpoints"]["count"] == 0  # ann is a service, where the lot ends
    lot = Case(tmp_path / "b", ROWS, tags=SHOP, vasps=[vasp("acme", "none"), vasp("acme", "full")])
    hidden = ask(lot, "fund:0", exits=("kyc:none",))
    assert hidden["other_endpoints"]["unknown_kyc"]["count"] == 1
    (note,) = notes(hidden, "KYC level of acme")
    assert "full, none" in note
    newer = Case(
        tmp_path / "c", ROWS, tags=SHOP, vasps=[vasp("acme", "none"), vasp("acme", "full", "2019-01-01")]
    )
    assert not notes(ask(newer, "fund:0"), "KYC level")


def test_a_register_row_without_any_date_gives_no_interval(tmp_path: Path) -> None:
    case = Case(tmp_path, ROWS, tags=SHOP, vasps=[vasp("acme", "none", since="")])
    (row,) = ask(case, "fund:0")["endpoints"]
    assert (row["kyc_level"], row["kyc_interval"]) == ("none", None)


def test_untagged_pools_are_always_mentioned(tmp_path: Path) -> None:
    found = ask(Case(tmp_path, ROWS, tags=SHOP, vasps=[vasp("acme", "none")]), "fund:0")
    assert notes(found, "untagged pools")
    assert found["coverage"]["status"] == "complete"


def test_a_stop_says_who_is_claimed_to_hold_it(tmp_path: Path) -> None:
    pool = [
        tag("shop", "bazaar", category="market", role="pool"),
        tag("ann", category="market", label="Souk"),
    ]
    lot = ask(Case(tmp_path, ROWS, tags=pool[:1]), "fund:0")
    assert [(stop["address"], stop["entity"]) for stop in lot["stops"]] == [("shop", "bazaar")]
    souk = ask(Case(tmp_path / "souk", ROWS, tags=pool), "fund:0")
    assert [(stop["address"], stop["entity"]) for stop in souk["stops"]] == [("ann", "Souk")]
    cut = ask(Case(tmp_path / "cut", ROWS, tags=SHOP), "fund:0", hops=0)
    assert [stop["entity"] for stop in cut["stops"]] == [None]
