"""What a field of a claim may hold. Each check raises `BadClaim` with a reason that names field and value."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from difflib import get_close_matches
from functools import lru_cache

from tracer.errors import BadClaim
from tracer.intel.claims import clean

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MARKUP = re.compile(r"<[A-Za-z/!?]|&(?:#\d+|#[xX][0-9A-Fa-f]+|[A-Za-z][A-Za-z0-9]*);")
_TRUE = ("true", "yes", "1")
_FALSE = ("false", "no", "0")
_PLAIN_SPACE = "\t\n\r"
_SHAPES = 1000

LONGEST = 1000
"""Characters a field may have: no real label or source is longer, and no hostile one needs to be shown."""
LONGEST_PROSE = 20_000
"""Characters a free text may have; the longest of the published ActorPacks has 7,500."""


class Fields:
    """The texts of one row after the other, asked for by name.

    `today` is an ISO date: no claim is dated later than the day after it, wherever on earth it was made.
    """

    def __init__(self, known: Collection[str], today: str) -> None:
        self._known = frozenset(known)
        self._latest = (date.fromisoformat(today) + timedelta(days=1)).isoformat()
        self._shapes: set[tuple[str, ...]] = set()
        self._row: Mapping[str, str] = {}

    def take(self, row: Mapping[str, str]) -> None:
        """Turn to the next row. A field that is not known is a mistake, never ignored."""
        shape = tuple(row)
        if shape not in self._shapes:
            for name in sorted(row.keys() - self._known):
                raise BadClaim(f"unknown field {name!r}{_meant(name, self._known)}")
            if len(self._shapes) < _SHAPES:
                self._shapes.add(shape)
        self._row = row

    def text(self, name: str, default: str = "") -> str:
        """A text that is safe to show; `default` where it is empty or missing."""
        value = self._row.get(name)
        return (_text(name, value) or default) if value else default

    def required(self, name: str) -> str:
        """A text that must be there."""
        if not (value := self.text(name)):
            raise BadClaim(f"missing field {name!r}")
        return value

    def prose(self, name: str) -> str:
        """A free text nobody writes for us: markup stays as it stands, control characters are dropped."""
        value = clean(self._row.get(name) or "")
        if len(value) > LONGEST_PROSE:
            raise BadClaim(f"{name} is longer than {LONGEST_PROSE} characters")
        return value

    def one_of(self, name: str, known: Collection[str], default: str) -> str:
        """A word of a vocabulary."""
        value = self.text(name)
        return word(name, value, known) if value else default

    def words(self, name: str) -> list[str]:
        """Several words, separated by spaces."""
        value = self._row.get(name)
        return _text(name, value).replace(";", " ").replace(",", " ").split() if value else []

    def items(self, name: str) -> list[str]:
        """Several texts, separated by semicolons; each once, in their order."""
        value = self._row.get(name)
        if not value:
            return []
        return list(dict.fromkeys(item for part in _text(name, value).split(";") if (item := part.strip())))

    def day(self, name: str, *, future: bool = False) -> str:
        """An ISO date, or "" where it is empty; one in the future only where that makes sense."""
        value = self._row.get(name)
        if not value or not (value := _text(name, value)):
            return ""
        if not _is_day(value):
            raise BadClaim(f"{name} {value!r} is no ISO date (2021-05-31)")
        if value > self._latest and not future:
            raise BadClaim(f"{name} {value} lies in the future")
        return value

    def yes_or_no(self, name: str) -> bool | None:
        """true/false, yes/no, 1/0; None where it is empty or `unknown`."""
        value = self.text(name).lower()
        if value in _TRUE:
            return True
        if value in _FALSE:
            return False
        if value in ("", "unknown"):
            return None
        raise BadClaim(f"{name} {value!r} is neither true nor false")


def word(name: str, value: str, known: Collection[str]) -> str:
    """The word itself where it is known; otherwise the reason offers the nearest that is."""
    if value not in known:
        raise BadClaim(f"unknown {name} {value!r}{_meant(value.lower(), known)}")
    return value


def _meant(value: str, known: Iterable[str]) -> str:
    close = get_close_matches(value, sorted(known), n=1)
    return f" (meant {str(close[0])!r}?)" if close else ""


@lru_cache(maxsize=8192)
def _text(name: str, value: str) -> str:
    """A label comes from a stranger: what could steer a terminal, a reader's eye or a browser is refused."""
    if not (value.isascii() and value.isprintable()):
        for character in value:
            hidden = unicodedata.category(character) in ("Cc", "Cf", "Cs") and character not in _PLAIN_SPACE
            if hidden:
                raise BadClaim(f"{name} holds a control or format character (U+{ord(character):04X})")
    value = clean(value)
    if len(value) > LONGEST:
        raise BadClaim(f"{name} is longer than {LONGEST} characters")
    if found := _MARKUP.search(value):
        raise BadClaim(f"{name} holds HTML ({found[0]!r})")
    return value


@lru_cache(maxsize=8192)
def _is_day(text: str) -> bool:
    if not _DAY.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
