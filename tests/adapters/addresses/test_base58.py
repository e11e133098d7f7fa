"""Base58Check: one to one, and equal to an independent library's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.addresses.base58 import BITCOIN, RIPPLE, base58, base58_decode, base58check, base58check_decode
from tracer.errors import BadAddress


@given(st.binary(max_size=80), st.sampled_from([BITCOIN, RIPPLE]))
def test_every_byte_string_survives(data: bytes, alphabet: str) -> None:
    assert base58_decode(base58(data, alphabet), alphabet) == data
    assert base58check_decode(base58check(b"x" + data, alphabet), alphabet) == b"x" + data


@given(st.text(BITCOIN, max_size=80))
def test_every_text_is_the_only_way_to_write_its_bytes(text: str) -> None:
    assert base58(base58_decode(text)) == text


# draft-msporny-base58 section 5
@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"Hello World!", "2NEpo7TZRRrLZSi2U"),
        (
            b"The quick brown fox jumps over the lazy dog.",
            "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z",
        ),
        (bytes.fromhex("0000287fb4cd"), "11233QC4"),
    ],
)
def test_the_drafts_vectors(data: bytes, text: str) -> None:
    assert base58(data) == text
    assert base58_decode(text) == data


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "too short"),
        ("111", "too short"),
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", "checksum is wrong"),
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7Divf0a", "'0' is not in the Base58 alphabet"),
        ("lA1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "'l' is not in the Base58 alphabet"),
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfN€", "'€' is not in the Base58 alphabet"),
        ("1" * 513, "no address has 513 letters"),
    ],
)
def test_what_is_not_base58check_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(BadAddress, match=reason):
        base58check_decode(text)


@pytest.mark.filterwarnings("ignore")  # bitcoinlib's own imports warn
def test_bitcoinlib_reads_and_writes_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("BCL_DATA_DIR", str(tmp_path_factory.mktemp("bitcoinlib")))
    from bitcoinlib.encoding import base58encode, pubkeyhash_to_addr_base58

    from adapters.addresses.registry import parse

    for version, chain in (
        (b"\x00", "bitcoin"),
        (b"\x30", "litecoin"),
        (b"\x1e", "dogecoin"),
        (b"\x4c", "dash"),
    ):
        for last in range(40):
            payload = bytes(last % 3) + bytes((last * 37 + i * i) % 256 for i in range(20 - last % 3))
            text = pubkeyhash_to_addr_base58(payload, prefix=version)
            assert parse(chain, text)[1].payload == payload
            assert base58check(version + payload) == text
            assert base58(payload) == base58encode(payload)
