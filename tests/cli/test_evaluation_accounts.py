"""What is counted of links and leads between accounts, on a table of payments whose owners are known.

Of two deposit accounts of an exchange one is swept. A friend pays into it, and somebody who cashes out straight from
her own wallet looks like a third: what the rules get wrong by that is counted, and so is what they miss.
"""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

import rules
from adapters.simulation.accounts.evaluation import Known
from cli.evaluation_accounts import held
from cli.evaluation_accounts_document import accounts_of
from cli.evaluation_accounts_page import accounts_page
from tests.scenarios.account_case import AccountCase, tag
from tests.scenarios.accounts import CHAIN, Block, Row, Tx
from tracer.ledger.store import Ledger

OWNERS = {
    "kraken": "exchange", "dep_ann": "exchange", "dep_bob": "exchange",
    "ann1": "ann", "ann2": "ann", "ann3": "ann", "fay": "fay", "bob": "bob", "boss": "boss", "eve": "eve",
}  # fmt: skip
NAMES = sorted(set(OWNERS.values()))


def pay(name: str, source: str, target: str, value: int = 1_000) -> Tx:
    return Tx(name, source, to=target, value=value, fee=1)


PAYMENTS: list[Row] = [
    Block(rewards=[(name, 100_000) for name in ("ann1", "ann2", "fay", "bob", "boss", "kraken")]),
    pay("gas", "ann1", "ann3"),
    pay("a1", "ann1", "dep_ann"),
    pay("s1", "dep_ann", "kraken"),
    pay("a2", "ann2", "dep_ann"),
    pay("s2", "dep_ann", "kraken"),
    pay("lent", "fay", "dep_ann"),
    pay("s3", "dep_ann", "kraken"),
    pay("b", "bob", "dep_bob"),
    pay("wage", "boss", "eve"),
    pay("straight", "eve", "kraken"),
]
ALIKE = [
    ("ann1", "ann3", True, "gas funder of proceeds"),
    ("ann2", "ann3", True, "self transfer"),
    ("boss", "eve", False, "first coin from a friend"),
    ("ann1", "fay", False, "wages into a deposit address"),
]


def truth(ledger: Ledger) -> Known:
    """Who owns what, in the ids of the ledger."""
    ids = {name: ledger.find_address(CHAIN.parse_address(name)) for name in OWNERS}
    who = {name: NAMES.index(owner) for name, owner in OWNERS.items()}
    exchange = NAMES.index("exchange")
    account, person = pl.Int32, pl.UInt32

    def frame(rows: list[tuple[Any, ...]], **schema: Any) -> pl.DataFrame:
        return pl.DataFrame(rows, schema=schema, orient="row")

    owned = [(ids[name], who[name], owner == "exchange") for name, owner in OWNERS.items()]
    payers = [(ids["dep_ann"], ids[name], who[name]) for name in ("ann1", "ann2", "fay")]
    return Known(
        owned=frame(owned, address_id=account, owner=person, service=pl.Boolean).sort("address_id"),
        names=frame(
            [(i, name, "person" if i != exchange else name) for i, name in enumerate(NAMES)],
            owner=person, name=pl.String, actor=pl.String,
        ),
        nobody=1,
        deposits=frame(
            [(ids["dep_ann"], exchange, False, True), (ids["dep_bob"], exchange, False, False)],
            address_id=account, service=person, clone=pl.Boolean, swept=pl.Boolean,
        ),
        gathers=frame([(ids["kraken"], exchange)], address_id=account, service=person),
        payers=frame([*payers, (ids["dep_bob"], ids["bob"], who["bob"])], deposit=account, payer=account, owner=person),
        pairs=frame(
            [(ids[a], ids[b], same, reason) for a, b, same, reason in ALIKE],
            a=account, b=account, same_owner=pl.Boolean, reason=pl.String,
        ).with_columns(a=pl.min_horizontal("a", "b"), b=pl.max_horizontal("a", "b")),
        misleads={"pay a service's hot account directly": 1},
    )  # fmt: skip


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    case = AccountCase(tmp_path_factory.mktemp("case"), PAYMENTS, tags=[tag("kraken", "kraken", role="hot")])
    with Ledger.open(case.workspace, CHAIN, read_only=False) as ledger:
        chain = held(ledger, truth(ledger), case.snapshot, seed=1)
    return accounts_of(rules.clustering(), [chain], 10)


@pytest.mark.parametrize(
    ("heuristic", "links", "false", "found_true"),
    [
        pytest.param("deposit_sweep", 2, 1, (1, 2), id="eve looks like a deposit account, bob's was never swept"),
        pytest.param("deposit_reuse", 2, 1, (1, 1), id="a friend is taken for the customer"),
        pytest.param("account_deposit_sweep", 4, 1, (3, 4), id="what eve was paid, and what bob paid in"),
        pytest.param("forwarder", 0, 0, (0, 0), id="no contract is there"),
    ],
)  # fmt: skip
def test_links_that_are_false_and_what_is_missed_are_counted(
    found: dict[str, Any], heuristic: str, links: int, false: int, found_true: tuple[int, int]
) -> None:
    (row,) = (row for row in found["heuristics"] if row["id"] == heuristic)
    assert (row["links"], row["false"], (row["found"], row["true"])) == (links, false, found_true)


def test_what_nobody_spoke_of_is_not_measured_and_never_zero(found: dict[str, Any]) -> None:
    (forwarder,) = (row for row in found["heuristics"] if row["id"] == "forwarder")
    assert (forwarder["rate"], forwarder["interval"], forwarder["recall"]["value"]) == (None, None, None)
    (tron,) = (row for row in found["leads"] if row["id"] == "tron_activation")
    assert (tron["pairs"], tron["share"]["value"], tron["recall"]["value"]) == (0, None, None)
    (authorised,) = (row for row in found["leads"] if row["id"] == "self_authorisation")
    assert authorised["share"]["value"] is None


def test_pairs_of_the_tiers(found: dict[str, Any]) -> None:
    """Extended: {kraken, dep_ann, eve} and {ann1, ann2, fay}."""
    pairs = {tier["tier"]: (tier["pairs"]["joined"], tier["pairs"]["false"]) for tier in found["tiers"]}
    assert pairs == {"conservative": (0, 0), "extended": (6, 4)}


def test_a_deposit_account_is_found_where_it_is_with_its_services_hot_account(found: dict[str, Any]) -> None:
    keys, contracts = found["deposits"]
    assert (keys["true"], keys["swept"], keys["found"]) == (2, 1, 1)
    assert (contracts["true"], contracts["recall"]["value"]) == (0, None)


def test_pairs_that_look_alike_are_told_by_what_is_true_of_them(found: dict[str, Any]) -> None:
    told = {
        row["reason"]: (row["same_owner"], row["extended"], row["shown_as_lead"]) for row in found["pairs"]
    }
    assert told == {
        "wages into a deposit address": (False, 1, 0),
        "first coin from a friend": (False, 0, 1),
        "gas funder of proceeds": (True, 0, 1),
        "self transfer": (True, 0, 0),
    }  # fmt: skip


def test_a_lead_is_no_link_and_is_counted_by_who_did_it_for_whom(found: dict[str, Any]) -> None:
    """Between people ann1 paid ann3's first coin and the boss eve's; depositors also pay deposit accounts' first."""
    (funder,) = (row for row in found["leads"] if row["id"] == "gas_funder")
    parts = {(p["between"], p["how"]): (p["one_owner"], p["two_owners"]) for p in funder["parts"]}
    assert parts == {
        ("people", "one did it for the other"): (1, 1),
        ("a service's account", "one did it for the other"): (0, 2),
        ("a service's account", "a third did it for both"): (0, 1),
    }
    assert (funder["pairs"], funder["one_owner"], funder["two_owners"]) == (5, 1, 4)
    assert (funder["found"], funder["true"]) == (1, 1)
    assert "gas_funder" not in {row["id"] for row in found["heuristics"]}


def test_the_page_says_what_was_counted(found: dict[str, Any]) -> None:
    text = "\n\n".join(accounts_page(found))
    assert "4 of 6 pairs are false" in text
    assert "accounts that pay a service's hot account directly: 1" in text
    assert "| `forwarder` 1 | extended | 0 | 0 | not measured | not measured | 0 | 0 | not measured |" in text
    assert "| `tron_activation` 1 | all |  | 0 | 0 | 0 | not measured |" in text
    assert "None" not in text
