"""Recorded answers of real nodes, and the rows that bitcoin-etl made of them: every value agrees, to the base unit.

Folders: `bitcoin/etl` (rows and answers; of dogecoin block 107212 rows only), `bitcoin/prevouts_inline` (blocks with
the outputs they spend).
"""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.bitcoin.chains import CHAINS
from adapters.bitcoin.decode import decode_blocks
from adapters.bitcoin.headers import block_hash
from adapters.bitcoin.prevouts import with_prevouts
from adapters.bitcoin.written import block_bytes, spent
from tests.adapters.files.etl import display, load, source
from tests.cli.running import tracer
from tests.stores import opened
from tests.wire import Rules, root, transactions
from tracer.errors import BadBlock
from tracer.ledger.batch import UtxoBatch
from tracer.ledger.ingest import Loader
from tracer.workspace import Workspace

FOLDERS = {
    "bitcoin": (
        "block_0",
        "block_1",
        "block_with_transactions",
        "block_without_transactions",
        "stream_50001_50002",
    ),
    "bitcoin_cash": ("block_with_duplicate_txid",),
    "dogecoin": ("block_with_float_precision_loss", "block_without_transactions"),
    "zcash": ("block_0", "block_with_shielded_addresses", "block_with_value_balance"),
}
"""Everything that is recorded, by the name of its chain."""
EACH = [(chain, folder) for chain, folders in FOLDERS.items() for folder in folders]
Row = dict[str, Any]


def test_nothing_that_is_recorded_is_left_out(realdata: Path) -> None:
    found = {
        path.name: {each.name for each in path.iterdir()} for path in (realdata / "bitcoin/etl").iterdir()
    }
    assert found == {chain: set(folders) for chain, folders in FOLDERS.items()}


def rows(folder: Path, name: str) -> list[Row]:
    return [json.loads(line) for line in (folder / f"expected_{name}.json").read_text().splitlines()]


@pytest.mark.parametrize(("chain", "folder"), EACH)
def test_every_transaction_is_imported_as_recorded(
    realdata: Path, tmp_path: Path, chain: str, folder: str
) -> None:
    name = chain.replace("_", "-")
    recorded = realdata / "bitcoin/etl" / chain / folder
    told = rows(recorded, "transactions")
    pulled = load(tmp_path, source(sorted(recorded.glob("expected_*.json")), tmp_path / "s", CHAINS[name]))
    assert (pulled.blocks, pulled.txs) == (len(rows(recorded, "blocks")), len(told))
    with opened(Workspace(tmp_path), name) as ledger:
        kept = ledger.db.rows("SELECT txid, tx_id, out_value, fee FROM tx ORDER BY tx_id")
        outputs = ledger.db.rows("SELECT tx_id, vout, value FROM txout ORDER BY tx_id, vout")
        inputs = ledger.db.rows("SELECT tx_id, vin, value FROM txin ORDER BY tx_id, vin")
    assert [(display(txid), out) for txid, _, out, _ in kept] == [
        (row["hash"], sum(each["value"] for each in row["outputs"])) for row in told
    ]
    ids = [tx_id for _, tx_id, _, _ in kept]
    paid = {(row["hash"], n): each["value"] for row in told for n, each in enumerate(row["outputs"])}
    known = [_values(row, paid) for row in told]
    assert outputs == [
        (i, n, v) for i, row in zip(ids, told, strict=True) for n, v in enumerate(_net(row, "outputs"))
    ]
    assert inputs == [(i, n, v) for i, values in zip(ids, known, strict=True) for n, v in enumerate(values)]
    for (_, _, out, fee), row, values in zip(kept, told, known, strict=True):
        spent_all = not row["is_coinbase"] and all(value is not None for value in values)
        assert fee == (sum(values) - out if spent_all else None)
        if spent_all and row.get("fee", -1) > 0:  # bitcoin-etl's is of the inputs that it was told
            assert fee == row["fee"]


def test_the_command_does_the_same(realdata: Path, tmp_path: Path) -> None:
    recorded = realdata / "bitcoin/etl/bitcoin/stream_50001_50002"
    done = tracer(
        tmp_path, "import", *sorted(recorded.glob("expected_*.json")), "--chain", "bitcoin", "--json"
    )
    assert (done.code, done.document["txs"], done.document["tip"]) == (0, 4, 50_002)
    assert "warning: 1 blocks of which the files do not tell what they build on" in done.err


def _values(row: Row, paid: Mapping[tuple[str, int], int]) -> list[Any]:
    """What the inputs spend: as told, or an output of these very rows."""
    named = [each for each in row["inputs"] if each["type"] != "shielded"]
    told = [
        paid.get((each["spent_transaction_hash"], each["spent_output_index"]))
        if each["value"] is None
        else each["value"]
        for each in named
    ]
    return told + _net(row, "inputs")[len(named) :]


def _net(row: Row, side: str) -> list[Any]:
    """Values of inputs or outputs; of moves of one pool in one transaction what is left of them."""
    plain = [each["value"] for each in row[side] if each["type"] != "shielded"]
    moved = {s: sum(e["value"] for e in row[s] if e["type"] == "shielded") for s in ("inputs", "outputs")}
    net = moved[side] - moved["outputs" if side == "inputs" else "inputs"]
    return plain + [net] * (net > 0)


# --- answers of nodes, written back into bytes


def answers(folder: Path) -> Iterator[Row]:
    """Verbose blocks; of old nodes with their transactions, which are answers of their own, in their places."""
    for path in sorted(folder.glob("rpc_response_getblock_*")):
        block = json.loads(path.read_text(), parse_float=Decimal)
        if path.stem.endswith("_True"):
            block["tx"] = [
                json.loads(
                    (folder / f"rpc_response_getrawtransaction_{txid}.json").read_text(), parse_float=Decimal
                )
                for txid in block["tx"]
            ]
        if not path.stem.endswith("_None"):
            yield block


def decoded(raw: bytes, height: int, chain: str) -> UtxoBatch:
    """A block through the decoder: its txids, Merkle root and money rules hold."""
    hashes = np.frombuffer(block_hash(raw[:80]), np.uint8).reshape(1, 32)
    found = decode_blocks(
        np.frombuffer(raw, np.uint8), np.array([0]), np.array([len(raw)]), height, hashes, CHAINS[chain]
    )
    assert found.batch is not None and found.problem is None, found.problem
    return found.batch


@pytest.mark.parametrize(("chain", "folder"), [each for each in EACH if each[0] != "zcash"])
def test_json_written_back_is_the_block(realdata: Path, chain: str, folder: str) -> None:
    recorded = realdata / "bitcoin/etl" / chain / folder
    told = {row["hash"]: row for row in rows(recorded, "transactions")}
    blocks = list(answers(recorded))
    assert blocks or folder == "block_with_float_precision_loss"
    for block in blocks:
        fields = [{name: value for name, value in tx.items() if name != "hex"} for tx in block["tx"]]
        raw = block_bytes({**block, "tx": fields})
        assert display(block_hash(raw[:80])) == block["hash"]
        assert len(raw) == block["size"]
        assert raw == block_bytes(block)  # from the hex that the node tells too
        batch = decoded(raw, block["height"], chain.replace("_", "-"))
        values = batch.outputs.column("value").to_pylist()
        for txid, count in zip(
            batch.txs.column("txid").to_pylist(), batch.txs.column("outputs").to_pylist(), strict=True
        ):
            mine, values = values[:count], values[count:]
            assert mine == [each["value"] for each in told[display(txid)]["outputs"]]


@pytest.mark.parametrize("folder", FOLDERS["zcash"])
def test_zcash_cannot_be_written_back_from_json(realdata: Path, folder: str) -> None:
    for block in answers(realdata / "bitcoin/etl/zcash" / folder):
        with pytest.raises(BadBlock, match=rf"block {block['hash']}: its header holds a solution"):
            block_bytes(block)


# --- blocks with the outputs they spend


def verbose(document: Mapping[str, Any]) -> Row:
    """A block of `prevouts_inline` in the words of `getblock 3`."""
    (block,) = document["blocks"]
    head = block["header"]
    coin = Decimal(100_000_000)

    def told(each: Mapping[str, Any], *, coinbase: bool) -> Row:
        stack = {"txinwitness": [item[2:] for item in each["witness"]], "sequence": each["sequence"]}
        if coinbase:
            return {"coinbase": each["script"][2:], **stack}
        prev = each["previous_output"]
        output = {
            "value": prev["data"]["value"] / coin,
            "scriptPubKey": {"hex": prev["data"]["pk_script"][2:]},
        }
        script = {"hex": each["script"][2:]}
        return {"txid": prev["txid"], "vout": prev["vout"], "scriptSig": script, "prevout": output, **stack}

    txs = [
        {
            "txid": f"number {place}", "version": tx["version"], "locktime": tx["lock_time"],
            "vin": [
                # the recording gives old coinbases a witness too
                {**told(each, coinbase=place == 0), **({} if tx["is_segwit"] else {"txinwitness": []})}
                for each in tx["inputs"]
            ],
            "vout": [
                {"n": n, "value": each["value"] / coin, "scriptPubKey": {"hex": each["pk_script"][2:]}}
                for n, each in enumerate(tx["outputs"])
            ],
        }
        for place, tx in enumerate(block["data"]["transactions"])
    ]  # fmt: skip
    return {
        "hash": document["expected"]["best_block_hash"], "height": document["expected"]["block_height"],
        "previousblockhash": document["chain_state"]["best_block_hash"], "version": head["version"],
        "time": head["time"], "bits": format(head["bits"], "08x"), "nonce": head["nonce"], "tx": txs,
    }  # fmt: skip


@pytest.mark.parametrize("height", [170, 2016, 57043, 116928, 757739, 757753])
def test_fees_of_blocks_with_what_they_spend(realdata: Path, tmp_path: Path, height: int) -> None:
    document = json.loads((realdata / f"bitcoin/prevouts_inline/full_{height - 1}.json").read_text())
    block = verbose(document)
    # the recording has no Merkle root: the one that its transactions make must give the recorded block hash
    block["merkleroot"] = "00" * 32
    raw = block_bytes(block)
    block["merkleroot"] = display(_root(raw))
    raw = block_bytes(block)
    assert display(block_hash(raw[:80])) == block["hash"]
    told = spent(block)
    assert told is not None
    batch = with_prevouts(
        decoded(raw, height, "bitcoin"), [value for value, _ in told], [script for _, script in told]
    )
    with opened(Workspace(tmp_path), "bitcoin", read_only=False) as ledger:
        Loader(ledger).load([batch])
        fees = [fee for (fee,) in ledger.db.rows("SELECT fee FROM tx ORDER BY tx_id")]
    expected = [
        sum(each["previous_output"]["data"]["value"] for each in tx["inputs"])
        - sum(each["value"] for each in tx["outputs"])
        for tx in document["blocks"][0]["data"]["transactions"]
    ]
    assert fees == [None, *expected[1:]]


def _root(raw: bytes) -> bytes:
    return root([tx.txid for tx in transactions(raw, Rules(CHAINS["bitcoin"].max_money))])[0]
