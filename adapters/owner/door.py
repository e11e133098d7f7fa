"""The owner's end: lets other processes of the same account use its open stores (see `adapters.owner.visitor`)."""

from __future__ import annotations

import os
import queue
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.owner import wire
from tracer.db import WrongStatement
from tracer.errors import SourceError, StoreBusy, StoreUnwritable, TracerError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from tracer.db import Database

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_AGAIN_SECONDS = 0.05


Open = Callable[[str, bool, float], "Database"]
"""(name of the chain, only for reading, seconds to wait for a turn to write)"""


class Door:
    """The socket of a workspace. `start()`, then `stop()`."""

    def __init__(self, workspace: Path, open_store: Open, engine: str) -> None:
        self.path = workspace / wire.SOCKET
        self._open, self._engine = open_store, engine
        self._listener: socket.socket | None = None
        self._visits: set[_Visit] = set()

    @property
    def visitors(self) -> int:
        """How many connections of others are open now."""
        return len(self._visits)

    def start(self) -> None:
        """Listen. Whoever calls it holds the lock of the workspace's owner: a socket that is there is of the dead."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.path.unlink(missing_ok=True)
            before = os.umask(0o177)
            try:
                with wire.named(self.path) as name:
                    listener.bind(name)
            finally:
                os.umask(before)
            listener.listen(64)
        except OSError as error:
            listener.close()
            raise StoreUnwritable(
                f"cannot listen at {self.path}: {error.strerror or error}.",
                hint="Check its folder's owner and mode.",
            ) from error
        self._listener = listener
        self._accepting = threading.Thread(target=self._accept, args=(listener,), name="door", daemon=True)
        self._accepting.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:  # closed by `stop`
                return
            visit = _Visit(peer, self)
            self._visits.add(visit)
            visit.start()

    def enter(self, words: dict[str, Any]) -> Database:
        """Open what a visitor asks for, or say why not."""
        if words.get("protocol") != wire.PROTOCOL or words.get("engine") != self._engine:
            raise StoreBusy(
                f"`tracer serve` that owns this workspace is tracer {self._engine}, and this is tracer "
                f"{words.get('engine')}.",
                hint="Restart it after an upgrade, or use its version.",
            )
        name = words["store"]
        if not _NAME.fullmatch(name):
            raise UsageError(f"{name!r} is no chain.")
        return self._open(name, bool(words["read_only"]), float(words["wait"]))

    def left(self, visit: _Visit) -> None:
        """A visitor has gone."""
        self._visits.discard(visit)

    def stop(self) -> None:
        """Let nobody in any more, and end the visits: each is told in one line."""
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self.path.unlink(missing_ok=True)
            self._accepting.join(timeout=10)  # who was let in last has begun
        for visit in list(self._visits):
            visit.end()


class _Visit:
    """One visitor: a thread that listens, so that its leaving is noticed at once, and one that works."""

    def __init__(self, peer: socket.socket, door: Door) -> None:
        self._peer, self._door = peer, door
        self._asked: queue.SimpleQueue[tuple[dict[str, Any], memoryview] | None] = queue.SimpleQueue()
        self._over = threading.Event()
        self._opened: Database | None = None
        self._stream: _Batches | None = None
        self._worker = threading.Thread(target=self._work, name="visit", daemon=True)

    def start(self) -> None:
        self._worker.start()
        threading.Thread(target=self._listen, name="visitor", daemon=True).start()

    def _listen(self) -> None:
        told: tuple[dict[str, Any], memoryview] | None
        while True:
            try:
                told = wire.receive(self._peer)
            except (OSError, ValueError):
                told = None
            self._asked.put(told)
            if told is None:
                break
        # what runs for a visitor that has gone is stopped, also where it begins only now
        while not self._over.wait(_AGAIN_SECONDS):
            if self._opened is not None:
                self._opened.interrupt()

    def end(self) -> None:
        """End the visit; what it runs is stopped."""
        with suppress(OSError):
            self._peer.shutdown(socket.SHUT_RDWR)
        self._worker.join(timeout=10)

    def _work(self) -> None:
        try:
            while (told := self._asked.get()) is not None:
                if not self._answer(*told):
                    break
        finally:
            self._stream = None
            if self._opened is not None:
                self._opened.close()
            self._over.set()
            self._peer.close()
            self._door.left(self)

    def _answer(self, words: dict[str, Any], piece: memoryview) -> bool:
        """Do what was asked and tell; False where the visit is over."""
        reply: dict[str, Any]
        answer: bytes | memoryview = b""
        try:
            reply, answer = self._do(words, piece)
        except KeyboardInterrupt:
            return False  # only `interrupt` of a visitor that has gone makes these here
        except TracerError as error:
            reply = {"error": type(error).__name__, "problem": error.problem, "hint": error.hint}
        except (
            WrongStatement,
            LookupError,
            TypeError,
            ValueError,
        ) as error:  # a bug of who asked; told there
            reply = {"error": type(error).__name__, "problem": str(error), "hint": ""}
        try:
            wire.send(self._peer, reply, answer)
        except OSError:
            return False
        return True

    def _do(self, words: dict[str, Any], piece: memoryview) -> tuple[dict[str, Any], bytes | memoryview]:
        what = words["do"]
        if what == "open":
            if self._opened is not None:
                raise UsageError("a visit is of one store.")
            self._opened = self._door.enter(words)
            return {}, b""
        if self._opened is None:
            raise SourceError("no store was asked for.")
        store = self._opened
        if what != "next":  # a connection has one open result: who asks anew has left the former
            self._stream = None
        if what == "rows":
            return {"rows": store.rows(words["sql"], words["parameters"])}, b""
        if what == "run":
            store.run(words["sql"], words["parameters"])
        elif what == "register":
            import pyarrow as pa

            schema, batches = wire.batches_of(piece)
            store.register(words["name"], pa.Table.from_batches(batches, schema))
        elif what == "unregister":
            store.unregister(words["name"])
        elif what == "stream":
            self._stream = _Batches(store, words)
            return {"more": self._stream.more}, self._stream.piece
        elif what == "next" and self._stream is not None:
            self._stream.advance()
            return {"more": self._stream.more}, self._stream.piece
        else:
            raise UsageError(f"{what!r} is nothing that can be asked.")
        return {}, b""


class _Batches:
    """A stream of rows of which one batch is made ahead, so that the last one says so."""

    def __init__(self, store: Database, words: dict[str, Any]) -> None:
        self._reader: Iterator[pa.RecordBatch]
        self.schema, self._reader = store.batches(words["sql"], words["parameters"], words["batch"])
        self._ahead = next(self._reader, None)
        self.advance()

    def advance(self) -> None:
        self._now, self._ahead = self._ahead, None
        if self._now is not None:
            self._ahead = next(self._reader, None)
        self.piece, self.more = wire.of_batch(self._now, self.schema), self._ahead is not None
