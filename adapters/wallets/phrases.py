"""Recovery words inside a text dump, by place and kind."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Literal

import numpy as np

from adapters.wallets import secrets, words
from adapters.wallets.pieces import spans

_TOKEN = re.compile(rb"[a-z\x80-\xff]+")
_SPACE = ("　".encode(), b"   ")  # Japanese phrases are written with an ideographic space
_KINDS = {
    "checksum": secrets.WORDS,
    "electrum": f"{secrets.WORDS} (Electrum)",
    "none": f"words of a recovery list, {secrets.FEWEST_WORDS} or more in a row without a checksum",
}
_RUN = re.compile(b"\1{%d,}" % secrets.FEWEST_WORDS)
_LETTER = np.zeros(256, np.bool_)
_LETTER[ord("a") : ord("z") + 1] = True
_LETTER[0x80:] = True


@cache
def _known() -> frozenset[bytes]:
    """Every word of every list, in both normal forms of Unicode."""
    forms: tuple[Literal["NFC", "NFKD"], ...] = ("NFC", "NFKD")
    return frozenset(
        unicodedata.normalize(form, word).encode()
        for known in words.lists().values()
        for word in known
        for form in forms
    )


def found(buffer: bytes, least: int, limit: int) -> Iterator[tuple[int, int, str]]:
    """(begin, end, kind) of the phrase in each run of twelve words or more that begins in [least, limit).

    Digits and marks may stand between words (numbered lists do so), letters not. A part of a list in the order of the
    alphabet is the list, and no phrase.
    """
    lowered = buffer.lower().replace(*_SPACE)
    listed = bytes(map(_known().__contains__, _TOKEN.findall(lowered)))
    long = [match.span() for match in _RUN.finditer(listed)]
    if not long:
        return
    begins, ends = spans(_LETTER[np.frombuffer(lowered, np.uint8)])
    for first, last in long:
        places = [*zip(begins[first:last].tolist(), ends[first:last].tolist(), strict=True)]
        texts = [unicodedata.normalize("NFC", lowered[a:b].decode("utf-8", "replace")) for a, b in places]
        for start, end, language in words.runs(texts, secrets.FEWEST_WORDS):
            if least <= places[start][0] < limit and not words.is_list(texts[start:end]):
                begin, stop, kind = _phrase(texts, start, end, language)
                yield places[begin][0], places[stop - 1][1], kind


def _phrase(texts: list[str], start: int, end: int, language: str) -> tuple[int, int, str]:
    """(first word, end, kind) of the longest phrase inside a run: words beside it (`seed:`) may be of the list too."""
    for length in reversed(words.LENGTHS):
        for begin in range(start, end - length + 1):
            if (proof := words.proof(texts[begin : begin + length], language)) != "none":
                return begin, begin + length, _KINDS[proof]
    return start, end, _KINDS["none"]
