"""The TCP socket of a service, bound before anything else starts: what is wrong with it is one clear line."""

from __future__ import annotations

import errno
import ipaddress
import socket

from tracer.errors import StoreBusy, UsageError


def is_local(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """Listen at a host's port; 0 takes a free one. `StoreBusy` where it is taken, `UsageError` where it is none."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise UsageError(f"{host!r} is no address of this machine.", hint="Leave --host out.") from error
    bound = socket.socket(family, kind, protocol)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
        bound.listen(1024)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise StoreBusy(
                f"port {port} of {host} is taken.", hint="Give another one with --port."
            ) from error
        raise UsageError(
            f"cannot listen at {host} port {port}: {error.strerror}.", hint="Give --host or --port."
        ) from error
    return bound
