"""The door: every chain a claim may name, what tag lists call it, and refusals that help."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.addresses.refusal import EVM_ACCOUNT, TRON_ACCOUNT
from adapters.addresses.registry import CHAINS, chain_of_ticker, named, parse, render
from adapters.addresses.tickers import BY_SHAPE, CHAIN_OF
from adapters.bitcoin import chains as bitcoin
from tracer.chain import AddressKey, ScriptKind
from tracer.errors import BadAddress, UsageError

GENESIS = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"
VITALIK = "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"
USDT_TRON = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"

# CONTRACTS, "Names"
CONTRACT_NAMES = {
    "bitcoin", "bitcoin-testnet", "bitcoin-regtest", "litecoin", "litecoin-regtest", "dogecoin", "bitcoin-cash",
    "zcash", "ethereum", "polygon", "bsc", "arbitrum", "optimism", "base", "avalanche", "tron",
}  # fmt: skip

KINDS = {"P2PKH": 20, "P2SH": 20, "P2WPKH": 20, "P2WSH": 32, "P2TR": 32, "MULTISIG": 32}
SEGWIT = ("bitcoin", "litecoin", "bitcoin-gold", "verge")


def test_every_name_of_the_contract_is_a_chain() -> None:
    assert set(CHAINS) >= CONTRACT_NAMES
    assert all(name == entry.name for name, entry in CHAINS.items())


def test_a_chain_that_is_read_is_written_as_it_is_read() -> None:
    for name, entry in bitcoin.CHAINS.items():
        key = AddressKey(int(ScriptKind.P2WPKH), bytes(20))
        assert render(name, key) == entry.render_address(key)
        assert CHAINS[name].caip2 == entry.caip2


def test_importing_the_registry_loads_no_keccak_and_nothing_heavy() -> None:
    script = (
        "import sys, adapters.addresses.registry; "
        "print([m for m in ('Crypto', 'numpy', 'polars', 'yaml', 'numba') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@given(
    st.sampled_from([n for n, e in CHAINS.items() if e.family == "bitcoin"]),
    st.sampled_from(list(KINDS)),
    st.data(),
)
def test_every_key_of_the_bitcoin_family_survives(chain: str, kind: str, data: st.DataObject) -> None:
    if kind in ("P2WPKH", "P2WSH", "P2TR") and not chain.startswith(SEGWIT):
        kind = "P2PKH"
    if chain.startswith(("bitcoin-cash", "bitcoin-sv")):
        kind = "P2SH"
    key = AddressKey(int(ScriptKind[kind]), data.draw(st.binary(min_size=KINDS[kind], max_size=KINDS[kind])))
    text = render(chain, key)
    assert parse(chain, text) == (text, key)


@given(
    st.sampled_from([("ethereum", EVM_ACCOUNT), ("evm-100", EVM_ACCOUNT), ("tron", TRON_ACCOUNT)]),
    st.binary(min_size=20, max_size=20),
)
def test_every_account_key_survives(chain: tuple[str, int], payload: bytes) -> None:
    key = AddressKey(chain[1], payload)
    text = render(chain[0], key)
    assert parse(chain[0], text) == (text, key)


@given(st.sampled_from(list(CHAINS)), st.text(max_size=120))
def test_whatever_is_given_is_an_address_or_a_bad_address(chain: str, text: str) -> None:
    try:
        canonical, key = parse(chain, text)
    except BadAddress:
        return
    assert parse(chain, canonical) == (canonical, key)


def test_an_address_of_another_chain_is_named() -> None:
    with pytest.raises(BadAddress, match=r"another network, not of bitcoin. It is an address of tron."):
        parse("bitcoin", USDT_TRON)
    with pytest.raises(BadAddress, match=r"It is an address of bitcoin or bitcoin-cash or bitcoin-sv."):
        parse("dogecoin", GENESIS)
    with pytest.raises(BadAddress, match=r"It is an address of ethereum."):
        parse("tron", VITALIK)


def test_a_long_text_is_shown_short() -> None:
    with pytest.raises(BadAddress) as refused:
        parse("bitcoin", "x" * 100_000)
    assert len(str(refused.value)) < 300


def test_a_claim_takes_the_chains_own_name_only() -> None:
    for spelling, name in (
        ("eip155:1", "ethereum"),
        ("evm-1", "ethereum"),
        ("Bitcoin", "bitcoin"),
        ("ETC", "evm-61"),
    ):
        with pytest.raises(UsageError, match=f"is written '{name}' in claims"):
            parse(spelling, VITALIK)


def test_an_unknown_chain_offers_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"unknown chain 'bitcon'. Did you mean 'bitcoin'?"):
        parse("bitcon", GENESIS)
    with pytest.raises(UsageError, match=r"Known: bitcoin, .*evm-<chainId>"):
        named("§")
    with pytest.raises(UsageError, match="unknown chain 'evm-0'"):
        named("evm-0")


def test_any_evm_chain_has_a_name_and_a_known_one_its_own() -> None:
    assert named("eip155:100").name == named("evm-100").name == "evm-100"
    assert named("evm-100").caip2 == "eip155:100"
    assert named("evm-137").name == named("eip155:137").name == "polygon"
    assert parse("evm-100", VITALIK.lower())[0] == VITALIK


def test_every_spelling_leads_to_a_chain() -> None:
    for spelling, chain in CHAIN_OF.items():
        assert named(spelling.upper()).name == chain
        assert spelling not in CHAINS, "a chain's own name needs no line"
    assert {chain for shapes in BY_SHAPE.values() for _, chain in shapes} <= set(CHAINS)
    for entry in CHAINS.values():
        assert named(entry.name) is entry
    ids = [entry.caip2 for entry in CHAINS.values() if entry.caip2]
    assert [found for found in ids if ids.count(found) > 1] == ["bip122:0f9188f13cb7b2c71f2a335e3a4fc328"] * 2
    assert named("bip122:0f9188f13cb7b2c71f2a335e3a4fc328").name == "bitcoin-regtest", (
        "not bitcoin-cash-regtest"
    )
    assert all(named(found).caip2 == found for found in ids)


@pytest.mark.parametrize(
    ("ticker", "address", "chain", "asset"),
    [
        ("XBT", GENESIS, "bitcoin", None),
        ("btc", GENESIS, "bitcoin", None),
        ("BEP20", VITALIK, "bsc", None),
        ("BNB", VITALIK, "bsc", None),
        ("BNB", "bnb1edrs5cukhx060e02u98v9j8spum7vhuqg9ctxd", "bnb-beacon", None),
        ("AVAX", VITALIK, "avalanche", None),
        ("AVAX", "P-avax1qr6yzjykcjmeflztsgv6y88dl0xnlel3chs3r4", "avalanche-p", None),
        ("ETC", VITALIK, "evm-61", None),
        ("KCS", VITALIK, "evm-321", None),
        ("POL", VITALIK, "polygon", None),
        ("Bitcoin Cash", GENESIS, "bitcoin-cash", None),
        ("eip155:8453", VITALIK, "base", None),
        ("bip122:000000000019d6689c085ae165831e93", GENESIS, "bitcoin", None),
        ("USDT", VITALIK, "ethereum", "USDT"),
        ("USDT", USDT_TRON, "tron", "USDT"),
        ("USDT", GENESIS, "bitcoin", "USDT"),
        ("usdc", "88xTWZMeKfiTgbfEmPLdsUCQcZinwUfk25EBQZ21XMAZ", "solana", "USDC"),
        ("USDC", "J4AEINCSSLDA7LNBNWM4ZXFCTLTOZT5LG3F5BLMFPJYGFWVCMU37EZI2AM", "algorand", "USDC"),
        ("USDT", "kucoinrise11", "eos", "USDT"),
    ],
)
def test_a_ticker_and_an_address_name_chain_and_asset(
    ticker: str, address: str, chain: str, asset: str | None
) -> None:
    assert chain_of_ticker(ticker, address) == (chain, asset)
    parse(chain, address)


def test_a_ticker_that_fits_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match=r"unknown chain 'USDTT'. Did you mean 'usdt'?"):
        chain_of_ticker("USDTT", VITALIK)
    with pytest.raises(BadAddress, match=r"no chain known to carry USDT. Name the chain if it is whole."):
        chain_of_ticker("USDT", "YXKKFLLO5KAPJ5")
    with pytest.raises(BadAddress, match="no chain known to carry AVAX"):
        chain_of_ticker("AVAX", GENESIS)


def test_chains_without_a_checksum_say_so() -> None:
    shapes = {name for name, entry in CHAINS.items() if entry.check == "shape"}
    assert shapes == {"solana", "eos", "near"}
    assert all(CHAINS[name].unchecked for name in shapes)


@pytest.mark.parametrize(
    "text", ["\udcff", "1Archive1n2C579dMsAu3iC6tWzuQJz8dÑ", "bc1q\ud800", "адрес", "０x7F36"]
)
def test_a_text_of_other_letters_is_refused_on_every_chain(text: str) -> None:
    for chain in CHAINS:
        with pytest.raises(BadAddress, match="no chain writes"):
            parse(chain, text)
