"""The outgoing check-in: a GET after each good run, so that a monitor elsewhere misses us when we are silent."""

from __future__ import annotations

from adapters.delivery.options import Address
from adapters.delivery.posting import exchange, session
from tracer.watching.sink import Retry

WHOLE = 10.0
"""Seconds for all of it (P)."""


def check_in(url: Address, *, timeout: float = WHOLE) -> None:
    """Tell the monitor; `Retry` says why it was not told, without the URL."""
    where = url.read()
    with session(where) as line:
        code = exchange(line, "GET", where, timeout=timeout, headers={"user-agent": "tracer"}).status_code
    if 300 <= code < 400:
        raise Retry(f"is somewhere else (HTTP {code}); write its final address into channels.toml")
    if not 200 <= code < 300:
        raise Retry(f"answers with an error (HTTP {code})")
