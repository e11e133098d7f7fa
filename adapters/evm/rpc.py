"""JSON-RPC over HTTP: batches, patience with busy providers, clear errors, and no secret in any of them.

web3's provider sends the bytes and gives the answer's bytes back unread: what they hold goes to columns, not to
objects. What an answer says of itself (an error, a missing part) is read here.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from adapters.evm.refusals import Call, failed_inside, of_rpc, parsed
from adapters.http import (
    Late,
    Later,
    Patience,
    Patient,
    Refused,
    TooLarge,
    of_http,
    secrets_of,
    session,
    shown,
    transport,
)
from adapters.nesting import limit_kept

if TYPE_CHECKING:
    from requests import Response
    from web3 import HTTPProvider

BATCH = 50
"""Most calls in one request (P): public providers take 10 to 1,000; one that takes fewer is asked with fewer."""
NEVER_NULL = ("eth_chainId", "eth_blockNumber", "eth_getBalance", "eth_getCode", "eth_call")
_ERROR = re.compile(rb'"error"\s*:\s*\{')


class Rpc:
    """One node. Any number of threads may ask it at once.

    batch  calls per request, lowered for good when the node refuses that many
    host   what messages call it: neither path nor user, which may hold keys
    """

    def __init__(
        self,
        url: str,
        *,
        authorization: str | None = None,
        patience: Patience | None = None,
        batch: int = BATCH,
    ) -> None:
        self.host = shown(url, "evm")
        self._secrets = secrets_of(url, authorization)
        self.patience = patience or Patience()
        self._patient = Patient(self.host, self.patience)
        self.batch = batch
        self._provider = _provider(url, authorization, self.patience.timeout)
        self._lock = threading.Lock()

    def ask(self, method: str, *params: object) -> Any:
        """The result of one call; `Refused` where the node refuses it."""
        try:
            answer = parsed(self._patiently([Call(method, params, 1)], whole=True))
        except TooLarge as refusal:
            raise Refused(f"{self.host} finds {method} too large to answer: {refusal}.") from None
        found = answer[0] if isinstance(answer, list) else answer
        if "result" not in found:
            raise Refused(f"{self.host} was asked for a contract's answer, and its code failed.")
        return found["result"]

    def raw(self, calls: Sequence[Call], *, whole: bool = False) -> list[bytes]:
        """HTTP bodies that together answer all calls, each call without an error; null may be an answer.

        whole   the bodies are read as JSON before, and code of a contract that fails is an answer: an error object
        As few requests as the node takes. Raises `Refused` for the first call it refuses, and `SourceUnavailable`
        when it does not answer in spite of all patience.
        """
        bodies: list[bytes] = []
        at = 0
        while at < len(calls):
            part = calls[at : at + self.batch]
            try:
                bodies.append(self._patiently(part, whole=whole))
            except TooLarge as refusal:
                if len(part) == 1:
                    raise Refused(
                        f"{self.host} finds {part[0].method} too large to answer: {refusal}."
                    ) from None
                with self._lock:
                    self.batch = max(1, min(self.batch, len(part) // 2))
                continue
            at += len(part)
        return bodies

    def _patiently(self, calls: Sequence[Call], *, whole: bool = False) -> bytes:
        """One request, sent until it is answered. `whole`: the answer is parsed to see that it can be."""

        def once() -> bytes:
            body = self._post(calls)
            self._read_errors(body, calls, whole)
            return body

        return self._patient.ask(once)

    def _post(self, calls: Sequence[Call]) -> bytes:
        """One request; problems of transport and HTTP as `Later`, `TooLarge`, or for good."""
        import requests

        try:
            with transport(self.host, "evm"):
                # web3 hands back what its decoder makes of the answer, and ours leaves it as it is
                body = cast("bytes", self._provider.make_batch_request(cast("Any", calls)))
        except requests.HTTPError as error:
            raise of_http(cast("Response", error.response), self.host, self.patience.longest) from None
        except Late:
            if len(calls) == 1:
                raise
            raise TooLarge("no answer in time") from None
        if body.lstrip()[:1] == b"<":
            raise Later("answers with a web page in place of JSON")
        if body.rstrip()[-1:] not in (b"]", b"}"):
            raise Later("cuts its answers short")
        return body

    def _read_errors(self, body: bytes, calls: Sequence[Call], whole: bool) -> None:
        """Raise what a body says is wrong. One with as many answers as calls and no error object is not parsed."""
        if not whole and not _ERROR.search(body) and body.count(b'"jsonrpc"') == len(calls):
            return
        answers = parsed(body)
        if isinstance(answers, dict):
            answers = [answers]
        if not isinstance(answers, list) or not all(isinstance(answer, dict) for answer in answers):
            raise Later("answers with JSON that is no JSON-RPC")
        by_id = {answer.get("id"): answer for answer in answers}
        for call in calls:
            answer = by_id.get(call.id)
            if answer is None:
                problem = next((a["error"] for a in answers if a.get("error")), None)
                if problem is None:
                    raise Later("leaves out answers")
                raise of_rpc(problem, call, len(calls), self.host, self._secrets)
            if answer.get("error"):
                if whole and call.method == "eth_call" and failed_inside(answer["error"]):
                    continue
                raise of_rpc(answer["error"], call, len(calls), self.host, self._secrets)
            if "result" not in answer or (answer["result"] is None and call.method in NEVER_NULL):
                raise Later("leaves out answers")


def _provider(url: str, authorization: str | None, timeout: float) -> HTTPProvider:
    with limit_kept():
        from web3 import HTTPProvider

    class Bytes(HTTPProvider):
        """web3's transport; calls keep the ids we gave them, answers stay bytes."""

        def encode_batch_rpc_request(self, requests: Any) -> bytes:
            calls = [
                {"jsonrpc": "2.0", "id": call.id, "method": call.method, "params": list(call.params)}
                for call in requests
            ]
            return json.dumps(calls[0] if len(calls) == 1 else calls).encode()

        @staticmethod
        def decode_rpc_response(raw_response: bytes) -> Any:
            return raw_response

    connections = session()
    if authorization:
        connections.headers["Authorization"] = authorization
    return Bytes(
        url,
        request_kwargs={"timeout": timeout, "headers": {"Content-Type": "application/json"}},
        session=connections,
        exception_retry_configuration=None,
    )
