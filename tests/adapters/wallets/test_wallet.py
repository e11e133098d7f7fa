"""Wallets into addresses: accounts of BIPs 44, 49, 84, 86, SLIP-132's prefixes, and how far a branch is followed."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from adapters.addresses.base58 import base58check, base58check_decode
from adapters.wallets import keys, wallet
from adapters.wallets.wallet import Derived
from tests.adapters.wallets import vectors
from tracer.chain import AddressKey
from tracer.errors import UsageError

BODY = base58check_decode(vectors.ACCOUNTS[0][0])[4:]  # an account, depth 3


def key(prefix: str, body: bytes = BODY) -> str:
    """The same account under other version bytes."""
    (version,) = [version for version, found in keys.PUBLIC.items() if found.prefix == prefix]
    return base58check(version + body)


def rows(text: str, chain: str | None = None, count: int = 2) -> list[list[Derived]]:
    """The first addresses of each branch."""
    found = wallet.read(text, chain)
    return [wallet.follow(b, found.chain, gap=1, count=count, seen=None) for b in found.branches]


def kinds_and_roles(text: str, chain: str | None = None) -> list[tuple[str, str]]:
    return [(b.descriptor.kinds, b.role) for b in wallet.read(text, chain).branches]


@pytest.mark.parametrize(("text", "kind", "address"), vectors.ACCOUNTS)
def test_the_first_address_of_an_account_is_that_of_its_bip(text: str, kind: str, address: str) -> None:
    found = wallet.read(text)
    first = [
        wallet.follow(branch, found.chain, gap=1, count=1, seen=None)[0].address
        for branch in found.branches
        if (branch.descriptor.kinds, branch.role) == (kind, "receive")
    ]
    assert first == [address]


def test_receiving_and_change_addresses_of_bip_84_and_86() -> None:
    receive, change = rows(vectors.ACCOUNTS[2][0])
    assert [receive[1].address, change[0].address] == [vectors.SECOND_84, vectors.CHANGE_84]
    receive, change = rows(f"tr({vectors.ACCOUNTS[4][0]}/<0;1>/*)")
    assert [receive[1].address, change[0].address] == [vectors.SECOND_86, vectors.CHANGE_86]


@pytest.mark.parametrize(("prefix", "chain", "kinds"), [
    ("xpub", "bitcoin", ["pkh", "sh(wpkh)", "wpkh", "tr"]),
    ("ypub", "bitcoin", ["sh(wpkh)"]),
    ("zpub", "bitcoin", ["wpkh"]),
    ("tpub", "bitcoin-testnet", ["pkh", "sh(wpkh)", "wpkh", "tr"]),
    ("upub", "bitcoin-testnet", ["sh(wpkh)"]),
    ("vpub", "bitcoin-testnet", ["wpkh"]),
    ("Ltub", "litecoin", ["pkh", "sh(wpkh)", "wpkh", "tr"]),
    ("Mtub", "litecoin", ["sh(wpkh)"]),
    ("dgub", "dogecoin", ["pkh"]),
])  # fmt: skip
def test_a_prefix_says_chain_and_script_kinds(prefix: str, chain: str, kinds: list[str]) -> None:
    found = wallet.read(key(prefix))
    assert found.chain.name == chain
    assert kinds_and_roles(key(prefix)) == [(kind, role) for kind in kinds for role in ("receive", "change")]


def test_a_chain_without_segwit_has_old_addresses_only() -> None:
    assert kinds_and_roles(key("xpub"), "dogecoin") == [("pkh", "receive"), ("pkh", "change")]
    assert rows(key("xpub"), "dogecoin")[0][0].address.startswith("D")
    assert rows(key("xpub"), "bitcoin-cash")[0][0].address.startswith("bitcoincash:q")
    assert [row.kind for row in rows(f"combo({key('xpub')}/*)", "dogecoin")[0]] == ["pkh", "pkh"]
    for text in (key("zpub"), f"wpkh({key('xpub')}/*)", f"sh(wsh(pk({key('xpub')}/*)))"):
        with pytest.raises(UsageError, match="dogecoin has no SegWit"):
            wallet.read(text, "dogecoin")
    with pytest.raises(UsageError, match="no address on dogecoin"):
        rows("raw(00149a1c78a507689f6f54b847ad1cef1e614ee23f1e)", "dogecoin")


@pytest.mark.parametrize(("prefix", "chain"), [
    ("xpub", "bitcoin-regtest"), ("tpub", "bitcoin"), ("dgub", "bitcoin"), ("Ltub", "bitcoin"),
    ("zpub", "litecoin-testnet"),
])  # fmt: skip
def test_a_key_of_another_network_is_refused(prefix: str, chain: str) -> None:
    with pytest.raises(UsageError, match=f"{prefix} marks a key of"):
        wallet.read(key(prefix), chain)


def test_one_key_of_a_multisig_has_no_addresses_alone() -> None:
    for prefix in ("Ypub", "Zpub", "Upub", "Vpub"):
        with pytest.raises(UsageError, match="one of several keys of a multisig"):
            wallet.read(key(prefix))
    two = f"wsh(sortedmulti(1,{key('Zpub')}/0/*,{vectors.MASTER_1}/0/*))"
    assert rows(two)[0][0].kind == "wsh(sortedmulti)"  # the descriptor says the kind, whatever the prefix


def at_depth(depth: int, number: int) -> str:
    return key("zpub", bytes([depth]) + BODY[1:5] + number.to_bytes(4, "big") + BODY[9:])


def test_the_depth_of_a_key_says_which_addresses_lie_below_it() -> None:
    hard = keys.HARDENED
    both = [("wpkh", "receive"), ("wpkh", "change")]
    assert kinds_and_roles(at_depth(3, hard)) == both  # m/84h/0h/0h
    assert kinds_and_roles(at_depth(1, hard)) == both  # m/0h of Electrum
    assert kinds_and_roles(at_depth(4, hard + 2)) == both  # m/48h/0h/0h/2h
    assert kinds_and_roles(at_depth(4, 0)) == [("wpkh", "receive")]
    assert kinds_and_roles(at_depth(4, 1)) == [("wpkh", "change")]
    assert [len(branch) for branch in rows(at_depth(5, 7))] == [1]  # one address


def test_what_is_neither_descriptor_nor_key_is_not_repeated() -> None:
    for text in ("correct horse battery staple", "hunter2!", f"[d34db33f/84h]{vectors.MASTER_1}/0/*"):
        with pytest.raises(UsageError, match="not repeated here") as refused:
            wallet.read(text)
        assert text not in str(refused.value)
    with pytest.raises(UsageError, match="checksum is wrong") as refused:
        wallet.read("hunter2x")
    assert "hunter" not in str(refused.value)


def test_the_digest_is_of_the_wallet_and_not_of_its_spelling() -> None:
    text = f"wpkh({vectors.MASTER_1}/0/*)"
    found = wallet.read(text)
    assert found.digest == wallet.read(f"  {found.branches[0].descriptor.text}\n").digest
    assert (found.checked, wallet.read(found.branches[0].descriptor.text).checked) == (False, True)
    assert found.digest != wallet.read(f"wpkh({vectors.MASTER_1}/1/*)").digest


class History:
    """A ledger that saw some indexes of a branch; it counts how many it was asked for."""

    def __init__(self, text: str, used: set[int]) -> None:
        found = wallet.read(text)
        rows = wallet.addresses(found.branches[0], found.chain, 0, max(used, default=0) + 1)
        self.used = {key for _, index, key in rows if index in used}
        self.asked = 0

    def __call__(self, asked: Sequence[AddressKey]) -> list[bool]:
        self.asked += len(asked)
        return [key in self.used for key in asked]


BRANCH = f"wpkh({vectors.MASTER_1}/0/*)"


@pytest.mark.parametrize(("used", "gap", "last"), [
    (set(), 20, 19),
    ({0}, 20, 20),
    ({19}, 20, 39),
    ({20}, 20, 19),  # one unused address too many: not found
    ({20}, 21, 41),
    ({0, 5, 24, 44}, 20, 64),
    ({0, 5, 26, 44}, 20, 25),
])  # fmt: skip
def test_a_branch_is_followed_until_so_many_in_a_row_were_never_used(
    used: set[int], gap: int, last: int
) -> None:
    history = History(BRANCH, used)
    found = wallet.read(BRANCH)
    got = wallet.follow(found.branches[0], found.chain, gap=gap, count=None, seen=history)
    assert [row.index for row in got] == list(range(last + 1))
    assert {row.index for row in got if row.seen} == {index for index in used if index <= last}
    assert history.asked == last + 1  # each once


def test_any_history_with_small_gaps_is_found_whole(dice: random.Random) -> None:
    used, at = set(), 0
    for _ in range(30):
        at += dice.randint(1, 5)
        used.add(at - 1)
    found = wallet.read(BRANCH)
    got = wallet.follow(found.branches[0], found.chain, gap=5, count=None, seen=History(BRANCH, used))
    assert {row.index for row in got if row.seen} == used
    assert got[-1].index == max(used) + 5


def test_a_count_is_a_count() -> None:
    found = wallet.read(BRANCH)
    history = History(BRANCH, {0, 50})
    got = wallet.follow(found.branches[0], found.chain, gap=20, count=3, seen=history)
    assert [row.seen for row in got] == [True, False, False]
    assert [
        row.seen for row in wallet.follow(found.branches[0], found.chain, gap=20, count=2, seen=None)
    ] == [None] * 2
