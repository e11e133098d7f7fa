"""The transport of an explorer: one request after the other, no faster than agreed, patient with a busy host.

bitcoinlib's service layer does not serve here: it knows neither Merkle proofs nor who spends an output, asks for each
output apart, and hides what a refusal says (Retry-After).
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from adapters.http import Later, Patience, Patient, Unreachable, later_by, session, shown, transport

if TYPE_CHECKING:
    from requests import Response

KIND = "esplora"
PATIENCE = Patience(attempts=7, first=0.5, longest=60.0, timeout=60.0)
"""(P) A public explorer that has had enough wants a minute, not seconds."""
_TAGS = re.compile(r"<[^>]*>")


class BudgetSpent(Exception):
    """As many requests were made as the question may cost."""


class Http:
    """One explorer.

    host   what messages call it: neither path nor user, which may hold keys
    asked  requests made, repeated ones included
    """

    def __init__(self, url: str, *, rate: float, most: int, patience: Patience = PATIENCE) -> None:
        """`rate`: requests per second at most; `most`: requests in all, then `BudgetSpent`."""
        self.host = shown(url, KIND)
        self._base = url.rstrip("/")
        self._pause, self._most = 1.0 / rate, most
        self._patient = Patient(self.host, patience, in_flight=1)
        self._not_before = 0.0
        self._session = session(1)
        self.asked = 0

    def get(self, path: str) -> bytes | None:
        """The body of an answer; None where the host says that there is no such thing (404).

        Raises `BudgetSpent`, and `SourceUnavailable` where the host does not answer in spite of all patience.
        """
        return self._patient.ask(lambda: self._once(path))

    def _once(self, path: str) -> bytes | None:
        if self.asked >= self._most:
            raise BudgetSpent
        time.sleep(max(0.0, self._not_before - time.monotonic()))
        self._not_before = time.monotonic() + self._pause
        self.asked += 1
        with transport(self.host, KIND):
            answer = self._session.get(
                self._base + path, timeout=self._patient.patience.timeout, allow_redirects=False
            )
        page = answer.content.lstrip()[:1] == b"<"
        if answer.status_code == 404 and not page:
            return None
        if answer.status_code != 200:
            raise self._refusal(answer)
        if page:
            raise Later("answers with a web page in place of data")
        return answer.content

    def _refusal(self, answer: Response) -> Exception:
        code = answer.status_code
        if code in (401, 403):
            return Unreachable(f"{self.host} refuses us (HTTP {code}).", hint="Does it want a key?")
        longest = self._patient.patience.longest
        if later := later_by(answer, longest, "has had enough requests from us"):
            return later
        if code == 404 or 300 <= code < 400:
            return no_api(self.host)
        said = " ".join(_TAGS.sub(" ", answer.content[:300].decode(errors="replace")).split())[:120]
        return Unreachable(f"{self.host} refuses a request (HTTP {code}): {said or 'it does not say why'}.")


def no_api(host: str) -> Unreachable:
    """There is a server, and no explorer."""
    return Unreachable(f"{host} has no Esplora API there.", hint="Check the URL: it often ends in /api.")
