"""A process that has imported what commands import, and forks for each: their own processes, but for the imports.

Threads that imports start are idle helpers of allocators, which a fork may lose; no query ran here before it. Kernels
that are compiled already are loaded here too, once for all commands. Run as a module it serves, on the socket it is
given: in come a message of JSON (arguments, environment) and three descriptors, where the command prints and where its
number is said, and how it ended.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from tempfile import TemporaryFile
from typing import IO, Any

_HEAVY = (
    "duckdb", "numba", "numpy.ma", "polars", "pyarrow.parquet", "web3", "yaml",
    "adapters.bitcoin.folder.source", "adapters.chains", "adapters.evm.source", "adapters.files.exports",
    "adapters.intel.readers", "adapters.owner.visitor",
    "cli.compose", "cli.main", "cli.policy", "cli.screen", "cli.screen_file", "cli.screen_text", "cli.screenings",
    "cli.serve", "cli.service.running", "cli.watch_run", "rules", "rules.policies",
    "tracer.clustering.build", "tracer.evidence.custody", "tracer.flow.kernels.fifo", "tracer.flow.kernels.haircut",
    "tracer.flow.trace", "tracer.ledger.asof", "tracer.ledger.coverage", "tracer.ledger.pin", "tracer.ledger.pull",
    "tracer.screening.batch", "tracer.screening.kept.keeping", "tracer.screening.screen",
)  # fmt: skip

_LOADED_EVERY = 16
"""Commands, from the first: on a clean checkout they compile what the next ones load."""


_LONGEST = 1 << 17
"""Bytes of one message."""


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one command."""
    with TemporaryFile("w+") as out, TemporaryFile("w+") as err:
        code = Started(arguments, environment, out=out.fileno(), err=err.fileno()).wait()
        for file in (out, err):
            file.seek(0)
        return code, out.read(), err.read()


class Started:
    """A command that goes on beside the test, as `subprocess.Popen` shows one; what it prints is text.

    out, err   where it prints: a descriptor, `PIPE` (read `stdout`, `stderr`) or `DEVNULL`
    module     whose `main` it runs
    """

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        out: int = subprocess.PIPE,
        err: int = subprocess.PIPE,
        module: str = "cli.main",
    ) -> None:
        self.returncode: int | None = None
        self.stdout, own_out = _printed(out)
        self.stderr, own_err = _printed(err)
        self._status, told = os.pipe()
        asked = {"module": module, "arguments": arguments, "environment": dict(environment)}
        try:
            socket.send_fds(_server(), [json.dumps(asked).encode()], [own_out, own_err, told])
        finally:
            os.close(told)
            for given, own in ((out, own_out), (err, own_err)):
                if own != given:
                    os.close(own)
        self.pid = self._told()

    def poll(self) -> int | None:
        """How it ended, None while it runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Until it ends; how."""
        if (code := self._ended(timeout)) is None:
            raise subprocess.TimeoutExpired("tracer", timeout or 0)
        return code

    def send_signal(self, by: int) -> None:
        """Nothing, where it has ended."""
        if self.poll() is None:
            os.kill(self.pid, by)

    def kill(self) -> None:
        """At once."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """All it prints until it ends."""
        with ThreadPoolExecutor(2) as pool:
            out, err = (pool.submit(pipe.read) if pipe else None for pipe in (self.stdout, self.stderr))
            try:
                self.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        self.close()
        return out.result() if out else "", err.result() if err else ""

    def close(self) -> None:
        """Let go of what it printed."""
        for pipe in (self.stdout, self.stderr):
            if pipe:
                pipe.close()

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._status], [], [], timeout)[0]:
            self.returncode = self._told()
            os.close(self._status)
        return self.returncode

    def _told(self) -> int:
        """The next number of the two: its own, how it ended."""
        line = b""
        while not line.endswith(b"\n"):
            part = os.read(self._status, 1)
            assert part, "what starts commands has ended"
            line += part
        return int(line)


def _printed(to: int) -> tuple[IO[str] | None, int]:
    """What the test reads of it, and what the command writes to."""
    if to == subprocess.DEVNULL:
        return None, os.open(os.devnull, os.O_WRONLY)
    if to != subprocess.PIPE:
        return None, to
    mine, its = os.pipe()
    return os.fdopen(mine, encoding="utf-8"), its


@cache
def _server() -> socket.socket:
    """One for each process that runs tests; it ends when its socket does."""
    mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        server = subprocess.Popen(
            [sys.executable, "-m", __name__, str(its.fileno())],
            stdin=subprocess.DEVNULL, pass_fds=[its.fileno()],
        )  # fmt: skip
    atexit.register(server.wait)
    atexit.register(mine.close)
    return mine


def _serve(own: socket.socket) -> None:
    for name in _HEAVY:
        importlib.import_module(name)
    ended, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken)
    number, running = 0, dict[int, int]()
    while True:
        ready: list[int] = select.select([own.fileno(), ended], [], [])[0]
        if ended in ready:
            os.read(ended, 1 << 16)
            for pid, told in list(running.items()):
                if (how := os.waitpid(pid, os.WNOHANG))[0]:
                    _say(told, os.waitstatus_to_exitcode(how[1]))
                    os.close(running.pop(pid))
        if own.fileno() not in ready:
            continue
        message, given, *_ = socket.recv_fds(own, _LONGEST, 3)
        if not message:
            return
        if number % _LOADED_EVERY == 0:
            _load_kernels()
        number += 1
        out, err, told = given
        if not (child := os.fork()):
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for mine in (own.detach(), ended, woken, told, *running.values()):
                os.close(mine)
            _command(**json.loads(message), out=out, err=err)
        running[child] = told
        os.close(out)
        os.close(err)
        _say(told, child)


def _say(told: int, what: int) -> None:
    with suppress(BrokenPipeError):  # nobody listens any more
        os.write(told, f"{what}\n".encode())


def _load_kernels() -> None:
    """Load the kernels that some command compiled; nothing is compiled here."""
    from numba.core.dispatcher import Dispatcher

    ours = [
        module for name, module in sys.modules.items() if name.startswith(("adapters.", "rules.", "tracer."))
    ]
    for kernel in {
        value for module in ours for value in vars(module).values() if isinstance(value, Dispatcher)
    }:
        for signature, *_ in getattr(getattr(kernel, "_cache", None), "_cache_file", _Nothing)._load_index():
            if signature not in kernel.overloads:
                kernel.compile(signature)


class _Nothing:
    """A kernel that is not kept."""

    @staticmethod
    def _load_index() -> dict[tuple[Any, ...], str]:
        return {}


def _command(module: str, arguments: list[str], environment: dict[str, str], out: int, err: int) -> None:
    """Be `tracer` with these arguments; never returns."""
    for number, to in ((0, os.open(os.devnull, os.O_RDONLY)), (1, out), (2, err)):
        os.dup2(to, number)
        os.close(to)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["tracer", *arguments]
    code = 1
    try:
        importlib.import_module(module).main()
        code = 0
    except SystemExit as done:
        code = done.code if isinstance(done.code, int) else int(bool(done.code))
    finally:
        failure = sys.exc_info()
        if failure[0] not in (None, SystemExit):
            sys.excepthook(*failure)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
