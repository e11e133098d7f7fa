"""Traces on account chains, by hand: who got the money, in which asset, and where the trail ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules import clustering
from tests.scenarios.account_case import AccountCase, tag
from tests.scenarios.accounts import Block, Move, Opening, Row, Token, Tx
from tracer.chain import TransferKind
from tracer.errors import StoreDamaged, UsageError

METHODS = ("fifo", "haircut", "lifo", "poison")


def born(**units: int) -> Block:
    """Coins that these accounts have from the first block on."""
    return Block(rewards=list(units.items()))


THEFT: list[Row] = [
    born(victim=100, ann=50),
    Tx("steal", "victim", to="thief", value=90, fee=1),
    Tx("mint", "bank", moves=[Move(None, "victim", 500, "USDT")]),
    Tx("grab", "thief", to="USDT", fee=1, moves=[Move("victim", "thief", 300, "USDT")]),
    Tx("pass", "thief", to="mule", value=80, fee=1),
    Tx("exit", "mule", to="hot", value=60, fee=1),
    Tx("token", "thief", to="USDT", fee=1, moves=[Move("thief", "mule", 200, "USDT")]),
    Tx("sell", "mule", to="USDT", fee=1, moves=[Move("mule", "hot", 150, "USDT")]),
    Tx("clean", "ann", to="hot", value=20, fee=1),
]
ACME = tag("hot", "acme", role="hot")


def test_coin_and_token_are_followed_side_by_side(tmp_path: Path) -> None:
    """Two assets, one question: each adds up on its own, and gas is of the coin alone."""
    found = AccountCase(tmp_path, THEFT, tags=[ACME]).trace("thief")
    assert found.totals == {
        "ETH": {"seed": 90, "services": 60, "unspent": 25, "fees": 5},
        "USDT": {"seed": 300, "services": 150, "unspent": 150},
    }
    assert found.legs == [
        ("acme", "hot", "hot", "exit:0", 60, 60),
        ("acme", "hot", "hot", "sell:0", 150, 150),
    ]
    assert found.paths() == [["steal", "pass", "exit"], ["grab", "token", "sell"]]
    assert [leg["log_index"] for row in found.document["endpoints"] for leg in row["legs"]] == [None, 0]
    assert found.rests() == {
        ("mule", "ETH"): 18, ("thief", "ETH"): 7, ("thief", "USDT"): 100, ("mule", "USDT"): 50,
    }  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_who_only_received_clean_money_is_no_part_of_it(tmp_path: Path, method: str) -> None:
    """ann paid the same exchange: her deposit carries nothing, under any convention."""
    found = AccountCase(tmp_path, THEFT, tags=[ACME]).trace("steal:0", method=method)
    assert {leg[3] for leg in found.legs} == {"exit:0"}


@pytest.mark.parametrize("seed", ["steal:0", "steal@thief", "steal", "steal:*"])
def test_a_transfer_is_named_by_its_place_its_target_or_its_transaction(tmp_path: Path, seed: str) -> None:
    """A transaction that moved one thing needs no place."""
    found = AccountCase(tmp_path, THEFT, tags=[ACME]).trace(seed)
    assert found.totals["ETH"]["seed"] == 90
    assert found.document["seeds"][0]["lots"] == 1


def test_a_transaction_of_several_transfers_names_none_alone(tmp_path: Path) -> None:
    """The error lists the transfers there are, each with its target."""
    rows: list[Row] = [
        born(ann=9),
        Tx("both", "ann", to="bob", value=5, moves=[Move("bank", "bob", 7, "USDT")]),
    ]
    with pytest.raises(UsageError, match=r"has 2 transfers: .*:0 .*to bob.*:1 .*to bob"):
        AccountCase(tmp_path, rows).trace("both")
    found = AccountCase(tmp_path / "again", rows).trace("both@bob")
    assert {asset: row["seed"] for asset, row in found.totals.items()} == {"ETH": 5, "USDT": 7}


@pytest.mark.parametrize(
    ("asset", "seeded"), [("native", {"ETH": 90}), ("USDT", {"USDT": 300}), ("ETH", {"ETH": 90})]
)
def test_one_asset_can_be_asked_for(tmp_path: Path, asset: str, seeded: dict[str, int]) -> None:
    """--asset narrows what arrives, by name or by contract."""
    case = AccountCase(tmp_path, THEFT, told=[Token("USDT", 6)])
    found = case.trace("thief", asset=asset)
    assert {name: row["seed"] for name, row in found.totals.items()} == seeded


def test_a_token_that_bears_a_name_twice_must_be_named_by_its_contract(tmp_path: Path) -> None:
    rows: list[Row] = [
        born(ann=1),
        Tx("two", "ann", moves=[Move(None, "bob", 1, "A"), Move(None, "bob", 2, "B")]),
    ]
    case = AccountCase(tmp_path, rows, told=[Token("A", 0, "GOLD"), Token("B", 0, "GOLD")])
    with pytest.raises(UsageError, match="2 contracts call themselves 'gold': A, B"):
        case.trace("bob", asset="gold")
    with pytest.raises(UsageError, match="no asset 'C' was ever seen"):
        case.trace("bob", asset="C")
    assert case.trace("bob", asset="B").totals["GOLD"]["seed"] == 2


def test_backward_the_same_money_leads_to_whoever_paid(tmp_path: Path) -> None:
    """The source of what reached a wallet: an exchange's payout, a mint, and what was there before."""
    rows: list[Row] = [
        born(hot=100, ann=50),
        Tx("payout", "hot", to="bob", value=60, fee=1),
        Tx("gift", "ann", to="bob", value=40),
        Tx("pay", "bob", to="seller", value=90),
    ]
    case = AccountCase(tmp_path, rows, tags=[ACME])
    assert case.trace("seller", direction="backward").totals == {
        "ETH": {"seed": 90, "services": 60, "minted": 30}
    }
    found = case.trace("seller", direction="backward", method="lifo")
    assert found.totals == {"ETH": {"seed": 90, "services": 50, "minted": 40}}
    assert found.legs == [("acme", "withdrawal", "bob", "payout:0", 60, 50)]
    assert found.paths() == [["payout", "pay"]]
    assert found.rests("minted") == {("ann", "ETH"): 40}


def test_gas_leaves_after_the_value_and_ends(tmp_path: Path) -> None:
    """FIFO: the oldest units pay the value, the next the gas; the producer's tip is nobody's stolen coin."""
    rows: list[Row] = [
        born(thief=3),
        Tx(
            "steal", "victim0", to="thief", value=0, moves=[Move(None, "thief", 10, kind=TransferKind.REWARD)]
        ),
        Tx("spend", "thief", to="mule", value=9, fee=2, tip=1, tip_to="producer"),
        Tx("earn", "producer", to="hot", value=1),
    ]
    found = AccountCase(tmp_path, rows, tags=[ACME]).trace("steal:0")
    assert found.totals == {"ETH": {"seed": 10, "unspent": 7, "fees": 3}}
    assert found.rests() == {("mule", "ETH"): 6, ("thief", "ETH"): 1}


def test_a_failed_transaction_pays_its_gas_and_moves_nothing(tmp_path: Path) -> None:
    rows: list[Row] = [
        born(thief=10),
        Tx("no", "thief", to="hot", value=5, fee=2, failed=True),
        Tx("yes", "thief", to="hot", value=4),
    ]
    found = AccountCase(tmp_path, rows, tags=[ACME]).trace("thief")
    assert found.totals == {"ETH": {"seed": 10, "services": 4, "unspent": 4, "fees": 2}}
    assert found.document["endpoints"][0]["legs"][0]["path"][0] == "block 0"


def test_minted_and_burnt_units_come_from_nothing_and_go_there(tmp_path: Path) -> None:
    rows: list[Row] = [
        born(ann=1),
        Tx("mint", "bank", moves=[Move(None, "ann", 10, "USDT")]),
        Tx("burn", "ann", moves=[Move("ann", None, 4, "USDT")]),
    ]
    case = AccountCase(tmp_path, rows)
    assert case.trace("mint:0").totals == {"USDT": {"seed": 10, "burned": 4, "unspent": 6}}
    assert case.trace("mint:0", direction="backward").totals == {"USDT": {"seed": 10, "minted": 10}}


def test_a_collectible_is_followed_as_the_one_thing_it_is(tmp_path: Path) -> None:
    """Two tokens of one collection are two assets; the other one is not part of the trail."""
    rows: list[Row] = [
        born(ann=1),
        Tx("mint", "ann", moves=[Move(None, "ann", 1, "PUNK#7"), Move(None, "ann", 1, "PUNK#8")]),
        Tx("sell", "ann", moves=[Move("ann", "hot", 1, "PUNK#7"), Move("ann", "bob", 1, "PUNK#8")]),
    ]
    found = AccountCase(tmp_path, rows, tags=[ACME], told=[Token("PUNK", None)]).trace("mint:0")
    assert found.endpoints == {("acme", "PUNK #7"): 1}
    assert found.totals == {"PUNK #7": {"seed": 1, "services": 1}}
    assert found.document["totals"][0]["asset_id"] == "eip155:31337/erc721:PUNK/7"


def test_a_contract_wallet_holds_money_like_any_account(tmp_path: Path) -> None:
    """What goes into a contract that nobody tagged comes out of it again, by an internal transfer."""
    rows: list[Row] = [
        born(thief=10, other=30),
        Tx("fill", "other", to="safe", value=30),
        Tx("in", "thief", to="safe", value=10),
        Tx("out", "owner", to="safe", moves=[Move("safe", "hot", 20)]),
    ]
    case = AccountCase(tmp_path, rows, tags=[ACME])
    assert case.trace("in:0", method="lifo").endpoints == {("acme", "ETH"): 10}
    assert case.trace("in:0", method="haircut").endpoints == {("acme", "ETH"): 5}
    assert case.trace("in:0").endpoints == {}


def test_dust_and_transfers_of_nothing_change_nothing(tmp_path: Path) -> None:
    """Zero-value transfers in a victim's name and a spammer's coin put nobody on the trail."""
    poisoned = [
        *THEFT[:5],
        Tx(
            "fake",
            "spammer",
            moves=[Move("mule", "lookalike", 0, "USDT"), Move("thief", "lookalike", 0, "USDT")],
        ),
        Tx("dust", "ann", to="mule", value=1),
        *THEFT[5:],
    ]
    found = AccountCase(tmp_path, poisoned, tags=[ACME]).trace("steal:0")
    assert found.endpoints == {("acme", "ETH"): 60}
    assert "lookalike" not in str(found.document)


def test_moves_inside_the_set_count_nothing_twice(tmp_path: Path) -> None:
    """What one seeded account pays another is no arrival; what comes back in the same transaction is none either."""
    rows: list[Row] = [
        born(payer=100),
        Tx("in", "payer", to="ann", value=50),
        Tx("inside", "ann", to="bob", value=30),
        Tx("change", "ann", to="shop", value=20, moves=[Move("shop", "ann", 5)]),
    ]
    found = AccountCase(tmp_path, rows).trace("ann", "bob")
    assert found.totals == {"ETH": {"seed": 50, "unspent": 50}}
    summary = found.document["seed_summary"]
    assert {key: summary[key]["base_units"] for key in ("gross_received", "internal", "external_received")} == {
        "gross_received": "85", "internal": "35", "external_received": "50",
    }  # fmt: skip


def test_each_seed_is_told_apart(tmp_path: Path) -> None:
    rows: list[Row] = [
        born(payer=100),
        Tx("one", "payer", to="mule", value=30),
        Tx("two", "payer", to="mule", value=10),
        Tx("exit", "mule", to="hot", value=35),
    ]
    found = AccountCase(tmp_path, rows, tags=[ACME]).trace("one:0", "two:0")
    by_seed = found.document["endpoints"][0]["by_seed"]
    assert sorted(int(row["amount"]) for row in by_seed) == [5, 30]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_the_same_question_gives_the_same_bytes(tmp_path: Path, threads: int, direction: str) -> None:
    first = AccountCase(tmp_path / "a", THEFT, tags=[ACME], threads=1).documents("mule", direction=direction)
    again = AccountCase(tmp_path / "b", THEFT, tags=[ACME], threads=threads).documents(
        "mule", direction=direction
    )
    assert first == again


def test_what_is_not_there_yet_on_account_chains_is_refused(tmp_path: Path) -> None:
    case = AccountCase(tmp_path, THEFT)
    for question in ({"fees": "miners"}, {"method": "tiho"}):
        with pytest.raises(UsageError):
            case.trace("thief", **question)


def test_an_entity_is_followed_by_what_left_it(tmp_path: Path) -> None:
    """--unit entity: a market's payouts are the lots, and what comes back to it ends there."""
    rows: list[Row] = [
        born(ann=100),
        Tx("in", "ann", to="market", value=100),
        Tx("payout", "market", to="bob", value=60),
        Tx("back", "bob", to="market", value=10),
        Tx("exit", "bob", to="hot", value=40),
    ]
    bazaar = tag("market", "bazaar", category="market")
    found = AccountCase(tmp_path, rows, tags=[ACME, bazaar]).trace("tag:bazaar")
    assert found.document["unit"] == "entity"
    assert found.totals == {"ETH": {"seed": 60, "services": 40, "stopped": 10, "unspent": 10}}


def test_a_balance_that_a_node_told_and_that_runs_out_is_bad_data(tmp_path: Path) -> None:
    """Named by account, asset and block."""
    rows: list[Row] = [
        born(other=9),
        Tx("in", "other", to="ann", value=5),
        Tx("out", "ann", to="bob", value=9),
    ]
    told = [Opening("ann", 1, height=0)]
    with pytest.raises(StoreDamaged, match="ann in ETH at block 2 pays out more than it holds"):
        AccountCase(tmp_path, rows, balances=told).trace("in:0")


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_an_account_that_received_nothing_has_nothing_to_follow(tmp_path: Path, direction: str) -> None:
    """It is known, and the answer says why it is empty."""
    found = AccountCase(tmp_path, THEFT).trace("bank", direction=direction)
    assert found.totals == {"ETH": {}}
    assert "nothing arrived in the seed set" in found.notes


def test_an_account_that_was_never_seen_is_unseen(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="address nobody was never seen"):
        AccountCase(tmp_path, THEFT).trace("nobody")


def test_a_seed_list_names_transfers_and_accounts(tmp_path: Path) -> None:
    """A CSV of seeds works as on other chains: rows with a time count only then."""
    from tests.scenarios.accounts import CHAIN, shown
    from tracer.flow.seeding.seed_file import parse

    case = AccountCase(tmp_path, THEFT, tags=[ACME])
    text = f"outpoint,address,role\n{shown('steal')}:0,,victim\n,mule,\n"
    found = case.trace(listed=(parse(text.encode(), CHAIN, "seeds.csv"),))
    assert [(seed["kind"], seed["role"], seed["lots"]) for seed in found.document["seeds"]] == [
        ("address", None, 2), ("outpoint", "victim", 1),
    ]  # fmt: skip
    assert found.endpoints == {("acme", "ETH"): 60, ("acme", "USDT"): 150}


def test_an_answer_as_of_a_block_knows_nothing_later(tmp_path: Path) -> None:
    """--at: the same bytes before and after later blocks."""
    from tests.scenarios.accounts import CHAIN
    from tracer.flow.question import Question
    from tracer.flow.trace import trace
    from tracer.ledger.asof import as_of
    from tracer.ledger.store import Ledger

    early = AccountCase(tmp_path / "early", THEFT[:5], tags=[ACME])
    late = AccountCase(tmp_path / "late", THEFT, tags=[ACME])
    with Ledger.open(late.workspace, CHAIN) as ledger:
        as_of(ledger, 4)
        then = trace(ledger, late.snapshot, Question(("thief",)), rules=clustering(), engine="test")
    assert then == early.documents("thief")


def test_the_greatest_amounts_are_followed_to_the_unit(tmp_path: Path) -> None:
    """38 digits: no rounding anywhere, in columns, kernels or documents."""
    most = 10**38 - 1
    rows: list[Row] = [
        born(ann=1),
        Tx("mint", "bank", moves=[Move(None, "thief", most, "BIG")]),
        Tx("most", "thief", moves=[Move("thief", "hot", most - 7, "BIG")]),
    ]
    case = AccountCase(tmp_path, rows, tags=[ACME])
    for method in METHODS:
        assert case.trace("mint:0", method=method).totals == {
            "BIG": {"seed": most, "services": most - 7, "unspent": 7}
        }
    found = case.trace("most:0", direction="backward")
    assert found.totals == {"BIG": {"seed": most - 7, "minted": most - 7}}
