"""Alerts over HTTP, signed as Standard Webhooks says, so that a receiver knows who sent them and tells repetitions.

https://www.standardwebhooks.com: `webhook-id` is the same at every attempt, `webhook-signature` an HMAC-SHA256 over
`id.timestamp.body` for each secret, the newest first: receivers change secrets without a gap.

2xx is delivered. 410 takes the channel down. 400, 413, 415 and 422 are of this body and final. All else may pass.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from adapters.delivery.options import Options, address
from adapters.delivery.posting import exchange, session
from adapters.http import seconds_asked
from tracer.watching.sink import Envelope, Refused, Retry, Sink

if TYPE_CHECKING:
    import requests

WHOLE = 20.0
"""Seconds for all of an attempt (P)."""
ASKED_MOST = 6 * 3600.0
"""The longest Retry-After that is heeded, in seconds (P)."""
_FINAL = (400, 413, 415, 422)


def configured(options: Options) -> Callable[[], Sink]:
    """`url` (or `url_env`, `url_file`), `secret_env` or `secret_file`, `ca`, `allow_http`, `timeout`."""
    where = address(options, allow_http=options.flag("allow_http", False))
    secret = options.secret("secret")
    authority = str(options.path("ca")) if options.has("ca") else None
    timeout = options.seconds("timeout", WHOLE)

    def opened() -> Sink:
        assert secret is not None
        return Webhook(where.read(), [key(word) for word in secret.read()], authority, timeout)

    return opened


def key(secret: str) -> bytes:
    """The bytes of a secret: `whsec_` and base64; `Retry` where it is none."""
    word = secret.removeprefix("whsec_").rstrip("=")
    try:
        found = base64.b64decode(word + "=" * (-len(word) % 4), validate=True)
    except binascii.Error:
        found = b""
    if not secret.startswith("whsec_") or len(found) < 16:
        raise Retry("has a secret that is not whsec_ and the base64 of at least 16 bytes")
    return found


def signature(keys: Sequence[bytes], envelope_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`."""
    signed = f"{envelope_id}.{timestamp}.".encode() + body
    digests = (hmac.new(each, signed, hashlib.sha256).digest() for each in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


class Webhook:
    """A URL that takes alerts."""

    def __init__(
        self, url: str, keys: Sequence[bytes], authority: str | None = None, timeout: float = WHOLE
    ) -> None:
        self._url, self._keys, self._authority, self._timeout = url, tuple(keys), authority, timeout
        self._sessions: list[requests.Session] = []
        self._local = threading.local()

    def send(self, envelope: Envelope, *, now: float) -> None:
        """POST it; see the head of this file for what the answer means."""
        headers = {
            "content-type": "application/json",
            "user-agent": "tracer",
            "webhook-id": envelope.id,
            "webhook-timestamp": str(int(now)),
            "webhook-signature": signature(self._keys, envelope.id, int(now), envelope.body),
        }
        response = exchange(
            self._session(), "POST", self._url, timeout=self._timeout, headers=headers, body=envelope.body,
            authority=self._authority,
        )  # fmt: skip
        _judge(response.status_code, response.headers.get("Retry-After"))

    def close(self) -> None:
        """Close all connections."""
        for each in self._sessions:
            each.close()

    def _session(self) -> requests.Session:
        """One for each thread."""
        if (found := getattr(self._local, "session", None)) is None:
            found = self._local.session = session(self._url)
            self._sessions.append(found)
        made: requests.Session = found
        return made


def _judge(code: int, retry_after: str | None) -> None:
    if 200 <= code < 300:
        return
    if code == 410:
        raise Refused("took this channel down (HTTP 410)", gone=True)
    if code in _FINAL:
        raise Refused(f"does not accept this alert (HTTP {code})")
    if 300 <= code < 400:
        raise Retry(f"is somewhere else (HTTP {code}); write its final address into channels.toml")
    raise Retry(f"answers with an error (HTTP {code})", seconds_asked(retry_after, ASKED_MOST))
