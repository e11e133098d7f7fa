"""The rare things of the account world are really in its chains, as its nodes tell them."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from adapters.evm.anvil import Refused
from adapters.simulation.accounts import AccountWorld
from adapters.simulation.accounts.artefacts import contract
from adapters.simulation.accounts.hostile import BEYOND, HUGE

ETH = 10**18
TRANSFER = contract("Token").topics["Transfer"].hex()


class Said:
    """What the node tells of one special transaction."""

    def __init__(self, world: AccountWorld, name: str) -> None:
        chain, self.txid = world.truth.specials[name]
        node = world.nodes[chain]
        self.receipt: dict[str, Any] = node.call("eth_getTransactionReceipt", self.txid)
        self.top: dict[str, Any] = node.call(
            "debug_traceTransaction", self.txid, {"tracer": "callTracer"}
        )  # fmt: skip
        self.moves = world.truth.transfers.filter(txid=self.txid)

    def frames(self, kind: str = "") -> list[dict[str, Any]]:
        """Frames below the top one with a value, of one kind or of any."""
        found: list[dict[str, Any]] = []
        waiting = list(self.top.get("calls", []))
        while waiting:
            frame = waiting.pop(0)
            waiting += frame.get("calls", [])
            if int(frame.get("value", "0x0"), 16) and kind in ("", frame["type"]):
                found.append(frame)
        return found

    def logs(self, topic: str = TRANSFER) -> list[dict[str, Any]]:
        """Its events of one kind."""
        return [log for log in self.receipt["logs"] if log["topics"][0] == "0x" + topic]

    def amounts(self) -> list[int]:
        """What its Transfer events say."""
        return [int(log["data"], 16) for log in self.logs()]


def test_an_inner_payment_that_was_refused_moved_nothing_and_the_transaction_was_done(
    account_world: AccountWorld,
) -> None:
    said = Said(account_world, "inner call with value refused")
    assert said.receipt["status"] == "0x1"
    refused, returned = said.frames()
    assert refused["error"]
    assert "error" not in returned
    assert said.moves["amount"].to_list() == [ETH, ETH]  # in and back: the refused one is no movement


def test_a_payment_inside_a_frame_that_failed_is_no_payment(account_world: AccountWorld) -> None:
    said = Said(account_world, "payment inside a failed frame")
    outer, inner, back = sorted(said.frames(), key=lambda f: (f["to"] == said.top["from"], "error" not in f))
    assert outer["error"]
    assert "error" not in inner  # done, and undone by the frame around it
    assert back["to"] == said.top["from"]
    assert said.moves.height == 2


@pytest.mark.parametrize("name", ["failed transaction with value", "failed token transfer"])
def test_a_failed_transaction_costs_its_fee_and_moves_nothing(account_world: AccountWorld, name: str) -> None:
    said = Said(account_world, name)
    assert said.receipt["status"] == "0x0"
    assert not said.receipt["logs"]
    assert said.moves.is_empty()


def test_contracts_are_created_with_value_by_transactions_and_by_calls(account_world: AccountWorld) -> None:
    outer, inner = (
        Said(account_world, "creation with value"),
        Said(account_world, "inner creation with value"),
    )
    assert outer.top["type"] == "CREATE"
    assert int(outer.top["value"], 16) == ETH
    assert [int(frame["value"], 16) for frame in inner.frames("CREATE")] == [ETH // 2]


@pytest.mark.parametrize("name", ["self-destruct while created", "self-destruct of an old contract"])
def test_a_contract_that_destroys_itself_pays_out_what_it_holds(
    account_world: AccountWorld, name: str
) -> None:
    said = Said(account_world, name)
    assert len(said.frames("SELFDESTRUCT")) == 1
    assert said.moves.filter(kind=1)["amount"].to_list() == [int(said.frames("SELFDESTRUCT")[0]["value"], 16)]


def test_a_delegate_call_shows_the_value_again_and_moves_it_once(account_world: AccountWorld) -> None:
    said = Said(account_world, "delegate call with value")
    assert [frame["type"] for frame in said.frames()] == ["DELEGATECALL", "CALL"]
    assert said.moves["amount"].to_list() == [ETH, ETH]


@pytest.mark.parametrize(
    ("name", "amounts"),
    [
        ("6e37 minted", [HUGE]),
        ("6e37 minted again", [HUGE]),
        ("2^200 + 7 minted", [BEYOND]),
        ("zero-value poisoning by a fake token", [0] * 20),
        ("fake token poisoning", [10**9] * 20),
        ("zero-value poisoning by the real token", [0]),
        ("fee-on-transfer token", [98 * ETH, 2 * ETH]),
        ("tokens burnt", [50 * ETH]),
        ("airdrop to many", [5 * ETH] * 100),
        ("spoofed bridge deposit", [10**12]),
        ("spoofed bridge fill", [10**12]),
        ("tokens out of a contract wallet", [200 * ETH]),
    ],
)
def test_tokens_log_what_the_truth_says(account_world: AccountWorld, name: str, amounts: list[int]) -> None:
    said = Said(account_world, name)
    assert said.amounts() == amounts
    assert sorted(said.moves.filter(kind=2)["units"]) == sorted(map(str, amounts))


def test_what_38_digits_cannot_hold_is_null_and_its_text_is_whole(account_world: AccountWorld) -> None:
    moves = Said(account_world, "2^200 + 7 minted").moves
    assert moves["amount"].to_list() == [None]
    assert moves["units"].to_list() == [str(2**200 + 7)]


def test_the_spammers_tokens_have_a_famous_symbol_and_lie_about_their_decimals(
    account_world: AccountWorld,
) -> None:
    fakes = account_world.truth.tokens.filter(~pl.col("genuine"))
    node, decimals = account_world.nodes["evm-31337"], contract("Token").call("decimals").hex()
    symbol = contract("Token").call("symbol").hex()
    answers: list[int | None] = []
    for address in fakes["contract"]:
        shown = node.call("eth_call", {"to": address, "data": "0x" + symbol}, "latest")
        assert bytes.fromhex(shown[2:])[64:68] == b"USDT"
        try:
            answers.append(int(node.call("eth_call", {"to": address, "data": "0x" + decimals}, "latest"), 16))
        except Refused:
            answers.append(None)
    assert answers == [6, 2**256 - 1, None, 6]
    assert fakes["decimals"].to_list() == [6, None, None, 6]


@pytest.mark.parametrize(
    ("name", "source", "event"),
    [
        ("spoofed bridge deposit", "Bridge", "FundsDeposited"),
        ("spoofed bridge fill", "Bridge", "FilledRelay"),
        ("bridge deposit nobody filled", "Bridge", "FundsDeposited"),
        ("swap in a pool only its maker uses", "Pool", "Swap"),
        ("items minted", "Items", "TransferBatch"),
        ("items passed on", "Items", "TransferSingle"),
        ("collectible passed on", "Collectible", "Transfer"),
    ],
)
def test_events_are_those_of_the_standards(
    account_world: AccountWorld, name: str, source: str, event: str
) -> None:
    logs = Said(account_world, name).logs(contract(source).topics[event].hex())
    assert len(logs) == 1
    if name == "collectible passed on":
        assert len(logs[0]["topics"]) == 4  # the id is a topic


def test_a_spoofed_bridge_is_not_the_bridge(account_world: AccountWorld) -> None:
    topic = contract("Bridge").topics["FundsDeposited"].hex()
    spoofed = Said(account_world, "spoofed bridge deposit").logs(topic)[0]["address"]
    true = Said(account_world, "bridge deposit nobody filled").logs(topic)[0]["address"]
    owners = account_world.truth.addresses.with_columns(pl.col("address").str.to_lowercase())
    roles = dict(owners.filter(chain="evm-31337").select("address", "role").iter_rows())
    assert (roles[spoofed], roles[true]) == ("spoofed bridge", "bridge")


@pytest.mark.parametrize("name", ["transferFrom by an operator", "self-authorisation"])
def test_somebody_else_than_the_holder_sends_his_tokens(account_world: AccountWorld, name: str) -> None:
    said = Said(account_world, name)
    moved = said.moves.filter(kind=2)
    assert moved.height == 1
    assert moved["source"][0].lower() != said.receipt["from"]


@pytest.mark.parametrize("name", ["batch payout of coin", "coin out of a contract wallet"])
def test_coin_comes_out_of_contracts_by_inner_calls(account_world: AccountWorld, name: str) -> None:
    said = Said(account_world, name)
    inner = said.moves.filter(kind=1)
    assert sorted(int(frame["value"], 16) for frame in said.frames("CALL")) == sorted(inner["amount"])
    assert inner.height > 0


def test_dust_and_transactions_of_nothing_are_there(account_world: AccountWorld) -> None:
    assert Said(account_world, "dust").moves["amount"].to_list() == [1]
    assert Said(account_world, "transaction of nothing").moves.is_empty()
    assert Said(account_world, "transaction of nothing").receipt["status"] == "0x1"


def test_clones_are_paid_before_they_exist(account_world: AccountWorld) -> None:
    clones = account_world.truth.contracts.filter(name="clone of Forwarder", chain="evm-31337")["address"]
    moves = account_world.truth.transfers.filter(chain="evm-31337")
    first_in = (
        moves.filter(pl.col("target").is_in(clones.implode())).group_by("target").agg(pl.col("height").min())
    )
    node = account_world.nodes["evm-31337"]
    assert first_in.height == clones.len() > 3
    for address, height in first_in.iter_rows():
        assert node.call("eth_getCode", address, hex(height)) == "0x"
        assert len(node.call("eth_getCode", address, "latest")) == 2 + 2 * 45  # EIP-1167
