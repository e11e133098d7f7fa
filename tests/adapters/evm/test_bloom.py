"""A header's bloom says which logs its block has: none is left out, and none is added."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.addresses.keccak import keccak256
from adapters.evm.bloom import SIZE, blooms
from adapters.evm.decode import UNCHECKED
from adapters.evm.header import HEADER, rlp
from tests.adapters.evm.told import Node, Tx, log, moves, transfer, tx
from tracer.errors import BadBlock, SourceUnavailable

NOTHING = "0x" + "00" * SIZE
PAID, MINTED = transfer("usdc", "alice", "bob", 5), transfer("dai", "zero", "bob", 7)
ANONYMOUS = {**log("dark", "Transfer"), "topics": []}


def by_the_book(values: Iterable[bytes]) -> bytes:
    """Three bits for each value, as the Yellow Paper says it (section 4.4.1)."""
    bloom = 0
    for value in values:
        digest = keccak256(value)
        for at in (0, 2, 4):
            bloom |= 1 << (int.from_bytes(digest[at : at + 2]) & 2047)
    return bloom.to_bytes(SIZE)


def bloom_of(*logs: Mapping[str, Any]) -> str:
    texts = [text for entry in logs for text in (entry["address"], *entry["topics"])]
    return "0x" + by_the_book(bytes.fromhex(text[2:]) for text in texts).hex()


def node(*txs: Tx, bloom: str, vouched: bool = True) -> Node:
    """One block; `vouched`: with a whole header, and the hash that it makes."""
    told = Node(base_fee=None)
    if not vouched:
        return told.block(*txs, logsBloom=bloom)
    root = "0x" + "11" * 32
    told.block(
        *txs, logsBloom=bloom, sha3Uncles=root, stateRoot=root, transactionsRoot=root, receiptsRoot=root,
        difficulty="0x0", gasLimit="0x1c9c380", gasUsed="0x0", extraData="0x", mixHash=root, nonce="0x" + "00" * 8,
    )  # fmt: skip
    (block,) = told.blocks
    texts = [block[name][2:] for name in HEADER if name in block]
    fields = [bytes.fromhex(text if len(text) % 2 == 0 else "0" + text) for text in texts]
    fields = [b"" if field == b"\0" else field for field in fields]  # quantities have no zeros in front
    block["hash"] = "0x" + keccak256(rlp(fields)).hex()
    for receipt in told.receipts[0]:
        receipt["blockHash"] = block["hash"]
    return told


@settings(deadline=None)  # the first one compiles
@given(st.integers(1, 135).flatmap(lambda w: st.lists(st.binary(min_size=w, max_size=w), min_size=1)))
def test_bits_are_those_of_keccak_256(values: list[bytes]) -> None:
    raw = np.array(list(b"".join(values)), np.uint8).reshape(len(values), -1)
    (found,) = blooms(1, raw, np.zeros(len(values), np.int64))
    assert found.tobytes() == by_the_book(values)


@pytest.mark.parametrize(
    "logs", [(), (PAID,), (PAID, MINTED), (PAID, PAID), (ANONYMOUS,)],
    ids=["none", "one", "two", "the same twice", "no topics"],
)  # fmt: skip
def test_the_logs_that_the_header_has_are_taken(logs: tuple[dict[str, Any], ...]) -> None:
    decoded = node(tx("alice", "usdc", *logs), bloom=bloom_of(*logs)).decoded()
    assert UNCHECKED not in decoded.notes
    assert len(moves(decoded)) == len([entry for entry in logs if entry is not ANONYMOUS])


@pytest.mark.parametrize(
    ("told", "bloom", "said"),
    [
        ((), bloom_of(PAID), "Block 100: the node leaves out logs that its header has"),
        ((PAID,), bloom_of(PAID, MINTED), "Block 100: the node leaves out logs that its header has"),
        ((PAID, MINTED), bloom_of(PAID), "Block 100: the node has logs that its header has not"),
        ((PAID,), NOTHING, "Block 100: the node has logs that its header has not"),
        ((ANONYMOUS,), NOTHING, "Block 100: the node has logs that its header has not"),
    ],
    ids=["all left out", "one left out", "one added", "all added", "one without topics added"],
)
def test_other_logs_than_the_header_has_are_refused(
    told: tuple[dict[str, Any], ...], bloom: str, said: str
) -> None:
    with pytest.raises(SourceUnavailable) as caught:
        node(tx("alice", "usdc", *told), bloom=bloom).decoded()
    assert said in str(caught.value)


def test_the_block_is_named() -> None:
    told = Node().block(tx("alice", "usdc", PAID), logsBloom=bloom_of(PAID))
    told.block(tx("alice", "bob"), logsBloom=bloom_of(PAID))
    with pytest.raises(SourceUnavailable, match="Block 101"):
        told.decoded()


def test_a_header_that_nothing_vouches_for_must_have_a_log_if_it_speaks_of_logs() -> None:
    """Chains with other headers have logs outside of transactions in their bloom (Celo), or none at all."""
    for bloom in (bloom_of(PAID, MINTED), NOTHING):
        assert len(moves(node(tx("alice", "usdc", PAID), bloom=bloom, vouched=False).decoded())) == 1
    with pytest.raises(SourceUnavailable, match="leaves out logs"):
        node(tx("alice", "usdc"), bloom=bloom_of(PAID), vouched=False).decoded()


def test_logs_of_transactions_from_nobody_are_the_chain_s_own() -> None:
    synced = tx("zero", "zero", MINTED)
    for bloom in (bloom_of(PAID), bloom_of(PAID, MINTED)):
        assert len(moves(node(tx("alice", "usdc", PAID), synced, bloom=bloom).decoded())) == 2


def test_a_bloom_that_is_none_is_named() -> None:
    told = node(tx("alice", "bob"), bloom="0x1234", vouched=False)
    with pytest.raises(BadBlock, match="Block 100: 'logsBloom' is not 256 bytes in hex"):
        told.decoded()
