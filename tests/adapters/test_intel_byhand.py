"""Claims made at the command line are checked as imported rows are."""

from __future__ import annotations

import pytest

from adapters.addresses.registry import chain_of_ticker, parse
from adapters.intel.build import Options
from adapters.intel.byhand import claim
from tracer.errors import BadAddress, BadClaim
from tracer.intel.claims import Override

ONE = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"
OTHER = "34xp4vRoCGJym3xR7yCVPFHoCNxv4Twseo"
SEGWIT = "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4"
TXID = "AB" * 32


def override(**change: str) -> Override:
    row = {
        "chain": "bitcoin", "kind": "split", "a": OTHER, "b": ONE, "source": "analyst ann", "author": "ann",
        "said_at": "2024-05-01", "reason": "exhibit 7",
    } | change  # fmt: skip
    said = claim("overrides", row, Options(parse, chain_of_ticker, "2024-06-01"))
    assert isinstance(said, Override)
    return said


def test_the_two_addresses_of_an_override_are_canonical_and_in_one_order() -> None:
    said = override(a=f" {SEGWIT} ", b=ONE, txid=TXID)
    assert (said.a, said.b, said.txid) == (ONE, SEGWIT.lower(), TXID.lower())
    assert override(a=ONE, b=SEGWIT, txid=TXID) == said


@pytest.mark.parametrize(("change", "why"), [
    ({"kind": "joins"}, "unknown kind 'joins' .meant 'join'"),
    ({"kind": "join", "txid": TXID}, "a join names no transaction"),
    ({"txid": "ab"}, "'ab' is no txid"),
    ({"author": ""}, "missing field 'author'"),
    ({"reason": " "}, "missing field 'reason'"),
    ({"said_at": "2999-01-01"}, "lies in the future"),
    ({"tlp": "TLP:PURPLE"}, "unknown tlp"),
    ({"weight": "1"}, "unknown field 'weight'"),
])  # fmt: skip
def test_an_override_that_is_none_is_refused(change: dict[str, str], why: str) -> None:
    with pytest.raises(BadClaim, match=why):
        override(**change)


def test_an_override_is_of_addresses() -> None:
    with pytest.raises(BadAddress):
        override(a="nonsense")
