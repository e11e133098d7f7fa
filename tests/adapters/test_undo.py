"""Undo data: amounts, heights and every form of script come back as they were; what is damaged says so."""

from __future__ import annotations

import numpy as np
import pytest
from coincurve import PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.bitcoin.folder.undo import complete_keys, find_records, read_coins
from adapters.simulation.encode import REGTEST_MAGIC
from tests.rawblocks import GENESIS, p2pkh, p2wpkh
from tests.undo import Coin, record, undo

MONEY = 21_000_000 * 100_000_000
P2SH = b"\xa9\x14" + b"escrow".ljust(20, b"\0") + b"\x87"


def decoded(data: bytes, shape: list[int], most: int = MONEY) -> list[tuple[int, bytes]] | None:
    """Value and script of each coin; None where the data is not of a block with so many inputs per transaction."""
    buffer = np.frombuffer(data, np.uint8)
    counts = np.array(shape, np.int64)
    n = int(counts.sum())
    values, places, forms = np.full(n, -1, np.int64), np.zeros((n, 2), np.int64), np.zeros(n, np.uint8)
    scripts = np.zeros(2 * len(data) + 8, np.uint8)
    rows = np.cumsum(counts) - counts
    end = read_coins(buffer, 0, len(data), counts, rows, most, values, places, forms, scripts, 0)
    if end < 0:
        return None
    complete_keys(values, places, forms, scripts)
    return [
        (value, scripts[at : at + size].tobytes())
        for value, (at, size) in zip(values.tolist(), places.tolist(), strict=True)
    ]


def key_script(secret: int, *, compressed: bool) -> bytes:
    """P2PK of a real key."""
    key = PrivateKey.from_int(secret).public_key.format(compressed=compressed)
    return bytes((len(key),)) + key + b"\xac"


def secret_of(parity: int) -> int:
    """A key whose y is even (0) or odd (1)."""
    return next(
        n
        for n in range(1, 99)
        if PrivateKey.from_int(n).public_key.format(compressed=False)[-1] & 1 == parity
    )


NAMED = {
    "to a key's hash": p2pkh("shop"),
    "to a script's hash": P2SH,
    "to a key, even": key_script(secret_of(0), compressed=True),
    "to a key, odd": key_script(secret_of(1), compressed=True),
    "to an uncompressed key, even": key_script(secret_of(0), compressed=False),
    "to an uncompressed key, odd": key_script(secret_of(1), compressed=False),
    "to a witness program": p2wpkh("shop"),
    "nothing at all": b"",
    "long": b"\x51" * 9_000,
}


@pytest.mark.parametrize("script", NAMED.values(), ids=NAMED)
def test_every_form_of_script_comes_back(script: bytes) -> None:
    assert decoded(undo([[Coin(5_000, script)]]), [1]) == [(5_000, script)]


def test_a_key_that_is_no_point_of_the_curve_is_not_told() -> None:
    nowhere = b"\x41\x04" + b"\xff" * 32 + bytes(31) + b"\x01" + b"\xac"
    found = decoded(undo([[Coin(5_000, nowhere), Coin(7, p2pkh("shop"))]]), [2])
    assert found is not None
    assert found[0][0] == -1
    assert found[1] == (7, p2pkh("shop"))


@pytest.mark.parametrize(
    "value", [0, 1, 9, 10, 546, 10**8, 50 * 10**8, 123_456_789_000_000, MONEY - 1, MONEY]
)
def test_amounts_come_back(value: int) -> None:
    assert decoded(undo([[Coin(value, b"")]]), [1]) == [(value, b"")]


@pytest.mark.parametrize("value", [MONEY + 1, 2 * MONEY, 9_000_000_000_000_000_000])
def test_an_amount_above_all_money_is_no_coin(value: int) -> None:
    assert decoded(undo([[Coin(value, b"")]]), [1]) is None


def test_an_amount_of_a_chain_with_more_coins_fits() -> None:
    value = 999_999_999 * 10**9
    assert decoded(undo([[Coin(value, b"")]]), [1], most=10**18) == [(value, b"")]


coins = st.builds(
    Coin,
    value=st.integers(0, MONEY),
    script=st.one_of(st.sampled_from(list(NAMED.values())), st.binary(max_size=80)),
    height=st.integers(0, 2**31 - 1),
    coinbase=st.booleans(),
    version=st.integers(0, 2**31 - 1),
)


@settings(deadline=None)
@given(st.lists(st.lists(coins, max_size=4), max_size=4))
def test_what_a_node_wrote_is_read(txs: list[list[Coin]]) -> None:
    expected = [(coin.value, coin.script) for tx in txs for coin in tx]
    assert decoded(undo(txs), [len(tx) for tx in txs]) == expected


@settings(deadline=None)
@given(st.lists(st.lists(coins, min_size=1, max_size=3), min_size=1, max_size=3), st.data())
def test_what_is_cut_off_or_of_another_block_is_refused(txs: list[list[Coin]], data: st.DataObject) -> None:
    whole, shape = undo(txs), [len(tx) for tx in txs]
    assert decoded(whole[: data.draw(st.integers(0, len(whole) - 1))], shape) is None
    assert decoded(whole, [*shape, 1]) is None
    assert decoded(whole, [*shape[:-1], shape[-1] + 1]) is None
    assert decoded(whole + b"root of some tree", shape) == decoded(whole, shape)


def test_records_are_found_among_reserved_space_and_remains() -> None:
    one, two = record(GENESIS, [[Coin(1, b"")]]), record(GENESIS, [[Coin(2, b"")], []])
    content = one + bytes(50) + one[20:] + two + REGTEST_MAGIC + b"\xff\xff\xff\x7f" + bytes(100)
    found = np.empty((9, 3), np.int64)
    count = find_records(np.frombuffer(content, np.uint8), np.frombuffer(REGTEST_MAGIC, np.uint8), found)
    second = len(one) + 50 + len(one) - 20
    assert found[:count].tolist() == [[8, len(one) - 40, 1], [second + 8, len(two) - 40, 2]]
