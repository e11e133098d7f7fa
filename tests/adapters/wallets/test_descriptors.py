"""Output descriptors: the vectors of BIPs 67, 341, 380 to 387 and 389, valid and invalid; private keys refused."""

from __future__ import annotations

import random

import numpy as np
import pytest

from adapters.wallets import checksum, descriptors, scripts, wallet
from tests.adapters.wallets import vectors
from tests.conftest import scaled
from tracer.chain import AddressKey
from tracer.errors import UsageError


def scripts_of(text: str, count: int) -> list[str]:
    """The locking scripts of a descriptor with one output an index."""
    (one,), _ = descriptors.read(text)
    (output,) = one.outputs
    return [output.script(index).hex() for index in range(count)]


@pytest.mark.parametrize(("text", "expected"), vectors.SCRIPTS.items())
def test_scripts_are_those_of_the_bips(text: str, expected: list[str]) -> None:
    assert scripts_of(text, len(expected)) == expected
    (one,), checked = descriptors.read(text)
    assert one.ranged == (len(expected) > 1)
    assert not checked
    assert descriptors.read(one.text)[1]  # with the checksum that we give it


@pytest.mark.parametrize(("text", "words"), vectors.REFUSED)
def test_what_is_no_descriptor_is_refused_and_no_key_of_it_repeated(text: str, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        wallet.follow(wallet.read(text).branches[0], wallet.read(text).chain, gap=1, count=None, seen=None)
    assert words in str(refused.value)
    for key in (vectors.COMPRESSED, vectors.UNCOMPRESSED, vectors.MASTER_2, vectors.DEEP_2):
        assert key not in str(refused.value)


@pytest.mark.parametrize("text", vectors.PRIVATE)
def test_private_keys_are_refused_before_anything_else(text: str) -> None:
    for given in (text, f"{text}#00000000"):
        with pytest.raises(UsageError, match="looks like a secret") as refused:
            wallet.read(given)
        for secret in (vectors.WIF, vectors.WIF_UNCOMPRESSED, "xprv"):
            assert secret not in str(refused.value)


def test_64_digits_are_a_private_key_but_where_an_x_only_key_stands() -> None:
    with pytest.raises(UsageError, match="looks like a secret") as refused:
        wallet.read(f"pkh({vectors.X_ONLY})")
    assert vectors.X_ONLY not in str(refused.value)
    assert scripts_of(f"tr({vectors.X_ONLY})", 1)


def test_a_checksum_is_verified_and_the_right_one_never_told() -> None:
    assert checksum.split("raw(deadbeef)#89f8spxm") == ("raw(deadbeef)", True)
    assert checksum.split("raw(deadbeef)") == ("raw(deadbeef)", False)
    for wrong in ("raw(deadbeef)#99f8spxm", "raw(deadbeee)#89f8spxm"):
        with pytest.raises(UsageError, match="checksum is wrong") as refused:
            checksum.split(wrong)
        body = wrong.partition("#")[0]
        assert checksum.checksum(body) not in str(refused.value)


@pytest.mark.parametrize(("text", "expanded"), vectors.ALTERNATIVES.items())
def test_alternatives_of_a_path_are_one_descriptor_each(text: str, expanded: list[str]) -> None:
    found, _ = descriptors.read(text)
    assert [one.text.partition("#")[0] for one in found] == expanded


@pytest.mark.parametrize(("internal", "root", "output"), vectors.TAPROOT)
def test_taproot_outputs_are_tweaked_as_bip_341_says(internal: str, root: str, output: str) -> None:
    assert scripts.p2tr(bytes.fromhex(internal), bytes.fromhex(root)).hex() == "5120" + output


def test_trees_of_scripts_are_hashed_as_bip_341_says() -> None:
    for script, expected in vectors.LEAVES:
        assert scripts.leaf_hash(bytes.fromhex(script)).hex() == expected
    one, other, root = (bytes.fromhex(text) for text in vectors.BRANCH)
    assert scripts.branch_hash(one, other) == scripts.branch_hash(other, one) == root


@pytest.mark.parametrize(("keys", "address"), vectors.SORTED)
def test_keys_are_sorted_as_bip_67_says(keys: tuple[str, ...], address: str) -> None:
    for order in (keys, keys[::-1]):
        found = wallet.read(f"sh(sortedmulti(2,{','.join(order)}))")
        (row,) = wallet.follow(found.branches[0], found.chain, gap=1, count=None, seen=None)
        assert (row.address, row.kind) == (address, "sh(sortedmulti)")


def test_combo_is_all_that_wallets_made_of_a_key() -> None:
    """BIP 384 has no vectors: each is what its own descriptor gives. P2PK and P2PKH of a key are one address here."""

    def address(body: str) -> str:
        found = wallet.read(body)
        (row,) = wallet.follow(found.branches[0], found.chain, gap=1, count=None, seen=None)
        return row.address

    def combo(key: str) -> list[tuple[str, str]]:
        found = wallet.read(f"combo({key})")
        rows = wallet.follow(found.branches[0], found.chain, gap=1, count=None, seen=None)
        return [(row.kind, row.address) for row in rows]

    key = vectors.COMPRESSED
    kinds = {"pkh": f"pkh({key})", "wpkh": f"wpkh({key})", "sh(wpkh)": f"sh(wpkh({key}))"}
    assert combo(key) == [(kind, address(body)) for kind, body in kinds.items()]
    assert combo(vectors.UNCOMPRESSED) == [("pkh", address(f"pkh({vectors.UNCOMPRESSED})"))]
    assert address(f"pk({key})") == address(f"pkh({key})")


def test_an_address_of_a_script_is_what_the_ledger_calls_it(dice: random.Random) -> None:
    """Beside the kernel that reads blocks, on whole scripts and on broken ones."""
    from adapters.bitcoin.classify import Scripts

    known = [bytes.fromhex(script) for all_of in vectors.SCRIPTS.values() for script in all_of]
    known += [
        bytes.fromhex(text)
        for text in ("51024e73", "52020102", "6a0101", "00020102", "5120" + "00" * 31, "", "00")
    ]
    for _ in range(scaled(500, full=20_000)):
        broken = bytearray(dice.choice(known))
        if broken:
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        known.append(bytes(broken[: dice.randrange(len(broken) + 1)] if dice.random() < 0.1 else broken))
    buffer = np.frombuffer(b"".join(known), np.uint8)
    sizes = np.array([len(script) for script in known], np.int64)
    places = np.stack([np.cumsum(sizes) - sizes, sizes], axis=1)
    read = Scripts(buffer, places)
    rows = zip(known, read.address_kind.tolist(), read.payload, read.length.tolist(), strict=True)
    for script, kind, payload, length in rows:
        expected = AddressKey(kind, payload[:length].tobytes()) if length else None
        assert scripts.address_of(script) == expected, script.hex()
