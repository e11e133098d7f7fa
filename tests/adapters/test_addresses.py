"""Addresses: published vectors, an independent library, and refusals that say why."""

import contextlib
import random

import pytest

from adapters.bitcoin.chains import CHAINS
from tracer.chain import AddressKey, ScriptKind
from tracer.errors import BadAddress, UsageError

BITCOIN, REGTEST = CHAINS["bitcoin"], CHAINS["bitcoin-regtest"]

KNOWN = [
    ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", ScriptKind.P2PKH, "62e907b15cbf27d5425399ebf6f0fb50ebb88f18"),
    ("3P14159f73E4gFr7JterCCQh9QjiTjiZrG", ScriptKind.P2SH, "e9c3dd0c07aac76179ebc76a6c78d4d67c6c160a"),
    ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", ScriptKind.P2WPKH, "751e76e8199196d454941c45d1b3a323f1433bd6"),
    ("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", ScriptKind.P2TR,
     "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "payload"), KNOWN)
def test_published_addresses_read_and_write(text: str, kind: ScriptKind, payload: str) -> None:
    key = AddressKey(int(kind), bytes.fromhex(payload))
    assert BITCOIN.parse_address(text) == key
    assert BITCOIN.render_address(key) == text


def test_upper_case_bech32_is_the_same_address() -> None:
    text = KNOWN[2][0]
    assert BITCOIN.parse_address(text.upper()) == BITCOIN.parse_address(text)


# BIP 350's invalid addresses, with what each gets wrong
INVALID = [
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",  # bech32 instead of bech32m
    "BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL",
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh",  # bech32m for version 0
    "bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4",  # invalid character
    "BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R",  # version 17
    "bc1pw5dgrnzv",  # 1 byte
    "BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P",  # version 0 with 16 bytes
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf",  # padding
    "bc1gmk9yu",
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",  # last letter
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7Divf0a",  # 0 is no Base58 letter
    "bc1Qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",  # mixed case
    "",
    "script:12",
]


@pytest.mark.parametrize("text", INVALID)
def test_what_is_no_address_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(BadAddress, match=r"is no|another network") as refused:
        BITCOIN.parse_address(text)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    "text", ["bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn"]
)
def test_an_address_of_another_network_is_named_as_such(text: str) -> None:
    REGTEST.parse_address(text)
    with pytest.raises(BadAddress, match="another network, not of bitcoin"):
        BITCOIN.parse_address(text)


# one of a litecoind's wallet, and cashaddr.md's vectors with the prefixes of test networks
MWEB_ADDRESS = (
    "tmweb1qqdm5clee4k9k4wme9273pswvmd7nqzpj98zw3rgn6nzqe29c0mwtqq5ea23"
    "t98ktyhgpx8wylp7a2jkqzxpvlt22q8axy5dv3zsck34ypg4xmkyx"
)
CASH_TEST = "bchtest:pr6m7j9njldwwzlg9v7v53unlr4jkmx6eyvwc0uz5t"


@pytest.mark.parametrize(
    ("text", "networks"),
    [
        (MWEB_ADDRESS, {"litecoin-testnet", "litecoin-regtest"}),
        (CASH_TEST, {"bitcoin-cash-testnet", "bitcoin-cash-testnet4", "bitcoin-cash-chipnet"}),
        ("DLrPBnddK81Tn7YStmKVAhqfxYexZFJymq", {"dogecoin"}),
        ("rltc1ql2duckrakat3suxluquf9qveteml7403f70act", {"litecoin-regtest"}),
    ],
)
def test_an_address_is_read_by_its_own_networks_and_as_it_is_written(text: str, networks: set[str]) -> None:
    read = {}
    for name, entry in CHAINS.items():
        with contextlib.suppress(BadAddress):
            canonical, key = entry.format.read(text, name)
            assert entry.render_address(key) == canonical
            read[name] = canonical
    assert read == dict.fromkeys(networks, text)


ALWAYS = [("P2PKH", 20), ("P2SH", 20), ("MULTISIG", 32)]
WITNESS = [("P2WPKH", 20), ("P2WSH", 32), ("P2TR", 32)]


@pytest.mark.parametrize("chain", list(CHAINS))
def test_every_kind_survives_the_round_trip(chain: str) -> None:
    entry, random_bytes = CHAINS[chain], random.Random(5).randbytes
    segwit = entry.segwit_height is not None
    p2sh32 = [("P2SH", 32)] if entry.tokens_height is not None else []
    for kind, length in ALWAYS + WITNESS * segwit + p2sh32:
        for lead in (b"", b"\0", b"\0\0"):
            key = AddressKey(int(ScriptKind[kind]), lead + random_bytes(length - len(lead)))
            assert entry.parse_address(entry.render_address(key)) == key
    if segwit:
        future = AddressKey(int(ScriptKind.WITNESS_UNKNOWN), b"\x02" + random_bytes(2))
        assert entry.parse_address(entry.render_address(future)) == future


def test_a_chain_is_found_by_its_caip2_id_and_an_unknown_one_lists_the_known() -> None:
    from adapters.bitcoin.chains import chain_named

    assert chain_named("bip122:000000000019d6689c085ae165831e93").name == "bitcoin"
    with pytest.raises(UsageError, match="Known: bitcoin"):
        chain_named("bitcon")
