"""JSON from strangers, however deep it nests: an answer of brackets alone must not end the process."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any


def loads(text: str | bytes, *, exact: bool = False) -> Any:
    """JSON as Python values. Raises `ValueError` where it is none, or nests deeper than Python goes.

    exact   fractions become `Decimal`: amounts
    """
    try:
        return json.loads(text, parse_float=Decimal if exact else None)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


@contextmanager
def limit_kept() -> Iterator[None]:
    """Python's depth stays what it was while others are imported.

    py_ecc, which web3 and vyper bring, raises it to 100,000. Deeper than the stack of a thread goes, a nested
    answer then ends in a crash where there was an error to catch.
    """
    limit = sys.getrecursionlimit()
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
