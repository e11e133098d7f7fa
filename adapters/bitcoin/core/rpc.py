"""JSON-RPC and REST of a Core-like node: patient, bounded, exact in its numbers, and no secret in any message."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import urlsplit

from adapters.bitcoin.core.access import Access
from adapters.http import (
    IN_FLIGHT,
    Late,
    Later,
    NoMethod,
    Patience,
    Patient,
    Refused,
    TooLarge,
    Unreachable,
    of_http,
    secrets_of,
    session,
    shown,
    transport,
    without_secrets,
)
from adapters.nesting import loads
from tracer.errors import SourceUnavailable

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

P = ParamSpec("P")
T = TypeVar("T")

BATCH = 100
"""Most calls in one request (P)."""
ANSWER_BYTES = 128 << 20
"""Longest answer to several calls (P): longer ones are asked for in smaller parts."""
LONGEST_BYTES = 2 << 30
"""Longest answer to one call (P): a block of JSON is some ten times its bytes."""
_CHUNK = 1 << 20
# rpc/protocol.h of Bitcoin Core
_WARMING_UP, _NO_METHOD = -28, -32601


class NodeError(Refused):
    """The node answered a call with an error. `code` is the node's: -5 no such block, -8 no such height, ..."""

    def __init__(self, problem: str, code: int, *, hint: str = "") -> None:
        super().__init__(problem, hint=hint)
        self.code = code


@dataclass(frozen=True)
class Asked:
    """One call."""

    method: str
    params: Sequence[object] = ()


class Core:
    """One node. Any number of threads may ask it at once.

    access  where it is, and who we are to it
    host    what messages call it: neither path nor user, which may hold keys
    batch   calls per request, lowered for good when the node takes fewer
    """

    def __init__(self, access: Access, *, patience: Patience | None = None, batch: int = BATCH) -> None:
        self.host = shown(access.url, "core")
        self.access, self.batch = access, batch
        self.patience = patience or Patience()
        self._patient = Patient(self.host, self.patience)
        self._lock = threading.Lock()
        self._authorization: str | None = None
        self._identified = False
        self._secrets = (*access.secrets, *secrets_of(access.url, None))
        self._session = session(IN_FLIGHT)
        self._session.auth = _as_it_is  # else a .netrc takes the place of the cookie
        parts = urlsplit(access.url)
        self._rest = f"{parts.scheme}://{parts.netloc}/rest/"

    def ask(self, method: str, *params: object) -> Any:
        """The result of one call, fractions as Decimal; `NodeError` or `NoMethod` where the node refuses it."""
        return self.all([Asked(method, params)])[0]

    def once(self, method: str, *params: object, timeout: float) -> Any:
        """The same without patience: `SourceUnavailable` at the first trouble. For calls that wait for something."""
        try:
            return _result(self._post([Asked(method, params)], timeout)[0])
        except (Later, TooLarge) as problem:
            raise Unreachable(f"{self.host}: {problem}.") from None

    def all(self, calls: Sequence[Asked]) -> list[Any]:
        """Results of all calls in their order; raises the first error."""
        return [_result(found) for found in self.each(calls)]

    def each(self, calls: Sequence[Asked]) -> list[Any | Refused]:
        """Result or error of each call, in as few requests as the node takes.

        `SourceUnavailable` where it does not answer in spite of all patience.
        """
        out: list[Any | Refused] = []
        at = 0
        while at < len(calls):
            part = calls[at : at + self.batch]
            try:
                out += self._patient.ask(partial(self._post, part, self.patience.timeout))
            except TooLarge as refusal:
                if len(part) == 1:
                    raise Refused(f"{self.host} finds {part[0].method} too large: {refusal}.") from None
                with self._lock:
                    self.batch = max(1, min(self.batch, len(part) // 2))
                continue
            at += len(part)
        return out

    def rest(self, path: str) -> bytes:
        """What REST has at a path behind `/rest/`. `NoMethod` where the node does not offer it, or not this."""

        def once() -> bytes:
            response, body = self._send("GET", self._rest + path, None, self.patience.timeout, LONGEST_BYTES)
            kind = path.partition("/")[0]
            if response.status_code == 200 and "html" not in response.headers.get("Content-Type", ""):
                return body
            if response.status_code == 200:
                raise Later("answers with a web page in place of a block")
            if response.status_code in (400, 403, 404, 405, 501):
                said = self._words(body.decode(errors="replace"))
                raise NoMethod(f"{self.host} does not serve /rest/{kind}: {said or response.status_code}.")
            raise of_http(response, self.host, self.patience.longest, body)

        return self._patient.ask(once)

    def _post(self, calls: Sequence[Asked], timeout: float) -> list[Any | Refused]:
        """One request, and what it says of each call; trouble as `Later`, `TooLarge`, or for good."""
        asked = [
            {"jsonrpc": "1.0", "id": number, "method": call.method, "params": list(call.params)}
            for number, call in enumerate(calls)
        ]
        sent = json.dumps(asked[0] if len(asked) == 1 else asked).encode()
        limit = LONGEST_BYTES if len(calls) == 1 else ANSWER_BYTES
        try:
            response, body = self._send("POST", self.access.url, sent, timeout, limit)
        except Late:
            if len(calls) == 1:
                raise
            raise TooLarge("no answer in time") from None
        if body.lstrip()[:1] not in (b"[", b"{"):
            self._raise_http(response, body, calls)
        if body.rstrip()[-1:] not in (b"]", b"}"):
            raise Later("cuts its answers short")
        try:
            answers = loads(body, exact=True)
        except ValueError:
            raise Later("answers with broken JSON") from None
        return self._answers(answers if isinstance(answers, list) else [answers], calls)

    def _raise_http(self, response: Response, body: bytes, calls: Sequence[Asked]) -> None:
        """Raise what an answer that is no JSON means."""
        code = response.status_code
        if code == 403 and self._patient.met:  # rpcwhitelist
            raise NoMethod(f"{self.host} does not let us call {calls[0].method} (HTTP 403).")
        if code != 200:
            raise of_http(response, self.host, self.patience.longest, body)
        page = body.lstrip()[:1] == b"<"
        raise Later("answers with a web page in place of JSON" if page else "cuts its answers short")

    def _answers(self, answers: Sequence[Any], calls: Sequence[Asked]) -> list[Any | Refused]:
        if not all(isinstance(answer, dict) for answer in answers):
            raise Later("answers with JSON that is no JSON-RPC")
        by_id = {answer.get("id"): answer for answer in answers}
        out = []
        for number, call in enumerate(calls):
            answer = by_id.get(number)
            if answer is None:
                alone = next((each["error"] for each in answers if each.get("error")), None)
                if alone is None:
                    raise Later("leaves out answers")
                if len(calls) > 1:
                    raise TooLarge(self._words(_message(alone)))
                answer = {"error": alone}
            if answer.get("error") is not None:
                out.append(self._refusal(answer["error"], call))
            elif "result" not in answer:
                raise Later("leaves out answers")
            else:
                out.append(answer["result"])
        return out

    def _refusal(self, error: Any, call: Asked) -> Refused:
        code = error.get("code") if isinstance(error, dict) else None
        words = self._words(_message(error))
        if code == _WARMING_UP:
            self._patient.met = True  # it is there: wait as long as for a busy one
            raise Later(f"is still starting: {words}")
        if code == _NO_METHOD:
            return NoMethod(f"{self.host} does not offer {call.method}.")
        hint = ""
        if "pruned" in words.lower():
            hint = "The node keeps the newest blocks only: --from HEIGHT reads what is there."
        return NodeError(
            f"{self.host} refuses {call.method}: {words or code}.",
            code if isinstance(code, int) else 0,
            hint=hint,
        )

    def _words(self, text: str) -> str:
        return without_secrets(" ".join(text.split()), self._secrets)[:200].removesuffix(".")

    def _send(
        self, verb: str, url: str, body: bytes | None, timeout: float, limit: int
    ) -> tuple[Response, bytes]:
        """One request; who is not known to the node reads the cookie once more."""
        told = self._identity()
        response, found = self._exchange(verb, url, body, timeout, limit, told)
        if response.status_code == 401:
            try:
                with self._lock:
                    again = self._authorization = self.access.header()
            except SourceUnavailable:
                raise Later("is not ready: its cookie file is gone") from None
            if again == told:
                raise Unreachable(f"{self.host} refuses us (HTTP 401): {_who(self.access)}.", hint=_HINT)
            response, found = self._exchange(verb, url, body, timeout, limit, again)
            if response.status_code == 401:
                raise Later("has written another cookie")
        return response, found

    def _identity(self) -> str | None:
        with self._lock:
            if not self._identified:
                self._authorization, self._identified = self.access.header(), True
            return self._authorization

    def _exchange(
        self, verb: str, url: str, body: bytes | None, timeout: float, limit: int, authorization: str | None
    ) -> tuple[Response, bytes]:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if authorization:
            headers["Authorization"] = authorization
        with (
            transport(self.host, "core"),
            self._session.request(
                verb, url, data=body, headers=headers, timeout=timeout, stream=True, allow_redirects=False
            ) as response,
        ):
            parts: list[bytes] = []
            size = 0
            for part in response.iter_content(_CHUNK):
                parts.append(part)
                size += len(part)
                if size > limit:
                    raise TooLarge(f"its answer is longer than {limit >> 20} MB")
            return response, b"".join(parts)


_HINT = (
    "Put user and password into the URL, or name its cookie file: core:http://HOST:PORT?cookie=PATH; the whole source "
    "may stand in TRACER_SOURCE_<CHAIN>."
)


def understood(ask: Callable[Concatenate[Core, P], T]) -> Callable[Concatenate[Core, P], T]:
    """A question whose answer may be anything: `SourceUnavailable` where it is not of the documented form."""

    @wraps(ask)
    def asked(core: Core, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return ask(core, *args, **kwargs)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            raise SourceUnavailable(
                f"{core.host} answers in another form than nodes of this kind do.",
                hint="Run the same command again; if it stays, is this the RPC of such a node?",
            ) from None

    return asked


def _as_it_is(request: PreparedRequest) -> PreparedRequest:
    return request


def _who(access: Access) -> str:
    """What was wrong with how we called ourselves, without saying it."""
    if access.cookie is not None:
        return f"the cookie in {access.cookie} is not its own"
    return "wrong or missing credentials"


def _message(error: Any) -> str:
    return str(error.get("message", "") if isinstance(error, dict) else error)


def _result(found: Any | Refused) -> Any:
    if isinstance(found, Refused):
        raise found
    return found
