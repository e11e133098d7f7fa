"""Zcash's transactions of every version: what is written is what is read, and nothing malformed gets through."""

import json
import random
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.bitcoin.chains import CHAINS
from adapters.bitcoin.decode import Decoded, decode_blocks
from adapters.bitcoin.layouts import walk
from adapters.bitcoin.prevouts import with_prevouts
from adapters.bitcoin.zcash.scan import GROUPS, POOLS
from adapters.bitcoin.zcash.txids import tree_txids
from adapters.simulation.encode import merkle_root, sha256d, varint
from tests.conftest import scaled
from tests.rawblocks import p2pkh
from tests.zcashblocks import ZTx, coinbase, genesis
from tracer.chain import FROM_POOL, ScriptKind
from tracer.ledger.batch import UtxoBatch

CHAIN = CHAINS["zcash-regtest"]
HEADER = 177
VECTORS = json.loads((Path(__file__).parent / "zcash_vectors.json").read_text())["vectors"]

IN = [(b"\1" * 32, 7)]
PAY = [(p2pkh("bob"), 5)]
SHAPES = {
    "version 1": ZTx(1, IN, PAY, locktime=9),
    "version 2, into Sprout": ZTx(2, IN, [], sprout=[(7, 0)]),
    "version 2, out of Sprout twice": ZTx(2, [], PAY, sprout=[(0, 7), (0, 3)]),
    "version 2, through Sprout and nothing stays": ZTx(2, IN, PAY, sprout=[(7, 0), (0, 7)]),
    "version 3, into Sprout": ZTx(3, IN, [], sprout=[(7, 0)], locktime=8, expiry=77),
    "version 4, nothing shielded": ZTx(4, IN, PAY, locktime=8, expiry=77),
    "version 4, into Sapling": ZTx(4, IN, PAY, sapling=4, notes=2, spends=False),
    "version 4, out of Sapling": ZTx(4, [], PAY, sapling=-6, notes=3),
    "version 4, from Sprout to Sapling": ZTx(4, [], [], sprout=[(0, 9)], sapling=8),
    "version 4, inside Sapling": ZTx(4, [], [], sapling=-1),
    "version 5, nothing shielded": ZTx(5, IN, PAY, locktime=8, expiry=77),
    "version 5, into Orchard": ZTx(5, IN, PAY, orchard=4, notes=2),
    "version 5, from Sapling to Orchard": ZTx(5, [], [], sapling=-5, orchard=4, notes=2),
    "version 5, inside Orchard, free of charge": ZTx(5, [], [], orchard=0),
    "version 6, into Ironwood": ZTx(6, IN, PAY, ironwood=4),
    "version 6, from all of them": ZTx(6, IN, PAY, sapling=-1, orchard=-2, ironwood=-3, notes=2),
}


def block_of(*txs: ZTx) -> bytes:
    """A block whose header has no work: decoding does not ask for it."""
    header = struct.pack("<i", 4) + bytes(32) + merkle_root([tx.txid for tx in txs]) + bytes(HEADER - 68)
    return header + varint(len(txs)) + b"".join(tx.full for tx in txs)


def decoded(*blocks: bytes, behind: bytes = b"") -> Decoded:
    """`behind` stands in the buffer after the last block."""
    raw = np.frombuffer(b"".join(blocks) + behind, np.uint8).copy()
    sizes = np.array([len(block) for block in blocks], np.int64)
    ends = np.cumsum(sizes)
    hashes = np.array([np.frombuffer(sha256d(block[:HEADER]), np.uint8) for block in blocks])
    return decode_blocks(raw, ends - sizes, ends, 1, hashes, CHAIN)


def batch_of(*txs: ZTx) -> UtxoBatch:
    found = decoded(block_of(coinbase(1, PAY), *txs))
    assert found.problem is None
    assert found.batch is not None
    return found.batch


def told(tx: ZTx) -> dict[str, int]:
    """What a transaction adds to each pool, of what is not nothing."""
    sprout = sum(into - out_of for into, out_of in tx.sprout)
    moved = zip(POOLS, (sprout, tx.sapling, tx.orchard, tx.ironwood), strict=True)
    return {name: units for name, units in moved if units}


def holds(batch: UtxoBatch, row: int, tx: ZTx) -> None:
    """Row `row` of the transactions says what `tx` is, its pools behind its transparent parts."""
    said = batch.txs.slice(row, 1).to_pylist()[0]
    own = {"tx_id": said["tx_id"]}
    ins = [r for r in batch.inputs.to_pylist() if r["tx_id"] == own["tx_id"]]
    outs = [r for r in batch.outputs.to_pylist() if r["tx_id"] == own["tx_id"]]
    pools = told(tx)
    assert said["txid"] == tx.txid
    assert (said["version"], said["locktime"]) == (tx.version, tx.locktime)
    assert (said["size"], said["vsize"]) == (len(tx.full), len(tx.full))
    assert (said["inputs"], said["outputs"]) == (len(ins), len(outs))
    assert said["out_value"] == sum(out["value"] for out in outs)
    assert [(i["prev_txid"], i["prev_vout"]) for i in ins if i["prev_kind"] is None] == list(tx.ins)
    assert [o["value"] for o in outs if o["kind"] != ScriptKind.SHIELDED] == [value for _, value in tx.outs]
    assert [(i["vin"], o) for o, i in enumerate(ins)] == [(o, o) for o in range(len(ins))]
    assert [o["vout"] for o in outs] == list(range(len(outs)))
    taken = {POOLS[FROM_POOL - i["prev_vout"]]: -i["prev_value"] for i in ins[len(tx.ins) :]}
    given = [o["value"] for o in outs[len(tx.outs) :]]
    assert taken == {name: units for name, units in pools.items() if units < 0}
    assert given == [units for units in pools.values() if units > 0]
    for i in ins[len(tx.ins) :]:
        assert (i["prev_txid"], i["prev_kind"]) == (bytes(32), ScriptKind.SHIELDED)
        assert (i["prev_payload"], i["sequence"]) == (None, 0)
    for o in outs[len(tx.outs) :]:
        assert (o["kind"], o["address_kind"]) == (ScriptKind.SHIELDED, ScriptKind.SHIELDED)
        assert (o["payload"], o["script"]) == (None, None)


@pytest.mark.parametrize("shape", list(SHAPES))
def test_every_version_says_what_was_written(shape: str) -> None:
    tx = SHAPES[shape]
    before, after = ZTx(1, IN, PAY), ZTx(4, IN, [(p2pkh("ann"), 3), (p2pkh("bob"), 1)])
    batch = batch_of(before, tx, after)
    for row, each in enumerate([before, tx, after], 1):
        holds(batch, row, each)


def test_spent_outputs_are_told_of_coins_and_never_of_pools() -> None:
    batch = with_prevouts(batch_of(SHAPES["version 6, from all of them"]), [9], [p2pkh("ann")])
    rows = [(row["prev_kind"], row["prev_value"]) for row in batch.inputs.to_pylist()]
    assert rows == [(ScriptKind.P2PKH, 9), *((ScriptKind.SHIELDED, units) for units in (1, 2, 3))]


def test_an_address_is_that_of_its_script() -> None:
    (_, paid) = batch_of(SHAPES["version 5, into Orchard"]).outputs.to_pylist()[:2]
    assert (paid["kind"], paid["payload"]) == (ScriptKind.P2PKH, b"bob".ljust(20, b"\0"))


amounts = st.integers(0, 10**9)
hashes = st.binary(min_size=32, max_size=32).filter(any)


@st.composite
def transactions(draw: st.DrawFn) -> ZTx:
    version = draw(st.integers(1, 6))
    balance = st.none() | st.integers(-(10**9), 10**9)
    tx = ZTx(
        version,
        draw(st.lists(st.tuples(hashes, st.integers(0, 99)), max_size=3)),
        draw(st.lists(st.tuples(st.binary(max_size=40), amounts), max_size=3)),
        notes=draw(st.integers(1, 2)),
        spends=draw(st.booleans()),
        script_sig=draw(st.binary(max_size=300)),
        locktime=draw(st.integers(0, 2**32 - 1)),
    )
    if 2 <= version <= 4:
        one_way = amounts.map(lambda a: (a, 0)) | amounts.map(lambda a: (0, a))
        tx.sprout = draw(st.lists(one_way, max_size=2))
    if version >= 4:
        tx.sapling = draw(balance)
    if version >= 5:
        tx.orchard = draw(balance)
    if version == 6:
        tx.ironwood = draw(balance)
    takes = tx.sprout or tx.orchard is not None or tx.ironwood is not None
    if not takes and not (tx.sapling is not None and tx.spends):
        tx.ins = tx.ins or IN
    if not takes and tx.sapling is None:
        tx.outs = tx.outs or PAY
    return tx


@settings(max_examples=scaled(60, full=2_000), deadline=None)
@given(txs=st.lists(transactions(), min_size=1, max_size=4, unique_by=lambda tx: tx.txid))
def test_whatever_is_written_is_read(txs: list[ZTx]) -> None:
    batch = batch_of(*txs)
    for row, tx in enumerate(txs, 1):
        holds(batch, row, tx)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_official_vectors_have_their_txids(vector: dict[str, str]) -> None:
    """ZIP 244 and ZIP 229. Those of version 6 were made before its version group was chosen, and are not walked."""
    tx = bytes.fromhex(vector["tx"])
    (found,) = tree_txids(np.frombuffer(tx, np.uint8).copy(), np.array([0]), np.array([len(tx)]))
    assert found.tobytes().hex() == vector["txid"]
    if tx[0] == 6:
        return
    minted = bytes(32) + b"\xff\xff\xff\xff" in tx
    body = varint(1) + tx if minted else varint(2) + coinbase(1, PAY).full + tx
    raw = np.frombuffer(body, np.uint8).copy()
    # their amounts are drawn, and add up to more than there is
    walked = walk(raw, np.array([0]), np.array([len(raw)]), 1, replace(CHAIN, max_money=1 << 61))
    assert walked.problem is None
    assert walked.txids[-1].tobytes().hex() == vector["txid"]


MONEY = CHAIN.max_money
FLAWS = {
    "money range, or moved by nothing": [
        ZTx(4, IN, PAY, sapling=MONEY + 1),
        ZTx(5, IN, PAY, orchard=-MONEY - 1),
        ZTx(2, IN, PAY, sprout=[(1, 1)]),
        ZTx(2, IN, PAY, sprout=[(-1, 0)]),
        ZTx(2, IN, PAY, sprout=[(MONEY, 0), (1, 0)]),
        ZTx(5, IN, [(b"", MONEY)], orchard=1),
    ],
    "without inputs or outputs": [
        ZTx(1, [], PAY),
        ZTx(1, IN, []),
        ZTx(5, [], PAY),
        ZTx(4, IN, [], sapling=None),
    ],
    "no coinbase, or another one is": [coinbase(2, PAY)],
    "an output's value": [ZTx(4, IN, [(b"", -1)]), ZTx(4, IN, [(b"", MONEY + 1)])],
}


@pytest.mark.parametrize("flaw", list(FLAWS))
def test_what_is_malformed_is_refused_with_the_reason(flaw: str) -> None:
    for tx in FLAWS[flaw]:
        found = decoded(block_of(coinbase(1, PAY)), block_of(coinbase(1, PAY), tx))
        assert found.sound == 1
        assert flaw in str(found.problem), found.problem


@pytest.mark.parametrize("version", [5, 6])
def test_a_version_that_is_not_known_is_refused_by_name(version: int) -> None:
    """A later version, a version group that is none of ours, and version 0."""
    block = block_of(coinbase(1, PAY, version=1), ZTx(version, IN, PAY))
    front = struct.pack("<II", version | 1 << 31, GROUPS[version])
    for header, group in ((7 | 1 << 31, GROUPS[version]), (version | 1 << 31, 0xFFFFFFFF), (0, 0)):
        found = decoded(block.replace(front, struct.pack("<II", header, group)))
        assert "a version, or a version group, that is not known here" in str(found.problem)


def test_a_coinbase_may_pay_into_pools_and_takes_nothing_out() -> None:
    """ZIP 213; and a coinbase without any transparent reward."""
    batch = decoded(block_of(coinbase(1, [], version=5, sapling=3, orchard=4))).batch
    assert batch is not None
    outs = batch.outputs.to_pylist()
    assert [(o["vout"], o["kind"], o["value"]) for o in outs] == [(0, 11, 3), (1, 11, 4)]
    assert batch.txs.column("inputs").to_pylist() == [0]
    assert "coinbase" in str(decoded(block_of(coinbase(1, PAY, version=5, orchard=-4))).problem)


def test_the_genesis_block_is_read() -> None:
    found = decoded(genesis())
    assert found.problem is None
    assert sha256d(genesis()[:HEADER])[::-1].hex() == CHAIN.genesis


def test_no_mutation_of_a_block_crashes_or_reads_behind_its_end(dice: random.Random) -> None:
    """Damaged blocks are refused or, where no txid covers the damage, read; what stands behind them changes nothing."""
    whole = block_of(coinbase(1, PAY), *SHAPES.values())
    starts = [HEADER + 1]
    for tx in (coinbase(1, PAY), *SHAPES.values()):
        starts.append(starts[-1] + len(tx.full))
    for _ in range(scaled(400, full=20_000)):
        block = bytearray(whole)
        for _ in range(dice.randint(1, 3)):
            # half of the damage near the fronts of transactions, where the counts stand
            near = dice.choice(starts) + dice.randint(0, 150)
            at = min(dice.choice([near, dice.randrange(HEADER, len(block))]), len(block) - 1)
            match dice.randrange(4):
                case 0:
                    block[at] ^= 1 << dice.randrange(8)
                case 1:
                    block[at] = dice.choice([0, 0xFC, 0xFD, 0xFE, 0xFF])
                case 2:
                    del block[at : at + dice.randint(1, 40)]
                case _:
                    block[at:at] = bytes(dice.randrange(256) for _ in range(dice.randint(1, 9)))
        first, second = (decoded(bytes(block), behind=bytes([fill]) * 4_000) for fill in (0, 0xFF))
        assert (first.sound, first.problem) == (second.sound, second.problem)
        assert first.problem is None or first.sound == 0
