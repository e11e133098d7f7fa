"""A node that serves a branch over real HTTP, and fails where it is told to."""

from __future__ import annotations

import json
import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.adapters.tron.town import Answer, Block


@dataclass
class Node:
    """What it serves; may be changed while it runs.

    missing  paths it does not offer
    faults   what the next requests get in place of an answer: status, body and headers, or "cut"; None: the answer
    asked    how often each path was asked for; keys: the API keys it was shown
    url      where it is
    """

    branch: Sequence[Block]
    missing: set[str] = field(default_factory=set)
    faults: deque[tuple[int, bytes, dict[str, str]] | str | None] = field(default_factory=deque)
    asked: Counter[str] = field(default_factory=Counter)
    keys: set[str | None] = field(default_factory=set)
    solid: int = 0
    url: str = ""

    def answer(self, path: str, question: Answer) -> Any:
        """What java-tron answers; `{}` for what there is not."""
        by_height = {block.height: block for block in self.branch}
        newest = max(by_height)
        number = question.get("num")
        match path:
            case "/wallet/getblock":
                height = int(question.get("id_or_num", newest))
                found = by_height.get(height)
                return {k: v for k, v in found.block.items() if k != "transactions"} if found else {}
            case "/wallet/getnowblock":
                return by_height[newest].block
            case "/walletsolidity/getnowblock":
                return by_height[self.solid].block
            case "/wallet/getblockbynum":
                return by_height[number].block if number in by_height else {}
            case "/wallet/getblockbyid":
                return next((block.block for block in self.branch if block.id == question["value"]), {})
            case "/wallet/getblockbylimitnext":
                heights = range(question["startNum"], question["endNum"])
                found_blocks = [by_height[at].block for at in heights if at in by_height]
                return {"block": found_blocks} if found_blocks else {}
            case "/wallet/gettransactioninfobyblocknum":
                return by_height[number].results if number in by_height and number else {}
            case "/jsonrpc":
                return self.receipts(question, by_height)
        return None

    @staticmethod
    def receipts(question: Answer, by_height: dict[int, Block]) -> Answer:
        """`eth_getBlockReceipts`."""
        block = by_height[int(question["params"][0], 16)]
        rows = [
            {
                "transactionHash": "0x" + told["id"],
                "blockHash": "0x" + block.id,
                "blockNumber": hex(block.height),
                "status": "0x0" if told.get("result") == "FAILED" else "0x1",
                "gasUsed": hex(told["receipt"].get("energy_usage_total", 0)),
                "contractAddress": "0x" + told["contract_address"][2:]
                if "contract_address" in told
                else None,
                "logs": [
                    {
                        "address": "0x" + log["address"],
                        "topics": ["0x" + topic for topic in log["topics"]],
                        "data": "0x" + log["data"],
                    }
                    for log in told.get("log", [])
                ],
            }
            for told in block.results
        ]
        return {"jsonrpc": "2.0", "id": question["id"], "result": rows}


@contextmanager
def serving(branch: Sequence[Block], **more: Any) -> Iterator[Node]:
    """A node on a free port."""
    node = Node(branch, **more)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            node.asked[self.path] += 1
            node.keys.add(self.headers.get("TRON-PRO-API-KEY"))
            fault = node.faults.popleft() if node.faults else None
            body = json.dumps(node.answer(self.path, question)).encode()
            if isinstance(fault, tuple):
                self.say(*fault)
            elif fault == "cut":
                self.say(200, body, cut=True)
            elif self.path in node.missing:
                self.say(404, b"<h2>HTTP ERROR 404 Not Found</h2>")
            else:
                self.say(200, body)

        def say(
            self, status: int, body: bytes, headers: dict[str, str] | None = None, *, cut: bool = False
        ) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if cut else body)
            if cut:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    node.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield node
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
