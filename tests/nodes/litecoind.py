"""A real Core-like node for tests: litecoind. Without it the test is left out, visibly; in CI that is a failure."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

START_SECONDS = 30.0
MATURE = 101
"""Blocks after which a node's wallet has its first coins to spend."""
COIN = 100_000_000
_OPTIONS = (
    *("-regtest", "-server", "-rest", "-txindex=1", "-listen=0", "-connect=0", "-dnsseed=0"),
    *("-fallbackfee=0.0001", "-keypool=5", "-dbcache=8", "-par=1", "-printtoconsole=0", "-shrinkdebugfile=0"),
    "-rpcservertimeout=2",  # it stops only when nobody is connected any more
    # a wallet with one coin can pay a thousand times in a block: the usual limit is 25 in a chain
    *("-limitancestorcount=5000", "-limitdescendantcount=5000"),
    *("-limitancestorsize=5000", "-limitdescendantsize=5000"),
)
_TRIES = 5
_UNPACKED = Path(__file__).parents[2] / ".litecoin" / "usr" / "bin" / "litecoind"
_WARMING_UP = -28


class Refused(Exception):
    """The node answered a call with an error. `code` is the node's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code


def program() -> str | None:
    """`TRACER_LITECOIND`, else PATH, else what `make setup` unpacked into `.litecoin/`; None: nowhere."""
    found = os.environ.get("TRACER_LITECOIND") or shutil.which("litecoind")
    return found or (str(_UNPACKED) if _UNPACKED.exists() else None)


@dataclass
class Litecoind:
    """A node on a regtest chain of its own. The chain begins empty; MWEB would begin with block 431.

    folder   its data folder (`-datadir`); blocks, chain state and cookie are in `folder/regtest` (`datadir`)
    """

    folder: Path
    port: int
    options: tuple[str, ...]
    process: subprocess.Popen[bytes] | None = None
    _address: str | None = None

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`, without credentials; the same after a restart."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def datadir(self) -> Path:
        """The data folder of the chain: `blocks/`, `chainstate/`, `.cookie`."""
        return self.folder / "regtest"

    @property
    def cookie(self) -> Path:
        """The cookie file: another one after each start, none where a password was given."""
        return self.datadir / ".cookie"

    @property
    def user(self) -> str:
        """The user now."""
        return self._credentials()[0]

    @property
    def password(self) -> str:
        """The password now: a cookie's changes with every start."""
        return self._credentials()[1]

    @property
    def height(self) -> int:
        """The height of the node's tip."""
        return int(self.call("getblockcount"))

    def call(self, method: str, *params: Any) -> Any:
        """The result of one call, fractions as Decimal; `Refused` where the node refuses it."""
        return self.calls([(method, list(params))])[0]

    def calls(self, calls: list[tuple[str, list[Any]]]) -> list[Any]:
        """Results of many calls in one request, in their order."""
        body = [{"id": n, "method": method, "params": params} for n, (method, params) in enumerate(calls)]
        credentials = base64.b64encode(":".join(self._credentials()).encode()).decode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request("POST", "/", json.dumps(body), {"Authorization": f"Basic {credentials}"})
            answer = connection.getresponse().read()
        finally:
            connection.close()
        found = json.loads(answer, parse_float=Decimal)
        found = sorted(found, key=lambda item: item["id"]) if isinstance(found, list) else [found]
        for item in found:
            if item.get("error"):
                raise Refused(item["error"]["code"], item["error"]["message"])
        return [item["result"] for item in found]

    def mine(self, blocks: int = 1, to: str | None = None) -> list[str]:
        """Mine blocks to the wallet (else to an address); their hashes."""
        found = self.call("generatetoaddress", blocks, to or self.address())
        return [str(block) for block in found]

    def pay(self, *amounts: int, to: str | None = None) -> list[str]:
        """One wallet transaction for each amount (litoshi), to new addresses of the wallet (else to one); their txids.

        They wait in the mempool until `mine`. The wallet has coins once `MATURE` blocks were mined.
        """
        addresses = [to] * len(amounts) if to else self.calls([("getnewaddress", [])] * len(amounts))
        pays: list[tuple[str, list[Any]]] = [
            ("sendtoaddress", [address, str(Decimal(amount) / COIN)])
            for address, amount in zip(addresses, amounts, strict=True)
        ]
        return [str(txid) for txid in self.calls(pays)]

    def replace(self, blocks: int) -> None:
        """Replace the newest blocks by as many others; what they held that is no coinbase is mined again."""
        self.call("invalidateblock", self.call("getblockhash", self.height - blocks + 1))
        self.mine(
            blocks, self.call("getnewaddress")
        )  # to the same address in the same second is the same block

    def address(self) -> str:
        """One address of the wallet, always the same; the wallet is made when first asked for."""
        if self._address is None:
            if not self.call("listwallets"):
                self.call("createwallet", "wallet", False, False, "", False, False, True)
            self._address = str(self.call("getnewaddress"))
        return self._address

    def stop(self) -> None:
        """End it in its own way: everything is on disk, as in a data folder that somebody hands over."""
        if self.process is not None:
            self.process.terminate()
            self.process.communicate(timeout=60)
            self.process = None

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def start(self, *options: str) -> None:
        """Start it and wait until it answers. `options` in place of those it had, where any are given."""
        self.options = options or self.options
        command = [
            str(program()),
            f"-datadir={self.folder}",
            f"-rpcport={self.port}",
            *_OPTIONS,
            *self.options,
        ]
        self.cookie.unlink(missing_ok=True)  # one of before a kill says nothing
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                said = self.process.communicate()[1].decode(errors="replace").strip()
                self.process = None
                raise RuntimeError(f"litecoind did not start: {said or 'it said nothing'}")
            time.sleep(0.02)

    def restart(self, *options: str) -> None:
        """Stop and start it. Port and chain are the same, the cookie is not."""
        self.stop()
        self.start(*options)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            try:
                self.call("getblockcount")
            except Refused as refused:
                return refused.code != _WARMING_UP
            return True
        return False

    def _credentials(self) -> tuple[str, str]:
        told = dict(option.lstrip("-").split("=", 1) for option in self.options if "=" in option)
        if "rpcpassword" in told:
            return told.get("rpcuser", ""), told["rpcpassword"]
        user, _, password = self.cookie.read_text().partition(":")
        return user, password


@contextmanager
def litecoind(folder: Path, *options: str) -> Iterator[Litecoind]:
    """A node on a free port with its data in `folder`, killed at the end of the block.

    options  of litecoind, `-rpcuser=u`, `-rpcpassword=p`, `-rest=0` ...; the cookie file is the default
    """
    if program() is None:
        if os.environ.get("CI"):
            pytest.fail("litecoind must be there in CI: `make setup` installs it")
        pytest.skip("no litecoind: run `make setup`, or name it in TRACER_LITECOIND")
    folder.mkdir(parents=True, exist_ok=True)
    node = Litecoind(folder, _free_port(), options)
    try:
        _start(node)
        yield node
    finally:
        node.kill()


def _start(node: Litecoind) -> None:
    """Start it on another port where somebody took this one meanwhile."""
    for _ in range(_TRIES - 1):
        try:
            node.start()
        except RuntimeError:
            node.port = _free_port()
        else:
            return
    node.start()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
