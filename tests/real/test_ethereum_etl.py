"""The rows that ethereum-etl makes of a node's answers, made by this adapter of the same answers.

Not every folder of `ethereum/etl` has all answers a block needs. What is missing is written here out of the expected
rows, and then only that is compared which comes from real answers: `REBUILT` says where. Folders without an answer
of a node that this adapter asks for: test_export_contracts_job, test_export_tokens_job (code and calls of tokens),
test_export_origin_job (another project's events).
"""

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from adapters.evm.chains import chain_named
from adapters.evm.decode import UNCHECKED, Decoded, decode
from adapters.evm.eventlogs import TOPICS
from tracer.chain import BLOCK_INDEX, AssetStandard, RelationKind, TransferKind

MAINNET = chain_named("ethereum")
REBUILT = {
    "test_export_blocks_job/blocks_with_transactions": "receipts",
    "test_export_traces_job": "blocks and receipts",
    "test_extract_geth_traces_job": "blocks and receipts",
    "test_stream/blocks_2112234_2112234": "transactions and receipts",
    "test_stream/blocks_508110_508110": "transactions and receipts",
    "test_stream/blocks_17173049_17173050": "everything: there are rows, and no answers",
    "test_extract_token_transfers_job": "everything: there are rows, and no answers",
}
ZERO = "0x" + "00" * 20
csv.field_size_limit(sys.maxsize)


@pytest.fixture
def etl(realdata: Path) -> Path:
    return realdata / "ethereum/etl"


def answers(folder: Path, method: str) -> list[bytes]:
    found = [path.read_bytes() for path in sorted(folder.glob(f"web3_response.{method}_0x*.json"))]
    assert found
    return found


def table(path: Path) -> list[dict[str, Any]]:
    """Rows of a CSV or JSON-lines file; empty text is None."""
    text = path.read_text()
    if path.suffix == ".json":
        return [json.loads(line) for line in text.splitlines()]
    return [
        {key: value or None for key, value in row.items()}
        for row in csv.DictReader(text.splitlines(keepends=True))
    ]


def answer(result: object, id_: int = 1) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": id_, "result": result}).encode()


def text(raw: bytes | None) -> str | None:
    return None if raw is None else "0x" + raw.hex()


def number(value: object) -> int | None:
    return None if value is None else int(str(value))


# --- rows as ethereum-etl names them


def blocks_of(decoded: Decoded) -> list[dict[str, Any]]:
    return [
        {
            "number": row["height"], "hash": text(row["hash"]), "parent_hash": text(row["prev_hash"]),
            "timestamp": row["time"], "transaction_count": row["tx_count"], "miner": text(row["producer"]),
            "base_fee_per_gas": number(row["base_fee"]),
        }
        for row in decoded.batch.blocks.to_pylist()
    ]  # fmt: skip


def names_of(decoded: Decoded) -> dict[int, str | None]:
    txs = decoded.batch.txs
    return dict(zip(txs["tx_id"].to_pylist(), map(text, txs["txid"].to_pylist()), strict=True))


def transactions_of(decoded: Decoded) -> list[dict[str, Any]]:
    """With the value that its transfer says; 0 where there is none."""
    values = {
        row["tx_id"]: number(row["amount"])
        for row in decoded.batch.transfers.to_pylist()
        if row["kind"] == TransferKind.VALUE
    }
    return [
        {
            "hash": text(row["txid"]), "block_number": row["tx_id"] >> 24, "nonce": row["nonce"],
            "transaction_index": row["tx_id"] & BLOCK_INDEX, "from_address": text(row["sender"]),
            "to_address": text(row["recipient"]), "value": values.get(row["tx_id"], 0),
            "transaction_type": row["kind"], "selector": text(row["selector"]),
            "receipt_gas_used": row["gas_used"], "receipt_effective_gas_price": number(row["gas_price"]),
            "receipt_contract_address": text(row["created"]), "receipt_status": row["status"],
        }
        for row in decoded.batch.txs.to_pylist()
    ]  # fmt: skip


def thirty_two(raw: bytes) -> list[bytes]:
    return [raw[at : at + 32] for at in range(0, len(raw), 32)]


def logs_of(decoded: Decoded) -> list[dict[str, Any]]:
    names = names_of(decoded)
    return [
        {
            "transaction_hash": names[row["tx_id"]], "log_index": row["log_index"], "address": text(row["emitter"]),
            "topics": [text(topic) for topic in thirty_two(row["topic"] + row["topics"])], "data": text(row["data"]),
        }
        for row in decoded.batch.events.to_pylist()
    ]  # fmt: skip


def token_transfers_of(decoded: Decoded) -> list[dict[str, Any]]:
    """ethereum-etl puts the token id of a collectible in the place of the amount, the zero address for nobody, and
    leaves out ERC-1155.
    """
    names = names_of(decoded)
    return [
        {
            "transaction_hash": names[row["tx_id"]], "log_index": row["log_index"],
            "token_address": text(row["contract"]), "from_address": text(row["source"]) or ZERO,
            "to_address": text(row["target"]) or ZERO,
            "value": int.from_bytes(row["token_id"], "big")
            if row["standard"] == AssetStandard.UNIQUE
            else number(row["amount"]),
        }
        for row in decoded.batch.transfers.to_pylist()
        if row["kind"] == TransferKind.TOKEN and row["standard"] != AssetStandard.MULTI
    ]  # fmt: skip


def coins_of(decoded: Decoded) -> list[tuple[object, ...]]:
    """Movements of the coin but fees and withdrawals: (transaction, kind, source, target, amount)."""
    names = names_of(decoded)
    said = {TransferKind.VALUE: "outer", TransferKind.INTERNAL: "inner", TransferKind.REWARD: "reward"}
    return [
        (
            names.get(row["tx_id"]),
            said[row["kind"]],
            text(row["source"]),
            text(row["target"]),
            number(row["amount"]),
        )
        for row in decoded.batch.transfers.to_pylist()
        if row["kind"] in said
    ]


def only(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> list[dict[str, Any]]:
    """Some columns, numbers as numbers."""
    numbers = {"number", "timestamp", "transaction_count", "nonce", "block_number", "transaction_index", "value",
               "log_index", "transaction_type", "receipt_gas_used", "receipt_effective_gas_price", "base_fee_per_gas",
               "receipt_status"}  # fmt: skip
    return [{name: number(row[name]) if name in numbers else row[name] for name in columns} for row in rows]


def selected(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Expected transactions with the first four bytes of their input."""
    return [{**row, "selector": row["input"][:10] if len(row["input"]) >= 10 else None} for row in rows]


BLOCK = ("number", "hash", "parent_hash", "timestamp", "transaction_count", "miner", "base_fee_per_gas")
SENT = (
    "hash", "block_number", "nonce", "transaction_index", "from_address", "to_address", "value", "selector",
)  # fmt: skip
DONE = (
    *SENT, "transaction_type", "receipt_gas_used", "receipt_effective_gas_price", "receipt_contract_address",
)  # fmt: skip
LOG = ("transaction_hash", "log_index", "address", "topics", "data")
TOKEN = ("transaction_hash", "log_index", "token_address", "from_address", "to_address", "value")


def topics(logs: Iterable[Mapping[str, Any]]) -> frozenset[bytes]:
    return frozenset(bytes.fromhex(row["topics"][0][2:]) for row in logs)


# --- answers out of rows, where there are none


def receipt(block: Mapping[str, Any], index: int, **said: Any) -> dict[str, Any]:
    """A receipt of a transaction that did what it was sent for."""
    return {
        "blockHash": block["hash"], "blockNumber": block["number"], "transactionIndex": hex(index), "status": "0x1",
        "transactionHash": block["transactions"][index]["hash"], "gasUsed": "0x5208", "logs": [], **said,
    }  # fmt: skip


def rebuilt_block(row: Mapping[str, Any], txs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Without the fields that ethereum-etl leaves out, so that its hash cannot be made again."""
    return {
        "number": hex(row["number"]), "hash": row["hash"], "parentHash": row["parent_hash"], "miner": row["miner"],
        "timestamp": hex(row["timestamp"]), "baseFeePerGas": hex(row["base_fee_per_gas"]), "uncles": [],
        "withdrawals": [
            {"address": stake["address"], "amount": hex(stake["amount"])} for stake in row["withdrawals"]
        ],
        "transactions": [
            {
                "hash": tx["hash"], "transactionIndex": hex(tx["transaction_index"]), "from": tx["from_address"],
                "to": tx["to_address"], "value": hex(tx["value"]), "input": tx["input"], "nonce": hex(tx["nonce"]),
                "gas": hex(tx["gas"]), "gasPrice": hex(tx["gas_price"]), "type": hex(tx["transaction_type"]),
            }
            for tx in txs
        ],
    }  # fmt: skip


def rebuilt_log(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "address": row["address"], "topics": row["topics"], "data": row["data"], "logIndex": hex(int(row["log_index"]))
    }  # fmt: skip


# --- blocks, transactions, logs, token transfers


def test_a_block_with_its_receipts_gives_the_rows_of_all_three_jobs(etl: Path) -> None:
    block, receipts = (
        etl / "test_export_blocks_job/block_with_logs",
        etl / "test_export_receipts_job/receipts_with_logs",
    )
    logs = table(receipts / "expected_logs.json")
    decoded = decode(
        MAINNET, answers(block, "eth_getBlockByNumber"), answers(receipts, "eth_getTransactionReceipt"),
        wanted=topics(logs),
    )  # fmt: skip
    assert decoded.notes == {}
    assert only(blocks_of(decoded), BLOCK) == only(table(block / "expected_blocks.csv"), BLOCK)
    txs = selected(table(block / "expected_transactions.csv"))
    assert only(transactions_of(decoded), SENT) == only(txs, SENT)
    names = {"receipt_gas_used": "gas_used", "receipt_effective_gas_price": "effective_gas_price"}
    told = {row["transaction_hash"]: row for row in table(receipts / "expected_receipts.json")}
    for row in transactions_of(decoded):
        assert all(row[name] == told[row["hash"]][theirs] for name, theirs in names.items())
        assert row["receipt_contract_address"] == told[row["hash"]]["contract_address"]
        # before Byzantium receipts say no status: less gas than the limit was used, so these are done
        assert (row["receipt_status"], told[row["hash"]]["status"]) == (1, None)
    assert only(logs_of(decoded), LOG) == only(logs, LOG)
    expected = table(
        etl / "test_export_token_transfers_job/block_with_transfers/expected_token_transfers.csv"
    )
    assert only(token_transfers_of(decoded), TOKEN) == only(expected, TOKEN)


@pytest.mark.parametrize("case", ["block_without_transactions", "blocks_with_transactions"])
def test_blocks_give_the_rows_of_the_blocks_job(etl: Path, case: str) -> None:
    folder = etl / "test_export_blocks_job" / case
    bodies = answers(folder, "eth_getBlockByNumber")
    blocks = [json.loads(body)["result"] for body in bodies]
    receipts = [answer([receipt(block, at) for at in range(len(block["transactions"]))]) for block in blocks]
    decoded = decode(MAINNET, bodies, receipts)
    assert UNCHECKED not in decoded.notes
    assert only(blocks_of(decoded), BLOCK) == only(table(folder / "expected_blocks.csv"), BLOCK)
    txs = selected(table(folder / "expected_transactions.csv"))
    assert only(transactions_of(decoded), SENT) == only(txs, SENT)


def test_a_stream_of_blocks_gives_the_rows_of_all_its_entities(etl: Path) -> None:
    folder = etl / "test_stream/blocks_1755634_1755635"
    expected = {
        name: table(folder / f"expected_{name}.json")
        for name in ("blocks", "transactions", "logs", "token_transfers")
    }
    blocks = [body for body in answers(folder, "eth_getBlockByNumber") if b'"0x1ac9f' in body]
    decoded = decode(
        MAINNET, blocks, answers(folder, "eth_getTransactionReceipt"), wanted=topics(expected["logs"])
    )
    assert decoded.notes == {}
    assert only(blocks_of(decoded), BLOCK) == only(expected["blocks"], BLOCK)
    assert only(transactions_of(decoded), DONE) == only(selected(expected["transactions"]), DONE)
    assert only(logs_of(decoded), LOG) == only(expected["logs"], LOG)
    assert only(token_transfers_of(decoded), TOKEN) == only(expected["token_transfers"], TOKEN)


def test_two_full_blocks_of_2023(etl: Path) -> None:
    folder = etl / "test_stream/blocks_17173049_17173050"
    names = ("blocks", "transactions", "logs", "token_transfers")
    blocks, txs, logs, transfers = (table(folder / f"expected_{name}.json") for name in names)
    assert (len(txs), len(logs), len(transfers)) == (298, 681, 291)
    told = [rebuilt_block(row, [tx for tx in txs if tx["block_number"] == row["number"]]) for row in blocks]
    receipts = [
        receipt(
            block, tx["transaction_index"], status=hex(tx["receipt_status"]), gasUsed=hex(tx["receipt_gas_used"]),
            effectiveGasPrice=hex(tx["receipt_effective_gas_price"]), contractAddress=tx["receipt_contract_address"],
            logs=[rebuilt_log(row) for row in logs if row["transaction_hash"] == tx["hash"]],
        )
        for block in told
        for tx in txs
        if hex(tx["block_number"]) == block["number"]
    ]  # fmt: skip
    decoded = decode(MAINNET, [*map(answer, told)], [answer(receipts)], wanted=topics(logs))
    assert only(blocks_of(decoded), BLOCK) == only(blocks, BLOCK)
    failed = {tx["hash"] for tx in txs if tx["receipt_status"] == 0}
    expected = [{**tx, "value": 0 if tx["hash"] in failed else tx["value"]} for tx in selected(txs)]
    columns = (*DONE, "receipt_status")
    assert only(transactions_of(decoded), columns) == only(expected, columns)
    assert only(logs_of(decoded), LOG) == only(logs, LOG)
    assert only(token_transfers_of(decoded), TOKEN) == only(transfers, TOKEN)
    multi = [row for row in decoded.batch.transfers.to_pylist() if row["standard"] == AssetStandard.MULTI]
    singles = sum(row["topics"][0][2:] == TOPICS["TransferSingle"] for row in logs)
    assert len(multi) == singles == 1
    assert decoded.batch.quarantine.num_rows == 0


def test_logs_give_the_rows_of_the_extract_job(etl: Path) -> None:
    folder = etl / "test_extract_token_transfers_job/logs"
    logs = [{**row, "topics": row["topics"].split(",")} for row in table(folder / "logs.csv")]
    hashes = {int(row["transaction_index"]): row["transaction_hash"] for row in logs}
    sent = {"from": ZERO, "to": ZERO, "value": "0x0", "gasPrice": "0x0"}
    block = {
        "number": hex(int(logs[0]["block_number"])), "hash": logs[0]["block_hash"], "parentHash": "0x" + "11" * 32,
        "timestamp": "0x1", "uncles": [],
        "transactions": [
            {"hash": hashes.get(at, "0x" + "22" * 32), "transactionIndex": hex(at), **sent} for at in range(3)
        ],
    }  # fmt: skip
    receipts = [
        receipt(block, at, logs=[rebuilt_log(row) for row in logs if int(row["transaction_index"]) == at])
        for at in range(3)
    ]
    decoded = decode(MAINNET, [answer(block)], [answer(receipts)])
    expected = table(folder / "expected_token_transfers.csv")
    assert only(token_transfers_of(decoded), TOKEN) == only(expected, TOKEN)


# --- traces

NUMBERS = {
    "block_with_create": 1000690,
    "block_with_error": 1000895,
    "block_with_suicide": 1011973,
    "block_with_subtraces": 1000000,
}


def traced(trace: bytes, items: Sequence[Mapping[str, Any]], block: dict[str, Any] | None = None) -> Decoded:
    """A trace, decoded: transactions and receipts are written out of the outermost frames of trace_block's `items`."""
    tops = [item for item in items if item["type"] != "reward" and not item["traceAddress"]]
    first = items[0]
    told = {
        "number": hex(first["blockNumber"]), "hash": first["blockHash"], "parentHash": "0x" + "11" * 32,
        "timestamp": "0x1", "uncles": [], **(block or {}),
        "transactions": [
            {
                "hash": top["transactionHash"], "transactionIndex": hex(at), "from": top["action"]["from"],
                "to": top["action"].get("to"), "value": top["action"]["value"], "gasPrice": "0x0",
            }
            for at, top in enumerate(tops)
        ],
    }  # fmt: skip
    receipts = [
        receipt(told, at, status=None, contractAddress=(top.get("result") or {}).get("address"))
        for at, top in enumerate(tops)
    ]
    body = json.dumps({**json.loads(trace), "id": first["blockNumber"]}).encode()
    return decode(MAINNET, [answer(told)], [answer(receipts)], [body])


def expected_coins(rows: Iterable[Mapping[str, Any]], hashes: Mapping[int, str]) -> list[tuple[object, ...]]:
    """The rows that moved the coin: successful, with a value, no code of others'."""
    found: list[tuple[object, ...]] = []
    for row in rows:
        moved = row["error"] is None and number(row["value"] or 0)
        if row["trace_type"] == "reward":
            found.append((None, "reward", None, row["to_address"], number(row["value"])))
        elif moved and row["call_type"] not in ("callcode", "delegatecall", "staticcall"):
            tx = row.get("transaction_hash") or hashes[int(row["transaction_index"])]
            found.append(
                (
                    tx,
                    "inner" if row["trace_address"] else "outer",
                    row["from_address"],
                    row["to_address"],
                    moved,
                )
            )
    return found


@pytest.mark.parametrize("case", sorted(NUMBERS))
def test_trace_block_gives_the_rows_that_moved_the_coin(etl: Path, case: str) -> None:
    folder = etl / "test_export_traces_job" / case
    (trace,) = answers(folder, "trace_block")
    rows = table(folder / "expected_traces.csv")
    decoded = traced(trace, json.loads(trace)["result"])
    assert coins_of(decoded) == expected_coins(rows, {})
    assert {row["receipt_contract_address"] for row in transactions_of(decoded)} - {None} == {
        row["to_address"] for row in rows if row["trace_type"] == "create"
    }
    assert [row["receipt_status"] for row in transactions_of(decoded)] == [
        int(row["status"]) for row in rows if not row["trace_address"] and row["trace_type"] != "reward"
    ]
    assert decoded.batch.blocks["traced"].to_pylist() == [True]


@pytest.mark.parametrize("case", sorted(NUMBERS))
def test_call_tracer_gives_the_rows_that_moved_the_coin(etl: Path, case: str) -> None:
    folder = etl / "test_extract_geth_traces_job" / case
    (trace,) = answers(folder, "debug_traceBlockByNumber")
    (parity,) = answers(etl / "test_export_traces_job" / case, "trace_block")
    items = json.loads(parity)["result"]
    decoded = traced(trace, items)
    hashes = {item["transactionPosition"]: item["transactionHash"] for item in items}
    rewards = [row for row in coins_of(decoded) if row[1] == "reward"]
    moved = [row for row in coins_of(decoded) if row[1] != "reward"]
    assert moved == expected_coins(table(folder / "expected_traces.csv"), hashes)
    assert rewards == []  # callTracer tells none, and the block written here names no producer
    # this old tracer does not say what a self-destruct moved: said, not skipped
    lost = case == "block_with_suicide"
    assert decoded.batch.blocks["traced"].to_pylist() == [not lost]
    assert decoded.batch.quarantine.num_rows == lost


@pytest.mark.parametrize("height", [508110, 2112234])
def test_traces_of_a_stream_give_the_rows_that_moved_the_coin(etl: Path, height: int) -> None:
    folder = etl / f"test_stream/blocks_{height}_{height}"
    (trace,) = answers(folder, "trace_block")
    (body,) = [body for body in answers(folder, "eth_getBlockByNumber") if f'"{height:#x}"'.encode() in body]
    decoded = traced(trace, json.loads(trace)["result"], json.loads(body)["result"])
    assert UNCHECKED not in decoded.notes
    rows = table(folder / "expected_traces.json")
    assert coins_of(decoded) == expected_coins(rows, {})
    creators = {(row["from_address"], row["to_address"]) for row in rows if row["trace_type"] == "create"}
    assert {
        (text(row["giver"]), text(row["receiver"]))
        for row in decoded.batch.relations.to_pylist()
        if row["kind"] == RelationKind.CREATE
    } == creators


def test_the_traces_of_an_empty_block_are_no_rows(etl: Path) -> None:
    for folder, method in (
        ("test_export_traces_job", "trace_block"),
        ("test_extract_geth_traces_job", "debug_traceBlockByNumber"),
    ):
        (trace,) = answers(etl / folder / "block_without_transactions", method)
        body = json.dumps({**json.loads(trace), "id": 1}).encode()
        block = {"number": "0x1", "hash": "0x" + "22" * 32, "parentHash": "0x" + "11" * 32, "timestamp": "0x1",
                 "transactions": []}  # fmt: skip
        decoded = decode(MAINNET, [answer(block)], [], [body])
        assert decoded.batch.blocks["traced"].to_pylist() == [True]
        assert coins_of(decoded) == []
