"""Recorded answers of real nodes (`recorded/README.md`): what they state is read as they state it."""

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.tron.answers import read_blocks, read_transactions
from adapters.tron.chains import CHAINS
from adapters.tron.decode import NO_INTERNALS, NO_ROOT, decode
from adapters.tron.proof import check
from tests.adapters.tron.protobuf import block_id, root, transaction
from tests.adapters.tron.told import body
from tests.adapters.tron.town import GENESIS_TIME
from tracer.chain import AddressKey, TransferKind
from tracer.errors import BadBlock, SourceUnavailable
from tracer.ledger.accounts.batch import AccountBatch

RECORDED = Path(__file__).parent / "recorded"
TRON = CHAINS["tron"]
USDT = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"


def recorded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RECORDED / name).read_text())
    return found


def shown(payload: bytes | None) -> str | None:
    return None if payload is None else TRON.render_address(AddressKey(TRON.account_kind, payload))


def moves(batch: AccountBatch) -> list[tuple[str, str | None, str | None, str | None, int]]:
    """(kind, contract, source, target, amount), accounts in Base58Check."""
    return [
        (TransferKind(row["kind"]).name, shown(row["contract"]), shown(row["source"]), shown(row["target"]),
         int(row["amount"]))
        for row in batch.transfers.to_pylist()
    ]  # fmt: skip


def around(result: dict[str, Any], tx: dict[str, Any]) -> bytes:
    """A block header written by hand around a recorded result, whose block is not recorded."""
    raw = {
        "number": result["blockNumber"],
        "timestamp": result["blockTimeStamp"],
        "parentHash": "ee" * 32,
        "txTrieRoot": root([transaction(tx)]) if "raw_data_hex" in tx else "aa" * 32,
    }
    return body({"blockID": block_id(raw), "block_header": {"raw_data": raw}, "transactions": [tx]})


def called(result: dict[str, Any], owner: str) -> dict[str, Any]:
    """A transaction written by hand, without its signed bytes, for a recorded result."""
    value = {"owner_address": owner, "contract_address": result["contract_address"], "data": "a9059cbb"}
    contract = {"type": "TriggerSmartContract", "parameter": {"value": value}}
    return {
        "txID": result["id"],
        "ret": [{"contractRet": "SUCCESS"}],
        "signature": ["ab" * 65],
        "raw_data": {"contract": [contract], "timestamp": GENESIS_TIME},
    }


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("mainnet-0-visible.json", "getblockbynum"),
        ("private-165.json", "getblockbynum"),
        ("testnet-2349814.json", "getnowblock"),
    ],
)
def test_ids_and_roots_of_real_blocks_are_recomputed(name: str, key: str) -> None:
    answer = recorded(name)[key]
    blocks = read_blocks([body(answer)])
    assert check(blocks, read_transactions(blocks)) == 0


def test_blocks_written_by_hand_get_their_ids_as_real_ones_do() -> None:
    answer = recorded("testnet-2349814.json")["getnowblock"]
    header = answer["block_header"]["raw_data"]
    assert block_id(header) == answer["blockID"]
    assert root([transaction(tx) for tx in answer["transactions"]]) == header["txTrieRoot"]


def test_a_real_block_that_a_documentation_page_cut_short_is_found_out() -> None:
    blocks = read_blocks([body(recorded("mainnet-84939539-cut.json")["getnowblock"])])
    with pytest.raises(BadBlock, match=r"block 84939539 .* some are missing"):
        check(blocks, read_transactions(blocks))


def test_a_real_block_without_the_results_it_had_is_refused() -> None:
    with pytest.raises(
        SourceUnavailable, match="block 2349814: the node tells no result of transaction a37492f1"
    ):
        decode(TRON, [body(recorded("testnet-2349814.json")["getnowblock"])], [b"[]"])


def test_the_first_block_of_the_main_network_as_people_write_it() -> None:
    found = decode(TRON, [body(recorded("mainnet-0-visible.json")["getblockbynum"])], [b"{}"])
    (block,) = found.batch.blocks.to_pylist()
    assert (block["hash"], block["tx_count"], block["producer"]) == (TRON.genesis, 3, None)
    rows = [
        (shown(row["source"]), shown(row["target"]), row["amount"])
        for row in found.batch.transfers.to_pylist()
    ]
    # the black hole starts below zero, so that what is burnt there never runs over
    assert rows == [
        (None, "TLLM21wteSPs4hKjbxgmH1L6poyMjeTbHm", 99_000_000_000_000_000),
        (None, "TLsV52sRDL79HXGGm9yzwKibb6BeruhUzy", None),
    ]
    assert found.batch.quarantine.column("reason").to_pylist() == ["TransferContract: amount is no amount"]


def test_a_real_block_in_which_stakes_were_cancelled_moves_nothing() -> None:
    told = recorded("private-165.json")
    found = decode(TRON, [body(told["getblockbynum"])], [body(told["gettransactioninfobyblocknum"])])
    assert moves(found.batch) == [] and not found.notes
    (block,) = found.batch.blocks.to_pylist()
    assert (block["height"], block["time"], block["traced"]) == (165, 1790865510, True)
    assert shown(block["producer"]) == "TMVQGm1qAQYVdetCeGRRkTWYYrLXuHK2HC"
    (tx,) = found.batch.txs.to_pylist()
    assert (tx["kind"], tx["sender"].hex(), int(tx["fee"])) == (
        59,
        "dcf2957055e8fcde477a077ecfeddf5ab2357547",
        0,
    )


def test_a_real_call_its_internal_payment_and_its_fee() -> None:
    told = recorded("testnet-2349977.json")
    result, tx = told["gettransactioninfobyid"], told["gettransactionbyid"]
    found = decode(TRON, [around(result, tx)], [body([result])])
    player = shown(bytes.fromhex("a12ae80eeb9d006a64e95dd13df1dff76f7f4fc9"))
    game = shown(bytes.fromhex("4d45db4d4e8e04f61cc73c2d3f41a1a7c9f50eae"))
    assert moves(found.batch) == [
        ("VALUE", None, player, game, 50_000_000),
        ("INTERNAL", None, game, player, 98_500_000),
        ("FEE_BURNED", None, player, None, 710_890),
    ]
    assert found.batch.blocks.column("traced").to_pylist() == [True]
    assert not found.notes


def test_a_real_usdt_transfer() -> None:
    result = recorded("results.json")["main network, block 67325788: USDT"]
    owner = "41" + result["log"][0]["topics"][1][24:]
    found = decode(TRON, [around(result, called(result, owner))], [body([result])])
    ((kind, contract, _, _, amount),) = moves(found.batch)
    assert (kind, contract, amount) == ("TOKEN", USDT, 160_101)
    assert found.notes == {NO_ROOT: 1, NO_INTERNALS: 1}


def test_real_results_of_a_private_network() -> None:
    results = recorded("results.json")
    witness = "417e5f4552091a69125d5dfcb7b8c2659029395bdf"
    token = results["private network, block 156: a TRC-20 transfer"]
    inner = results["private network, block 158: an internal transaction"]
    (first, fee), (second, _) = (
        moves(decode(TRON, [around(told, called(told, witness))], [body([told])]).batch)
        for told in (token, inner)
    )
    assert (first[0], first[-1], fee[0], fee[-1]) == ("TOKEN", 1_000_000, "FEE_BURNED", 2_965_000)
    assert (second[0], second[-1]) == ("INTERNAL", 1)
