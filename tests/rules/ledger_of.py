"""Stores for tests from named transactions: rows go straight into the tables of the schema."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from adapters.hashes import hash_bytes
from tracer.chain import AddressKey, Family, ScriptKind
from tracer.ledger.prefix import address_prefix, txid_prefix
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

P2WPKH = ScriptKind.P2WPKH


@dataclass(frozen=True)
class Coin:
    """An input or output: whose address it is, its value (None: not read), and its script kind."""

    owner: str
    sat: int | None
    kind: ScriptKind = P2WPKH


@dataclass(frozen=True)
class Tx:
    """A transaction with a name; `("alice", 5)` stands for a P2WPKH coin of 5 sat."""

    name: str
    inputs: Sequence[Coin | tuple[str, int | None]]
    outputs: Sequence[Coin | tuple[str, int]]


@dataclass(frozen=True)
class NamedChain:
    """A chain whose addresses are names: enough for clusters, which never look into an address."""

    name: str = "bitcoin-regtest"
    caip2: str = "bip122:0f9188f13cb7b2c71f2a335e3a4fc328"
    asset: str = "BTC"
    price_asset: str | None = "BTC"
    decimals: int = 8
    family = Family.UTXO

    def hash_text(self, raw: bytes) -> str:
        return raw[::-1].hex()

    def hash_bytes(self, text: str) -> bytes:
        return hash_bytes(text)[::-1]

    def parse_address(self, text: str) -> AddressKey:
        kind, name = text.split(":", 1)
        return AddressKey(ScriptKind[kind], name.encode())

    def render_address(self, key: AddressKey) -> str:
        return f"{ScriptKind(key.kind).name}:{key.payload.decode()}"

    def subsidy(self, height: int) -> int:
        return 50_0000_0000 >> (height // 210_000)

    def nested_segwit(self, payloads: NDArray[np.uint8]) -> None:
        """Names are no hashes of keys."""

    def unverified(self) -> tuple[str, ...]:
        return ("everything",)


@dataclass
class Rows:
    """Columns of the tables while they grow."""

    address_ids: dict[tuple[int, str], int] = field(default_factory=dict)
    tx: list[dict[str, object]] = field(default_factory=list)
    txin: list[dict[str, object]] = field(default_factory=list)
    txout: list[dict[str, object]] = field(default_factory=list)

    def address(self, coin: Coin) -> int | None:
        if coin.sat is None or coin.kind in {ScriptKind.NONSTANDARD, ScriptKind.OP_RETURN, ScriptKind.ANCHOR}:
            return None
        return self.address_ids.setdefault((coin.kind, coin.owner), len(self.address_ids))


def coin_of(coin: Coin | tuple[str, int | None]) -> Coin:
    """A coin, however it was written."""
    return coin if isinstance(coin, Coin) else Coin(*coin)


def ledger_of(folder: Path, transactions: Iterable[Tx], per_block: int = 100, threads: int = 2) -> Ledger:
    """A writable ledger that holds `transactions`, `per_block` to a block, heights from 0."""
    txs = list(transactions)
    ledger = Ledger.open(Workspace(folder).ready(), NamedChain(), read_only=False, threads=threads)
    if txs or ledger.tip() is None:
        append_blocks(ledger, txs, per_block)
    return ledger


def append_blocks(ledger: Ledger, txs: Sequence[Tx], per_block: int = 100, start: int = 0) -> None:
    """Write blocks of `txs` from height `start` on. Addresses keep the ids they already have."""
    rows = Rows()
    for number, kind, payload in ledger.db.rows("SELECT address_id, kind, payload FROM address ORDER BY 1"):
        rows.address_ids[(kind, payload.decode())] = number
    known = len(rows.address_ids)
    blocks = []
    for at in range(0, max(len(txs), 1), per_block):
        height = start + at // per_block
        for index, tx in enumerate(txs[at : at + per_block]):
            _rows_of(rows, tx, (height << 24) | index)
        blocks.append(_block(height, len(txs[at : at + per_block])))
    tables = {
        "block": blocks,
        "tx": rows.tx,
        "txin": rows.txin,
        "txout": rows.txout,
        "address_tx": [
            {"address_id": a, "tx_id": t}
            for a, t in sorted(
                {
                    (_int(r["address_id"]), _int(r["tx_id"]))
                    for r in rows.txin + rows.txout
                    if r["address_id"] is not None
                }
            )
        ],
        "txid_lookup": [{"prefix": txid_prefix(_bytes(t["txid"])), "tx_id": t["tx_id"]} for t in rows.tx],
    }
    new = [(kind, name, number) for (kind, name), number in rows.address_ids.items() if number >= known]
    tables["address"] = [{"address_id": i, "kind": int(k), "payload": n.encode()} for k, n, i in new]
    tables["address_lookup"] = [
        {"prefix": address_prefix(AddressKey(k, n.encode())), "address_id": i} for k, n, i in new
    ]
    for name, columns in tables.items():
        if columns:
            with ledger.db.table("incoming", pa.Table.from_pylist(columns)):
                ledger.db.run(f"INSERT INTO {name} BY NAME SELECT * FROM incoming")


def _rows_of(rows: Rows, tx: Tx, tx_id: int) -> None:
    inputs, outputs = [coin_of(c) for c in tx.inputs], [coin_of(c) for c in tx.outputs]
    paid = sum(c.sat or 0 for c in outputs)
    known = all(c.sat is not None for c in inputs) and bool(inputs)
    rows.tx.append(
        {
            "tx_id": tx_id, "txid": hashlib.sha256(tx.name.encode()).digest(), "version": 2, "locktime": 0,
            "size": 200, "vsize": 150, "inputs": len(inputs), "outputs": len(outputs), "out_value": paid,
            "fee": sum(c.sat or 0 for c in inputs) - paid if known else None,
        }
    )  # fmt: skip
    rows.txin += [
        {
            "tx_id": tx_id, "vin": vin, "prev_tx_id": None, "prev_vout": 0, "value": c.sat,
            "kind": None if c.sat is None else int(c.kind), "address_id": rows.address(c),
            "sequence": 0xFFFFFFFF,
        }
        for vin, c in enumerate(inputs)
    ]  # fmt: skip
    rows.txout += [
        {
            "tx_id": tx_id, "vout": vout, "value": c.sat, "kind": int(c.kind),
            "address_id": rows.address(c), "script": None,
        }
        for vout, c in enumerate(outputs)
    ]  # fmt: skip


def _block(height: int, tx_count: int) -> dict[str, object]:
    return {
        "height": height, "hash": block_hash(height), "prev_hash": block_hash(height - 1),
        "merkle_root": bytes(32), "time": 1_231_006_505 + 600 * height, "version": 1, "bits": 0x207FFFFF,
        "nonce": 0, "tx_count": tx_count, "size": 285,
    }  # fmt: skip


def block_hash(height: int) -> bytes:
    return hashlib.sha256(b"block %d" % height).digest()


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value


def _bytes(value: object) -> bytes:
    assert isinstance(value, bytes)
    return value
