"""EVM accounts: EIP-55's vectors, and the cases without a checksum."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adapters.addresses import evm
from adapters.addresses.keccak import keccak256
from adapters.addresses.refusal import EVM_ACCOUNT
from tracer.chain import AddressKey
from tracer.errors import BadAddress

EIP_55 = [
    "0x52908400098527886E0F7030069857D2E4169EE7",  # all upper
    "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77",  # all lower
    "0x27b1fdb04752bbc536007a920d24acb045561c26",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
]


def test_keccak_is_not_sha_3() -> None:
    """The empty input's digest, known from every account without code."""
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


@pytest.mark.parametrize("text", EIP_55)
def test_eip_55_vectors_are_canonical_and_found_from_hex_in_one_case(text: str) -> None:
    key = AddressKey(EVM_ACCOUNT, bytes.fromhex(text[2:]))
    for spelling in (text, text.lower(), "0x" + text[2:].upper(), text.upper()):
        assert evm.read(spelling) == (text, key)


@given(st.binary(min_size=20, max_size=20), st.data())
def test_a_letter_in_the_wrong_case_is_refused(payload: bytes, data: st.DataObject) -> None:
    text = evm.write(AddressKey(EVM_ACCOUNT, payload))
    letters = [i for i in range(2, 42) if text[i].isalpha()]
    assume(letters)
    place = data.draw(st.sampled_from(letters))
    wrong = text[:place] + text[place].swapcase() + text[place + 1 :]
    assume(wrong[2:] not in (wrong[2:].lower(), wrong[2:].upper()))
    with pytest.raises(BadAddress, match="EIP-55"):
        evm.read(wrong)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", "does not begin with 0x"),
        ("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beae", "not 39"),
        ("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed00", "not 42"),
        ("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaeg", "not all .* hexadecimal"),
        ("0x5aaeb6053f3e94c9b9a09f33669435e7ef1b  ae", "not all .* hexadecimal"),
        ("0x" + "٣" * 40, "not all .* hexadecimal"),
        ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", "EIP-55"),
    ],
)
def test_what_is_no_account_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(BadAddress, match=reason):
        evm.read(text)
