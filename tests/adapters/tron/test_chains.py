"""The entry of Tron's main network."""

import pytest

from adapters.tron.chains import CHAINS, named
from adapters.tron.source import TronSource

TRON = CHAINS["tron"]


@pytest.mark.parametrize("text", ["tron", "tron:0x2b6653dc", "tron:728126428"])
def test_it_is_found_by_its_name_and_both_spellings_of_its_chain_id(text: str) -> None:
    assert named(text) is TRON
    assert TRON.genesis.hex().endswith(TRON.caip2.removeprefix("tron:0x"))  # TIP-474


def test_nothing_else_is_tron() -> None:
    assert named("tron:1") is named("tronix") is None


def test_wrapped_trx_is_the_known_contract() -> None:
    assert TRON.parse_address("TNUC9Qb1rRpS5CbWLmNMxXBjyFoydXjWFR").payload == TRON.wrapped[0]


def test_hashes_are_plain_hex() -> None:
    assert TRON.hash_text(TRON.genesis)[:20] == "00000000000000001ebf"
    assert TRON.hash_bytes(TRON.hash_text(TRON.genesis)) == TRON.genesis


def test_a_source_of_the_main_network_asks_nothing_before_it_is_used() -> None:
    assert TronSource("http://user:pass@127.0.0.1:1/", TRON).api.host == "127.0.0.1:1"
