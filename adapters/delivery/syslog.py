"""Alerts for a log host: RFC 5424 over UDP (RFC 5426), TCP with counted octets (RFC 6587) or a local socket.

UDP and local sockets confirm nothing: sent is delivered. Over TCP the line is closed and the host's own close is waited
for, so that a host that went away in between is found out.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from adapters.delivery.deadline import Deadline
from adapters.delivery.options import Options
from tracer.watching.sink import Envelope, Retry, Sink

WHOLE = 15.0
"""Seconds for all of an attempt (P)."""
CONFIRM = 2.0
"""Seconds that the host's close is waited for (P); not all hosts close."""
DATAGRAM = 8192
"""Longest datagram sent (P): longer alerts go as one line with their id."""
_FACILITIES = {f"local{number}": 16 + number for number in range(8)} | {"user": 1, "daemon": 3, "auth": 4}
_SEVERITIES = {"severe": 2, "high": 3, "medium": 4, "low": 5}


@dataclass(frozen=True)
class Host:
    """Where log lines go: `udp` and `tcp` to a host and port, `unix` to a path."""

    transport: str
    name: str
    port: int = 0


def configured(options: Options) -> Callable[[], Sink]:
    """`address` (udp://HOST:PORT, tcp://HOST:PORT, unix:/dev/log), `facility`, `timeout`."""
    host = parse(options.text("address", "unix:/dev/log"))
    if host is None:
        raise options.wrong(
            "its address is no udp://HOST:PORT, tcp://HOST:PORT or unix:/PATH", "Port 514 is the usual one."
        )
    facility = _FACILITIES[options.choice("facility", tuple(_FACILITIES), "local0")]
    timeout = options.seconds("timeout", WHOLE)
    return lambda: Syslog(host, facility, timeout)


def parse(address: str) -> Host | None:
    """A host from its address, None where it is none."""
    if address.startswith("unix:/"):
        return Host("unix", address.removeprefix("unix:"))
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("udp", "tcp") or not parts.hostname:
        return None
    return Host(parts.scheme, parts.hostname, port or 514)


class Syslog:
    """A log host."""

    def __init__(self, host: Host, facility: int, timeout: float = WHOLE) -> None:
        self._host, self._facility, self._timeout = host, facility, timeout

    def send(self, envelope: Envelope, *, now: float) -> None:
        """One message, whole or not at all."""
        message = line(envelope, self._facility, now)
        if self._host.transport != "tcp" and len(message) > DATAGRAM:
            message = line(envelope, self._facility, now, short=True)
        try:
            with Deadline(self._timeout) as deadline:
                match self._host.transport:
                    case "udp":
                        self._datagram(message)
                    case "tcp":
                        self._counted(message, deadline)
                    case _:
                        self._local(message, deadline)
        except OSError:
            raise Retry("does not take it, or cannot be reached") from None

    def close(self) -> None:
        """Nothing is kept open."""

    def _datagram(self, message: bytes) -> None:
        found = socket.getaddrinfo(self._host.name, self._host.port, type=socket.SOCK_DGRAM)
        family, kind, protocol, _, where = found[0]
        with socket.socket(family, kind, protocol) as line:
            line.settimeout(self._timeout)
            line.sendto(message, where)

    def _counted(self, message: bytes, deadline: Deadline) -> None:
        with socket.create_connection((self._host.name, self._host.port), timeout=self._timeout) as line:
            deadline.watch(line)
            line.sendall(f"{len(message)} ".encode() + message)
            line.shutdown(socket.SHUT_WR)
            line.settimeout(CONFIRM)
            with contextlib.suppress(TimeoutError):
                while line.recv(4096):
                    pass

    def _local(self, message: bytes, deadline: Deadline) -> None:
        """A datagram socket, as most systems have, or a stream."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
                line.settimeout(self._timeout)
                line.connect(self._host.name)
                line.send(message)
        except OSError:
            if not Path(self._host.name).is_socket():
                raise
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
                line.settimeout(self._timeout)
                line.connect(self._host.name)
                deadline.watch(line)
                line.sendall(message + b"\n")


def line(envelope: Envelope, facility: int, now: float, *, short: bool = False) -> bytes:
    """RFC 5424. What it says is the alert's JSON in ASCII, or (short) its id and headline: no control characters."""
    level = facility * 8 + _SEVERITIES.get(envelope.severity, 5)
    stamp = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    said: object = json.loads(envelope.body)
    if short:
        said = {"id": envelope.id, "title": envelope.title, "shortened": True}
    message = json.dumps(said, separators=(",", ":")).replace("\x7f", "\\u007f")
    return f"<{level}>1 {stamp} - tracer - alert - {message}".encode()
