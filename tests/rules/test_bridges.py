"""Bridge rules read what contracts emit: encoded here by another implementation of the ABI."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
import yaml
from eth_abi.abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.addresses import evm
from adapters.addresses.keccak import keccak256
from adapters.chains import find
from rules.bridges import BRIDGES, topics
from rules.bridges.emitters import own, read, with_lists
from rules.bridges.thorchain import from_memos
from tests.conftest import scaled
from tracer.errors import BadRule
from tracer.flow.bridges.rules import Bridge, side_schema

ALICE, BOB, TOKEN, BRIDGE = (bytes([n]) * 20 for n in (1, 2, 3, 4))
BY_ID = {bridge.id: bridge for bridge in BRIDGES}


def padded(account: bytes) -> bytes:
    return account.rjust(32, b"\0")


def event(
    text: str, topics_: Sequence[tuple[str, Any]], data: Sequence[tuple[str, Any]], tx: int = 1
) -> dict[str, Any]:
    """One event as the ledger holds it; arguments with their types, the indexed ones apart."""
    return {
        "tx_id": tx, "txid": f"{tx:064x}", "log_index": 0, "emitter": BRIDGE, "topic": keccak256(text.encode()),
        "topics": b"".join(encode([kind], [value]) for kind, value in topics_),
        "data": encode([kind for kind, _ in data], [value for _, value in data]),
    }  # fmt: skip


def frame(*events: dict[str, Any]) -> pl.DataFrame:
    schema = {
        "tx_id": pl.Int64, "txid": pl.String, "log_index": pl.Int32, "emitter": pl.Binary, "topic": pl.Binary,
        "topics": pl.Binary, "data": pl.Binary,
    }  # fmt: skip
    return pl.DataFrame([{**row, "log_index": place} for place, row in enumerate(events)], schema=schema)


def sides(bridge: str, home: str, *events: dict[str, Any]) -> list[dict[str, Any]]:
    found = BY_ID[bridge].sides(frame(*events), home)
    assert dict(found.schema) == side_schema()
    return found.to_dicts()


@pytest.mark.parametrize("bridge", BRIDGES, ids=lambda bridge: bridge.id)
def test_every_topic_is_the_hash_of_its_events_text(bridge: Bridge) -> None:
    assert bridge.events
    for one in bridge.events:
        assert keccak256(one.text.encode()) == one.topic, one.text


def test_across_names_a_crossing_by_origin_chain_and_deposit_id() -> None:
    text = BY_ID["across"].events
    deposit = event(
        text[0].text,
        [("uint256", 10), ("uint256", 77), ("bytes32", padded(ALICE))],
        [
            ("bytes32", padded(TOKEN)), ("bytes32", padded(BOB)), ("uint256", 1000), ("uint256", 990), ("uint32", 1),
            ("uint32", 2), ("uint32", 3), ("bytes32", padded(BOB)), ("bytes32", bytes(32)), ("bytes", b"hello"),
        ],
    )  # fmt: skip
    fill = event(
        text[1].text,
        [("uint256", 1), ("uint256", 77), ("bytes32", padded(ALICE))],
        [
            ("bytes32", padded(TOKEN)), ("bytes32", padded(BOB)), ("uint256", 1000), ("uint256", 990), ("uint256", 1),
            ("uint32", 2), ("uint32", 3), ("bytes32", bytes(32)), ("bytes32", padded(ALICE)), ("bytes32", padded(BOB)),
            ("bytes32", bytes(32)), ("(bytes32,bytes32,uint256,uint8)", (padded(BOB), bytes(32), 990, 0)),
        ],
    )  # fmt: skip
    (leaving,) = sides("across", "1", deposit)
    (coming,) = sides("across", "10", fill)
    assert (leaving["side"], leaving["key"], leaving["far"]) == ("out", "1:77", "10")
    assert (leaving["recipient"], leaving["token"], int(leaving["amount"])) == (BOB, TOKEN, 1000)
    assert (coming["side"], coming["key"], coming["far"]) == ("in", "1:77", "1")
    assert (coming["recipient"], coming["token"], int(coming["amount"])) == (BOB, BOB, 990)


def test_across_of_the_third_version_lays_its_fields_alike() -> None:
    text = BY_ID["across"].events
    deposit = event(
        text[2].text,
        [("uint256", 10), ("uint32", 78), ("address", ALICE)],
        [
            ("address", TOKEN), ("address", bytes(20)), ("uint256", 5), ("uint256", 4), ("uint32", 1), ("uint32", 2),
            ("uint32", 3), ("address", BOB), ("address", bytes(20)), ("bytes", b""),
        ],
    )  # fmt: skip
    fill = event(
        text[3].text,
        [("uint256", 1), ("uint32", 78), ("address", ALICE)],
        [
            ("address", TOKEN), ("address", BOB), ("uint256", 5), ("uint256", 4), ("uint256", 1), ("uint32", 2),
            ("uint32", 3), ("address", bytes(20)), ("address", ALICE), ("address", BOB), ("bytes", b""),
            ("(address,bytes,uint256,uint8)", (BOB, b"", 4, 0)),
        ],
    )  # fmt: skip
    (leaving,), (coming,) = sides("across", "1", deposit), sides("across", "10", fill)
    assert leaving["key"] == coming["key"] == "1:78"
    assert (leaving["recipient"], coming["recipient"], int(coming["amount"])) == (BOB, BOB, 4)


def test_celer_relays_quote_the_transfer_they_answer() -> None:
    text, one, other = BY_ID["celer"].events, bytes([7]) * 32, bytes([8]) * 32
    send = event(
        text[0].text, [],
        [
            ("bytes32", one), ("address", ALICE), ("address", BOB), ("address", TOKEN), ("uint256", 9), ("uint64", 56),
            ("uint64", 1), ("uint32", 5),
        ],
    )  # fmt: skip
    relay = event(
        text[1].text, [],
        [
            ("bytes32", other), ("address", ALICE), ("address", BOB), ("address", TOKEN), ("uint256", 8),
            ("uint64", 1), ("bytes32", one),
        ],
    )  # fmt: skip
    (leaving,), (coming,) = sides("celer", "1", send), sides("celer", "56", relay)
    assert leaving["key"] == coming["key"] == one.hex()
    assert (leaving["far"], coming["far"], coming["recipient"], int(coming["amount"])) == ("56", "1", BOB, 8)


def test_omnichain_tokens_carry_a_guid_and_one_of_nothing_is_none() -> None:
    text, guid = BY_ID["layerzero_v2"].events, bytes([9]) * 32
    sent = event(
        text[0].text,
        [("bytes32", guid), ("address", ALICE)],
        [("uint32", 30110), ("uint256", 6), ("uint256", 5)],
    )
    got = event(text[1].text, [("bytes32", guid), ("address", BOB)], [("uint32", 30101), ("uint256", 5)])
    bus = event(
        text[0].text,
        [("bytes32", bytes(32)), ("address", ALICE)],
        [("uint32", 1), ("uint256", 6), ("uint256", 5)],
    )
    (leaving,), (coming,) = sides("layerzero_v2", "30101", sent, bus), sides("layerzero_v2", "30110", got)
    assert leaving["key"] == coming["key"] == guid.hex()
    assert (leaving["far"], coming["far"], coming["recipient"]) == ("30110", "30101", BOB)


def test_hop_from_layer_one_joins_recipient_amount_and_deadline() -> None:
    text, transfer = BY_ID["hop"].events, bytes([5]) * 32
    sent = event(
        text[0].text, [("bytes32", transfer), ("uint256", 10), ("address", BOB)],
        [("uint256", 7), ("bytes32", bytes(32)), ("uint256", 1), ("uint256", 2), ("uint256", 3), ("uint256", 4)],
    )  # fmt: skip
    bonded = event(text[1].text, [("bytes32", transfer)], [("uint256", 7)])
    to_l2 = event(
        text[2].text, [("uint256", 42161), ("address", BOB), ("address", ALICE)],
        [("uint256", 7), ("uint256", 6), ("uint256", 1234), ("uint256", 0)],
    )  # fmt: skip
    from_l1 = event(
        text[3].text, [("address", BOB), ("address", ALICE)],
        [("uint256", 7), ("uint256", 6), ("uint256", 1234), ("uint256", 0)],
    )  # fmt: skip
    first, second = sides("hop", "42161", sent, bonded)
    assert first["key"] == second["key"] == transfer.hex()
    (leaving,), (coming,) = sides("hop", "1", to_l2), sides("hop", "42161", from_l1)
    assert leaving["key"] == coming["key"]
    assert (leaving["far"], coming["recipient"]) == ("42161", BOB)


def burn_body(amount: int, fee: int | None) -> bytes:
    body = (1).to_bytes(4, "big") + padded(TOKEN) + padded(BOB) + amount.to_bytes(32, "big") + padded(ALICE)
    return body if fee is None else body + (99).to_bytes(32, "big") + fee.to_bytes(32, "big") + bytes(32)


def test_cctp_v1_joins_domain_and_nonce() -> None:
    text = BY_ID["cctp_v1"].events
    burn = event(
        text[0].text, [("uint64", 55), ("address", TOKEN), ("address", ALICE)],
        [
            ("uint256", 100), ("bytes32", padded(BOB)), ("uint32", 3), ("bytes32", padded(BRIDGE)),
            ("bytes32", bytes(32)),
        ],
    )  # fmt: skip
    got = event(
        text[1].text, [("address", ALICE), ("uint64", 55)],
        [("uint32", 0), ("bytes32", padded(BRIDGE)), ("bytes", burn_body(100, None))],
    )  # fmt: skip
    (leaving,), (coming,) = sides("cctp_v1", "0", burn), sides("cctp_v1", "3", got)
    assert leaving["key"] == coming["key"] == "0:55"
    assert (leaving["far"], leaving["token"], coming["recipient"], int(coming["amount"])) == (
        "3",
        TOKEN,
        BOB,
        100,
    )


def test_cctp_v2_joins_the_fields_of_the_message_and_mints_less_its_fee() -> None:
    text = BY_ID["cctp_v2"].events
    burn = event(
        text[0].text, [("address", TOKEN), ("address", ALICE), ("uint32", 1000)],
        [
            ("uint256", 100), ("bytes32", padded(BOB)), ("uint32", 3), ("bytes32", padded(BRIDGE)),
            ("bytes32", bytes(32)), ("uint256", 99), ("bytes", b""),
        ],
    )  # fmt: skip
    got = event(
        text[1].text, [("address", ALICE), ("bytes32", bytes([3]) * 32), ("uint32", 1000)],
        [("uint32", 0), ("bytes32", padded(BRIDGE)), ("bytes", burn_body(100, 2))],
    )  # fmt: skip
    (leaving,), (coming,) = sides("cctp_v2", "0", burn), sides("cctp_v2", "3", got)
    assert leaving["key"] == coming["key"]
    assert (int(leaving["amount"]), int(coming["amount"]), coming["recipient"]) == (100, 98, BOB)


def test_wormhole_reads_transfers_and_no_other_message() -> None:
    text = BY_ID["wormhole"].events

    def payload(kind: int) -> bytes:
        return (
            bytes([kind]) + (5).to_bytes(32, "big") + padded(TOKEN) + (2).to_bytes(2, "big") + padded(BOB)
            + (23).to_bytes(2, "big") + bytes(32)
        )  # fmt: skip

    def published(kind: int) -> dict[str, Any]:
        data = [("uint64", 31), ("uint32", 0), ("bytes", payload(kind)), ("uint8", 1)]
        return event(text[0].text, [("address", BRIDGE)], data)

    redeemed = event(text[1].text, [("uint16", 2), ("bytes32", padded(BRIDGE)), ("uint64", 31)], [])
    first, second = sides("wormhole", "2", published(1), published(2), published(3))
    (coming,) = sides("wormhole", "23", redeemed)
    assert first["key"] == second["key"] == coming["key"]
    assert (first["far"], first["recipient"], coming["far"]) == ("23", BOB, "2")


def test_stargate_v1_takes_its_id_from_the_packet_of_the_same_transaction() -> None:
    text = BY_ID["stargate_v1"].events
    packed = (
        (12).to_bytes(8, "big")
        + (101).to_bytes(2, "big")
        + BRIDGE
        + (110).to_bytes(2, "big")
        + TOKEN
        + b"more"
    )
    swap = event(
        text[0].text, [],
        [
            ("uint16", 110), ("uint256", 1), ("address", ALICE), ("uint256", 5), ("uint256", 0), ("uint256", 0),
            ("uint256", 0), ("uint256", 0),
        ],
    )  # fmt: skip
    remote = event(text[1].text, [], [("address", BOB), ("uint256", 5), ("uint256", 0), ("uint256", 0)])
    packet = event(text[2].text, [], [("bytes", packed)])
    received = event(
        text[3].text, [("uint16", 101), ("address", TOKEN)],
        [("bytes", BRIDGE), ("uint64", 12), ("bytes32", bytes(32))],
    )  # fmt: skip
    (leaving,), (coming,) = (
        sides("stargate_v1", "101", swap, packet),
        sides("stargate_v1", "110", received, remote),
    )
    assert leaving["key"] == coming["key"] == f"101:{BRIDGE.hex()}:{TOKEN.hex()}:12"
    assert (leaving["far"], coming["far"], coming["recipient"]) == ("110", "101", BOB)
    assert sides("stargate_v1", "101", swap) == []
    assert sides("stargate_v1", "101", swap, swap, packet) == []


def test_thorchain_ties_a_payout_to_the_payment_its_memo_names() -> None:
    text = BY_ID["thorchain"].events
    paid = event(
        text[0].text, [("address", BRIDGE), ("address", TOKEN)],
        [("uint256", 50), ("string", "=:BTC.BTC:bc1qexample/bc1qrefund:0/1/0")], tx=3,
    )  # fmt: skip
    talk = event(
        text[0].text, [("address", BRIDGE), ("address", TOKEN)], [("uint256", 50), ("string", "hello")], tx=4
    )
    out = event(
        text[1].text, [("address", BRIDGE), ("address", BOB)],
        [("address", bytes(20)), ("uint256", 49), ("string", f"OUT:{3:064X}")], tx=5,
    )  # fmt: skip
    leaving, coming = sides("thorchain", "ETH", paid, talk, out)
    assert (leaving["key"], leaving["far"], leaving["token"]) == (f"{3:064x}", "BTC", TOKEN)
    assert (coming["key"], coming["recipient"], coming["token"], int(coming["amount"])) == (
        f"{3:064x}",
        BOB,
        None,
        49,
    )


MEMOS = {
    "=:ETH.USDT-0xdAC17F958D2ee523a2206206994597C13D831ec7:0xdest:0": ("out", "ETH"),
    "s:e:0xdest": ("out", "ETH"),
    "SWAP:AVAX.AVAX:0xdest/0xback": ("out", "AVAX"),
    "=<:b:bc1dest": ("out", "BTC"),
    f"OUT:{7:064X}": ("in", None),
    f"REFUND:{7:064X}": ("in", None),
    "=:ETH.ETH:": None,
    "+:BTC.BTC": None,
    "OUT:abc": None,
    "": None,
}


@pytest.mark.parametrize("memo", MEMOS)
def test_memos_of_bitcoin_are_read_like_those_of_contracts(memo: str) -> None:
    memos = pl.DataFrame(
        {"tx_id": [1], "txid": [f"{1:064x}"], "log_index": [2], "memo": [memo]},
        schema_overrides={"log_index": pl.Int32},
    )
    found = from_memos(memos).to_dicts()
    expected = MEMOS[memo]
    assert [(row["side"], row["far"]) for row in found] == ([] if expected is None else [expected])
    if expected is not None:
        assert found[0]["key"] == (f"{1:064x}" if expected[0] == "out" else f"{7:064x}")


@settings(deadline=None, max_examples=scaled(40, full=400))
@given(data=st.binary(max_size=400), topics_=st.binary(max_size=96), place=st.integers(0, 1_000))
def test_an_event_of_nonsense_gives_no_wrong_side_and_no_error(
    data: bytes, topics_: bytes, place: int
) -> None:
    every = [(bridge, one) for bridge in BRIDGES for one in bridge.events]
    bridge, one = every[place % len(every)]
    row = {
        "tx_id": 1, "txid": "0" * 64, "log_index": 0, "emitter": BRIDGE, "topic": one.topic, "topics": topics_,
        "data": data,
    }  # fmt: skip
    for side in bridge.sides(frame(row), "1").to_dicts():
        assert side["key"]
        assert side["amount"] is None or 0 <= int(side["amount"]) < 10**38


def test_an_amount_above_38_digits_is_not_known_rather_than_rounded() -> None:
    text = BY_ID["celer"].events[0].text

    def amount(units: int) -> Any:
        send = event(
            text, [],
            [
                ("bytes32", bytes([1]) * 32), ("address", ALICE), ("address", BOB), ("address", TOKEN),
                ("uint256", units), ("uint64", 1), ("uint64", 1), ("uint32", 1),
            ],
        )  # fmt: skip
        return sides("celer", "1", send)[0]["amount"]

    assert amount(2**200 + 7) is None
    assert amount(10**38) is None
    assert int(amount(10**38 - 10**20)) == 10**38 - 10**20


def test_pinned_contracts_have_a_source_and_good_checksums_on_chains_that_can_be_read() -> None:
    from importlib.resources import files

    rows = yaml.safe_load(files("rules.bridges").joinpath("emitters.yml").read_text(encoding="utf-8"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", str(rows.pop("dated")))
    assert set(rows) == set(BY_ID) == set(own())
    for row in rows.values():
        assert row["source"]
        for chain, contracts in row["emitters"].items():
            assert find(chain) is not None
            for text in contracts:
                assert evm.read(text)[0] == text


def test_topics_name_every_event_once() -> None:
    assert topics() == {one.topic for bridge in BRIDGES for one in bridge.events}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("across: [1]", "other keys"),
        ("- across", "no protocol"),
        ("{", "no YAML"),
        (
            'across: {networks: {ethereum: "1"}, emitters: {ethereum: {"0x12": Pool}}}',
            "where its addresses are from",
        ),
        (
            'across: {source: us, networks: {ethereum: "1"}, emitters: {ethereum: {"0x12": Pool}}}',
            "no contract",
        ),
        ("across: {source: us, emitters: {ethereum: {}}}", "what the protocol calls ethereum"),
        ("across: {source: us, networks: {ethereum: 1}, emitters: {ethereum: [1]}}", "no table of chains"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_by_name(text: str, words: str) -> None:
    with pytest.raises(BadRule, match=words):
        read(text, "mine.yml")


def test_an_analysts_list_adds_to_the_programs_own(tmp_path: Any) -> None:
    mine = tmp_path / "mine.yml"
    mine.write_text(
        'across: {source: us, networks: {evm-31337: "31337"}, '
        f'emitters: {{evm-31337: {{"0x{BRIDGE.hex()}": Pool}}}}}}'
    )
    both = with_lists([mine])["across"]
    assert both.emitters["evm-31337"] == {BRIDGE: "Pool"}
    assert both.chain_of("31337") == "evm-31337"
    assert both.emitters["ethereum"] == own()["across"].emitters["ethereum"]
    with pytest.raises(BadRule, match="cannot be read"):
        with_lists([tmp_path / "none.yml"])


def test_who_may_make_a_contract_speak_is_named_where_anybody_may() -> None:
    text = BY_ID["thorchain"].events
    paid = event(
        text[0].text,
        [("address", BRIDGE), ("address", TOKEN)],
        [("uint256", 50), ("string", "=:BTC.BTC:bc1qexample")],
    )
    answered = event(
        text[1].text, [("address", ALICE), ("address", BOB)],
        [("address", bytes(20)), ("uint256", 1), ("string", f"OUT:{3:064X}")],
    )  # fmt: skip
    assert [row["trusts"] for row in sides("thorchain", "ETH", paid, answered)] == [BRIDGE, ALICE]
    sent = (
        b"\1" + (5).to_bytes(32, "big") + padded(TOKEN) + (2).to_bytes(2, "big") + padded(BOB) + (23).to_bytes(2, "big")
        + bytes(32)
    )  # fmt: skip
    message = [("uint64", 31), ("uint32", 0), ("bytes", sent), ("uint8", 1)]
    (forged,) = sides("wormhole", "2", event(BY_ID["wormhole"].events[0].text, [("address", ALICE)], message))
    assert forged["trusts"] == ALICE
    got = event(
        BY_ID["cctp_v1"].events[1].text, [("address", ALICE), ("uint64", 55)],
        [("uint32", 0), ("bytes32", padded(BRIDGE)), ("bytes", burn_body(100, None))],
    )  # fmt: skip
    assert [row["trusts_far"] for row in sides("cctp_v1", "3", got)] == [BRIDGE]
