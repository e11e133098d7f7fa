"""A process that has imported what commands import, and forks for each: their own processes, but for the imports.

Threads that imports start are idle helpers of allocators, which a fork may lose; no query ran here before it. Kernels
that are compiled already are loaded here too, once for all commands. Run as a module it serves: a line of JSON in
(arguments, environment, files for what is printed), the exit code out.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

_HEAVY = (
    "duckdb", "numba", "numpy.ma", "polars", "pyarrow.parquet", "web3", "yaml",
    "adapters.bitcoin.folder.source", "adapters.chains", "adapters.evm.source", "adapters.files.exports",
    "adapters.intel.readers", "adapters.owner.visitor",
    "cli.compose", "cli.main", "cli.policy", "cli.screen", "cli.screen_file", "cli.screen_text", "cli.screenings",
    "cli.watch_run", "rules", "rules.policies",
    "tracer.clustering.build", "tracer.evidence.custody", "tracer.flow.kernels.fifo", "tracer.flow.kernels.haircut",
    "tracer.flow.trace", "tracer.ledger.asof", "tracer.ledger.coverage", "tracer.ledger.pin", "tracer.ledger.pull",
    "tracer.screening.batch", "tracer.screening.kept.keeping", "tracer.screening.screen",
)  # fmt: skip

_LOADED_EVERY = 16
"""Commands, from the first: on a clean checkout they compile what the next ones load."""


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one command."""
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    with TemporaryDirectory(prefix="command-") as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        asked = {"arguments": arguments, "environment": dict(environment), "out": str(out), "err": str(err)}
        server.stdin.write(json.dumps(asked) + "\n")
        server.stdin.flush()
        code = int(server.stdout.readline())
        return code, out.read_text(), err.read_text()


@cache
def _server() -> subprocess.Popen[str]:
    """One for each process that runs tests; it ends when its input does."""
    server = subprocess.Popen(
        [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(server.communicate)
    return server


def _serve() -> None:
    for name in _HEAVY:
        importlib.import_module(name)
    for number, line in enumerate(sys.stdin):
        asked = json.loads(line)
        if number % _LOADED_EVERY == 0:
            _load_kernels()
        if child := os.fork():
            sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
            sys.stdout.flush()
        else:
            _command(**asked)


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


def _command(arguments: list[str], environment: dict[str, str], out: str, err: str) -> None:
    """Be `tracer` with these arguments; never returns."""
    from cli.main import main

    for number, name, mode in ((0, os.devnull, os.O_RDONLY), (1, out, os.O_WRONLY), (2, err, os.O_WRONLY)):
        os.dup2(os.open(name, mode | os.O_CREAT, 0o600), number)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["tracer", *arguments]
    code = 1
    try:
        main()
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
    _serve()
