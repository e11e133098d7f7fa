"""Rows as bitcoin-etl 1.5.2 writes them of raw blocks, by its mappers: what the import is held to.

That it really writes so is `tests/real/test_bitcoin_etl.py`, of recorded answers.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from adapters.bitcoin.chains import CHAINS
from adapters.bitcoin.classify import Scripts
from adapters.bitcoin.entry import BitcoinChain
from adapters.files.bitcoin_etl.parts import recognise
from adapters.files.bitcoin_etl.source import EtlSource, open_source
from adapters.simulation.encode import sha256d
from tests.stores import opened
from tests.wire import Reader, Rules, Tx, transactions
from tracer.chain import AddressKey, ScriptKind
from tracer.ledger.pull import Pulled, pull
from tracer.workspace import Workspace

REGTEST = CHAINS["bitcoin-regtest"]
Row = dict[str, Any]
_TYPES = {
    ScriptKind.P2PK: "pubkey", ScriptKind.P2PKH: "pubkeyhash", ScriptKind.P2SH: "scripthash",
    ScriptKind.P2WPKH: "witness_v0_keyhash", ScriptKind.P2WSH: "witness_v0_scripthash",
    ScriptKind.P2TR: "witness_v1_taproot", ScriptKind.WITNESS_UNKNOWN: "witness_unknown",
}  # fmt: skip


@dataclass(frozen=True)
class Export:
    """Rows of both files."""

    blocks: list[Row]
    transactions: list[Row]

    def edited(
        self, height: int, edit: Callable[[Row], None], *, place: int = 0, blocks: bool = False
    ) -> Export:
        """With one row changed: of the block at a height, or of the transaction at a place in it."""
        rows: list[Row] = json.loads(json.dumps(self.blocks if blocks else self.transactions))
        name = "number" if blocks else "block_number"
        edit([row for row in rows if row[name] == height][place])
        return Export(rows, self.transactions) if blocks else Export(self.blocks, rows)

    def between(self, first: int, last: int) -> Export:
        """The rows of some blocks."""
        return Export(
            [row for row in self.blocks if first <= row["number"] <= last],
            [row for row in self.transactions if first <= row["block_number"] <= last],
        )


def display(raw: bytes) -> str:
    """A hash as people write it."""
    return raw[::-1].hex()


def exported(
    raws: Sequence[bytes], chain: BitcoinChain = REGTEST, *, first: int = 0, enriched: bool = False
) -> Export:
    """What bitcoin-etl would write of consecutive blocks; enriched: with what its second run adds to inputs."""
    blocks: list[Row] = []
    rows: list[Row] = []
    known: dict[tuple[str, int], Row] = {}
    for height, raw in enumerate(raws, start=first):
        size = chain.proof.size(raw)
        assert size is not None
        txs = transactions(raw, Rules(chain.max_money, header=size, witness=chain.segwit_height is not None))
        head = Reader(raw)
        version, _, root, time, bits, nonce = (
            head.number(4), head.take(32), head.take(32), head.number(4), head.number(4), head.number(4),
        )  # fmt: skip
        stripped = 80 + (1 if len(txs) < 0xFD else 3) + sum(len(tx.stripped) for tx in txs)
        blocks.append({
            "hash": display(sha256d(raw[:80])), "size": len(raw), "stripped_size": stripped,
            "weight": 3 * stripped + len(raw), "number": height, "version": version, "merkle_root": display(root),
            "timestamp": time, "nonce": format(nonce, "x"), "bits": format(bits, "08x"),
            "coinbase_param": txs[0].ins[0][2].hex(), "transaction_count": len(txs),
        })  # fmt: skip
        for place, tx in enumerate(txs):
            rows.append(_transaction(tx, place, blocks[-1], chain, known if enriched else None))
            known |= {(rows[-1]["hash"], output["index"]): output for output in rows[-1]["outputs"]}
    return Export(blocks, rows)


def _transaction(
    tx: Tx, place: int, block: Row, chain: BitcoinChain, known: Mapping[tuple[str, int], Row] | None
) -> Row:
    outputs = [_output(n, value, script, chain) for n, (value, script) in enumerate(tx.outs)]
    inputs = [_input(n, each, known) for n, each in enumerate(tx.ins)] if place else []
    put, got = (sum(each["value"] or 0 for each in side) for side in (inputs, outputs))
    return {
        "hash": display(tx.txid), "size": len(tx.raw), "virtual_size": (3 * len(tx.stripped) + len(tx.raw) + 3) // 4,
        "version": int.from_bytes(tx.raw[:4], "little"), "lock_time": int.from_bytes(tx.raw[-4:], "little"),
        "block_number": block["number"], "block_hash": block["hash"], "block_timestamp": block["timestamp"],
        "is_coinbase": place == 0, "index": place, "inputs": inputs, "outputs": outputs, "input_count": len(inputs),
        "output_count": len(outputs), "input_value": put, "output_value": got, "fee": put - got if place else 0,
    }  # fmt: skip


def _input(
    index: int, each: tuple[bytes, int, bytes, int], known: Mapping[tuple[str, int], Row] | None
) -> Row:
    prev, vout, script, sequence = each
    spent = (known or {}).get((display(prev), vout), {})
    return {
        "index": index, "spent_transaction_hash": display(prev), "spent_output_index": vout, "script_asm": "...",
        "script_hex": script.hex(), "sequence": sequence, "required_signatures": None, "type": spent.get("type"),
        "addresses": spent.get("addresses", []), "value": spent.get("value"),
    }  # fmt: skip


def _output(index: int, value: int, script: bytes, chain: BitcoinChain) -> Row:
    buffer = np.frombuffer(script + b"\0", np.uint8).copy()
    told = Scripts(buffer, np.array([[0, len(script)]], np.int64), witness=chain.segwit_height is not None)
    kind = _TYPES.get(ScriptKind(int(told.kind[0])))
    payload = told.payload[0, : told.length[0]].tobytes()
    address = f"nonstandard{hashlib.sha256(script).hexdigest()[:40]}"
    if kind is not None:
        address = chain.render_address(AddressKey(int(told.address_kind[0]), payload))
    return {
        "index": index, "script_asm": "...", "script_hex": script.hex(), "required_signatures": None,
        "type": kind or "nonstandard", "addresses": [address], "value": value,
    }  # fmt: skip


# --- files


def json_lines(path: Path, rows: Iterable[Row]) -> Path:
    """As bitcoin-etl writes it where a file is called .json."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def packed(path: Path, rows: Iterable[Row]) -> Path:
    """The same, packed."""
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    return path


def csv_file(path: Path, rows: Sequence[Row]) -> Path:
    """As bitcoin-etl writes it elsewhere: lists as Python shows them, without their brackets."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(rows[0])
        for row in rows:
            writer.writerow(",".join(map(str, v)) if isinstance(v, list) else v for v in row.values())
    return path


def csv_json(path: Path, rows: Sequence[Row]) -> Path:
    """As a warehouse writes it: lists as JSON."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(rows[0])
        for row in rows:
            writer.writerow(json.dumps(v) if isinstance(v, list) else v for v in row.values())
    return path


def json_text(path: Path, rows: Sequence[Row]) -> Path:
    """As a warehouse writes it: whole numbers as text."""
    return json_lines(path, [_as_text(row) for row in rows])


def _as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_text(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_as_text(each) for each in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def parquet(path: Path, rows: Sequence[Row]) -> Path:
    """Typed, nested columns."""
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(path)
    return path


FORMS: Mapping[str, tuple[str, Callable[[Path, Sequence[Row]], Path]]] = {
    "json lines": ("json", json_lines), "json lines, packed": ("json.gz", packed),
    "bitcoin-etl's csv": ("csv", csv_file),
    "a warehouse's csv": ("csv", csv_json), "a warehouse's json": ("json", json_text), "parquet": ("parquet", parquet),
}  # fmt: skip


def written(folder: Path, export: Export, form: str = "json lines") -> list[Path]:
    """Both files."""
    folder.mkdir(parents=True, exist_ok=True)
    ending, write = FORMS[form]
    return [
        write(folder / f"blocks.{ending}", export.blocks), write(folder / f"transactions.{ending}", export.transactions)
    ]  # fmt: skip


# --- and into a store


def source(paths: Sequence[Path], scratch: Path, chain: BitcoinChain = REGTEST) -> EtlSource:
    """Files as a source of blocks."""
    scratch.mkdir(parents=True, exist_ok=True)
    files = recognise(paths)
    assert files is not None
    return open_source(files, scratch, lambda _: chain)


def load(folder: Path, found: EtlSource) -> Pulled:
    """Everything that is new into a workspace."""
    return pull(lambda: opened(Workspace(folder), found.chain.name, read_only=False), found)
