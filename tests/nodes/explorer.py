"""An explorer for tests: a real HTTP server with the Esplora API (API.md of Blockstream/esplora) over raw blocks.

It is an implementation of that API, faithful in its forms: text answers, pages of 25, 404 where nothing is known. It
reads blocks with a parser of its own. Nothing public was asked to make it; nothing public is asked by the tests.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from adapters.bitcoin.chains import BitcoinChain
from adapters.bitcoin.explorer.loose import Loose
from tracer.chain import ScriptKind
from tracer.errors import BadAddress

PAGE = 25


def sha256d(data: bytes) -> bytes:
    """The hash of everything here."""
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


@dataclass(frozen=True)
class Answer:
    """What goes out. `shorten`: bytes of the body that are announced and not sent."""

    code: int
    body: bytes
    kind: str = "text/plain"
    headers: tuple[tuple[str, str], ...] = ()
    shorten: int = 0


@dataclass
class Tx:
    """A transaction as parsed: outpoints (txid shown, vout), outputs (value, script)."""

    txid: str
    raw: bytes
    version: int
    locktime: int
    ins: list[tuple[str, int, bytes, int]]
    outs: list[tuple[int, bytes]]
    height: int = -1
    place: int = -1


@dataclass
class Index:
    """One chain of raw blocks, as an explorer keeps it."""

    blocks: list[bytes] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)
    txs: dict[str, Tx] = field(default_factory=dict)
    in_block: list[list[str]] = field(default_factory=list)
    spent: dict[tuple[str, int], tuple[str, int]] = field(default_factory=dict)
    history: dict[bytes, list[str]] = field(default_factory=dict)

    def add(self, block: bytes) -> None:
        """The next block."""
        height = len(self.blocks)
        self.blocks.append(block)
        self.hashes.append(sha256d(block[:80])[::-1].hex())
        names = []
        for place, tx in enumerate(parsed(block)):
            tx.height, tx.place = height, place
            self.txs[tx.txid] = tx
            names.append(tx.txid)
            touched = {script for _, script in tx.outs}
            for vin, (prev, vout, _, _) in enumerate(tx.ins):
                if vout != 0xFFFFFFFF:
                    self.spent[prev, vout] = (tx.txid, vin)
                    touched.add(self.txs[prev].outs[vout][1])
            for script in touched:
                self.history.setdefault(script, []).append(tx.txid)
        self.in_block.append(names)


def parsed(block: bytes) -> Iterator[Tx]:
    """The transactions of a block with an 80-byte header."""
    at = 80

    def take(count: int) -> bytes:
        nonlocal at
        at += count
        return block[at - count : at]

    def varint() -> int:
        first = take(1)[0]
        return first if first < 0xFD else int.from_bytes(take({0xFD: 2, 0xFE: 4, 0xFF: 8}[first]), "little")

    for _ in range(varint()):
        start = at
        version = take(4)
        witness = block[at] == 0
        at += 2 * witness
        body = at
        ins = []
        for _ in range(varint()):
            prev, vout = take(32)[::-1].hex(), int.from_bytes(take(4), "little")
            ins.append((prev, vout, take(varint()), int.from_bytes(take(4), "little")))
        outs = [(int.from_bytes(take(8), "little"), take(varint())) for _ in range(varint())]
        stripped = block[body:at]
        for _ in range(len(ins) * witness):
            for _ in range(varint()):
                take(varint())
        locktime = take(4)
        txid = sha256d(version + stripped + locktime)[::-1].hex()
        numbers = (int.from_bytes(version, "little", signed=True), int.from_bytes(locktime, "little"))
        yield Tx(txid, block[start:at], *numbers, ins, outs)


def branch(index: Index, txid: str) -> list[bytes]:
    """The Merkle branch of a transaction, in wire order."""
    tx = index.txs[txid]
    level = [bytes.fromhex(name)[::-1] for name in index.in_block[tx.height]]
    found, place = [], tx.place
    while len(level) > 1:
        level += level[-1:] * (len(level) % 2)
        found.append(level[place ^ 1])
        level = [sha256d(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
        place //= 2
    return found


def proved(index: Index, txid: str) -> Loose:
    """A transaction with its proof, as the adapter puts it together from answers."""
    tx = index.txs[txid]
    spends = tuple(index.txs[prev].outs[vout] for prev, vout, _, _ in tx.ins if vout != 0xFFFFFFFF)
    header = index.blocks[tx.height][:80]
    name = bytes.fromhex(txid)[::-1]
    return Loose(name, tx.raw, tx.height, header, tx.place, tuple(branch(index, txid)), spends)


def scripts_of(chain: BitcoinChain) -> Callable[[str], bytes]:
    """The locking script of an address of this chain; `ValueError` where it is none."""

    def script_of(address: str) -> bytes:
        try:
            key = chain.parse_address(address)
        except BadAddress as error:
            raise ValueError(address) from error
        before, after = _FORMS[ScriptKind(key.kind)]
        return before + key.payload + after

    return script_of


_FORMS = {
    ScriptKind.P2PKH: (b"\x76\xa9\x14", b"\x88\xac"),
    ScriptKind.P2SH: (b"\xa9\x14", b"\x87"),
    ScriptKind.P2WPKH: (b"\x00\x14", b""),
    ScriptKind.P2WSH: (b"\x00\x20", b""),
    ScriptKind.P2TR: (b"\x51\x20", b""),
}


@dataclass
class Explorer:
    """The server. `change(path, answer)` may put another answer in its place; `asked` are the paths, in order."""

    index: Index
    script_of: Callable[[str], bytes]
    change: Callable[[str, Answer], Answer] = lambda _path, answer: answer
    asked: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        """As `--source` takes it."""
        return f"esplora:http://127.0.0.1:{self.port}/api"

    @property
    def height(self) -> int:
        """Of the newest block."""
        return len(self.index.blocks) - 1

    def show(self, blocks: Sequence[bytes]) -> None:
        """From now on its chain is this one."""
        index = Index()
        for block in blocks:
            index.add(block)
        self.index = index

    def answer(self, path: str) -> Answer:
        """What the API says."""
        for pattern, tell in _ROUTES:
            if found := pattern.fullmatch(path):
                return tell(self, *found.groups())
        return Answer(404, b"endpoint does not exist")

    # One method for each endpoint ----------------------------------------------------------------------

    def tip(self) -> Answer:
        return _text(str(self.height))

    def tip_hash(self) -> Answer:
        return _text(self.index.hashes[-1])

    def block_height(self, height: str) -> Answer:
        at = int(height)
        return _text(self.index.hashes[at]) if at <= self.height else Answer(404, b"Block not found")

    def header(self, name: str) -> Answer:
        if name not in self.index.hashes:
            return Answer(404, b"Block not found")
        return _text(self.index.blocks[self.index.hashes.index(name)][:80].hex())

    def tx(self, txid: str) -> Answer:
        found = self.index.txs.get(txid)
        return _json(self._described(found)) if found else _NO_TX

    def raw(self, txid: str) -> Answer:
        found = self.index.txs.get(txid)
        return Answer(200, found.raw, "application/octet-stream") if found else _NO_TX

    def proof(self, txid: str) -> Answer:
        found = self.index.txs.get(txid)
        if not found:
            return _NO_TX
        siblings = [each[::-1].hex() for each in branch(self.index, txid)]
        return _json({"block_height": found.height, "merkle": siblings, "pos": found.place})

    def outspends(self, txid: str) -> Answer:
        found = self.index.txs.get(txid)
        if not found:
            return _NO_TX
        return _json([self._spending(txid, vout) for vout in range(len(found.outs))])

    def address(self, address: str) -> Answer:
        found = self._history(address)
        stats = {"funded_txo_count": 0, "funded_txo_sum": 0, "spent_txo_count": 0, "spent_txo_sum": 0}
        for name in found or ():
            tx = self.index.txs[name]
            for value, script in tx.outs:
                if script == self.script_of(address):
                    stats["funded_txo_count"] += 1
                    stats["funded_txo_sum"] += value
        none = dict.fromkeys((*stats, "tx_count"), 0)
        if found is None:
            return Answer(400, b"Invalid Bitcoin address")
        chain = {**stats, "tx_count": len(found)}
        return _json({"address": address, "chain_stats": chain, "mempool_stats": none})

    def history(self, address: str, last: str | None) -> Answer:
        found = self._history(address)
        if found is None:
            return Answer(400, b"Invalid Bitcoin address")
        newest = found[::-1]
        if last:
            newest = newest[newest.index(last) + 1 :]
        return _json([self._described(self.index.txs[name]) for name in newest[:PAGE]])

    def _history(self, address: str) -> list[str] | None:
        try:
            return self.index.history.get(self.script_of(address), [])
        except ValueError:
            return None

    def _status(self, height: int) -> dict[str, Any]:
        seconds = int.from_bytes(self.index.blocks[height][68:72], "little")
        name = self.index.hashes[height]
        return {"confirmed": True, "block_height": height, "block_hash": name, "block_time": seconds}

    def _spending(self, txid: str, vout: int) -> dict[str, Any]:
        found = self.index.spent.get((txid, vout))
        if found is None:
            return {"spent": False}
        status = self._status(self.index.txs[found[0]].height)
        return {"spent": True, "txid": found[0], "vin": found[1], "status": status}

    def _described(self, tx: Tx) -> dict[str, Any]:
        vin = []
        for prev, vout, script, sequence in tx.ins:
            coinbase = vout == 0xFFFFFFFF
            spent = None if coinbase else _output(*self.index.txs[prev].outs[vout])
            vin.append({
                "txid": prev, "vout": vout, "prevout": spent, "scriptsig": script.hex(), "is_coinbase": coinbase,
                "sequence": sequence,
            })  # fmt: skip
        paid = sum(self.index.txs[prev].outs[vout][0] for prev, vout, _, _ in tx.ins if vout != 0xFFFFFFFF)
        made = sum(value for value, _ in tx.outs)
        return {
            "txid": tx.txid, "version": tx.version, "locktime": tx.locktime, "vin": vin,
            "vout": [_output(*out) for out in tx.outs], "size": len(tx.raw), "weight": 4 * len(tx.raw),
            "fee": max(0, paid - made), "status": self._status(tx.height),
        }  # fmt: skip


def _output(value: int, script: bytes) -> dict[str, Any]:
    return {"scriptpubkey": script.hex(), "value": value}


def _text(text: str) -> Answer:
    return Answer(200, text.encode())


def _json(value: object) -> Answer:
    return Answer(200, json.dumps(value).encode(), "application/json")


_NO_TX = Answer(404, b"Transaction not found")
_ID = "([0-9a-f]{64})"
_ROUTES: tuple[tuple[re.Pattern[str], Callable[..., Answer]], ...] = tuple(
    (re.compile("/api" + pattern), tell)
    for pattern, tell in (
        ("/blocks/tip/height", Explorer.tip),
        ("/blocks/tip/hash", Explorer.tip_hash),
        ("/block-height/([0-9]+)", Explorer.block_height),
        (f"/block/{_ID}/header", Explorer.header),
        (f"/tx/{_ID}", Explorer.tx),
        (f"/tx/{_ID}/raw", Explorer.raw),
        (f"/tx/{_ID}/merkle-proof", Explorer.proof),
        (f"/tx/{_ID}/outspends", Explorer.outspends),
        ("/address/([0-9a-zA-Z]+)", Explorer.address),
        (f"/address/([0-9a-zA-Z]+)/txs/chain(?:/{_ID})?", Explorer.history),
    )
)


@contextmanager
def explorer(blocks: Sequence[bytes], chain: BitcoinChain) -> Iterator[Explorer]:
    """Serve a chain of raw blocks from its genesis on, on a free port."""
    made = Explorer(Index(), scripts_of(chain))
    made.show(blocks)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            made.asked.append(self.path.removeprefix("/api"))
            answer = made.change(made.asked[-1], made.answer(self.path))
            self.send_response(answer.code)
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(len(answer.body)))
            for name, value in answer.headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body[: len(answer.body) - answer.shorten])
            self.close_connection = self.close_connection or bool(answer.shorten)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that is killed hangs up."""

    server = Server(("127.0.0.1", 0), Handler)
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
