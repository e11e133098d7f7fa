"""Decoding: every script kind, what a block may not be, and the same columns an independent parser gives."""

import struct
from itertools import pairwise

import numpy as np
import pytest

from adapters.bitcoin.chains import CHAINS
from adapters.bitcoin.classify import Scripts
from adapters.bitcoin.decode import Decoded, decode_blocks
from adapters.simulation.encode import merkle_root, mine, sha256d, varint
from tests.rawblocks import RawChain, RawTx, coinbase, p2pkh, p2wpkh, shop_chain
from tracer.chain import AddressKey, ScriptKind
from tracer.ledger.prefix import address_prefix

KEY33, KEY65 = b"\x02" + b"k" * 32, b"\x04" + b"k" * 64
SCRIPTS = {
    "P2PK compressed": (b"\x21" + KEY33 + b"\xac", ScriptKind.P2PK),
    "P2PK uncompressed": (b"\x41" + KEY65 + b"\xac", ScriptKind.P2PK),
    "P2PK of no key": (b"\x21" + b"\x05" + b"k" * 32 + b"\xac", ScriptKind.NONSTANDARD),
    "P2PKH": (p2pkh("bob"), ScriptKind.P2PKH),
    "P2PKH cut short": (p2pkh("bob")[:-1], ScriptKind.NONSTANDARD),
    "P2SH": (b"\xa9\x14" + b"h" * 20 + b"\x87", ScriptKind.P2SH),
    "P2WPKH": (p2wpkh("bob"), ScriptKind.P2WPKH),
    "P2WSH": (b"\x00\x20" + b"h" * 32, ScriptKind.P2WSH),
    "version 0 of odd length": (b"\x00\x03abc", ScriptKind.NONSTANDARD),
    "P2TR": (b"\x51\x20" + b"h" * 32, ScriptKind.P2TR),
    "anchor": (bytes.fromhex("51024e73"), ScriptKind.ANCHOR),
    "version 1 of odd length": (b"\x51\x03abc", ScriptKind.WITNESS_UNKNOWN),
    "version 16": (b"\x60\x02ab", ScriptKind.WITNESS_UNKNOWN),
    "1-of-2 multisig": (b"\x51\x21" + KEY33 + b"\x41" + KEY65 + b"\x52\xae", ScriptKind.MULTISIG),
    "2-of-1 multisig": (b"\x52\x21" + KEY33 + b"\x51\xae", ScriptKind.NONSTANDARD),
    "multisig of three that holds two": (
        b"\x51" + (b"\x21" + KEY33) * 2 + b"\x53\xae",
        ScriptKind.NONSTANDARD,
    ),
    "OP_RETURN": (b"\x6a\x04data", ScriptKind.OP_RETURN),
    "empty": (b"", ScriptKind.NONSTANDARD),
    "one byte": (b"\x76", ScriptKind.NONSTANDARD),
}


def _decode(blocks: list[bytes], first_height: int = 0) -> Decoded:
    raw = np.frombuffer(b"".join(blocks), np.uint8).copy()
    ends = np.cumsum([len(b) for b in blocks])
    hashes = np.array([np.frombuffer(sha256d(b[:80]), np.uint8) for b in blocks])
    starts = ends - np.array([len(b) for b in blocks])
    return decode_blocks(raw, starts, ends, first_height, hashes, CHAINS["bitcoin-regtest"])


def test_every_script_kind_is_told_apart() -> None:
    buffer = np.frombuffer(b"".join(script for script, _ in SCRIPTS.values()) + b"\0", np.uint8).copy()
    sizes = np.array([len(script) for script, _ in SCRIPTS.values()], np.int64)
    scripts = Scripts(buffer, np.column_stack((np.cumsum(sizes) - sizes, sizes)))
    assert dict(zip(SCRIPTS, scripts.kind.tolist(), strict=True)) == {
        name: int(kind) for name, (_, kind) in SCRIPTS.items()
    }
    for row in range(len(SCRIPTS)):
        if scripts.length[row]:
            payload = scripts.payload[row, : scripts.length[row]].tobytes()
            key = AddressKey(int(scripts.address_kind[row]), payload)
            assert address_prefix(key) == scripts.prefix[row]


def test_a_key_and_its_hash_are_one_address() -> None:
    from adapters.simulation.encode import hash160

    chain = RawChain()
    chain.add(miner=b"\x21" + KEY33 + b"\xac")
    chain.add(miner=b"\x76\xa9\x14" + hash160(KEY33) + b"\x88\xac")
    batch = _decode(chain.blocks).batch
    assert batch is not None
    paid = batch.outputs.to_pylist()[1:]
    assert [(row["address_kind"], row["payload"]) for row in paid] == [(ScriptKind.P2PKH, hash160(KEY33))] * 2
    assert [row["kind"] for row in paid] == [ScriptKind.P2PK, ScriptKind.P2PKH]


def test_columns_say_what_was_serialised() -> None:
    blocks = shop_chain().blocks
    decoded = _decode(blocks)
    assert decoded.problem is None
    assert decoded.batch is not None
    txs, outputs, inputs = (
        t.to_pylist() for t in (decoded.batch.txs, decoded.batch.outputs, decoded.batch.inputs)
    )
    assert len(txs) == 13 + 10
    assert [t["inputs"] for t in txs if t["tx_id"] & 0xFFFFFF == 0] == [0] * 13
    spends = [t for t in txs if t["inputs"]]
    assert {i["tx_id"] for i in inputs} == {t["tx_id"] for t in spends}
    for tx, following in pairwise(spends):
        mine_in = [i for i in inputs if i["tx_id"] == following["tx_id"]]
        assert [(i["prev_txid"], i["prev_vout"], i["vin"]) for i in mine_in] == [(tx["txid"], 1, 0)]
        assert sum(o["value"] for o in outputs if o["tx_id"] == tx["tx_id"]) == tx["out_value"]
    segwit = next(t for t in spends if t["size"] != t["vsize"])
    assert segwit["vsize"] < segwit["size"]


def _block_with(*txs: RawTx) -> bytes:
    chain = RawChain()
    chain.add_raw(txs)
    return chain.blocks[1]


PAYING = RawTx([(b"\1" * 32, 0)], [(p2pkh("bob"), 5)])
MALFORMED = {
    "bytes follow": _block_with(coinbase(1, [(p2pkh("a"), 5)])) + b"\0",
    "middle of a transaction": _block_with(coinbase(1, [(p2pkh("a"), 5)]))[:-1],
    "no coinbase": _block_with(PAYING),
    "another one is": _block_with(coinbase(1, [(p2pkh("a"), 5)]), coinbase(1, [(p2pkh("b"), 5)])),
    "money range": _block_with(coinbase(1, [(p2pkh("a"), 21_000_000 * 10**8 + 1)])),
    "sum, is outside": _block_with(coinbase(1, [(p2pkh("a"), 20_000_000 * 10**8)] * 2)),
    "negative": _block_with(coinbase(1, [(p2pkh("a"), -1)])),
    "without inputs or outputs": _block_with(coinbase(1, [])),
}


@pytest.mark.parametrize("flaw", list(MALFORMED))
def test_a_malformed_block_is_refused_and_what_came_before_is_kept(flaw: str) -> None:
    decoded = _decode([RawChain().blocks[0], MALFORMED[flaw]])
    assert decoded.sound == 1
    assert decoded.problem is not None
    assert flaw in decoded.problem or flaw == "negative"
    assert decoded.batch is not None
    assert decoded.batch.blocks.num_rows == 1


def test_a_repeated_leaf_pair_is_refused_though_the_root_matches() -> None:
    """CVE-2012-2459: three transactions and the last one again have the same root as four."""
    txs = [coinbase(1, [(p2pkh("a"), 5)]), PAYING, RawTx([(b"\2" * 32, 0)], [(p2pkh("c"), 5)])]
    twice = [*txs, txs[2]]
    assert merkle_root([t.txid for t in txs]) == merkle_root([t.txid for t in twice])
    header, _ = mine(sha256d(RawChain().blocks[0][:80]), merkle_root([t.txid for t in txs]), 1_300_000_000)
    honest = header + varint(3) + b"".join(t.full for t in txs)
    forged = header + varint(4) + b"".join(t.full for t in twice)
    assert _decode([honest]).problem is None
    assert "CVE-2012-2459" in str(_decode([forged]).problem)


def test_every_flipped_byte_of_a_witness_block_is_noticed() -> None:
    """Header apart (proof of work and links guard it), no single byte can change unnoticed, witnesses included."""
    chain = RawChain()
    chain.add(RawTx([(b"\1" * 32, 0)], [(p2pkh("bob"), 5)], witness=[[b"sig", b"key"]]))
    block = chain.blocks[1]
    assert _decode([block]).problem is None
    for at in range(80, len(block)):
        damaged = block[:at] + bytes([block[at] ^ 1]) + block[at + 1 :]
        assert _decode([damaged]).problem is not None, f"byte {at}"


def test_a_witness_block_without_commitment_is_refused() -> None:
    tx = RawTx([(b"\1" * 32, 0)], [(p2pkh("bob"), 5)], witness=[[b"sig"]])
    assert "without a witness commitment" in str(
        _decode([_block_with(coinbase(1, [(p2pkh("a"), 5)]), tx)]).problem
    )


def test_lengths_that_lie_cannot_read_past_the_block() -> None:
    block = bytearray(_block_with(coinbase(1, [(p2pkh("a"), 5)]), PAYING))
    for count in (b"\xfd\xff\xff", b"\xfe\xff\xff\xff\x7f", b"\xff" + struct.pack("<Q", 1 << 62)):
        assert _decode([bytes(block[:80]) + count + bytes(block[81:])]).sound == 0
