"""What goes through the socket of a store's owner: frames of one JSON header and one piece of bytes.

    8 bytes   length of the header, big-endian
    8 bytes   length of the piece, big-endian
    header    JSON; bytes, decimals and times are tagged, all else is itself
    piece     an Arrow IPC stream, or nothing

Both ends are processes of one account (the socket is 0600): nothing here guards against a hostile peer but lengths.
"""

from __future__ import annotations

import base64
import json
import numbers
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

PROTOCOL = 1
SOCKET = "serve.sock"
"""In the workspace's folder."""
_LENGTHS = struct.Struct(">QQ")
_MOST = 1 << 40
_FITS = 100
"""Bytes of a path that every system takes as the name of a socket."""


def send(peer: socket.socket, header: dict[str, Any], piece: bytes | memoryview = b"") -> None:
    """Send one frame whole."""
    text = json.dumps(header, default=_tagged, ensure_ascii=True, separators=(",", ":")).encode()
    peer.sendall(_LENGTHS.pack(len(text), len(piece)) + text)
    if len(piece):
        peer.sendall(piece)


def receive(peer: socket.socket) -> tuple[dict[str, Any], memoryview] | None:
    """The next frame, or None where the other end has gone."""
    lengths = _exactly(peer, _LENGTHS.size)
    if lengths is None:
        return None
    of_header, of_piece = _LENGTHS.unpack(lengths)
    if max(of_header, of_piece) > _MOST:
        return None
    header, piece = _exactly(peer, of_header), _exactly(peer, of_piece)
    if header is None or piece is None:
        return None
    found: dict[str, Any] = json.loads(bytes(header), object_hook=_untagged)
    return found, piece


def _exactly(peer: socket.socket, size: int) -> memoryview | None:
    into = memoryview(bytearray(size))
    done = 0
    while done < size:
        got = peer.recv_into(into[done:])
        if not got:
            return None
        done += got
    return into


def _tagged(value: object) -> object:
    """What JSON has no word for, tagged; integers of numpy are integers."""
    if isinstance(value, bytes | bytearray | memoryview):
        return {"$bytes": base64.b85encode(bytes(value)).decode()}
    if isinstance(value, Decimal):
        return {"$decimal": str(value)}
    if isinstance(value, datetime):
        return {"$time": value.isoformat()}
    if isinstance(value, date):
        return {"$date": value.isoformat()}
    if isinstance(value, numbers.Integral):
        return int(value)
    raise TypeError(f"{type(value).__name__} cannot go through the socket of a store's owner")


def _untagged(found: dict[str, Any]) -> Any:
    if len(found) != 1:
        return found
    ((tag, value),) = found.items()
    if tag == "$bytes":
        return base64.b85decode(value)
    if tag == "$decimal":
        return Decimal(value)
    if tag == "$time":
        return datetime.fromisoformat(value)
    if tag == "$date":
        return date.fromisoformat(value)
    return found


def of_batch(batch: pa.RecordBatch | None, schema: pa.Schema) -> memoryview:
    """One batch, or only its columns' types, as an Arrow IPC stream."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as stream:
        if batch is not None:
            stream.write_batch(batch)
    return memoryview(sink.getvalue())


def of_table(table: pa.Table) -> memoryview:
    """A table as an Arrow IPC stream."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return memoryview(sink.getvalue())


def batches_of(piece: memoryview) -> tuple[pa.Schema, list[pa.RecordBatch]]:
    """What `of_batch` or `of_table` made; the batches read `piece`, they hold no copy."""
    import pyarrow as pa

    with pa.ipc.open_stream(pa.py_buffer(piece)) as stream:
        return stream.schema, list(stream)


@contextmanager
def named(path: Path) -> Iterator[str]:
    """A name of a socket's path that fits: systems take about a hundred bytes; `OSError` where there is none."""
    text = str(path)
    if len(os.fsencode(text)) <= _FITS:
        yield text
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
