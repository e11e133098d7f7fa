"""What a field of a claim may hold. Each check raises `BadClaim` with a reason that names field and value."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date
from difflib import get_close_matches
from functools import lru_cache

from tracer.errors import BadClaim
from tracer.intel.claims import clean

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_TRUE = ("true", "yes", "1")
_FALSE = ("false", "no", "0")
LONGEST = 1000
"""Characters a field may have: no real label or source is longer, and no hostile one needs to be shown."""


class Fields:
    """The texts of one row, asked for by name."""

    def __init__(self, row: Mapping[str, str], known: Collection[str]) -> None:
        for name in row.keys() - known:
            close = get_close_matches(name, known, n=1)
            raise BadClaim(f"unknown field {name!r}" + (f" (meant {close[0]!r}?)" if close else ""))
        self._row = row

    def text(self, name: str, default: str = "") -> str:
        """A text, made safe to show; `default` where it is empty or missing."""
        value = clean(self._row.get(name) or "")
        if len(value) > LONGEST:
            raise BadClaim(f"{name} is longer than {LONGEST} characters")
        return value or default

    def required(self, name: str) -> str:
        """A text that must be there."""
        if not (value := self.text(name)):
            raise BadClaim(f"missing field {name!r}")
        return value

    def one_of(self, name: str, known: Collection[str], default: str) -> str:
        """A word of a vocabulary."""
        value = self.text(name, default)
        if value not in known:
            close = get_close_matches(value.lower(), known, n=1)
            raise BadClaim(f"unknown {name} {value!r}" + (f" (meant {close[0]!r}?)" if close else ""))
        return value

    def day(self, name: str) -> str:
        """An ISO date, or "" where it is empty."""
        value = self.text(name)
        if value and not _is_day(value):
            raise BadClaim(f"{name} {value!r} is no ISO date (2021-05-31)")
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


@lru_cache(maxsize=4096)
def _is_day(text: str) -> bool:
    if not _DAY.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
