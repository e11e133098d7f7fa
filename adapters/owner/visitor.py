"""A store that another process owns (`tracer serve`), read and written through its socket.

A verb runs in a process of its own as ever: what it prints, its files, its Ctrl-C. Only its statements go to the owner,
which runs them on a connection made for this visit. Where it ends in whatever way, the owner takes back what was not
committed.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.owner import wire
from tracer import errors
from tracer.errors import StoreBusy, TracerError

if TYPE_CHECKING:
    import pyarrow as pa

_SLACK_SECONDS = 10.0
"""How much longer than it may itself wait an owner may take to let a visitor in."""
_BATCH = 1 << 20


class Socket:
    """`tracer.owners.Owners` by the socket in a workspace; that of a process that died is nobody's."""

    def __init__(self, engine: str) -> None:
        """`engine`: our version; an owner of another one refuses us."""
        self._engine = engine

    def answers(self, path: Path) -> bool:
        """Whether a process owns a chain file now."""
        peer = _connected(path, _SLACK_SECONDS)
        if peer is not None:
            peer.close()
        return peer is not None

    def knock(self, path: Path, *, read_only: bool, wait_seconds: float) -> Visit | None:
        """A connection through the owner of a chain file; None where nobody owns it.

        Raises `StoreBusy` where the owner is of another version, does not answer, or lets nobody write for so long.
        """
        peer = _connected(path, wait_seconds + _SLACK_SECONDS)
        if peer is None:
            return None
        visit = Visit(path, peer)
        words: dict[str, Any] = {"engine": self._engine, "protocol": wire.PROTOCOL}
        try:
            visit.ask("open", store=path.stem, read_only=read_only, wait=wait_seconds, **words)
        except BaseException:
            visit.close()
            raise
        peer.settimeout(None)
        return visit


def _connected(store: Path, seconds: float) -> socket.socket | None:
    path = store.parent.parent / wire.SOCKET
    if not path.exists():
        return None
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        peer.settimeout(seconds)
        with wire.named(path) as name:
            peer.connect(name)
    except (ConnectionRefusedError, FileNotFoundError):
        peer.close()
        return None
    except PermissionError as error:
        peer.close()
        raise StoreBusy(
            f"{store.parent.parent} is served by `tracer serve` of another user.",
            hint="Ask through its HTTP API.",
        ) from error
    except OSError as error:
        peer.close()
        raise _silent(store) from error
    return peer


class Visit:
    """A `tracer.owners.Connection` in another process."""

    def __init__(self, store: Path, peer: socket.socket) -> None:
        self._store, self._peer = store, peer
        self._one = threading.Lock()

    def ask(
        self, what: str, piece: bytes | memoryview = b"", **words: Any
    ) -> tuple[dict[str, Any], memoryview]:
        """One question and its answer; raises what the owner's side raised."""
        with self._one:
            try:
                wire.send(self._peer, {"do": what, **words}, piece)
                told = wire.receive(self._peer)
            except TimeoutError as error:
                raise _silent(self._store) from error
            except OSError as error:
                raise self._gone() from error
            except BaseException:
                self._peer.close()  # Ctrl-C: the owner stops what it does for us
                raise
        if told is None:
            raise self._gone()
        header, answer = told
        if "error" in header:
            raise _raised(header)
        return header, answer

    def rows(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """Run statements; all rows of the last."""
        header, _ = self.ask("rows", sql=sql, parameters=_dict(parameters))
        return [tuple(row) for row in header["rows"]]

    def run(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        """Run statements of which no row is wanted."""
        self.ask("run", sql=sql, parameters=_dict(parameters))

    def arrow(self, sql: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        """All rows as one Arrow table."""
        import pyarrow as pa

        schema, batches = self.batches(sql, parameters, _BATCH)
        return pa.Table.from_batches(list(batches), schema)

    def batches(
        self, sql: str, parameters: Mapping[str, object] | None, batch: int
    ) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """Types of the columns, and the rows as batches: each is made when the one before is taken."""
        header, piece = self.ask("stream", sql=sql, parameters=_dict(parameters), batch=batch)
        schema, first = wire.batches_of(piece)

        def rest() -> Iterator[pa.RecordBatch]:
            yield from first
            more = header["more"]
            while more:
                told, next_piece = self.ask("next")
                yield from wire.batches_of(next_piece)[1]
                more = told["more"]

        return schema, rest()

    def register(self, name: str, data: Any) -> None:
        """Make an Arrow table, reader or Polars frame readable as `name`."""
        import pyarrow as pa

        if isinstance(data, pa.RecordBatchReader):
            data = data.read_all()
        self.ask(
            "register", wire.of_table(data if isinstance(data, pa.Table) else data.to_arrow()), name=name
        )

    def unregister(self, name: str) -> None:
        """Forget what `register` named."""
        self.ask("unregister", name=name)

    def interrupt(self) -> None:
        """Leave at once: the owner stops what runs for us."""
        self._peer.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Leave; what was not committed is taken back."""
        self._peer.close()

    def _gone(self) -> StoreBusy:
        self._peer.close()
        return StoreBusy(
            f"`tracer serve`, which owns {self._store.parent.parent}, stopped while this ran.",
            hint="What was committed is kept; run this again.",
        )


def _dict(parameters: Mapping[str, object] | None) -> dict[str, object] | None:
    return dict(parameters) if parameters else None


def _silent(store: Path) -> StoreBusy:
    return StoreBusy(
        f"`tracer serve`, which owns {store.parent.parent}, does not answer.",
        hint="Look at its log, or stop it, and run this again.",
    )


def _raised(header: dict[str, Any]) -> Exception:
    """The error of the owner's side; one that is no user's doing stays a bug with its words."""
    kind = getattr(errors, header["error"], None)
    if isinstance(kind, type) and issubclass(kind, TracerError):
        return kind(header["problem"], hint=header["hint"])
    return RuntimeError(f"{header['error']}: {header['problem']}")
