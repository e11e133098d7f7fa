"""RIPEMD-160 and HASH160 side by side equal the published vectors, pycryptodome and hashlib, lane by lane."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from Crypto.Hash import RIPEMD160
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from adapters.bitcoin.chains import CHAINS, chain_named
from adapters.bitcoin.hashing import hash160_rows
from adapters.bitcoin.ripemd import LANES, ripemd160_rows
from tracer.chain import AddressKey, ScriptKind

messages = st.integers(0, 55).flatmap(
    lambda width: st.lists(st.binary(min_size=width, max_size=width), max_size=2 * LANES + 1)
)
"""Messages of one length, as many as fill no, one, or several groups of lanes."""


def rows_of(texts: list[bytes]) -> NDArray[np.uint8]:
    width = len(texts[0]) if texts else 32
    return np.frombuffer(b"".join(texts), np.uint8).reshape(len(texts), width)


def ripemd160(texts: list[bytes]) -> list[bytes]:
    out = np.empty((len(texts), 20), np.uint8)
    ripemd160_rows(rows_of(texts), out)
    return [row.tobytes() for row in out]


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        (b"", "9c1185a5c5e9fc54612808977ee8f548b2258d31"),
        (b"a", "0bdc9d2d256b3ee9daae347be6f4dc835a467ffe"),
        (b"abc", "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"),
        (b"message digest", "5d0689ef49d2fae572b881b123a85ffa21595f36"),
        (b"abcdefghijklmnopqrstuvwxyz", "f71c27109c692c1b56bbdceb5b9d2865b3708dbc"),
    ],
)
def test_the_authors_vectors_in_every_lane(text: bytes, digest: str) -> None:
    assert [found.hex() for found in ripemd160([text] * (LANES + 1))] == [digest] * (LANES + 1)


@settings(deadline=None)
@given(messages)
def test_equals_pycryptodome(texts: list[bytes]) -> None:
    assert ripemd160(texts) == [RIPEMD160.new(text).digest() for text in texts]


@settings(deadline=None)
@given(messages)
def test_hash160_is_ripemd160_of_sha256(texts: list[bytes]) -> None:
    want = [RIPEMD160.new(hashlib.sha256(text).digest()).digest() for text in texts]
    assert [row.tobytes() for row in hash160_rows(rows_of(texts))] == want


def test_a_message_longer_than_a_block_is_refused_not_cut() -> None:
    with pytest.raises(ValueError, match="longer than one block"):
        hash160_rows(np.zeros((1, 56), np.uint8))


def test_the_nested_address_of_bip_49s_vector() -> None:
    chain = chain_named("bitcoin-testnet")
    key = bytes.fromhex("03a1af804ac108a8a51782198c2d034b28bf90c8803f5a53f76276fa69a4eae77f")
    key_hash = hash160_rows(rows_of([key]))
    assert key_hash.tobytes().hex() == "38971f73930f6c141d977ac4fd4a727c854935b3"
    nested = chain.nested_segwit(key_hash)
    assert nested is not None
    script_hash = nested[0].tobytes()
    assert script_hash.hex() == "336caa13e08b96080a32b5d818d59b4ab3b36742"
    assert (
        chain.render_address(AddressKey(ScriptKind.P2SH, script_hash))
        == "2Mww8dCYPUpKHofjgcXcBCEGmniw9CoaiD2"
    )


@pytest.mark.parametrize("name", CHAINS)
def test_every_chain_with_segwit_hashes_the_same_script(name: str) -> None:
    payload = bytes(range(20))
    script = hashlib.sha256(b"\x00\x14" + payload).digest()
    nested = chain_named(name).nested_segwit(rows_of([payload]))
    assert (nested is None) == (chain_named(name).segwit_height is None)
    assert nested is None or nested[0].tobytes() == RIPEMD160.new(script).digest()
