"""Extended public keys: BIP 32's vectors, bitcoinlib beside them, and refusals that never repeat the key."""

from __future__ import annotations

import random

import pytest

from adapters.addresses.base58 import base58check, base58check_decode
from adapters.wallets import keys
from adapters.wallets.secrets import key_in
from tests.adapters.wallets import vectors
from tests.conftest import scaled
from tracer.errors import UsageError


@pytest.mark.parametrize(("parent", "number", "child"), vectors.DERIVED)
def test_public_children_are_those_of_bip_32(parent: str, number: int, child: str) -> None:
    assert keys.parse(parent).child(number).text() == child


@pytest.mark.parametrize(("why", "text"), vectors.INVALID_KEYS)
def test_invalid_keys_are_refused_without_being_repeated(why: str, text: str) -> None:
    with pytest.raises(UsageError, match=why) as refused:
        keys.parse(text)
    assert text[10:] not in str(refused.value)


def test_a_private_key_under_any_version_bytes_is_refused_as_one() -> None:
    body = base58check_decode(vectors.MASTER_1_PRIVATE)[4:]
    for version in sorted(keys.PRIVATE):
        text = base58check(version + body)
        assert key_in(text) == "extended private key", text[:4]
        with pytest.raises(UsageError, match="looks like a secret"):
            keys.parse(text)


def test_version_bytes_read_as_the_letters_that_people_know_them_by() -> None:
    body = base58check_decode(vectors.MASTER_1)[4:]
    for version, found in keys.PUBLIC.items():
        text = base58check(version + body)
        assert text.startswith(found.prefix)
        assert keys.parse(text).version == found


@pytest.mark.filterwarnings("ignore")  # bitcoinlib's own imports warn
def test_bitcoinlib_derives_the_same_children(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, dice: random.Random
) -> None:
    monkeypatch.setenv("BCL_DATA_DIR", str(tmp_path_factory.mktemp("bitcoinlib")))
    from bitcoinlib.keys import HDKey

    ours, theirs = keys.parse(vectors.MASTER_4), HDKey(vectors.MASTER_4)
    for _ in range(scaled(5, full=200)):
        number = dice.randrange(keys.HARDENED)
        child = theirs.child_public(number)
        assert ours.child(number).text() == child.wif_public()
        if dice.random() < 0.5 and ours.depth < 5:
            ours, theirs = ours.child(number), child
