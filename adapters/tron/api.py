"""The HTTP API of a java-tron node: patient with busy providers, clear in its errors, and no secret in any of them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from adapters.http import Later, Patience, Patient, TooLarge, Unreachable, of_http, session, shown, transport
from adapters.nesting import loads
from tracer.errors import SourceUnavailable

if TYPE_CHECKING:
    from requests import Response

KEY_VARIABLE = "TRON_PRO_API_KEY"
KEY_HEADER = "TRON-PRO-API-KEY"
# TronGrid says how long it sends us away; java-tron's own limiter answers with status 200
_LIMITED = re.compile(
    rb"frequency limit|rate exceeded|suspended for|lack of computing resources", re.IGNORECASE
)
_SUSPENDED = re.compile(rb"suspended for (\d+) ?s", re.IGNORECASE)
_OFF = re.compile(rb"unavailable due to config|API is closed|not support", re.IGNORECASE)


class Missing(Unreachable):
    """The node does not offer this part of the API."""


class Api:
    """One node. Any number of threads may ask it at once.

    key   of TronGrid or a node like it; else `TRON_PRO_API_KEY` of the environment. Never shown
    host  what messages call the node: neither path nor user, which may hold keys
    """

    def __init__(self, url: str, *, key: str | None = None, patience: Patience | None = None) -> None:
        self.host = shown(url, "tron")
        self.patience = patience or Patience()
        self._patient = Patient(self.host, self.patience)
        self._url = url.rstrip("/")
        self._session = session()
        self._session.headers["Content-Type"] = "application/json"
        if key := key or os.environ.get(KEY_VARIABLE):
            self._session.headers[KEY_HEADER] = key

    def ask(self, path: str, question: Mapping[str, object]) -> Any:
        """The answer as Python values: for single headers, not for blocks."""
        try:
            return loads(self.raw(path, question))
        except ValueError:
            raise SourceUnavailable(
                f"{self.host} answers {path} with broken JSON.",
                hint="Run the same command again; if it stays, is this the HTTP API of a java-tron full node?",
            ) from None

    def raw(self, path: str, question: Mapping[str, object]) -> bytes:
        """The body that answers a question, unread; JSON by its first and last byte.

        `Missing` where the node does not offer the path, `SourceUnavailable` where it does not answer in spite of
        all patience.
        """
        return self._patient.ask(lambda: self._post(path, question))

    def _post(self, path: str, question: Mapping[str, object]) -> bytes:
        """One request; `Later` where the same may work later."""
        with transport(self.host, "tron"):
            answer = self._session.post(
                self._url + path, data=json.dumps(dict(question)), timeout=self.patience.timeout
            )
        if answer.status_code != 200 or _LIMITED.search(answer.content[:400]):
            raise self._refusal(answer, path)
        body = answer.content
        if body.lstrip()[:1] == b"<":
            raise Later("answers with a web page in place of JSON")
        if body.rstrip()[-1:] not in (b"]", b"}"):
            raise Later("cuts its answers short")
        return body

    def _refusal(self, answer: Response, path: str) -> Exception:
        """What an answer without what was asked for means."""
        said = answer.content[:400]
        if _LIMITED.search(said):
            seconds = _SUSPENDED.search(said)
            return Later(
                "is too busy for us", min(float(seconds[1]) if seconds else 0.0, self.patience.longest)
            )
        if answer.status_code in (404, 405, 501) or _OFF.search(said):
            return Missing(
                f"{self.host} does not offer {path}.", hint="Is this the HTTP API of a java-tron full node?"
            )
        if answer.status_code in (401, 403):
            return Unreachable(
                f"{self.host} refuses us (HTTP {answer.status_code}): wrong or missing credentials.",
                hint=f"Put the key into {KEY_VARIABLE}.",
            )
        problem = of_http(answer, self.host, self.patience.longest)
        return (
            Unreachable(f"{self.host} finds {path} too large.") if isinstance(problem, TooLarge) else problem
        )
