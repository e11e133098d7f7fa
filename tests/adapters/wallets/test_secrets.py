"""Secrets: every format is known by its shape, whole or mistyped; what is public or ordinary text is not one."""

from __future__ import annotations

import hashlib

import pytest

from adapters.addresses.base58 import base58check
from adapters.wallets import secrets, words
from adapters.wallets.secrets import kind_in
from tests.adapters.wallets import vectors
from tracer.errors import UsageError

SECRET_BYTES = hashlib.sha256(b"nobody's").digest()


@pytest.mark.parametrize("version", [0x80, 0xEF, 0xB0, 0x9E, 0xF1, 0xCC])
def test_private_keys_of_every_network_are_known(version: int) -> None:
    """Bitcoin and Zcash, test networks, Litecoin, Dogecoin and its test network, Dash."""
    for body in (SECRET_BYTES, SECRET_BYTES + b"\1"):
        text = base58check(bytes([version]) + body)
        assert kind_in(text) == secrets.WIF, text
        assert kind_in(f"my key:{text}.") == secrets.WIF
        assert (
            kind_in(text[:-1] + ("a" if text[-1] != "a" else "b")) == secrets.WIF
        )  # a typing error hides nothing


def test_least_and_greatest_private_keys_are_known() -> None:
    """The first letters of a text in Base58 follow from its first bytes: both ends of each range."""
    for version in (0x80, 0xEF, 0xB0, 0x9E, 0xF1, 0xCC):
        for body in (b"\0" * 31 + b"\1", b"\xff" * 32):
            for more in (b"", b"\1"):
                assert kind_in(base58check(bytes([version]) + body + more)) == secrets.WIF


@pytest.mark.parametrize(("text", "kind"), [
    (vectors.MASTER_1_PRIVATE, secrets.EXTENDED),
    (vectors.MASTER_1_PRIVATE[:60], secrets.EXTENDED),
    ("zprvAWgYBBk7JR8Gjrh4UJQ2uJdG1r3WNRRfURiABBE3RvMXYSrRJL62XuezvGdPvG6GFBZduosCc1YP5wixPox7zhZLfiUm8aunE96BBa4Kei5",
     secrets.EXTENDED),
    ("uprv8tXDerPXZ1QsVNjUJWTurs9kA1KGfKUAts74GCkcXtU8GwnH33GDRbNJpEqTvipfCyycARtQJhmdfWf8oKt41X9LL1zeD2pLsWmxEk3VAwd",
     secrets.EXTENDED),
    ("6PRVWUbkzzsbcVac2qwfssoUJAN1Xhrg6bNk8J7Nzm5H7kxEbn2Nh2ZoGg", secrets.ENCRYPTED),  # BIP 38
    ("6PfQu77ygVyJLZjfvMLyhLMQbYnu5uguoJJ4kMCLqWwPEdfpwANVS76gTX", secrets.ENCRYPTED),
    ("S6c56bnXQiBjk9mqSYE7ykVQ7NzrRy", secrets.MINI),  # the wiki's examples
    ("SzavMBLoXU6kDrqtUVmffv", secrets.MINI),
    ("ms10testsxxxxxxxxxxxxxxxxxxxxxxxxxx4nzvca9cmczlw", secrets.CODEX),  # BIP 93
    (vectors.ABANDON, secrets.WORDS),
    (vectors.ABANDON.upper(), secrets.WORDS),
    ("1. " + " 2. ".join(vectors.ABANDON.split()), secrets.WORDS),
    ("legal winner thank year wave sausage worth useful legal winner thank yellow", secrets.WORDS),
    ("legal winner thank year wave sausage worth useful legal winner thank thank", secrets.WORDS),  # checksum wrong
    ("あいこくしん　" * 11 + "あおぞら", secrets.WORDS),
    ("ábaco " * 12, secrets.WORDS),  # Spanish
])  # fmt: skip
def test_a_secret_is_known_by_its_shape(text: str, kind: str) -> None:
    assert kind_in(text) == kind
    with pytest.raises(UsageError, match="looks like a secret") as refused:
        secrets.refuse(text.split())
    assert refused.value.exit_code == 2
    assert not set(text.split()) & set(str(refused.value).split()) - {"a", "it", "in", "this", "what"}


@pytest.mark.parametrize("text", [
    vectors.MASTER_1,
    vectors.CHANGE_86,
    vectors.COMPRESSED,
    "ab" * 32,  # a txid
    "1Archive1n2C579dMsAu3iC6tWzuQJz8dN",
    "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A",  # Monero
    "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKPzxY" "abandon " * 11,
    "the seller said that he would send it to the other address when the bank had opened again on monday",
    "Sz9vkwiuc5ghNWKcemKoNi66pJ6AgX",  # the typing check of a mini key is wrong
])  # fmt: skip
def test_what_is_public_or_ordinary_is_no_secret(text: str) -> None:
    assert kind_in(text) is None
    secrets.refuse(text.split())


@pytest.mark.parametrize(("phrase", "proof"), [
    (vectors.ABANDON, "checksum"),
    ("legal winner thank year wave sausage worth useful legal winner thank yellow", "checksum"),  # BIP 39's vectors
    ("zoo " * 11 + "wrong", "checksum"),
    ("letter advice cage absurd amount doctor acoustic avoid " * 2 + "letter always", "checksum"),
    ("zoo " * 23 + "vote", "checksum"),
    ("legal winner thank year wave sausage worth useful legal winner thank thank", "none"),
    ("wild father tree among universe such mobile favorite target dynamic credit identify", "electrum"),
])  # fmt: skip
def test_what_says_that_words_are_a_phrase(phrase: str, proof: str) -> None:
    """The last is Electrum's own test vector of a SegWit seed."""
    assert words.proof(phrase.split(), "english") == proof


def test_every_list_has_2048_words() -> None:
    assert len(words.lists()) >= 9
    assert {len(known) for known in words.lists().values()} == {2048}
    assert words.is_list([*words.lists()["english"]])
    assert not words.is_list(vectors.ABANDON.split())
