"""Ledgers written as small tables of named transactions, no hex; read by the oracle and by the engine alike.

    Tx("fund", outs=[("alice", 5)])                                  a coinbase: no inputs
    Tx("pay", ins=["fund:0"], outs=[("bob", 3), ("alice", 1)])       the rest, 1, is the fee
    Tx("note", ins=["pay:1"], outs=[("OP_RETURN", 1)])               burnt
    Tx("hide", ins=["pay:0"], outs=[("SHIELDED", 3)])                into a shielded pool
    Tx("show", ins=["SHIELDED:2"], outs=[("carl", 2)])               2 units out of it; the last input

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
import pyarrow.compute as pc
from numpy.typing import NDArray

from adapters.hashes import hash_bytes
from tests.oracle import POOLED, OracleOut, OracleTx, fees_as_outputs
from tracer.chain import FROM_POOL, AddressKey, Family, ScriptKind, first_tx_id
from tracer.errors import BadAddress
from tracer.flow.fates import Fate
from tracer.flow.movements import LEAVING, MEMBER, Movements, Seeding
from tracer.ledger.batch import UtxoBatch
from tracer.ledger.prefix import address_prefix

GENESIS_TIME = 1_600_000_000
DAY = 86_400
HIDDEN = "SHIELDED"
"""A shielded pool, as an output's address and as an input's name."""


@dataclass(frozen=True)
class Tx:
    """One row of a scenario; `day` puts its block that many days after the first.

    A coinbase that `collects` is in one block with the transactions it names, which stand above it in the table
    and have no block of their own.
    """

    name: str
    ins: Sequence[str] = ()
    outs: Sequence[tuple[str, int]] = ()
    day: float | None = None
    collects: Sequence[str] = ()


@dataclass(frozen=True)
class PlayChain:
    """A chain whose addresses are plain names of at most 20 letters."""

    name: str = "bitcoin-regtest"
    caip2: str = "bip122:play"
    asset: str = "BTC"
    price_asset: str | None = "BTC"
    decimals: int = 8
    family = Family.UTXO

    def hash_text(self, raw: bytes) -> str:
        """As on Bitcoin."""
        return raw[::-1].hex()

    def hash_bytes(self, text: str) -> bytes:
        """As on Bitcoin."""
        return hash_bytes(text)[::-1]

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
            tuple(
                (row.name, POOLED) if name == HIDDEN else (name, int(vout))
                for name, _, vout in (point.rpartition(":") for point in row.ins)
            ),
            tuple(_oracle_out(address, value) for address, value in row.outs),
            tuple(row.collects),
            sum(int(point.partition(":")[2]) for point in row.ins if point.startswith(f"{HIDDEN}:")),
        )
        for row in rows
    ]


def _oracle_out(address: str, value: int) -> OracleOut:
    if address == "OP_RETURN":
        return OracleOut(value, b"\x6a", None, burn=True)
    if address == HIDDEN:
        return OracleOut(value, b"", None, pool=True)
    return OracleOut(value, _script(address), address)


def _script(address: str) -> bytes:
    return b"\x00\x14" + address.encode().ljust(20, b"\0")


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
    for height, (row, others) in enumerate(_blocks(rows)):
        coinbase = Tx(f"coinbase {height}", outs=[("miner", 0)])
        members = [coinbase, row] if row.ins else [row, *others]
        clock = GENESIS_TIME + int(row.day * DAY) if row.day is not None else clock + 600
        block_hash = hashlib.sha256(b"block %d %s" % (height, row.name.encode()) + previous).digest()
        columns.blocks.append(
            (height, block_hash, previous, bytes(32), clock, 1, 0x207FFFFF, 0, len(members), 1000)
        )
        for index, tx in enumerate(members):
            tx_id = first_tx_id(height) + index
            value = sum(v for _, v in tx.outs)
            columns.txs.append(
                (tx_id, txid_of(tx.name), 1, 0, 250, 250, len(tx.ins), len(tx.outs), value, None)
            )
            for vin, point in enumerate(tx.ins):
                name, _, spent = point.rpartition(":")
                if name == HIDDEN:
                    shielded = int(ScriptKind.SHIELDED)
                    columns.inputs.append(
                        (tx_id, vin, bytes(32), FROM_POOL, 0, int(spent), shielded, shielded, None)
                    )
                    continue
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


def since(whole: UtxoBatch, height: int) -> UtxoBatch:
    """The blocks from a height on of a batch that begins at 0."""
    first = pa.scalar(first_tx_id(height), pa.int64())

    def later(table: pa.Table) -> pa.Table:
        return table.filter(pc.greater_equal(table["tx_id"], first))

    return UtxoBatch(whole.blocks.slice(height), later(whole.txs), later(whole.outputs), later(whole.inputs))


def blocks_of(whole: UtxoBatch) -> list[UtxoBatch]:
    """The same blocks in batches of one."""

    def of(table: pa.Table, heights: NDArray[np.int64], height: int) -> pa.Table:
        return table.filter(pa.array(heights == height))

    tables = [whole.blocks, whole.txs, whole.outputs, whole.inputs]
    heights = [whole.blocks["height"].to_numpy(), *(t["tx_id"].to_numpy() >> 24 for t in tables[1:])]
    return [
        UtxoBatch(*(of(table, at, height) for table, at in zip(tables, heights, strict=True)))
        for height in heights[0].tolist()
    ]


def _blocks(rows: Sequence[Tx]) -> list[tuple[Tx, list[Tx]]]:
    """The row that has a block, and those whose fees it collects there."""
    named = {row.name: row for row in rows}
    collected = {name for row in rows for name in row.collects}
    return [(row, [named[name] for name in row.collects]) for row in rows if row.name not in collected]


def _locked(address: str) -> tuple[object, ...]:
    """kind, address_kind, payload, prefix, script of an output."""
    if address == "OP_RETURN":
        return (int(ScriptKind.OP_RETURN), int(ScriptKind.OP_RETURN), None, 0, b"\x6a")
    if address == HIDDEN:
        return (int(ScriptKind.SHIELDED), int(ScriptKind.SHIELDED), None, 0, None)
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
     ("out_value", pa.int64()), ("block_index", pa.int32())]
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
    order = sorted(
        range(len(tx.outs)), key=lambda v: (tx.outs[v].fee, tx.outs[v].script, tx.outs[v].value, v)
    )
    return [order.index(vout) for vout in range(len(tx.outs))]


class ScenarioSource:
    """A scenario as a MovementSource without any store: the whole ledger is the closure.

    With `fees="miners"` a fee that a coinbase collects is one more output, the last of its transaction.
    """

    def __init__(
        self,
        ledger: Sequence[OracleTx],
        address_ends: dict[str, str] | None = None,
        outpoint_ends: dict[tuple[str, int], str] | None = None,
        fees: str = "sink",
    ) -> None:
        self.ledger = fees_as_outputs(ledger) if fees == "miners" else ledger
        ledger = self.ledger
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
        ins = [[(self.index[p], value[self.index[p]]) for p in tx.ins] for tx in self.ledger]
        over = [
            sum(units for _, units in taken) - sum(out.value for out in tx.outs) if taken else 0
            for tx, taken in zip(self.ledger, ins, strict=True)
        ]
        for tx, taken, fee in zip(self.ledger, ins, over, strict=True):
            if fee < 0 and tx.collects:  # a coinbase that takes fees; what it made anew comes after them
                taken.append((-1, -fee))
        fees = [0 if fee < 0 and tx.collects else fee for tx, fee in zip(self.ledger, over, strict=True)]
        flat = [pair for taken in ins for pair in taken]
        starts = [0, *np.cumsum([len(taken) for taken in ins], dtype=np.int64)]
        ends = [0, *np.cumsum([len(tx.outs) for tx in self.ledger], dtype=np.int64)]
        fee_lots = [
            end - 1 if tx.outs and tx.outs[-1].fee else -1
            for tx, end in zip(self.ledger, ends[1:], strict=True)
        ]
        found = Movements(
            in_start=np.array(starts, np.int64),
            in_ref=np.array([ref for ref, _ in flat], np.int64),
            in_value=np.array([units for _, units in flat], np.int64),
            out_start=np.array(ends, np.int64),
            out_value=np.array(value, np.int64),
            out_rank=np.array(ranks, np.int32),
            out_fate=np.array(fates, np.uint8),
            fee=np.array(fees, np.int64),
            fee_lot=np.array(fee_lots, np.int64) if max(fee_lots, default=-1) >= 0 else None,
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
        outs = {(tx.name, vout): out for tx in self.ledger for vout, out in enumerate(tx.outs)}
        if not inside:
            return seeds
        for t, (tx, (first, last)) in enumerate(
            zip(self.ledger, pairwise(columns.out_start.tolist()), strict=True)
        ):
            mine = [outs[p] for p in tx.ins if outs[p].address in inside or p in lots]
            # a trace of lots ends at a service's own address: what that pays out is no money of the set
            stops = self.address_ends if unit == "lot" else {}
            held = sum(out.value for out in mine if out.address in stops)
            ended = sum(out.value for out in tx.outs if out.address in inside and out.address in stops)
            among_its_own = held >= ended and held > 0
            came = sum(out.value for out in mine) - held + min(held, ended)
            back = sum(out.value for out in tx.outs if out.address in inside)
            gone = sum(out.value for out in tx.outs if out.address not in inside and not out.fee)
            for o, out in zip(range(first, last), tx.outs, strict=True):
                member = out.address in inside and not (among_its_own and out.address in stops)
                if unit == "lot" and member:
                    seeds.flag[o] = MEMBER
                if unit == "entity" and out.address not in inside and not out.fee:
                    seeds.flag[o] = LEAVING
            if unit == "lot":
                seeds.net[t] = max(0, back - came)
            elif tx.name not in mixed:
                seeds.left[t] = min(gone, max(0, came - back))
        return seeds
