"""Ledgers written as small tables of named transactions, no hex; read by the oracle and by the engine alike.

    Tx("fund", outs=[("alice", 5)])                                  a coinbase: no inputs
    Tx("pay", ins=["fund:0"], outs=[("bob", 3), ("alice", 1)])       the rest, 1, is the fee
    Tx("note", ins=["pay:1"], outs=[("OP_RETURN", 1)])               burnt

Every transaction is a block of its own, ten minutes apart unless `day` says otherwise; one that is no
coinbase follows an empty coinbase. Addresses are names: `PlayChain` renders them as they were written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tests.oracle import OracleOut, OracleTx
from tracer.chain import AddressKey, ScriptKind, first_tx_id
from tracer.errors import BadAddress
from tracer.flow.fates import Fate
from tracer.flow.movements import LEAVING, MEMBER, Movements, Seeding
from tracer.ledger.batch import UtxoBatch
from tracer.ledger.prefix import address_prefix

GENESIS_TIME = 1_600_000_000
DAY = 86_400


@dataclass(frozen=True)
class Tx:
    """One row of a scenario; `day` puts its block that many days after the first."""

    name: str
    ins: Sequence[str] = ()
    outs: Sequence[tuple[str, int]] = ()
    day: float | None = None


@dataclass(frozen=True)
class PlayChain:
    """A chain whose addresses are plain names of at most 20 letters."""

    name: str = "bitcoin-regtest"
    caip2: str = "bip122:play"
    asset: str = "BTC"
    price_asset: str | None = "BTC"
    decimals: int = 8

    def parse_address(self, text: str) -> AddressKey:
        """A name is an address when it fits."""
        if not text or len(text) > 20 or not text.replace("_", "").isalnum():
            raise BadAddress(f"{text!r} is no address of {self.name}.")
        return AddressKey(ScriptKind.P2WPKH, text.encode().ljust(20, b"\0"))

    def render_address(self, key: AddressKey) -> str:
        """The name it was written with."""
        return key.payload.rstrip(b"\0").decode()

    def subsidy(self, height: int) -> int:
        """Scenarios mint what they like."""
        return 1 << 62

    def nested_segwit(self, payloads: NDArray[np.uint8]) -> None:
        """Names are no hashes of keys."""

    def unverified(self) -> tuple[str, ...]:
        """Everything: no scenario is mined."""
        return ("proof of work",)


def oracle_ledger(rows: Iterable[Tx]) -> list[OracleTx]:
    """The same table for the oracle."""
    return [
        OracleTx(
            row.name,
            tuple((name, int(vout)) for name, _, vout in (point.rpartition(":") for point in row.ins)),
            tuple(
                OracleOut(value, b"\x6a", None, burn=True)
                if address == "OP_RETURN"
                else OracleOut(value, _script(address), address)
                for address, value in row.outs
            ),
        )
        for row in rows
    ]


def _script(address: str) -> bytes:
    return b"\x76\xa9\x14" + address.encode().ljust(20, b"\0") + b"\x88\xac"


def txid_of(name: str) -> bytes:
    """The made-up txid of a named transaction, in wire order."""
    return hashlib.sha256(b"scenario " + name.encode()).digest()


def shown(name: str) -> str:
    """The same as people write it."""
    return txid_of(name)[::-1].hex()


@dataclass
class _Columns:
    blocks: list[tuple[object, ...]] = field(default_factory=list)
    txs: list[tuple[object, ...]] = field(default_factory=list)
    outputs: list[tuple[object, ...]] = field(default_factory=list)
    inputs: list[tuple[object, ...]] = field(default_factory=list)


def batch(rows: Sequence[Tx]) -> UtxoBatch:
    """The table as an adapter would hand it over, from height 0."""
    columns, previous, clock = _Columns(), bytes(32), GENESIS_TIME
    for height, row in enumerate(rows):
        clock = GENESIS_TIME + int(row.day * DAY) if row.day is not None else clock + 600
        block_hash = hashlib.sha256(b"block %d" % height + previous).digest()
        members = [row] if not row.ins else [Tx(f"coinbase {height}", outs=[("miner", 0)]), row]
        columns.blocks.append(
            (height, block_hash, previous, bytes(32), clock, 1, 0x207FFFFF, 0, len(members), 1000)
        )
        for index, tx in enumerate(members):
            tx_id = first_tx_id(height) + index
            value = sum(v for _, v in tx.outs)
            columns.txs.append((tx_id, txid_of(tx.name), 1, 0, 250, 250, len(tx.ins), len(tx.outs), value))
            for vin, point in enumerate(tx.ins):
                name, _, spent = point.rpartition(":")
                columns.inputs.append(
                    (tx_id, vin, txid_of(name), int(spent), 0xFFFFFFFF, None, None, None, None)
                )
            for vout, (address, value) in enumerate(tx.outs):
                columns.outputs.append((tx_id, vout, value, *_locked(address)))
        previous = block_hash
    return UtxoBatch(
        _table(columns.blocks, _BLOCKS), _table(columns.txs, _TXS),
        _table(columns.outputs, _OUTPUTS), _table(columns.inputs, _INPUTS),
    )  # fmt: skip


def _locked(address: str) -> tuple[object, ...]:
    """kind, address_kind, payload, prefix, script of an output."""
    if address == "OP_RETURN":
        return (int(ScriptKind.OP_RETURN), int(ScriptKind.OP_RETURN), None, 0, b"\x6a")
    key = PlayChain().parse_address(address)
    return (key.kind, key.kind, key.payload, address_prefix(key), None)


def _table(rows: Sequence[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in schema]
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)


_HASH = pa.binary(32)
_BLOCKS = pa.schema(
    [("height", pa.int32()), ("hash", _HASH), ("prev_hash", _HASH), ("merkle_root", _HASH),
     ("time", pa.int64()), ("version", pa.int32()), ("bits", pa.int64()), ("nonce", pa.int64()),
     ("tx_count", pa.int32()), ("size", pa.int32())]
)  # fmt: skip
_TXS = pa.schema(
    [("tx_id", pa.int64()), ("txid", _HASH), ("version", pa.int32()), ("locktime", pa.int64()),
     ("size", pa.int32()), ("vsize", pa.int32()), ("inputs", pa.int32()), ("outputs", pa.int32()),
     ("out_value", pa.int64())]
)  # fmt: skip
_OUTPUTS = pa.schema(
    [("tx_id", pa.int64()), ("vout", pa.int32()), ("value", pa.int64()), ("kind", pa.uint8()),
     ("address_kind", pa.uint8()), ("payload", pa.binary()), ("prefix", pa.int64()), ("script", pa.binary())]
)  # fmt: skip
_INPUTS = pa.schema(
    [("tx_id", pa.int64()), ("vin", pa.int32()), ("prev_txid", _HASH), ("prev_vout", pa.int32()),
     ("sequence", pa.int64()), ("prev_value", pa.int64()), ("prev_kind", pa.uint8()),
     ("prev_address_kind", pa.uint8()), ("prev_payload", pa.binary())]
)  # fmt: skip


def _ranks(tx: OracleTx) -> list[int]:
    order = sorted(range(len(tx.outs)), key=lambda v: (tx.outs[v].script, tx.outs[v].value, v))
    return [order.index(vout) for vout in range(len(tx.outs))]


class ScenarioSource:
    """A scenario as a MovementSource without any store: the whole ledger is the closure."""

    def __init__(
        self,
        ledger: Sequence[OracleTx],
        address_ends: dict[str, str] | None = None,
        outpoint_ends: dict[tuple[str, int], str] | None = None,
    ) -> None:
        self.ledger = ledger
        self.address_ends = address_ends or {}
        self.outpoint_ends = outpoint_ends or {}
        self.points = [(tx.name, vout) for tx in ledger for vout in range(len(tx.outs))]
        self.index = {point: i for i, point in enumerate(self.points)}

    def movements(self) -> Movements:
        """Columns of the whole ledger, with the given ends as fates."""
        spent = {point for tx in self.ledger for point in tx.ins}
        value = [out.value for tx in self.ledger for out in tx.outs]
        ranks = [rank for tx in self.ledger for rank in _ranks(tx)]
        fates = [
            self._fate(tx, vout, (tx.name, vout) in spent)
            for tx in self.ledger
            for vout in range(len(tx.outs))
        ]
        refs = [self.index[point] for tx in self.ledger for point in tx.ins]
        fees = [
            sum(value[self.index[p]] for p in tx.ins) - sum(o.value for o in tx.outs) if tx.ins else 0
            for tx in self.ledger
        ]
        starts = [0, *np.cumsum([len(tx.ins) for tx in self.ledger], dtype=np.int64)]
        ends = [0, *np.cumsum([len(tx.outs) for tx in self.ledger], dtype=np.int64)]
        found = Movements(
            in_start=np.array(starts, np.int64),
            in_ref=np.array(refs, np.int64),
            in_value=np.array([value[r] for r in refs], np.int64),
            out_start=np.array(ends, np.int64),
            out_value=np.array(value, np.int64),
            out_rank=np.array(ranks, np.int32),
            out_fate=np.array(fates, np.uint8),
            fee=np.array(fees, np.int64),
        )
        found.check()
        return found

    def _fate(self, tx: OracleTx, vout: int, spent: bool) -> Fate:
        out, point = tx.outs[vout], (tx.name, vout)
        if out.burn:
            return Fate.BURNED
        reason = self.outpoint_ends.get(point) or self.address_ends.get(out.address or "")
        return Fate[reason.upper()] if reason else Fate.SPENT if spent else Fate.UNSPENT

    def seeding(
        self,
        lots: Iterable[tuple[str, int]],
        members: Iterable[str],
        unit: str,
        mixes: Iterable[str] = (),
    ) -> Seeding:
        """What the seeds put in, by the definition of DESIGN section 5."""
        columns, inside, lots, mixed = self.movements(), frozenset(members), frozenset(lots), frozenset(mixes)
        seeds = Seeding.empty(columns)
        for point in lots:
            seeds.fixed[self.index[point]] = columns.out_value[self.index[point]]
        owners = [out.address for tx in self.ledger for out in tx.outs]
        if not inside:
            return seeds
        for t, (tx, (first, last)) in enumerate(
            zip(self.ledger, pairwise(columns.out_start.tolist()), strict=True)
        ):
            came = sum(
                int(columns.out_value[self.index[p]])
                for p in tx.ins
                if owners[self.index[p]] in inside or p in lots
            )
            back = sum(int(columns.out_value[o]) for o in range(first, last) if owners[o] in inside)
            gone = sum(int(columns.out_value[o]) for o in range(first, last) if owners[o] not in inside)
            for o in range(first, last):
                if unit == "lot" and owners[o] in inside:
                    seeds.flag[o] = MEMBER
                if unit == "entity" and owners[o] not in inside:
                    seeds.flag[o] = LEAVING
            if unit == "lot":
                seeds.net[t] = max(0, back - came)
            elif tx.name not in mixed:
                seeds.left[t] = min(gone, max(0, came - back))
        return seeds
