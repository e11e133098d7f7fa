"""`tracer serve` as a process of its own, on a free port, with a client that asks it."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from tests.cli.heard import Heard
from tests.cli.running import tracer

CHAIN = "bitcoin-regtest"
TOKEN = "0123456789abcdef0123456789abcdef"
WORLD = "simulation:market?seed=5&txs=1500"


class Server(Heard):
    """A running `tracer serve`."""

    def __init__(self, workspace: Path, *options: str, **environment: str) -> None:
        self.workspace = workspace
        given = {
            **os.environ,
            "TRACER_WORKSPACE": str(workspace),
            "TRACER_API_TOKENS": f"desk:{TOKEN}",
            **environment,
        }
        super().__init__(["serve", "--port", "0", *options], given, out=subprocess.DEVNULL)
        self.url = "http://" + re.sub(r".*http://(\S+) .*", r"\1", self.until("serving ")).strip()
        self.client = httpx.Client(
            base_url=self.url, timeout=60, headers={"Authorization": f"Bearer {TOKEN}"}
        )

    def screen(self, body: Any, **more: Any) -> httpx.Response:
        """`POST /v1/screenings`."""
        return self.client.post("/v1/screenings", json=body, **more)

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """End it; its exit code."""
        self.process.send_signal(by)
        code = self.process.wait(timeout=60)
        self.rest()
        return code


@contextmanager
def serving(workspace: Path, *options: str, **environment: str) -> Iterator[Server]:
    server = Server(workspace, *options, **environment)
    try:
        yield server
    finally:
        server.client.close()
        server.end()


def made(folder: Path) -> Path:
    """A workspace with a simulated world, its claims and its clusters: a copy, made once for all tests."""
    return copied(_made(), folder / "w")


@cache
def _made() -> Path:
    folder = TemporaryDirectory(prefix="world-")
    atexit.register(folder.cleanup)
    workspace = Path(folder.name, "w")
    assert tracer(workspace, "sync", CHAIN, "--source", WORLD).code == 0
    (claims,) = (workspace / "cache" / "simulation").iterdir()
    for kind in ("tags", "vasps"):
        assert tracer(workspace, kind, "import", claims / f"{kind}.csv").code == 0
    assert tracer(workspace, "cluster", "build", CHAIN).code == 0
    return workspace


def copied(workspace: Path, to: Path) -> Path:
    """The same workspace again, for one test alone."""
    shutil.copytree(workspace, to)
    return to


def addresses(workspace: Path) -> list[str]:
    """Some addresses of the world, tagged and not, in an order of their own."""
    from adapters.chains import chain_named
    from tracer.ledger.store import Ledger
    from tracer.workspace import Workspace

    with Ledger.open(Workspace(workspace), chain_named(CHAIN)) as ledger:
        ids = [i for (i,) in ledger.db.rows("SELECT DISTINCT address_id FROM address_tx ORDER BY address_id")]
        return list(ledger.render_addresses(ids).values())


def eventually(check: Any, seconds: float = 60.0) -> Any:
    """What `check` gives once it is true."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.05)
    return found
