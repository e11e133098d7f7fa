"""A node that knows only what was recorded: answers in the node's own words, everything else is not offered."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Answers = Mapping[tuple[Any, ...], str]
"""JSON text of each result, by method and parameters."""


def etl_answers(folder: Path) -> dict[tuple[Any, ...], str]:
    """The answers of one folder of recorded calls (`rpc_response_METHOD_PARAMETER....json`)."""
    out = {}
    for file in sorted(folder.glob("rpc_response_*.json")):
        method, *params = file.stem.removeprefix("rpc_response_").split("_")
        asked: list[Any] = [
            json.loads(each.lower()) if len(each) < 10 else each for each in params if each != "None"
        ]
        if method == "getrawtransaction":
            asked.append(1)
        out[(method, *asked)] = file.read_text()
    return out


@contextmanager
def recorded(answers: Answers, rest: Mapping[str, bytes] | None = None) -> Iterator[str]:
    """The URL of such a node. `rest`: bodies of paths behind `/rest/`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Nothing."""

        def do_GET(self) -> None:
            found = (rest or {}).get(self.path.removeprefix("/rest/"))
            self._send(404 if found is None else 200, found or b"")

        def do_POST(self) -> None:
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            each = [self._answer(call) for call in (sent if isinstance(sent, list) else [sent])]
            self._send(200, (f"[{','.join(each)}]" if isinstance(sent, list) else each[0]).encode())

        def _answer(self, call: Mapping[str, Any]) -> str:
            # True is 1, but not for an old node
            found = next(
                (
                    text
                    for asked, text in answers.items()
                    if repr(asked) == repr((call["method"], *call["params"]))
                ),
                None,
            )
            if found is not None:
                return f'{{"id":{call["id"]},"error":null,"result":{found}}}'
            known = any(asked[0] == call["method"] for asked in answers)
            code = -8 if known else -32601
            return f'{{"id":{call["id"]},"error":{{"code":{code},"message":"not recorded"}},"result":null}}'

        def _send(self, code: int, body: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
