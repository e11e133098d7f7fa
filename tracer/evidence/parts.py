"""A trace read back from a file, which anybody may have changed: every value is checked, texts are cleaned."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from tracer.errors import DataError
from tracer.intel.claims import clean

_CLAIM = re.compile(r"[0-9a-f]{64}", re.ASCII)
_HINT = "Trace again with --json."


class Part:
    """A JSON object, read key by key: what is missing, or of another kind, is named in one line."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise DataError(f"the trace is damaged: {where} is no object.", hint=_HINT)
        self.value: dict[str, Any] = value
        self._where = where

    def damaged(self, key: str, wanted: str) -> DataError:
        """The error of a key."""
        return DataError(f"the trace is damaged: {self._where}: {key} is not {wanted}.", hint=_HINT)

    def text(self, key: str) -> str:
        """A text that is not empty, cleaned."""
        found = self.maybe_text(key)
        if not found:
            raise self.damaged(key, "a text")
        return found

    def maybe_text(self, key: str) -> str | None:
        """A text, cleaned; None where it is null or not there."""
        value = self.value.get(key)
        if value is not None and not isinstance(value, str):
            raise self.damaged(key, "a text")
        return None if value is None else clean(value)

    def claim(self, key: str) -> str:
        """The id of a claim."""
        if not _CLAIM.fullmatch(found := self.text(key)):
            raise self.damaged(key, "the id of a claim")
        return found

    def time(self, key: str) -> str:
        """A time in UTC, as `2009-01-12 03:30:25`."""
        try:
            return str(datetime.strptime(self.text(key), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC))[:19]
        except ValueError:
            raise self.damaged(key, "a time in UTC") from None

    def number(self, key: str) -> int:
        """A whole number from 0 on."""
        found = self.maybe_number(key)
        if found is None:
            raise self.damaged(key, "a number")
        return found

    def maybe_number(self, key: str) -> int | None:
        """The same, None where it is null or not there."""
        value = self.value.get(key)
        if value is not None and (type(value) is not int or not 0 <= value < 1 << 63):
            raise self.damaged(key, "a whole number")
        return value

    def part(self, key: str) -> Part:
        """An object."""
        return Part(self.value.get(key), f"{self._where}, {key}")

    def maybe_part(self, key: str) -> Part | None:
        """An object, None where it is null or not there."""
        return None if self.value.get(key) is None else self.part(key)

    def parts(self, key: str) -> Iterator[Part]:
        """A list of objects."""
        value = self.value.get(key)
        if not isinstance(value, list):
            raise self.damaged(key, "a list")
        for place, row in enumerate(value):
            yield Part(row, f"{self._where}, {key}[{place}]")
