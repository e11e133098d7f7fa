"""Recovery words: the lists of BIP 39 (as bitcoinlib ships them), and whether words in a row are a phrase.

The lists are read as files: importing bitcoinlib would write into the user's home. Old Electrum's list (before 2.0),
SLIP-39's, Monero's and the Czech and Korean lists of BIP 39 are not among them.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Literal

LENGTHS = (12, 15, 18, 21, 24)
"""Words a phrase of BIP 39 may have; Electrum's have 12 or 24."""
_ELECTRUM = ("01", "100", "101", "102")
"""First digits of Electrum's seed versions (electrum/version.py): standard, SegWit, and both with two factors."""

Proof = Literal["checksum", "electrum", "none"]
"""What says that words are a phrase: BIP 39's checksum, Electrum's version, or nothing but the list."""


@cache
def lists() -> Mapping[str, Mapping[str, int]]:
    """Language -> word (NFC) -> its number, of each list."""
    spec = find_spec("bitcoinlib")
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        raise ModuleNotFoundError("bitcoinlib, which ships the word lists, is not installed")
    found = {}
    for path in sorted(Path(folders[0], "wordlist").glob("*.txt")):
        words = unicodedata.normalize("NFC", path.read_text(encoding="utf-8")).split()
        found[path.stem] = {word: number for number, word in enumerate(words)}
    return found


def runs(words: Sequence[str], fewest: int) -> Iterator[tuple[int, int, str]]:
    """(first, end, language) of each longest run of words of one list, in order, apart; `words` lower case, NFC."""
    at = 0
    while at < len(words):
        end, language = max(
            ((_end(words, at, known), name) for name, known in lists().items()), default=(at, "")
        )
        if end - at >= fewest:
            yield at, end, language
            at = end
        else:
            at += 1


def longest_run(words: Sequence[str]) -> int:
    """How many of these words in a row are of one list."""
    return max((end - first for first, end, _ in runs(words, 1)), default=0)


def proof(words: Sequence[str], language: str) -> Proof:
    """What says that a run of words of one list is a phrase."""
    if len(words) in LENGTHS and _checks(words, lists()[language]):
        return "checksum"
    text = unicodedata.normalize("NFKD", " ".join(words))
    digest = hmac.new(b"Seed version", text.encode(), hashlib.sha512).hexdigest()
    return "electrum" if len(words) in (12, 24) and digest.startswith(_ELECTRUM) else "none"


def is_list(words: Sequence[str]) -> bool:
    """Whether words stand in the order of the alphabet: a part of the list itself, and no phrase."""
    return all(a < b for a, b in pairwise(words))


def _end(words: Sequence[str], at: int, known: Mapping[str, int]) -> int:
    while at < len(words) and words[at] in known:
        at += 1
    return at


def _checks(words: Sequence[str], known: Mapping[str, int]) -> bool:
    """BIP 39: the last bits, one for each three words, are the first of the SHA-256 of the others."""
    bits = len(words) * 11
    number = 0
    for word in words:
        number = number << 11 | known[word]
    check = bits // 33
    entropy = (number >> check).to_bytes((bits - check) // 8, "big")
    return hashlib.sha256(entropy).digest()[0] >> 8 - check == number & (1 << check) - 1
