"""A local EVM development node, for simulated worlds and tests: anvil (Foundry), started and stopped by us."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracer.errors import SourceUnavailable

VERSION = "1.7.1"
START_SECONDS = 20.0
_LISTENING = "Listening on "
_PACKAGE = (
    f"@foundry-rs/anvil-{platform.system().lower()}-{'arm64' if 'arm' in platform.machine() else 'amd64'}"
)
_HERE = Path(__file__).parents[2] / ".anvil" / "node_modules" / ".bin" / "anvil"


class Refused(Exception):
    """The node answered a call with an error."""


def program() -> Path | None:
    """`TRACER_ANVIL`, else `.anvil/` of the project, `node_modules/.bin` of this folder, or PATH; None: nowhere."""
    if told := os.environ.get("TRACER_ANVIL"):
        return Path(told)
    for place in (_HERE, Path.cwd() / "node_modules" / ".bin" / "anvil"):
        if place.exists():
            return place
    found = shutil.which("anvil")
    return Path(found) if found else None


@dataclass
class Node:
    """A running node. `chain_id` is in every transaction signed for it."""

    url: str
    chain_id: int
    process: subprocess.Popen[bytes]
    _ids: Iterator[int] = field(default_factory=lambda: iter(range(1 << 60)))

    def call(self, method: str, *params: Any) -> Any:
        """The result of one call; `Refused` with the node's words where it refuses."""
        return self.calls([(method, list(params))])[0]

    def calls(self, calls: list[tuple[str, list[Any]]]) -> list[Any]:
        """Results of many calls in one request, in their order."""
        body = [
            {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}
            for method, params in calls
        ]
        request = urllib.request.Request(  # noqa: S310 - our own process on this machine
            self.url, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
            answers = {item["id"]: item for item in json.load(answer)}
        results = []
        for item, (method, _) in zip(body, calls, strict=True):
            found = answers[item["id"]]
            if "error" in found:
                raise Refused(f"{method}: {found['error'].get('message')}")
            results.append(found["result"])
        return results


@contextmanager
def anvil(chain_id: int = 31337, port: int | None = None, **flags: str | int | bool) -> Iterator[Node]:
    """A node of its own, on a free port of this machine, stopped at the end of the block.

    flags  options of anvil with `_` for `-`: `no_mining=True`, `timestamp=1_600_000_000`, `accounts=20`
    `SourceUnavailable` where there is no anvil, or it does not start.
    """
    command = [str(_found()), "--chain-id", str(chain_id), "--port", str(port or 0)]
    for name, value in flags.items():
        if value is not False:
            command += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)  # noqa: S603
        except OSError as error:
            raise SourceUnavailable(f"{command[0]} cannot be started: {error.strerror}.") from error
        try:
            node = Node(f"http://{_listening(process, said)}", chain_id, process)
            node.call("anvil_setLoggingEnabled", False)  # else `said` grows with every request
            yield node
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _found() -> Path:
    found = program()
    if found is None:
        raise SourceUnavailable(
            "anvil is needed for this and was not found.",
            hint=f"Run `make setup` in a checkout, or `npm install {_PACKAGE}@{VERSION}`, or name the program "
            "in TRACER_ANVIL.",
        )
    return found


def _listening(process: subprocess.Popen[bytes], said: Any) -> str:
    """Host and port once it listens there: it chose a free port itself, so that nobody can take it before."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        text = os.pread(said.fileno(), 1 << 20, 0).decode(errors="replace")
        if _LISTENING in text:
            place = text.split(_LISTENING, 1)[1].split()
            if place:
                return place[0]
        if process.poll() is not None or time.monotonic() > deadline:
            last = " ".join(text.strip().splitlines()[-1:]) or "it said nothing"
            raise SourceUnavailable(f"anvil did not start: {last}.")
        time.sleep(0.01)
