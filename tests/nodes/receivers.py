"""Receivers of alerts, real ones: an HTTP server that misbehaves as it is told, a mail server, log hosts, a file."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CERTIFICATE = Path(__file__).with_name("localhost.pem")
"""Of this machine, signed by nobody but itself; with its key, which keeps nothing secret."""


def encrypted() -> ssl.SSLContext:
    """A server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


@dataclass(frozen=True)
class Says:
    """What a receiver answers. `hangs`: seconds before it does; `drips`: a byte at a time, never ending."""

    code: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    hangs: float = 0.0
    drips: bool = False
    drops: bool = False
    """It takes the alert, and breaks off before it says so."""


@dataclass(frozen=True)
class Got:
    """One request that arrived whole."""

    headers: dict[str, str]
    body: bytes
    time: float

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def document(self) -> Any:
        return json.loads(self.body)


@dataclass
class Hook:
    """An HTTP server. `answer` is asked for each request, by its number from 0; what it took is in `taken`."""

    url: str = ""
    answer: Callable[[int], Says] = lambda _number: Says()
    got: list[Got] = field(default_factory=list)
    taken: list[Got] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    ended: threading.Event = field(default_factory=threading.Event)

    def ids(self) -> list[str]:
        """Ids of all that it took, in the order they came."""
        return [each.id for each in self.taken]

    def documents(self) -> Iterator[dict[str, Any]]:
        """All alerts that it took; those of digests one by one."""
        for each in list(self.taken):
            document = each.document
            yield from document["alerts"] if document["schema"] == "tracer.alert_digest/1" else [document]


@contextmanager
def hook(answer: Callable[[int], Says] | None = None, *, tls: bool = False) -> Iterator[Hook]:
    """An HTTP server on this machine."""
    made = Hook()
    if answer is not None:
        made.answer = answer

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self.do_POST()

        def do_CONNECT(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length)
            if len(body) < length:  # who sent it gave up in the middle
                self.close_connection = True
                return
            got = Got({name.lower(): value for name, value in self.headers.items()}, body, time.time())
            with made.lock:
                number = len(made.got)
                made.got.append(got)
            says = made.answer(number)
            made.ended.wait(says.hangs) if says.hangs else None
            if 200 <= says.code < 300:
                made.taken.append(got)
            if says.drops:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if says.drips:
                self._drip()
                return
            self.send_response(says.code)
            for name, value in {**says.headers, "content-length": str(len(says.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(says.body)

        def _drip(self) -> None:
            self.close_connection = True
            while not made.ended.wait(0.05):
                try:
                    self.wfile.write(b"x")
                except OSError:
                    return

        def log_message(self, *_arguments: object) -> None:
            return

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                return

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, *_arguments: object) -> None:
            return

    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = encrypted().wrap_socket(server.socket, server_side=True)
    made.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}/alerts"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Mailbox:
    """What a mail server was brought. `says`: its answer to RCPT, DATA by their names; "" accepts."""

    port: int = 0
    mails: list[Message] = field(default_factory=list)
    says: dict[str, str] = field(default_factory=dict)
    hangs: float = 0.0


@contextmanager
def mailbox(password: str | None = None) -> Iterator[Mailbox]:
    """A mail server on this machine; with a password it wants STARTTLS and a login."""
    import asyncio

    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult

    box = Mailbox()

    class Handler:
        async def handle_RCPT(
            self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
        ) -> str:
            said = box.says.get("RCPT") or box.says.get(address)
            if said:
                return said
            envelope.rcpt_tos.append(address)
            return "250 OK"

        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
            if box.hangs:
                await asyncio.sleep(box.hangs)
            if said := box.says.get("DATA"):
                return said
            box.mails.append(message_from_bytes(envelope.content, policy=default))
            return "250 OK"

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        box.port = free.getsockname()[1]
    secure: dict[str, Any] = {}
    if password is not None:
        secure = {"tls_context": encrypted(), "require_starttls": True, "auth_required": True}
        secure["authenticator"] = lambda _server, _session, _envelope, _mechanism, given: AuthResult(
            success=given.password == password.encode(), handled=False
        )
    controller = Controller(Handler(), hostname="127.0.0.1", port=box.port, **secure)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


@dataclass
class LogHost:
    """Messages that a log host was sent, as they came."""

    address: str
    messages: list[bytes] = field(default_factory=list)

    def wait(self, count: int, seconds: float = 5.0) -> list[bytes]:
        """So many messages: UDP takes its time."""
        ends = time.monotonic() + seconds
        while len(self.messages) < count and time.monotonic() < ends:
            time.sleep(0.01)
        return list(self.messages)


@contextmanager
def log_host(transport: str, folder: Any) -> Iterator[LogHost]:
    """A log host: `udp`, `tcp` (counted octets), or `unix` datagrams."""
    if transport == "tcp":
        line = socket.create_server(("127.0.0.1", 0))
        host = LogHost(f"tcp://127.0.0.1:{line.getsockname()[1]}")
        work = _counted
    elif transport == "udp":
        line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        line.bind(("127.0.0.1", 0))
        host = LogHost(f"udp://127.0.0.1:{line.getsockname()[1]}")
        work = _datagrams
    else:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        line.bind(str(folder / "log"))
        host = LogHost(f"unix:{folder / 'log'}")
        work = _datagrams
    line.settimeout(0.05)
    ended = threading.Event()
    thread = threading.Thread(target=work, args=(line, host, ended), daemon=True)
    thread.start()
    try:
        yield host
    finally:
        ended.set()
        thread.join()
        line.close()


def _datagrams(line: socket.socket, host: LogHost, ended: threading.Event) -> None:
    while not ended.is_set():
        try:
            host.messages.append(line.recv(1 << 16))
        except TimeoutError:
            continue


def _counted(line: socket.socket, host: LogHost, ended: threading.Event) -> None:
    while not ended.is_set():
        try:
            peer, _ = line.accept()
        except TimeoutError:
            continue
        with peer:
            peer.settimeout(5.0)
            data = peer.makefile("rb").read()
        while data:
            count, _, rest = data.partition(b" ")
            host.messages.append(rest[: int(count)])
            data = rest[int(count) :]
