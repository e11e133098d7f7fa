"""Text dumps: every planted address is found where it stands, none is invented, no secret comes out."""

from __future__ import annotations

import base64
import io
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.wallets import scan as room
from adapters.wallets import secrets
from adapters.wallets.scan import Met, Place, Scan
from tests.adapters.wallets import vectors
from tests.conftest import scaled

ARCHIVE = "1Archive1n2C579dMsAu3iC6tWzuQJz8dN"
EVM = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"  # EIP-55
KNOWN = {
    ARCHIVE: {"bitcoin", "bitcoin-sv", "bitcoin-cash"},
    "3P14159f73E4gFr7JterCCQh9QjiTjiZrG": {"bitcoin", "litecoin", "bitcoin-sv", "bitcoin-cash"},
    vectors.CHANGE_84: {"bitcoin"},
    vectors.CHANGE_84.upper(): {"bitcoin"},
    vectors.CHANGE_86: {"bitcoin"},
    "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx": {"bitcoin-testnet", "bitcoin-testnet4", "bitcoin-signet"},
    "DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L": {"dogecoin", "verge"},
    "ltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kgmn4n9": {"litecoin"},
    "qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a": {"bitcoin-cash"},  # CashAddr without its prefix
    "t1Hsc1LR8yKnbbe3twRp88p6vFfC5t7DLbs": {"zcash"},
    "TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW": {"tron"},
    "rf1BiGeXwwQoi8Z2ueFYTEXSwuJYfV2Jpn": {"xrpl"},
    "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A": {"monero"},
    "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ": {"stellar"},
    "EQDtFpEwcFAEcRe5mLVh2N6C0x-_hJEM7W61_JLnSF74p4q2": {"ton"},
    "addr1vx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzers66hrl8": {"cardano"},
    EVM: {"ethereum"},
}  # fmt: skip
"""Published examples, and the chains that take each."""
JUNK = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
EDGES = " \n\t\r.,;:/\\\"'()[]{}<>|=?!#@%&*+~^`$\0\u00ad\u3000é字"


def scanned(data: bytes, name: str = "dump") -> tuple[Scan, list[Met]]:
    """A scan of one file, and the 64-digit texts it met."""
    found, met = Scan(), list[Met]()
    found.read(io.BytesIO(data), name, met.extend)
    return found, met


def addresses(found: Scan) -> dict[str, Any]:
    """Canonical text on the first chain -> its find."""
    return {address.on[0][1]: find for address, find in found.addresses.items()}


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that pieces end in the middle of things."""
    monkeypatch.setattr(room, "PIECE", 64)
    monkeypatch.setattr(room, "_OVERLAP", 700)


@pytest.mark.parametrize(("text", "chains"), KNOWN.items())
def test_an_address_is_found_with_every_chain_it_is_valid_on(text: str, chains: set[str]) -> None:
    found, _ = scanned(f"pay to {text}, thanks".encode())
    (address,) = found.addresses
    assert {name for name, _, _ in address.on} == chains
    assert address.checked
    assert found.addresses[address].places == [Place("dump", 1, 7)]


@pytest.mark.parametrize("text", KNOWN)
def test_a_letter_more_or_another_is_no_address(text: str, dice: random.Random) -> None:
    for wrong in (text + "x", "x" + text, text[:-1]):
        assert not scanned(wrong.encode())[0].addresses, wrong
    for _ in range(scaled(20, full=1000)):
        at = dice.randrange(4, len(text))
        letters = "qpzry9x8" if text.islower() else "QPZRY9X8" if text.isupper() else "abcdeABCDE2345"
        wrong = text[:at] + dice.choice(letters) + text[at + 1 :]
        if wrong != text and not (text == EVM and wrong[2:] in (wrong[2:].lower(), wrong[2:].upper())):
            assert not scanned(wrong.encode())[0].addresses, wrong


@pytest.mark.usefixtures("small_pieces")
@settings(
    max_examples=scaled(60, full=2000),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(
        st.tuples(JUNK, st.sampled_from(sorted(KNOWN)), st.sampled_from(EDGES), st.sampled_from(EDGES)),
        max_size=8,
    ),
    st.sampled_from(["utf-8", "utf-16-le", "utf-16-be"]),
)
def test_all_that_was_planted_is_found_where_it_stands_and_nothing_else(
    planted: list[tuple[str, str, str, str]], encoding: str
) -> None:
    mark = "" if encoding == "utf-8" else "\ufeff"
    text, places = mark, []
    for junk, address, before, after in planted:
        text += junk + before
        places.append((len(text), address))
        text += address + after
    found, _ = scanned(text.encode(encoding))
    expected: Counter[tuple[int, int, frozenset[str]]] = Counter()
    for at, address in places:
        head = text[:at]
        expected[head.count("\n") + 1, len(head.encode(encoding)), frozenset(KNOWN[address])] += 1
    got: Counter[tuple[int, int, frozenset[str]]] = Counter()
    for one, find in found.addresses.items():
        assert find.count == len(find.places)
        for place in find.places:
            got[place.line, place.offset, frozenset(name for name, _, _ in one.on)] += 1
    assert got == expected


@settings(max_examples=scaled(50, full=5000), deadline=None)
@given(st.binary(max_size=3000))
def test_any_bytes_are_read_and_nothing_is_invented(data: bytes) -> None:
    found, met = scanned(data)
    assert (found.addresses, found.keys, found.secrets, met) == ({}, {}, {}, [])
    assert found.files[0].size == len(data)


def test_words_of_nothing_are_no_addresses(dice: random.Random) -> None:
    """Base64, hashes and random words in Base58: what dumps are full of."""
    raw = dice.randbytes(scaled(50_000, full=5_000_000))
    words = " ".join(
        "".join(dice.choices("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", k=34))
        for _ in range(500)
    )
    text = base64.b64encode(raw) + b"\n" + words.encode() + b"\n" + raw[:20_000].hex().encode()
    assert scanned(text)[0].addresses == {}


def test_how_often_and_where_first_is_kept_and_memory_is_bounded() -> None:
    found, _ = scanned(f"{ARCHIVE}\n".encode() * 1000)
    (find,) = found.addresses.values()
    assert find.count == 1000
    assert find.places[:2] == [Place("dump", 1, 0), Place("dump", 2, 35)]
    assert len(find.places) == room.PLACES


def test_spellings_of_one_address_are_one_find() -> None:
    found, _ = scanned(
        f"{vectors.CHANGE_84} {vectors.CHANGE_84.upper()} bitcoin:{vectors.CHANGE_84}?amount=1".encode()
    )
    (find,) = found.addresses.values()
    assert find.count == 3


def test_evm_accounts_in_one_case_are_candidates_apart() -> None:
    found, _ = scanned(f"{EVM} {EVM.lower()} {EVM[:3]}{EVM[3:].swapcase()}".encode())
    assert [(address.on[0][1], address.checked) for address in found.addresses] == [(EVM, True), (EVM, False)]


def test_what_a_soft_hyphen_parts_is_not_put_together() -> None:
    assert not scanned(f"{ARCHIVE[:10]}\u00ad{ARCHIVE[10:]}".encode())[0].addresses


def test_64_digits_are_handed_on_and_not_kept() -> None:
    txid = "F91d0a8a78462bc59398f2c5d7a84fcff491c26ba54c4833478b202796c8aafd"
    found, met = scanned(f"x\n{txid} 0x{txid} {txid}a".encode())
    assert met == [Met(txid.lower(), Place("dump", 2, 2)), Met(txid.lower(), Place("dump", 2, 67))]
    assert txid.lower() not in repr(found)


def test_public_extended_keys_are_listed() -> None:
    found, _ = scanned(f"[d34db33f/84h/0h/0h]{vectors.MASTER_1}/0/*".encode())
    assert [(key, prefix, find.count) for key, (prefix, find) in found.keys.items()] == [
        (vectors.MASTER_1, "xpub", 1)
    ]


SECRETS = {
    vectors.WIF: secrets.WIF,
    vectors.WIF_UNCOMPRESSED: secrets.WIF,
    vectors.MASTER_1_PRIVATE: secrets.EXTENDED,
    "6PRVWUbkzzsbcVac2qwfssoUJAN1Xhrg6bNk8J7Nzm5H7kxEbn2Nh2ZoGg": secrets.ENCRYPTED,
    "S6c56bnXQiBjk9mqSYE7ykVQ7NzrRy": secrets.MINI,
    vectors.ABANDON: secrets.WORDS,
    "wild father tree among universe such mobile favorite target dynamic credit identify": "recovery words (Electrum)",
    "zoo " * 12: "words of a recovery list, 12 or more in a row without a checksum",
    "あいこくしん　" * 11 + "あおぞら": secrets.WORDS,
}  # fmt: skip


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize(("text", "kind"), SECRETS.items())
def test_secrets_are_counted_by_kind_and_place_and_never_kept(text: str, kind: str) -> None:
    found, _ = scanned(f"{'- ' * 500}\nPIN2: {text}. END".encode())
    assert {kind: find.places for kind, find in found.secrets.items()} == {kind: [Place("dump", 2, 1007)]}
    for word in text.split():
        assert word not in repr(found)


def test_words_of_the_list_beside_a_phrase_do_not_hide_it() -> None:
    found, _ = scanned(f"wallet seed: {vectors.ABANDON} note".encode())
    assert {kind: find.places for kind, find in found.secrets.items()} == {
        secrets.WORDS: [Place("dump", 1, 13)]
    }


def test_words_over_lines_and_numbers_are_a_phrase_and_a_list_is_none() -> None:
    numbered = "\n".join(f"{n}. {word.title()}" for n, word in enumerate(vectors.ABANDON.split(), start=1))
    assert list(scanned(numbered.encode())[0].secrets) == [secrets.WORDS]
    from adapters.wallets.words import lists

    assert not scanned("\n".join(lists()["english"]).encode())[0].secrets
