"""Bech32 and Bech32m: the vectors of BIP 173 and BIP 350, each invalid one with what it gets wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.addresses.bech32 import (
    BECH32,
    BECH32M,
    CHARSET,
    decode,
    encode,
    segwit,
    segwit_decode,
    to_bytes,
    to_values,
)
from tracer.errors import BadAddress

VALID_BECH32 = [
    "A12UEL5L",
    "a12uel5l",
    "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
    "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
    f"11{'q' * 82}c8247j",
    "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
    "?1ezyfcl",
]
VALID_BECH32M = [
    "A1LQFN3A",
    "a1lqfn3a",
    "an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11sg7hg6",
    "abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx",
    f"11{'l' * 82}ludsr8",
    "split1checkupstagehandshakeupstreamerranterredcaperredlc445v",
    "?1v759aa",
]


@pytest.mark.parametrize("text", VALID_BECH32)
def test_bip_173_strings_are_bech32(text: str) -> None:
    hrp, values, constant = decode(text)
    assert constant == BECH32
    assert encode(hrp, values, constant) == text.lower()


@pytest.mark.parametrize("text", VALID_BECH32M)
def test_bip_350_strings_are_bech32m(text: str) -> None:
    hrp, values, constant = decode(text)
    assert constant == BECH32M
    assert encode(hrp, values, constant) == text.lower()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("\x201nwldj5", "not Bech32"),  # a prefix letter out of range
        ("\x7f1axkwrx", "not Bech32"),
        ("\x801eym55h", "not Bech32"),
        (
            "an84characterslonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1569pvx",
            "not Bech32",
        ),
        ("pzry9x0s0muk", "not Bech32"),  # no separator
        ("1pzry9x0s0muk", "not Bech32"),  # no prefix
        ("x1b4n0q5v", "'b' is not in the Bech32 alphabet"),
        ("li1dgmt3", "not Bech32"),  # too short a checksum
        ("de1lg7wt\xff", "'ÿ' is not in the Bech32 alphabet"),
        ("A1G7SGD8", "checksum is wrong"),  # made over the prefix in upper case
        ("10a06t8", "not Bech32"),
        ("1qzzfhee", "not Bech32"),
        ("A12uEL5L", "mixes upper and lower case"),
    ],
)
def test_what_is_not_bech32_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(BadAddress, match=reason):
        decode(text)


# BIP 350: (address, scriptPubKey)
WITNESS = [
    ("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "0014751e76e8199196d454941c45d1b3a323f1433bd6"),
    ("tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
     "00201863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262"),
    ("bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y",
     "5128751e76e8199196d454941c45d1b3a323f1433bd6751e76e8199196d454941c45d1b3a323f1433bd6"),
    ("BC1SW50QGDZ25J", "6002751e"),
    ("bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs", "5210751e76e8199196d454941c45d1b3a323"),
    ("tb1qqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesrxh6hy",
     "0020000000c4a5cad46221b2a187905e5266362b99d5e91c6ce24d165dab93e86433"),
    ("tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c",
     "5120000000c4a5cad46221b2a187905e5266362b99d5e91c6ce24d165dab93e86433"),
    ("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
     "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "script"), WITNESS)
def test_bip_350_addresses_hold_the_witness_programs_of_their_scripts(text: str, script: str) -> None:
    hrp, version, program = segwit_decode(text)
    opcode = version + 0x50 if version else 0
    assert bytes([opcode, len(program)]) + program == bytes.fromhex(script)
    assert segwit(hrp, version, program) == text.lower()


@given(st.binary(max_size=64))
def test_bytes_and_groups_of_five_bits_are_each_others_inverse(data: bytes) -> None:
    assert to_bytes(to_values(data)) == data


@given(st.binary(min_size=2, max_size=40), st.data())
def test_any_changed_letter_is_noticed(program: bytes, data: st.DataObject) -> None:
    """BIP 173: any error of up to four letters."""
    text = segwit("bc", 1, program)
    places = data.draw(st.sets(st.integers(3, len(text) - 1), min_size=1, max_size=4))
    letters = list(text)
    for place in places:
        letters[place] = data.draw(st.sampled_from([c for c in CHARSET.decode() if c != text[place]]))
    with pytest.raises(BadAddress):
        segwit_decode("".join(letters))
