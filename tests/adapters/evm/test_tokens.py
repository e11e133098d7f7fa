"""What tokens say of themselves, and what speaks against it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.evm.anvil import Node
from adapters.evm.chains import CHAINS, EvmChain, chain_named
from adapters.evm.rpc import Rpc
from adapters.evm.state import State
from adapters.evm.tokens import NAME_LETTERS, Wanted, genuine, read_tokens, skeleton, text
from adapters.simulation.accounts import AccountWorld
from adapters.simulation.accounts.artefacts import contract, created_at
from tests.nodes.books import QUICK, Books
from tests.nodes.proxy import Asked, Refuses, Says, proxy
from tests.nodes.town import PRICE
from tracer.chain import AssetStandard

CHAIN = chain_named("evm-31337")
ETHEREUM = chain_named("ethereum")
USDT = bytes.fromhex("dac17f958d2ee523a2206206994597c13d831ec7")
SOMEBODY = bytes.fromhex("00000000000000000000000000000000000f00d1")
Answer = Callable[[str, Sequence[Any]], str | None]
"""What a node answers to a method; None where a contract's code fails."""


def word(number: int) -> bytes:
    return number.to_bytes(32)


def string(value: bytes, size: int | None = None) -> bytes:
    """A string of the ABI; `size` where it lies about its length."""
    padded = value + b"\0" * (-len(value) % 32)
    return word(32) + word(len(value) if size is None else size) + padded


def asked(answer: Answer, *wanted: Wanted, chain: EvmChain = CHAIN, tip: int = 100) -> list[dict[str, Any]]:
    """What is read of a node that answers so."""

    def script(request: Asked) -> Says:
        told: list[dict[str, Any]] = []
        for call in request.calls:
            found = answer(call["method"], call["params"])
            failed = {"error": {"code": 3, "message": "execution reverted"}}
            told.append(
                {"jsonrpc": "2.0", "id": call["id"], **(failed if found is None else {"result": found})}
            )
        return Says(json.dumps(told if len(told) > 1 else told[0]))

    with proxy("nowhere", script) as node:
        table = read_tokens(State(Rpc(node.url, patience=QUICK)), chain, wanted, tip)
    assert table is not None
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def saying(
    symbol: bytes | None = None,
    name: bytes | None = None,
    decimals: bytes | None = None,
    *,
    holds: bool = True,
) -> Answer:
    """A contract's answers: None where its code fails."""
    answers = {
        "95d89b41": symbol,
        "06fdde03": name,
        "313ce567": decimals,
        "70a08231": word(0) if holds else None,
    }

    def answer(method: str, params: Sequence[Any]) -> str | None:
        if method != "eth_call":
            return "0x0"
        found = answers[params[0]["data"][2:10]]
        return None if found is None else "0x" + found.hex()

    return answer


FUNGIBLE = Wanted(SOMEBODY, AssetStandard.FUNGIBLE, 10)


# As ethereum-etl reads them -----------------------------------------------------------------------

RECORDED = [
    "test_export_tokens_job/token_with_alternative_return_type",
    "test_export_tokens_job/token_with_invalid_data",
    "test_stream/blocks_2112234_2112234",
]


@pytest.mark.parametrize("case", RECORDED)
def test_recorded_answers_of_real_tokens_are_read_as_ethereum_etl_reads_them(
    realdata: Path, case: str
) -> None:
    """Its empty text is our absent one. It does not ask for `balanceOf`: 0 is answered here."""
    folder = realdata / "ethereum" / "etl" / case
    rows = expected(folder)
    (row,) = rows
    contract_ = bytes.fromhex(row["address"][2:])

    def answer(method: str, params: Sequence[Any]) -> str:
        if method != "eth_call":
            return "0x0"
        data = params[0]["data"]
        file = folder / f"web3_response.eth_call_data_{data}_to_{params[0]['to']}_latest.json"
        return json.loads(file.read_text())["result"] if file.exists() else "0x" + word(0).hex()

    (read,) = asked(answer, Wanted(contract_, AssetStandard.FUNGIBLE, 10), chain=ETHEREUM)
    assert (read["symbol"] or "", read["name"] or "", str(read["decimals"])) == (
        row["symbol"], row["name"], str(row["decimals"])
    )  # fmt: skip
    # one of them calls itself ETH
    assert read["problem"] == (
        "it calls itself ETH, as the chain's own coin" if row["symbol"] == "ETH" else ""
    )


def expected(folder: Path) -> list[Mapping[str, Any]]:
    """The rows of ethereum-etl."""
    import csv

    lines = folder / "expected_tokens.csv"
    if lines.exists():
        with lines.open(newline="") as file:
            return list(csv.DictReader(file))
    return [json.loads(line) for line in (folder / "expected_tokens.json").read_text().splitlines()]


# Texts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "shown", "hid"),
    [
        (string(b"USDT"), "USDT", False),
        (b"MKR".ljust(32, b"\0"), "MKR", False),
        (string(b"ETH\0\0\0"), "ETH", False),
        (string("Ξther".encode()), "Ξther", False),
        (string("US\u200bDT".encode()), "USDT", True),
        (string(b"US\x07DT"), "USDT", True),
        (string("\u202eTDSU".encode()), "TDSU", True),
        (string(b"US\xffDT"), "USDT", True),
        (string(b"\x01\x02"), "", True),
        (string(b"A" * 40), "A" * 32, False),
    ],
    ids=["string", "32 bytes", "zeros behind", "other alphabets", "zero width", "control", "right to left",
         "no UTF-8", "nothing to see", "too long"],
)  # fmt: skip
def test_a_text_is_shown_without_what_cannot_be_seen(answer: bytes, shown: str, hid: bool) -> None:
    assert text(answer, 32) == (shown, hid)


@pytest.mark.parametrize(
    "answer",
    [None, b"", b"\x01" * 31, word(0), string(b""), string(b"USDT", 1 << 255), string(b"USDT", 33),
     word(1 << 250) + word(4) + b"USDT".ljust(32, b"\0")],
    ids=["fails", "nothing", "short", "zeros", "empty", "absurd length", "length beyond the end", "absurd offset"],
)  # fmt: skip
def test_what_is_no_text_is_absent(answer: bytes | None) -> None:
    assert text(answer, 32) is None


@given(st.binary(max_size=200) | st.binary(max_size=96).map(string))
def test_no_answer_breaks_the_reading_of_texts(answer: bytes) -> None:
    found = text(answer, NAME_LETTERS)
    if found is not None:
        assert len(found[0]) <= NAME_LETTERS
        assert found[0].isprintable() or found[0].strip() == found[0]
        assert not any(ord(letter) < 32 for letter in found[0])


# What speaks against a token ----------------------------------------------------------------------

NATIVE = "it calls itself {}, as the chain's own coin"
KNOWN = "it calls itself {} and is not the contract known by that name"


@pytest.mark.parametrize(
    ("answers", "symbol", "decimals", "problem"),
    [
        (saying(string(b"SHIB"), string(b"Shiba"), word(18)), "SHIB", 18, ""),
        (saying(string(b"USDT"), string(b"Tether USD"), word(6)), "USDT", 6, KNOWN.format("USDT")),
        (saying(string("UЅDТ".encode()), None, word(6)), "UЅDТ", 6, KNOWN.format("UЅDТ")),
        (saying(string(b"usdc."), None, word(6)), "usdc.", 6, KNOWN.format("usdc.")),
        (saying(string(b"USDC.e"), None, word(6)), "USDC.e", 6, ""),
        (saying(string(b"eth"), None, word(18)), "eth", 18, NATIVE.format("eth")),
        (saying(string(b"BIG"), None, word(78)), "BIG", None, "it says it has more than 77 decimals"),
        (saying(string(b"BIG"), None, word(77)), "BIG", 77, ""),
        (saying(string(b"BIG"), None, word(1 << 255)), "BIG", None, "it says it has more than 77 decimals"),
        (saying(string(b"NFT"), None, None), "NFT", None, ""),
        (saying(None, None, None), None, None, ""),
        (saying(string(b"FAKE"), None, word(6), holds=False), "FAKE", 6, "it does not say what anybody holds"),
        (saying(string(b"A\x07B"), None, word(6)), "AB", 6, "it hides letters in its name"),
    ],
    ids=["plain", "USDT elsewhere", "in Cyrillic", "with a dot", "a bridged form", "the coin's ticker", "78 decimals",
         "77 decimals", "2^255 decimals", "no decimals: EIP-20 leaves them out", "everything fails", "no balances",
         "control characters"],
)  # fmt: skip
def test_a_token_is_believed_or_the_reason_why_not_is_said(
    answers: Answer, symbol: str | None, decimals: int | None, problem: str
) -> None:
    (row,) = asked(answers, FUNGIBLE, chain=ETHEREUM)
    assert (row["symbol"], row["decimals"], row["problem"]) == (symbol, decimals, problem)
    assert row["height"] == (100 if symbol is None and decimals is None else 10)


def test_the_contract_known_by_a_symbol_is_believed_and_where_none_is_known_nobody_is_accused() -> None:
    tether = saying(string(b"USDT"), string(b"Tether USD"), word(6))
    (row,) = asked(tether, Wanted(USDT, AssetStandard.FUNGIBLE, 10), chain=ETHEREUM)
    assert row["problem"] == ""
    (row,) = asked(tether, FUNGIBLE, chain=chain_named("evm-777"))
    assert row["problem"] == ""


def test_decimals_that_change_are_no_decimals() -> None:
    def changing(method: str, params: Sequence[Any]) -> str | None:
        later = int(params[-1], 16) > 10 if method == "eth_call" else False
        return saying(string(b"SPAM"), None, word(6 if later else 18))(method, params)

    (row,) = asked(changing, FUNGIBLE)
    assert (row["symbol"], row["decimals"], row["problem"]) == ("SPAM", None, "its decimals change")


def test_collectibles_have_no_decimals_and_need_none() -> None:
    of_one = Wanted(SOMEBODY, AssetStandard.UNIQUE, 10)
    (row,) = asked(saying(string(b"PUNK"), None, word(6), holds=False), of_one)
    assert (row["symbol"], row["decimals"], row["problem"]) == ("PUNK", None, "")


def test_what_was_said_at_first_counts_and_later_words_where_nothing_was_said_then() -> None:
    def renamed(method: str, params: Sequence[Any]) -> str | None:
        later = int(params[-1], 16) > 10 if method == "eth_call" else False
        silent = params[0]["to"].endswith("d2") if method == "eth_call" else False
        if not later:
            return None if silent else saying(string(b"OLD"), None, word(6))(method, params)
        return saying(string(b"NEW"), None, word(6))(method, params)

    other = Wanted(SOMEBODY[:-1] + b"\xd2", AssetStandard.FUNGIBLE, 10)
    one, two = asked(renamed, FUNGIBLE, other)
    assert (one["symbol"], one["height"]) == ("OLD", 10)
    assert (two["symbol"], two["height"]) == ("NEW", 100)


def test_a_node_without_old_states_is_asked_of_those_it_has() -> None:
    def script(request: Asked) -> Any:
        if any(int(call["params"][-1], 16) < 60 for call in request.calls):
            return Refuses(-32000, "missing trie node 5f3c (path )")
        told = [
            {"jsonrpc": "2.0", "id": c["id"], "result": plain(c["method"], c["params"])}
            for c in request.calls
        ]
        return Says(json.dumps(told if len(told) > 1 else told[0]))

    plain = saying(string(b"SHIB"), string(b"Shiba"), word(18))
    with proxy("nowhere", script) as node:
        table = read_tokens(State(Rpc(node.url, patience=QUICK)), CHAIN, [FUNGIBLE], 100)
        assert table is not None and table.to_pylist()[0]["height"] == 60
        assert read_tokens(State(Rpc(node.url, patience=QUICK)), CHAIN, [FUNGIBLE], 50) is None


# The list of known contracts ----------------------------------------------------------------------


def test_the_list_of_known_contracts_is_of_chains_and_coins_that_are() -> None:
    simulated = {"evm-31337", "evm-31338"}
    assert set(genuine()) - simulated <= set(CHAINS)
    for name in set(genuine()) - simulated:
        wrapped = genuine()[name].get(skeleton(f"W{CHAINS[name].asset}"))
        assert wrapped is None or set(CHAINS[name].wrapped) == wrapped


@pytest.mark.parametrize(
    "symbol", ["USDT", "usdt", " U S D T", "USDТ", "U\u0405DT", "ＵＳＤＴ", "USD₮", "USDT."]
)
def test_what_looks_like_a_symbol_is_found_by_it(symbol: str) -> None:
    assert skeleton(symbol) == "usdt"


# On a real node -----------------------------------------------------------------------------------


def test_in_the_simulated_world_the_genuine_are_believed_and_the_spoofed_are_not(
    account_world: AccountWorld, tmp_path: Path
) -> None:
    books = Books(tmp_path).sync(account_world.urls[CHAIN.name], openings=False)
    with books.opened() as ledger:
        read = {
            "0x" + address.hex(): (symbol, decimals, problem == "")
            for address, symbol, decimals, problem in ledger.db.rows(
                "SELECT payload, symbol, decimals, problem FROM token JOIN address ON address_id = contract"
            )
        }
    told = account_world.truth.tokens.filter(chain=CHAIN.name).rows()
    assert {row[1].lower(): row[2:] for row in told}.items() <= read.items()


def test_contracts_that_fail_in_every_way_are_read_beside_one_that_does_not(evm_node: Node) -> None:
    maker = evm_node.call("eth_accounts")[0]
    creation = contract("Token").creation("Tether", "GOOD", 6, 0)
    codes = {
        "invalid": "0xfe",
        "reverts": "0x60006000fd",
        "loops": "0x5b600056",
        "underflow": "0x01",
        "empty": "0x00",
    }
    broken = {name: bytes.fromhex(f"{0xBAD0 + at:040x}") for at, name in enumerate(codes)}
    for name, code in codes.items():
        evm_node.call("anvil_setCode", "0x" + broken[name].hex(), code)
    evm_node.call(
        "eth_sendTransaction", {"from": maker, "data": "0x" + creation.hex(), "gas": "0x500000", **PRICE}
    )
    evm_node.call("evm_mine")
    good = created_at(bytes.fromhex(maker[2:]), 0)
    wanted = [Wanted(at, AssetStandard.FUNGIBLE, 1) for at in (*broken.values(), good)]
    table = read_tokens(State(Rpc(evm_node.url)), CHAIN, wanted, 1)
    assert table is not None
    *bad, last = table.to_pylist()
    assert (last["symbol"], last["name"], last["decimals"], last["problem"]) == ("GOOD", "Tether", 6, "")
    for row in bad:
        assert (row["symbol"], row["name"], row["decimals"]) == (None, None, None)
        assert row["problem"] == "it does not say what anybody holds"
