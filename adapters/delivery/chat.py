"""Alerts in chat services, through apprise (the extra `tracer[chat]`): https://github.com/caronc/apprise.

Each is somebody else's service: without `allow_content` they get the alert's id and nothing more. Their addresses are
secrets, and what apprise logs repeats parts of them: its log is off.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any

from adapters.delivery.options import Options
from tracer.watching.sink import Envelope, Retry, Sink

CONNECT, READ = 5.0, 10.0
"""Seconds to connect, and between two bytes (P)."""
LONGEST = 2000
"""Letters of a message (P): services cut or split longer ones."""


def configured(options: Options) -> Callable[[], Sink]:
    """`url_env` or `url_file`: an address as apprise has them."""
    secret = options.secret("url")

    def opened() -> Sink:
        assert secret is not None
        return Chat(secret.read()[0])

    return opened


class Chat:
    """One chat service."""

    def __init__(self, address: str) -> None:
        logging.getLogger("apprise").disabled = True
        with warnings.catch_warnings():  # it imports what its Python is about to drop
            warnings.simplefilter("ignore")
            try:
                import apprise
            except ImportError:
                raise Retry("needs apprise: install tracer[chat]") from None
            made: Any = apprise.Apprise.instantiate(address, suppress_exceptions=True)
        if made is None:
            raise Retry("has a url that apprise does not understand")
        made.socket_connect_timeout, made.socket_read_timeout = CONNECT, READ
        self._service = apprise.Apprise([made])  # which turns plain text into what the service wants

    def send(self, envelope: Envelope, *, now: float) -> None:  # noqa: ARG002
        """Taken, or not: apprise does not say why."""
        text = envelope.text if len(envelope.text) <= LONGEST else envelope.text[: LONGEST - 1] + "…"
        if not self._service.notify(title=envelope.title, body=text, body_format="text"):
            raise Retry("did not take the message")

    def close(self) -> None:
        """Nothing is kept open."""
