"""Amounts up to 2^256 - 1: exact, or quarantined by name; never rounded, whatever stands beside them."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.addresses.keccak import keccak256
from adapters.evm import amounts
from adapters.evm.amounts import KNOWN, MOST, WIDE, Amounts
from adapters.evm.decode import decode
from adapters.evm.eventlogs import SIGNATURES, TOPICS
from adapters.evm.header import rlp
from tests.adapters.evm.told import CHAIN, Node, call, log, moves, quarantined, transfer, tx

LIMIT = 2**256
EDGES = (0, 1, 2**63, 2**64 - 1, 2**64, 2**127, MOST - 1, MOST, MOST + 1, 2**128, 2**200 + 7, LIMIT - 1)
uints = st.one_of(
    st.sampled_from(EDGES), st.integers(0, LIMIT - 1), st.integers(0, 255).map(lambda bits: 1 << bits)
)


def exact(value: int) -> int | None:
    return value if value <= MOST else None


def column(values: list[int]) -> Amounts:
    limbs = np.array([[v & (1 << 64) - 1, v >> 64] if v <= MOST else [0, 0] for v in values], np.uint64)
    states = np.array([KNOWN if v <= MOST else WIDE for v in values], np.uint8)
    return Amounts(limbs.reshape(-1, 2), states)


def numbers(found: Amounts) -> list[int | None]:
    return [None if value is None else int(value) for value in found.arrow().to_pylist()]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(uints, uints, uints, uints), min_size=1, max_size=6))
def test_any_uint256_arrives_exactly_or_is_quarantined_by_name(
    quads: list[tuple[int, int, int, int]],
) -> None:
    """As value of a transaction, value of a call, amount of ERC-20 and of ERC-1155, with any token id."""
    told = Node(base_fee=None)
    for value, inner, token, item in quads:
        events = (
            transfer("usdc", "a", "b", token),
            log("items", "TransferSingle", "a", "b", "c", data=[inner, item]),
        )
        told.block(tx("a", "b", *events, value=value, calls=[call("b", "c", inner)], price=0))
    decoded = told.decoded()
    found = decoded.batch.transfers.to_pylist()
    kept = {(row["tx_id"], row["kind"], row["contract"]): row for row in found}
    assert len(kept) == len(found)
    expected, raw = [], []
    for at, (value, inner, token, item) in enumerate(quads):
        places = [(value, "value"), (inner, "frame 1"), (token, "log 0"), (item, "log 1")]
        expected += [exact(units) for units, place in places if units or place.startswith("log")]
        raw += [(100 + at, place, units.to_bytes(32, "big")) for units, place in places if units > MOST]
    assert [None if row["amount"] is None else int(row["amount"]) for row in found] == expected
    assert [int.from_bytes(row["token_id"], "big") for row in found if row["token_id"]] == [
        q[1] for q in quads
    ]
    assert sorted(
        (row["tx_id"] >> 24, " ".join(row["place"].split()[2:]), row["raw"])
        for row in decoded.batch.quarantine.to_pylist()
    ) == sorted(raw)


def pairs(words: list[int]) -> list[tuple[int, int]] | None:
    """Two `uint256[]` by the ABI specification; None where the words are no such thing."""
    size = 32 * len(words)
    if size < 128:
        return None
    lists = []
    for offset in words[:2]:
        if offset < 64 or offset % 32 or offset + 32 > size:
            return None
        first, count = offset // 32 + 1, words[offset // 32]
        if count > size or first + count > len(words):
            return None
        lists.append(words[first : first + count])
    return list(zip(*lists, strict=True)) if len(lists[0]) == len(lists[1]) else None


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([0, 32, 64, 96, 128, 160, 2**255]), st.sampled_from([64, 96, 128, 160]),
                  st.lists(st.sampled_from([0, 1, 2, 3, 32, 2**39, 2**40, LIMIT - 1]), max_size=6)),
        min_size=1, max_size=4,
    )
)  # fmt: skip
def test_a_batch_of_erc_1155_is_decoded_as_the_abi_says_or_quarantined(
    logs: list[tuple[int, int, list[int]]],
) -> None:
    data = [[first, second, *rest] for first, second, rest in logs]
    events = [log("items", "TransferBatch", "m", "a", "b", data=words) for words in data]
    decoded = Node(base_fee=None).block(tx("a", "b", *events, price=0)).decoded()
    found = [
        (row["log_index"], int.from_bytes(row["token_id"], "big"), row["amount"] and int(row["amount"]))
        for row in decoded.batch.transfers.to_pylist()
    ]
    read = [pairs(words) for words in data]
    assert found == [(at, item, exact(units)) for at, told in enumerate(read) for item, units in told or []]
    odd = {place for place, reason in quarantined(decoded) if "shape" in reason}
    assert odd == {f"log {at}" for at, told in enumerate(read) if told is None}


def test_two_to_the_200_and_7_is_named_where_it_stands() -> None:
    huge = 2**200 + 7
    events = transfer("hostile", "a", "b", huge), transfer("usdc", "a", "b", 5)
    decoded = Node().block(tx("a", "b", *events, value=9)).decoded()
    assert moves(decoded) == ["value a -> b 9 coin", "token a -> b ? hostile", "token a -> b 5 usdc"]
    assert quarantined(decoded) == [("log 0", "an amount of more than 38 digits")]
    assert decoded.batch.quarantine["raw"].to_pylist() == [huge.to_bytes(32, "big")]


def test_the_greatest_amount_that_fits_is_kept() -> None:
    (row,) = (
        Node(base_fee=None).block(tx("a", "b", value=MOST, price=0)).decoded().batch.transfers.to_pylist()
    )
    assert row["amount"] == Decimal(MOST)


def test_a_fee_of_more_than_38_digits_is_quarantined() -> None:
    decoded = Node(base_fee=None).block(tx("a", "b", price=10**36, gas=10**6)).decoded()
    assert decoded.batch.txs["fee"].to_pylist() == [None]
    assert quarantined(decoded) == [("fee", "a fee of more than 38 digits")]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(uints, uints, st.integers(0, 2**63 - 1)), min_size=1, max_size=8))
def test_arithmetic_is_that_of_integers(triples: list[tuple[int, int, int]]) -> None:
    ones, others, counts = (list(values) for values in zip(*triples, strict=True))
    a, b = column(ones), column(others)
    both = [x <= MOST and y <= MOST for x, y in zip(ones, others, strict=True)]
    assert numbers(amounts.total(a, b)) == [
        exact(x + y) if fit else None for x, y, fit in zip(ones, others, both, strict=True)
    ]
    times = amounts.product(np.array(counts), a)
    assert numbers(times) == [
        exact(n * x) if x <= MOST else exact(n and MOST + 1) for n, x in zip(counts, ones, strict=True)
    ]
    part, rest = amounts.split(a, b)
    assert numbers(part) == [min(x, y) if fit else None for x, y, fit in zip(ones, others, both, strict=True)]
    assert numbers(rest) == [
        max(x - y, 0) if fit else None for x, y, fit in zip(ones, others, both, strict=True)
    ]


def test_an_unknown_amount_makes_every_sum_unknown() -> None:
    unknown = Amounts(np.zeros((1, 2), np.uint64), np.zeros(1, np.uint8))
    one = amounts.constant(1, 1)
    for found in (
        amounts.total(one, unknown),
        amounts.product(np.array([3]), unknown),
        amounts.split(one, unknown)[1],
    ):
        assert numbers(found) == [None]
        assert found.states.tolist() == [amounts.ABSENT]


def test_leading_zeros_and_capitals_change_nothing() -> None:
    body: dict[str, Any] = {"value": "0x" + "0" * 60 + "aB"}
    assert moves(Node().block(tx("a", "b", body=body)).decoded()) == ["value a -> b 171 coin"]


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_topics_are_the_hashes_of_their_signatures(name: str) -> None:
    assert TOPICS[name] == keccak256(SIGNATURES[name].encode()).hex()


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (b"dog", "83646f67"),
        ([b"cat", b"dog"], "c88363617483646f67"),
        (b"", "80"),
        ([], "c0"),
        (b"\x00", "00"),
        (b"\x0f", "0f"),
        (b"\x04\x00", "820400"),
        (b"a" * 56, "b838" + "61" * 56),
    ],
)
def test_rlp_is_that_of_the_yellow_paper(item: bytes | list[bytes], code: str) -> None:
    assert rlp(item).hex() == code


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(4)), st.booleans(), st.booleans())
def test_the_order_of_answers_and_their_batching_change_nothing(
    order: list[int], together: bool, singly: bool
) -> None:
    """Bodies in any order, answers in one batch, a receipt for each transaction: the same columns."""
    told = Node()
    for number in range(4):
        events = transfer("usdc", "a", "b", number), log("items", "Approval", "a", "b", 1)
        told.block(tx("a", "b", *events, value=number), *[tx("b", "c", calls=[call("c", "d", 1)])] * number)
    blocks, receipts, frames = (
        [told.answers(results)[at] for at in order] for results in (told.blocks, told.receipts, told.traces)
    )
    if singly:
        receipts = told.answers([one for block in told.receipts for one in reversed(block)])
    if together:
        blocks, receipts, frames = (
            [b"[" + b" ,\n".join(bodies) + b"]"] for bodies in (blocks, receipts, frames)
        )
    found, plain = decode(CHAIN, blocks, receipts, frames).batch, told.decoded().batch
    for name in ("blocks", "txs", "transfers", "relations", "events", "quarantine"):
        assert getattr(found, name).equals(getattr(plain, name))
