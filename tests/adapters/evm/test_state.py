"""What a node says accounts hold: coin, and tokens of each standard, contracts that fail among them."""

from __future__ import annotations

from collections import defaultdict

import pytest

from adapters.evm.anvil import Node
from adapters.evm.rpc import Rpc
from adapters.evm.state import Holding, State
from adapters.http import Refused
from adapters.simulation.accounts import AccountWorld
from tests.nodes.books import QUICK
from tests.nodes.proxy import Asked, Changes, Fault, Refuses, Status, always, first, proxy
from tests.nodes.town import PRICE
from tracer.chain import AssetStandard
from tracer.errors import SourceUnavailable

ALICE, BOB = (bytes.fromhex(f"{0xA11CE + number:040x}") for number in range(2))
PLACE = {name: bytes.fromhex(f"{0xC0DE00 + at:040x}") for at, name in enumerate(["one", "other", "nowhere"])}


def holding(who: bytes, asset: bytes, unique: set[bytes] | frozenset[bytes] = frozenset()) -> Holding:
    """A key of the world's balances as a question."""
    if not asset:
        return Holding(who)
    contract, number = asset[:20], asset[20:] or None
    if number is None:
        return Holding(who, AssetStandard.FUNGIBLE, contract)
    standard = AssetStandard.UNIQUE if contract in unique else AssetStandard.MULTI
    return Holding(who, standard, contract, number)


def test_all_balances_of_the_simulated_world_are_what_its_truth_says(account_world: AccountWorld) -> None:
    """Coin, tokens, collectibles by number and how many of them somebody has."""
    url = account_world.urls["evm-31337"]
    truth = {
        (asset, who): amount
        for (chain, asset, who), amount in account_world.balances().items()
        if chain == "evm-31337"
    }
    state, tip = State(Rpc(url)), int(account_world.nodes["evm-31337"].call("eth_blockNumber"), 16)
    numbered = sorted({asset[:20] for asset, _ in truth if len(asset) > 20})
    owner_of_7 = bytes.fromhex("6352211e") + bytes(31) + b"\7"
    answered = state.calls([(at, owner_of_7, tip) for at in numbered])
    unique = {at for at, owner in zip(numbered, answered, strict=True) if owner}
    assert len(unique) == 1 and len(numbered) == 2
    asked = [holding(who, asset, unique) for asset, who in truth]
    assert state.balances(asked, tip) == list(truth.values())
    owned: defaultdict[Holding, int] = defaultdict(int)
    for (asset, who), amount in truth.items():
        if asset[:20] in unique:
            owned[Holding(who, AssetStandard.UNIQUE, asset[:20])] += amount
    assert len(owned) >= 2
    assert state.balances(list(owned), tip) == list(owned.values())


@pytest.mark.parametrize(
    ("code", "units"),
    [
        ("7f" + "ff" * 32 + "60005260206000f3", (1 << 256) - 1),  # as many as there can be
        ("602a60005260406000f3", 42),  # more bytes than asked for
        ("602a60005260106010f3", None),  # fewer
        ("60006000fd", None),
        ("fe", None),
        ("5b600056", None),
        ("00", None),
        ("", 0),
    ],
    ids=["2^256 - 1", "64 bytes", "16 bytes", "reverts", "invalid", "loops for ever", "no answer", "no code"],
)
def test_whatever_a_contract_answers_the_others_are_told(
    evm_node: Node, code: str, units: int | None
) -> None:
    evm_node.call("anvil_setCode", "0x" + PLACE["one"].hex(), "0x" + code)
    evm_node.call("anvil_setCode", "0x" + PLACE["other"].hex(), "0x600760005260206000f3")
    evm_node.call("anvil_setBalance", "0x" + ALICE.hex(), hex(5))
    evm_node.call("evm_mine")
    asked = [
        Holding(ALICE, AssetStandard.FUNGIBLE, PLACE["one"]),
        Holding(ALICE, AssetStandard.FUNGIBLE, PLACE["other"]),
        Holding(ALICE),
        Holding(BOB),
        Holding(ALICE, AssetStandard.FUNGIBLE, PLACE["nowhere"]),
    ]
    assert State(Rpc(evm_node.url)).balances(asked, 1) == [units, 7, 5, 0, 0]
    assert State(Rpc(evm_node.url, batch=2)).balances(asked, 1) == [units, 7, 5, 0, 0]


def test_an_answer_of_null_is_asked_for_again(evm_node: Node) -> None:
    evm_node.call("evm_mine")
    null = Changes(lambda answers: [answer | {"result": None} for answer in answers])
    with proxy(evm_node.url, first(1, null)) as node:
        asked = [Holding(ALICE), Holding(ALICE, AssetStandard.FUNGIBLE, PLACE["nowhere"])]
        assert State(Rpc(node.url, patience=QUICK)).balances(asked, 1) == [0, 0]


def test_balances_are_those_of_the_block_asked_for(evm_node: Node) -> None:
    maker = evm_node.call("eth_accounts")[0]
    for units in (3, 5):
        evm_node.call(
            "eth_sendTransaction", {"from": maker, "to": "0x" + ALICE.hex(), "value": hex(units), **PRICE}
        )
        evm_node.call("evm_mine")
    state = State(Rpc(evm_node.url))
    assert [state.balances([Holding(ALICE)], height) for height in (1, 2)] == [[3], [8]]


@pytest.mark.parametrize("kept", [0, 1, 7, 11, 12])
def test_the_oldest_state_a_node_has_is_found(evm_node: Node, kept: int) -> None:
    evm_node.call("anvil_mine", hex(12))

    def pruned(asked: Asked) -> Fault | None:
        (call,) = asked.calls
        return Refuses(-32000, "missing trie node 5f3c") if int(call["params"][-1], 16) < kept else None

    with proxy(evm_node.url, pruned) as node:
        state = State(Rpc(node.url, patience=QUICK))
        assert state.oldest(0, 12) == kept
        assert state.oldest(0, kept - 1) is None if kept else state.oldest(0, 0) == 0
        assert len(node.asked) <= 8


def test_a_node_that_refuses_is_no_contract_that_fails() -> None:
    """What a node does not answer is never taken for a balance of nothing, or for a silent contract."""
    with proxy("nowhere", always(Refuses(-32000, "missing trie node 5f3c"))) as node, pytest.raises(Refused):
        State(Rpc(node.url, patience=QUICK)).balances(
            [Holding(ALICE, AssetStandard.FUNGIBLE, PLACE["one"])], 1
        )
    with proxy("nowhere", always(Status(500))) as node, pytest.raises(SourceUnavailable):
        State(Rpc(node.url, patience=QUICK)).balances([Holding(ALICE)], 1)
