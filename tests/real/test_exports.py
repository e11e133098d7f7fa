"""Rows that ethereum-etl made of Ethereum's main network, imported; where a node's answers are there, both agree."""

import json
from pathlib import Path

from adapters.evm.chains import chain_named
from adapters.evm.decode import decode
from adapters.files.exports import open_exports
from adapters.files.source import ExportSource
from tests.adapters.files.exported import PARTS, Nothing, rows
from tracer.chain import TransferKind
from tracer.ledger.accounts.batch import AccountBatch
from tracer.ledger.loading import joined

ETHEREUM = chain_named("ethereum")


def _imported(folder: Path, scratch: Path) -> AccountBatch:
    scratch.mkdir()
    files = sorted(folder.glob("expected_*.json"))
    found = ExportSource(open_exports(files, scratch), ETHEREUM)
    return joined([part for plan in found.plan(Nothing()) for part in found.batches(plan)])


def test_two_blocks_of_2023(realdata: Path, tmp_path: Path) -> None:
    folder = realdata / "ethereum/etl/test_stream/blocks_17173049_17173050"
    found = _imported(folder, tmp_path / "s")
    assert found.txs.num_rows == 298
    told = [json.loads(line) for line in (folder / "expected_token_transfers.json").read_text().splitlines()]
    assert len(told) == 291
    moved = [
        row
        for row in rows(found.transfers)
        if row["kind"] == TransferKind.TOKEN and row["standard"] in (1, 2)
    ]
    assert sorted(
        (row["tx_id"] >> 24, row["log_index"], "0x" + row["contract"].hex(), _value(row)) for row in moved
    ) == sorted((row["block_number"], row["log_index"], row["token_address"], row["value"]) for row in told)
    blocks = [json.loads(line) for line in (folder / "expected_blocks.json").read_text().splitlines()]
    stakes = sum(stake["amount"] * 10**9 for block in blocks for stake in block["withdrawals"])
    returned = [row["amount"] for row in rows(found.transfers) if row["kind"] == TransferKind.WITHDRAWAL]
    assert sum(map(int, returned)) == stakes > 0
    assert found.quarantine.num_rows == 0


def _value(row: dict[str, object]) -> int:
    """ethereum-etl has a collectible's number where the amount of others stands."""
    token_id = row["token_id"]
    return int.from_bytes(token_id, "big") if isinstance(token_id, bytes) else int(str(row["amount"]))


def test_a_node_and_ethereum_etl_agree(realdata: Path, tmp_path: Path) -> None:
    folder = realdata / "ethereum/etl/test_stream/blocks_1755634_1755635"
    heights = ("0x1ac9f2", "0x1ac9f3")
    blocks = [(folder / f"web3_response.eth_getBlockByNumber_{h}_true.json").read_bytes() for h in heights]
    receipts = [path.read_bytes() for path in sorted(folder.glob("*eth_getTransactionReceipt*"))]
    node, files = decode(ETHEREUM, blocks, receipts).batch, _imported(folder, tmp_path / "s")
    for part in PARTS:
        assert rows(getattr(files, part)) == rows(getattr(node, part)), part
