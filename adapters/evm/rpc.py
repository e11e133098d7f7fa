"""JSON-RPC over HTTP: batches, patience with busy providers, clear errors, and no secret in any of them.

web3's provider sends the bytes and gives the answer's bytes back unread: what they hold goes to columns, not to
objects. What an answer says of itself (an error, a missing part) is read here.
"""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

from adapters.evm.refusals import (
    Call,
    Later,
    Refused,
    TooLarge,
    Unreachable,
    failed_inside,
    of_http,
    of_rpc,
    parsed,
)
from adapters.nesting import limit_kept
from tracer.errors import UsageError

if TYPE_CHECKING:
    from requests import Response, Session
    from web3 import HTTPProvider

T = TypeVar("T")
R = TypeVar("R")

BATCH = 50
"""Most calls in one request (P): public providers take 10 to 1,000; one that takes fewer is asked with fewer."""
IN_FLIGHT = 4
"""Requests in flight (P): enough to hide a network's delay, few enough for a public provider's limits."""
THREADS = IN_FLIGHT + 2
"""Jobs in flight: while two decode what they were answered, the node is still kept busy."""
FIRST_ATTEMPTS = 4
"""How often a node is asked that never answered yet (P): a mistyped URL should not cost a minute."""
NEVER_NULL = ("eth_chainId", "eth_blockNumber", "eth_getBalance", "eth_getCode", "eth_call")
SECRET = 5
"""Least letters of a part of a URL that may be a key (P)."""
_ERROR = re.compile(rb'"error"\s*:\s*\{')


@dataclass(frozen=True)
class Patience:
    """How long a provider is given: waits double from `first` to `longest` seconds, each shortened by chance."""

    attempts: int = 8
    first: float = 0.25
    longest: float = 30.0
    timeout: float = 120.0

    def wait(self, attempt: int) -> float:
        """Seconds to wait after the attempt of this number, counted from 0 (full jitter, at least half)."""
        return min(self.longest, self.first * 2.0**attempt) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


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
        self.host = shown(url)
        self._secrets = _secrets(url, authorization)
        self.patience = patience or Patience()
        self.batch = batch
        self._provider = _provider(url, authorization, self.patience.timeout)
        self._lock = threading.Lock()
        self._in_flight = threading.BoundedSemaphore(IN_FLIGHT)
        self._not_before = 0.0
        self._met = False

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
        attempt = 0
        while True:
            self._hold()
            try:
                with self._in_flight:
                    body = self._post(calls)
                self._read_errors(body, calls, whole)
            except Later as problem:
                attempt += 1
                if attempt >= (self.patience.attempts if self._met else FIRST_ATTEMPTS):
                    raise Unreachable(
                        f"{self.host} {problem.reason}; asked {attempt} times.",
                        hint="What was read is kept: run the same command again, it resumes."
                        if self._met
                        else "Is the URL right, and does the node run?",
                    ) from None
                self._pause(max(problem.after, self.patience.wait(attempt - 1)), everybody=problem.after > 0)
                continue
            self._met = True
            return body

    def _hold(self) -> None:
        """Wait as long as the provider asked all of us to."""
        while (left := self._not_before - time.monotonic()) > 0:
            time.sleep(left)

    def _pause(self, seconds: float, *, everybody: bool) -> None:
        if everybody:
            with self._lock:
                self._not_before = max(self._not_before, time.monotonic() + seconds)
        else:
            time.sleep(seconds)

    def _post(self, calls: Sequence[Call]) -> bytes:
        """One request; problems of transport and HTTP as `Later`, `TooLarge`, or for good."""
        import requests

        try:
            # web3 hands back what its decoder makes of the answer, and ours leaves it as it is
            body = cast("bytes", self._provider.make_batch_request(cast("Any", calls)))
        except requests.HTTPError as error:
            raise of_http(cast("Response", error.response), self.host, self.patience.longest) from None
        except requests.Timeout:
            if len(calls) > 1:
                raise TooLarge("no answer in time") from None
            raise Later("does not answer in time") from None
        except requests.exceptions.SSLError:
            raise Unreachable(f"{self.host} has no valid certificate.") from None
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema):
            raise UsageError(f"{self.host} is no URL of a node.", hint="Give http://HOST:PORT.") from None
        except requests.RequestException as error:
            cut = isinstance(
                error, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError
            )
            raise Later("breaks off its answers" if cut else "cannot be reached") from None
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


def ordered(jobs: Iterable[T], work: Callable[[T], R], threads: int = THREADS) -> Iterator[R]:
    """The result of each job in the order of the jobs, made by threads a few jobs ahead of who takes them."""
    pool = ThreadPoolExecutor(threads)
    ahead: deque[Future[R]] = deque()
    try:
        for job in jobs:
            ahead.append(pool.submit(work, job))
            if len(ahead) > threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def shown(url: str) -> str:
    """Host and port of a URL; `UsageError` where it is none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(
            "the node's URL is not of the form http://HOST:PORT.", hint="Give evm:http://HOST:PORT."
        )
    return f"{host}:{port}" if port else host


def _secrets(url: str, authorization: str | None) -> tuple[str, ...]:
    """Parts of a URL, and of the header, that may be keys: providers repeat them in what they refuse.

    Short parts of a path ("v3") are none (P): keys are longer.
    """
    parts = urlsplit(url)
    queried = (pair.rpartition("=")[2] for pair in parts.query.split("&"))
    long = (part for part in (*parts.path.split("/"), *queried) if len(part) >= SECRET)
    named = (parts.username, parts.password, *(authorization or "").split()[-1:])
    return tuple(part for part in (*long, *named) if part)


def _provider(url: str, authorization: str | None, timeout: float) -> HTTPProvider:
    from requests import Session
    from requests.adapters import HTTPAdapter

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

    session: Session = Session()
    session.mount("http://", HTTPAdapter(pool_maxsize=IN_FLIGHT))
    session.mount("https://", HTTPAdapter(pool_maxsize=IN_FLIGHT))
    if authorization:
        session.headers["Authorization"] = authorization
    return Bytes(
        url,
        request_kwargs={"timeout": timeout, "headers": {"Content-Type": "application/json"}},
        session=session,
        exception_retry_configuration=None,
    )
