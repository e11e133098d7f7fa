"""A single transaction with its proof: what must hold before it is believed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.bitcoin.chains import CHAINS
from adapters.bitcoin.explorer.loose import Loose, branch_problem, header_problem, loose_batch
from adapters.bitcoin.headers import block_hash
from tests.nodes.explorer import Index, proved
from tests.rawblocks import RawChain, RawTx, p2pkh, p2wpkh, shop_chain
from tracer.errors import BadBlock

CHAIN = CHAINS["bitcoin-regtest"]


@pytest.fixture(scope="module")
def index() -> Index:
    """The shop's chain, and a block of five transactions on top of it: its Merkle tree has odd levels."""
    shop = shop_chain()
    crowd = RawChain(list(shop.blocks))
    coin = crowd.add(miner=p2pkh("crowd"))
    spends = []
    before, value = coin.txid, 5_000_000_000
    for number in range(4):
        value -= 1_000
        tx = RawTx([(before, 0)], [(p2wpkh(f"link {number}"), value)], witness=[[b"\x01" * 64]])
        spends.append(tx)
        before = tx.txid
    crowd.add(*spends)
    found = Index()
    for block in crowd.blocks:
        found.add(block)
    return found


def test_every_place_of_a_block_is_proved_coinbase_and_odd_last_included(index: Index) -> None:
    loose = [proved(index, txid) for txid in index.in_block[14]]
    assert [branch_problem(each) for each in loose] == [None] * 5
    batch = loose_batch(loose[::-1], CHAIN, "host")
    assert batch.txs.column("tx_id").to_pylist() == [14 << 24 | place for place in range(5)]
    assert [raw[::-1].hex() for raw in batch.txs.column("txid").to_pylist()] == index.in_block[14]
    assert batch.txs.column("inputs").to_pylist() == [0, 1, 1, 1, 1]
    assert batch.blocks.column("height").to_pylist() == [14]
    assert batch.inputs.column("prev_value").to_pylist() == [5_000_000_000 - 1_000 * n for n in range(4)]


def test_columns_are_those_of_the_whole_block(index: Index) -> None:
    import numpy as np

    from adapters.bitcoin.decode import decode_blocks

    block = index.blocks[14]
    buffer = np.frombuffer(block, np.uint8)
    whole = decode_blocks(
        buffer, np.array([0]), np.array([len(block)]), 14, np.zeros((1, 32), np.uint8), CHAIN
    ).batch
    assert whole is not None
    loose = loose_batch([proved(index, txid) for txid in index.in_block[14]], CHAIN, "host")
    assert loose.txs.equals(whole.txs.combine_chunks())
    assert loose.outputs.equals(whole.outputs.combine_chunks())
    known = ["tx_id", "vin", "prev_txid", "prev_vout", "sequence"]
    assert loose.inputs.select(known).equals(whole.inputs.select(known).combine_chunks())


def wrong_bytes(loose: Loose) -> Loose:
    return replace(loose, raw=loose.raw[:10] + bytes([loose.raw[10] ^ 1]) + loose.raw[11:])


LIES = {
    "of another transaction": (wrong_bytes, "not that transaction's"),
    "cut off": (lambda it: replace(it, raw=it.raw[:-1]), "malformed|ends in the middle"),
    "with more behind": (lambda it: replace(it, raw=it.raw + b"\0"), "bytes follow"),
    "at another place": (lambda it: replace(it, place=it.place ^ 1), "does not lead"),
    "outside the block": (lambda it: replace(it, place=it.place + 16), "outside its block"),
    "with another branch": (lambda it: replace(it, branch=it.branch[::-1]), "does not lead"),
    "without a branch": (lambda it: replace(it, branch=()), "outside its block|does not lead"),
    "that may be a node of a tree": (lambda it: replace(it, raw=bytes(64)), "inner node"),
    "with too few amounts": (lambda it: replace(it, spends=()), "not told of each"),
    "with too many amounts": (lambda it: replace(it, spends=it.spends * 2), "not told of each"),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_is_shown_wrongly_is_refused_by_name(index: Index, lie: str) -> None:
    txid = index.in_block[14][3]
    change, words = LIES[lie]
    honest = [proved(index, each) for each in index.in_block[14] if each != txid]
    with pytest.raises(BadBlock, match=rf"{txid}, as host shows it.*({words})"):
        loose_batch([*honest, change(proved(index, txid))], CHAIN, "host")


def test_the_copy_of_an_odd_last_transaction_is_no_place(index: Index) -> None:
    last = proved(index, index.in_block[14][4])
    assert (
        branch_problem(replace(last, place=5)) == "its place is that of the copy of an odd last transaction"
    )


def test_a_header_is_its_hash_and_its_work(index: Index) -> None:
    header = index.blocks[5][:80]
    assert header_problem(header, block_hash(header), CHAIN) is None
    assert header_problem(header[:79], block_hash(header[:79]), CHAIN) == "its header has another hash"
    assert header_problem(header, bytes(32), CHAIN) == "its header has another hash"
    lazy = header[:72] + (0x1D00FFFF).to_bytes(4, "little") + header[76:]
    assert "proof of work" in str(header_problem(lazy, block_hash(lazy), CHAIN))
    assert "easier" in str(header_problem(header, block_hash(header), CHAINS["bitcoin"]))
