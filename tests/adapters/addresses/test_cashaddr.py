"""CashAddr: the specification's vectors, and one address however it is spelled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.addresses import cashaddr
from tracer.chain import AddressKey, ScriptKind
from tracer.errors import BadAddress


def read(text: str) -> tuple[str, AddressKey]:
    return cashaddr.MAIN.read(text, "bitcoin-cash")


# cashaddr.md, "Larger test vectors": (type, address, hash)
VECTORS = [
    (0, "bitcoincash:qr6m7j9njldwwzlg9v7v53unlr4jkmx6eylep8ekg2", "F5BF48B397DAE70BE82B3CCA4793F8EB2B6CDAC9"),
    (1, "bchtest:pr6m7j9njldwwzlg9v7v53unlr4jkmx6eyvwc0uz5t", "F5BF48B397DAE70BE82B3CCA4793F8EB2B6CDAC9"),
    (15, "prefix:0r6m7j9njldwwzlg9v7v53unlr4jkmx6ey3qnjwsrf", "F5BF48B397DAE70BE82B3CCA4793F8EB2B6CDAC9"),
    (0, "bitcoincash:q9adhakpwzztepkpwp5z0dq62m6u5v5xtyj7j3h2ws4mr9g0",
     "7ADBF6C17084BC86C1706827B41A56F5CA32865925E946EA"),
    (1, "pref:pgagf7w02x4wnz3mkwnchut2vxphjzccwxgjvvjmlsxqwkcrsr6gzkn",
     "3A84F9CF51AAE98A3BB3A78BF16A6183790B18719126325BFC0C075B"),
    (0, "bitcoincash:qvch8mmxy0rtfrlarg7ucrxxfzds5pamg73h7370aa87d80gyhqxq5nlegake",
     "3173EF6623C6B48FFD1A3DCC0CC6489B0A07BB47A37F47CFEF4FE69DE825C060"),
    (15, "prefix:0nq8zwpj8cq05n7pytfmskuk9r4gzzel8qtsvwz79zdskftrzxtar994cgutavfklvwsvctzqy",
     "C07138323E00FA4FC122D3B85B9628EA810B3F381706385E289B0B25631197D194B5C238BEB136FB"),
    (1, "bchtest:ph3krj5607v3qlqh5c3wq3lrw3wnuxw0sp8dv0zugrrt5a3kj6ucysfz8kxwv2k53krr7n933jfsunqnzf7mt6x",
     "E361CA9A7F99107C17A622E047E3745D3E19CF804ED63C5C40C6BA763696B98241223D8CE62AD48D863F4CB18C930E4C"),
    (1, "pref:pmvl5lzvdm6km38lgga64ek5jhdl7e3aqd9895wu04fvhlnare5937w4ywkq57juxsrhvw8ym5d8qx7sz7zz0zvcypqsammyqffl",
     "D9FA7C4C6EF56DC4FF423BAAE6D495DBFF663D034A72D1DC7D52CBFE7D1E6858F9D523AC0A7A5C34077638E4DD1A701BD01784"
     "2789982041"),
    (0, "bitcoincash:qlg0x333p4238k0qrc5ej7rzfw5g8e4a4r6vvzyrcy8j3s5k0en7calvclhw46hudk5flttj6ydvjc0pv3nchp52amk97"
     "tqa5zygg96mtky5sv5w",
     "D0F346310D5513D9E01E299978624BA883E6BDA8F4C60883C10F28C2967E67EC77ECC7EEEAEAFC6DA89FAD72D11AC961E16467"
     "8B868AEEEC5F2C1DA08884175B"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "payload"), VECTORS)
def test_the_specifications_vectors_read_and_write(kind: int, text: str, payload: str) -> None:
    prefix = text.partition(":")[0]
    assert cashaddr.decode(text, prefix) == (kind, bytes.fromhex(payload))
    assert cashaddr.encode(kind, bytes.fromhex(payload), prefix) == text


# cashaddr.md, "Examples of address translation"
TRANSLATED = [
    ("1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu", "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a"),
    ("1KXrWXciRDZUpQwQmuM1DbwsKDLYAYsVLR", "bitcoincash:qr95sy3j9xwd2ap32xkykttr4cvcu7as4y0qverfuy"),
    ("16w1D5WRVKJuZUsSRzdLp9w3YGcgoxDXb", "bitcoincash:qqq3728yw0y47sqn6l2na30mcw6zm78dzqre909m2r"),
    ("3CWFddi6m4ndiGyKqzYvsFYagqDLPVMTzC", "bitcoincash:ppm2qsznhks23z7629mms6s4cwef74vcwvn0h829pq"),
    ("3LDsS579y7sruadqu11beEJoTjdFiFCdX4", "bitcoincash:pr95sy3j9xwd2ap32xkykttr4cvcu7as4yc93ky28e"),
    ("31nwvkZwyPdgzjBJZXfDmSWsC4ZLKpYyUw", "bitcoincash:pqq3728yw0y47sqn6l2na30mcw6zm78dzq5ucqzc37"),
]


@pytest.mark.parametrize(("old", "text"), TRANSLATED)
def test_every_spelling_is_the_same_address(old: str, text: str) -> None:
    bare = text.removeprefix("bitcoincash:")
    keys = {read(spelling) for spelling in (old, text, bare, text.upper(), bare.upper())}
    assert [canonical for canonical, _ in keys] == [text]


def test_a_token_aware_address_is_the_plain_one() -> None:
    plain = read("bitcoincash:qr6m7j9njldwwzlg9v7v53unlr4jkmx6eylep8ekg2")
    assert read("bitcoincash:zr6m7j9njldwwzlg9v7v53unlr4jkmx6eycnjehshe") == plain


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("bitcoincash:qr6m7j9njldwwzlg9v7v53unlr4jkmx6eylep8ekg3", "checksum is wrong"),
        ("bchtest:pr6m7j9njldwwzlg9v7v53unlr4jkmx6eyvwc0uz5t", "another network"),
        ("bitcoincash:Qr6m7j9njldwwzlg9v7v53unlr4jkmx6eylep8ekg2", "mixes upper and lower case"),
        ("bitcoincash:qr6m7j9njldwwzlg9v7v53unlr4jkmx6eylep8ekgb", "'b' is not in the Bech32 alphabet"),
        ("bitcoincash:qvch8mmxy0rtfrlarg7ucrxxfzds5pamg73h7370aa87d80gyhqxq5nlegake", "type 0 with 32 bytes"),
        ("bitcoincash:qpzry9x8gf2tvdw0s3jn54khce6mua7lcw20ayyn", "40 letters are not CashAddr"),
        ("", "0 letters are not CashAddr"),
    ],
)
def test_what_is_not_cashaddr_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(BadAddress, match=reason):
        read(text)


@given(st.sampled_from([(ScriptKind.P2PKH, 20), (ScriptKind.P2SH, 20), (ScriptKind.P2SH, 32)]), st.data())
def test_every_key_survives(kind: tuple[ScriptKind, int], data: st.DataObject) -> None:
    key = AddressKey(int(kind[0]), data.draw(st.binary(min_size=kind[1], max_size=kind[1])))
    assert read(cashaddr.MAIN.write(key)) == (cashaddr.MAIN.write(key), key)
