"""What nodes answered that nobody here can run: recorded calls of bitcoin, bitcoin-cash and dogecoin nodes.

A node that tells prevouts (`getblock` 3, `/rest/spenttxouts`) was not recorded: its answers are made from the
transactions and prevouts of real blocks, in the form of Bitcoin Core's documentation.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.bitcoin.chains import CHAINS
from adapters.bitcoin.core.access import Access
from adapters.bitcoin.core.source import CoreSource
from adapters.bitcoin.headers import block_hash
from adapters.http import Patience
from tests.nodes.recorded import Answers, etl_answers, recorded
from tests.stores import contents
from tracer.errors import BadBlock
from tracer.ledger.pull import pull
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

QUICK = Patience(attempts=2, first=0.01, longest=0.02, timeout=5)


def read(workspace: Path, chain_name: str, url: str, first: int, last: int) -> Ledger:
    """An open ledger of some blocks of a node."""
    chain, store = CHAINS[chain_name], Workspace(workspace).ready()
    pull(
        lambda: Ledger.open(store, chain, read_only=False),
        CoreSource(Access(url), chain, patience=QUICK),
        first=first,
        last=last,
    )
    return Ledger.open(store, chain)


@pytest.mark.parametrize(
    ("chain_name", "folder", "heights"),
    [
        ("bitcoin", "bitcoin/block_0", (0, 0)),
        ("bitcoin", "bitcoin/block_1", (1, 1)),
        ("bitcoin", "bitcoin/block_without_transactions", (50_000, 50_000)),
        ("bitcoin", "bitcoin/block_with_transactions", (50_001, 50_002)),
        ("bitcoin", "bitcoin/stream_50001_50002", (50_001, 50_002)),
        ("bitcoin-cash", "bitcoin_cash/block_with_duplicate_txid", (91_722, 91_722)),
        ("dogecoin", "dogecoin/block_without_transactions", (2, 2)),
    ],
)
def test_recorded_nodes_give_the_recorded_values(
    tmp_path: Path, realdata: Path, chain_name: str, folder: str, heights: tuple[int, int]
) -> None:
    where = realdata / "bitcoin" / "etl" / folder
    chain = CHAINS[chain_name]
    answers = etl_answers(where)
    answers |= {("getblockcount",): str(heights[1]), ("getblockhash", 0): f'"{chain.genesis}"'}
    with (
        recorded(answers) as url,
        read(tmp_path, chain_name, url, *heights) as ledger,
    ):
        db = ledger.db
        expected = [
            json.loads(line) for line in (where / "expected_transactions.json").read_text().splitlines()
        ]
        assert {each["hash"] for each in expected} == {
            chain.hash_text(bytes(txid)) for (txid,) in db.rows("SELECT txid FROM tx")
        }
        for each in expected:
            (tx_id,) = ledger.find_tx(chain.hash_bytes(each["hash"]))
            (found,) = db.rows("SELECT out_value, inputs, locktime FROM tx WHERE tx_id = $t", {"t": tx_id})
            assert found == (each["output_value"], each["input_count"], each["lock_time"])
            paid = db.rows("SELECT vout, value FROM txout WHERE tx_id = $t ORDER BY vout", {"t": tx_id})
            assert paid == [(out["index"], out["value"]) for out in each["outputs"]]
            spends = [(one["spent_transaction_hash"], one["spent_output_index"]) for one in each["inputs"]]
            assert sorted(spends) == sorted(
                (chain.hash_text(bytes(txid)), vout)
                for txid, vout in db.rows(
                    """SELECT coalesce(tx.txid, pending.prev_txid), txin.prev_vout FROM txin
                    LEFT JOIN tx ON tx.tx_id = txin.prev_tx_id
                    LEFT JOIN pending_spend AS pending ON pending.tx_id = txin.tx_id AND pending.vin = txin.vin
                    WHERE txin.tx_id = $t""",
                    {"t": tx_id},
                )
            )


# Real blocks with what they spend ------------------------------------------------------------------


def real_block(realdata: Path, height: int) -> tuple[dict[str, Any], bytes, bytes]:
    """`getblock` 3, the block's bytes and `/rest/spenttxouts` of a real block."""
    told = json.loads((realdata / "bitcoin" / "prevouts_inline" / f"full_{height}.json").read_text())
    block, below = told["blocks"][0], told["chain_state"]["best_block_hash"]
    txs = [transaction(each) for each in block["data"]["transactions"]]
    roots = [bytes.fromhex(each["txid"])[::-1] for each in txs]
    while len(roots) > 1:
        roots += roots[-1:] * (len(roots) % 2)
        roots = [block_hash(a + b) for a, b in zip(roots[::2], roots[1::2], strict=True)]
    header = block["header"]
    raw = (
        header["version"].to_bytes(4, "little")
        + bytes.fromhex(below)[::-1]
        + roots[0]
        + b"".join(header[name].to_bytes(4, "little") for name in ("time", "bits", "nonce"))
    )
    whole = raw + varint(len(txs)) + b"".join(bytes.fromhex(each["hex"]) for each in txs)
    verbose: dict[str, Any] = {
        "hash": block_hash(raw)[::-1].hex(),
        "height": height + 1,
        "previousblockhash": below,
        "merkleroot": roots[0][::-1].hex(),
        "bits": f"{header['bits']:08x}",
        **{name: header[name] for name in ("version", "time", "nonce")},
        "tx": txs,
    }
    spent = varint(len(txs))
    for each in txs:
        prevouts = [one["prevout"] for one in each["vin"] if "prevout" in one]
        spent += varint(len(prevouts))
        for one in prevouts:
            script = bytes.fromhex(one["scriptPubKey"]["hex"])
            spent += round(one["value"] * 10**8).to_bytes(8, "little") + varint(len(script)) + script
    return verbose, whole, spent


def transaction(told: dict[str, Any]) -> dict[str, Any]:
    """One transaction as `getblock` 3 tells it, amounts as Core prints them."""
    inputs: list[dict[str, Any]] = []
    raw = told["version"].to_bytes(4, "little")
    witnessed = told["is_segwit"]
    body = varint(len(told["inputs"]))
    for each in told["inputs"]:
        spent = each["previous_output"]
        script = bytes.fromhex(each["script"][2:])
        outpoint = bytes.fromhex(spent["txid"])[::-1] + spent["vout"].to_bytes(4, "little")
        body += outpoint + varint(len(script)) + script + each["sequence"].to_bytes(4, "little")
        if spent["vout"] == 0xFFFFFFFF:
            inputs.append({"coinbase": script.hex()})
        else:
            value, key = spent["data"]["value"], spent["data"]["pk_script"][2:]
            inputs.append({"prevout": {"value": value / 10**8, "scriptPubKey": {"hex": key}}})
    body += varint(len(told["outputs"]))
    for each in told["outputs"]:
        script = bytes.fromhex(each["pk_script"][2:])
        body += each["value"].to_bytes(8, "little") + varint(len(script)) + script
    end = told["lock_time"].to_bytes(4, "little")
    stacks = b""
    for each in told["inputs"]:
        items = [bytes.fromhex(item[2:]) for item in each["witness"]]
        stacks += varint(len(items)) + b"".join(varint(len(item)) + item for item in items)
    whole = raw + (b"\0\1" + body + stacks if witnessed else body) + end
    return {
        "txid": block_hash(raw + body + end)[::-1].hex(),
        "hash": block_hash(whole)[::-1].hex(),
        "hex": whole.hex(),
        "vin": inputs,
    }


def varint(number: int) -> bytes:
    return bytes([number]) if number < 0xFD else b"\xfd" + number.to_bytes(2, "little")


def serving(verbose: dict[str, Any]) -> dict[tuple[Any, ...], str]:
    """What a node with one block answers, but for the block."""
    name, height = verbose["hash"], verbose["height"]
    genesis, checkpoint = CHAINS["bitcoin"].genesis, CHAINS["bitcoin"].checkpoints
    return {
        ("getblockcount",): str(height),
        ("getblockhash", 0): f'"{genesis}"',
        ("getblockhash", height): f'"{name}"',
        **{("getblockhash", at): f'"{known}"' for at, known in checkpoint},
    }


@pytest.mark.parametrize("height", [169, 57_042, 116_927, 757_738, 757_752])
@pytest.mark.parametrize("way", ["getblock 3", "spenttxouts"])
def test_what_a_block_in_the_middle_spends_is_taken_from_the_node(
    tmp_path: Path, realdata: Path, height: int, way: str
) -> None:
    verbose, raw, spent = real_block(realdata, height)
    name, answers = verbose["hash"], serving(verbose)
    rest = None
    if way == "getblock 3":
        answers |= {("getblock", name, depth): json.dumps(verbose) for depth in (2, 3)}
    else:
        rest = {f"block/{name}.bin": raw, f"spenttxouts/{name}.bin": spent}
    with (
        recorded(answers, rest) as url,
        read(tmp_path, "bitcoin", url, height + 1, height + 1) as ledger,
    ):
        values = [value for (value,) in ledger.db.rows("SELECT value FROM txin ORDER BY tx_id, vin")]
        told = [one["prevout"] for each in verbose["tx"] for one in each["vin"] if "prevout" in one]
        assert values == [round(one["value"] * 10**8) for one in told]
        assert ledger.db.value("SELECT count(*) FROM tx WHERE fee IS NULL AND inputs > 0") == 0
        assert contents(ledger)["block"][0][0] == height + 1


def test_spent_outputs_that_are_not_the_blocks_are_refused(tmp_path: Path, realdata: Path) -> None:
    verbose, raw, spent = real_block(realdata, 57_042)
    answers: Answers = {
        **serving(verbose),
        ("getblockheader", verbose["hash"]): json.dumps({"height": verbose["height"]}),
    }
    rest = {f"block/{verbose['hash']}.bin": raw, f"spenttxouts/{verbose['hash']}.bin": spent[:-1]}
    with (
        recorded(answers, rest) as url,
        pytest.raises(BadBlock, match="spent outputs told with it do not fit its inputs"),
    ):
        read(tmp_path, "bitcoin", url, 57_043, 57_043)
