"""JSON as a sequence of values, each with the line it stands on; the json module gives no lines."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from typing import Any

from adapters.intel.found import Unreadable

Value = tuple[int, Any]
"""Line from 1, and what json makes of the text."""

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODE = json.JSONDecoder().raw_decode


def document(text: str, start: int) -> Iterator[Value]:
    """The elements of an array that is the whole text but for white space. Raises `Unreadable` as `array` does."""
    end = _after_space(text, (yield from array(text, start)))
    if end < len(text):
        line = text.count("\n", 0, end) + 1
        raise Unreadable(line, "the file is no JSON: something follows the end of the list")


def array(text: str, start: int) -> Generator[Value, None, int]:
    """The elements of the array whose bracket stands at `start`, one by one; returns where it ends.

    Raises `Unreadable` where it is no JSON, also far down: a part of an array is no list. What follows the
    array is not looked at.
    """
    at, counted, line = start + 1, 0, 1
    while True:
        at = _after_space(text, at)
        if text.startswith("]", at):
            return at + 1
        line, counted = line + text.count("\n", counted, at), at
        try:
            value, at = _DECODE(text, at)
        except (ValueError, RecursionError) as error:
            raise Unreadable(_line_of(error, line), f"the file is no JSON: {_reason(error)}") from error
        yield line, value
        at = _after_space(text, at)
        if text.startswith(",", at):
            at += 1
        elif not text.startswith("]", at):
            raise Unreadable(text.count("\n", 0, at) + 1, "the file is no JSON: the list does not end")


def lines(text: str) -> Iterator[tuple[int, Any, str]]:
    """(line, value, problem) of JSON Lines; a line that is no JSON has the value None and a problem."""
    number, at = 0, 0
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        number, line, at = number + 1, text[at:end].strip(), end + 1
        if line:
            try:
                yield number, json.loads(line), ""
            except (ValueError, RecursionError) as error:
                yield number, None, f"the line is no JSON: {_reason(error)}"


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _line_of(error: Exception, line: int) -> int:
    return error.lineno if isinstance(error, json.JSONDecodeError) else line


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return error.msg
    return "it is nested too deep" if isinstance(error, RecursionError) else str(error)
