"""A provider between us and a node: a small HTTP server that passes calls on, and misbehaves as it is told."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One HTTP request: its number, counted from 0, the calls in it, and its Authorization header.

    A GET is one call; its path is the method.
    """

    number: int
    calls: list[dict[str, Any]]
    authorization: str | None = None

    def has(self, method: str) -> bool:
        """Whether one of the calls is of this method."""
        return any(call["method"] == method for call in self.calls)

    def gets(self, front: str) -> bool:
        """Whether it is a GET of a path that begins so."""
        return str(self.calls[0]["method"]).startswith(front)


@dataclass(frozen=True)
class Status:
    """An HTTP error in place of an answer."""

    code: int
    retry_after: str | None = None
    body: str = "no"


@dataclass(frozen=True)
class Says:
    """Another body than the node's; `text` may be any nonsense."""

    text: str


@dataclass(frozen=True)
class Refuses:
    """A JSON-RPC error for the whole request."""

    code: int
    message: str


@dataclass(frozen=True)
class Shortens:
    """The node's body without its end. `honest`: Content-Length tells how long it should have been."""

    honest: bool


@dataclass(frozen=True)
class Drops:
    """The connection is closed without a word."""


@dataclass(frozen=True)
class Dawdles:
    """The answer comes late."""

    seconds: float


@dataclass(frozen=True)
class Changes:
    """The answer as the node gave it, changed."""

    change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


@dataclass(frozen=True)
class Rewrites:
    """The body as the node gave it, changed byte by byte."""

    change: Callable[[bytes], bytes]


Fault = Status | Says | Refuses | Shortens | Drops | Dawdles | Changes | Rewrites
Script = Callable[[Asked], Fault | None]


@dataclass
class Proxy:
    """A running provider. `script` may be changed at any time; `asked` is everything that came."""

    url: str
    script: Script
    asked: list[Asked] = field(default_factory=list)


def first(times: int, fault: Fault) -> Script:
    """The fault in the first requests, then none."""
    return lambda asked: fault if asked.number < times else None


def always(fault: Fault) -> Script:
    """The fault in every request."""
    return lambda _: fault


@contextmanager
def proxy(node_url: str, script: Script = lambda _: None) -> Iterator[Proxy]:
    """A provider in front of a node, on a free port, until the block ends."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = 1 << 16

        def log_message(self, *_: object) -> None:
            """Nothing: tests look at `Proxy.asked`."""

        def do_GET(self) -> None:
            self._serve(None, [{"method": self.path}])

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sent = json.loads(body)
            self._serve(body, sent if isinstance(sent, list) else [sent])

        def _serve(self, body: bytes | None, calls: list[dict[str, Any]]) -> None:
            with lock:
                asked = Asked(len(running.asked), calls, self.headers["Authorization"])
                running.asked.append(asked)
            fault = running.script(asked)
            if isinstance(fault, Drops):
                self.close_connection = True
            elif isinstance(fault, Status):
                self._send(fault.code, fault.body.encode(), fault.retry_after)
            elif isinstance(fault, Says):
                self._send(200, fault.text.encode())
            elif isinstance(fault, Refuses):
                error = {"code": fault.code, "message": fault.message}
                self._send(200, json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode())
            else:
                self._pass_on(body, fault)

        def _pass_on(self, body: bytes | None, fault: Fault | None) -> None:
            headers = {"Content-Type": "application/json"}
            if told := self.headers["Authorization"]:
                headers["Authorization"] = told
            address = node_url if body is not None else node_url + self.path
            try:
                with urllib.request.urlopen(
                    urllib.request.Request(address, body, headers), timeout=60
                ) as found:
                    answer = found.read()
            except urllib.error.HTTPError as refusal:
                self._send(refusal.code, refusal.read())
                return
            if isinstance(fault, Rewrites):
                answer = fault.change(answer)
            if isinstance(fault, Dawdles):
                time.sleep(fault.seconds)
            if isinstance(fault, Changes):
                whole = json.loads(answer)
                changed = fault.change(whole if isinstance(whole, list) else [whole])
                answer = json.dumps(changed if isinstance(whole, list) else changed[0]).encode()
            if isinstance(fault, Shortens):
                part = answer[: len(answer) * 2 // 3]
                self._send(200, part, length=len(answer) if fault.honest else len(part))
            else:
                self._send(200, answer)

        def _send(
            self, code: int, body: bytes, retry_after: str | None = None, length: int | None = None
        ) -> None:
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body) if length is None else length))
            if retry_after is not None:
                self.send_header("Retry-After", retry_after)
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = self.close_connection or length is not None

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that gave up is what some of these tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    running = Proxy(f"http://127.0.0.1:{server.server_address[1]}", script)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
