"""The XOR that Bitcoin Core 28 and later put over a folder's block and undo files, undone.

The eight bytes of `blocks/xor.dat` are laid over each file again and again from its first byte, so that a byte's
offset in its file tells which of them hides it. The file is there even with a key of zeros, which hides nothing.
Space that a node reserved is written without the key: where nothing was written yet there are zeros on disk.
"""

from __future__ import annotations

import mmap
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracer.errors import SourceUnavailable

KEY_SIZE = 8
_WINDOW = 1 << 20


def folder_key(folder: Path) -> bytes:
    """The key of a folder of block files; empty where its files are plain. Raises `SourceUnavailable`."""
    path = folder / "xor.dat"
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise SourceUnavailable(f"cannot read {path}: {error.strerror}.") from error
    if len(key) != KEY_SIZE:
        raise SourceUnavailable(
            f"{path} holds {len(key)} bytes, and the key of block files has {KEY_SIZE}.",
            hint="Copy it anew from the folder that the block files are from.",
        )
    return key if any(key) else b""


@cache
def _stream(key: bytes, size: int) -> NDArray[np.uint8]:
    return np.tile(np.frombuffer(key, np.uint8), size // KEY_SIZE + 2)


def reveal(data: NDArray[np.uint8], offset: int, key: bytes) -> None:
    """Undo the key in place; `offset` is where `data` lies in its file."""
    if key and len(data):
        shift = offset % KEY_SIZE
        # rounded up, so that few lengths are kept
        stream = _stream(key, 1 << (len(data) - 1).bit_length())
        np.bitwise_xor(data, stream[shift : shift + len(data)], out=data)


class Content:
    """A mapped file as it was before it was obfuscated; touches no more of it than is asked for.

    `raw` is the file as it lies on disk.
    """

    def __init__(self, raw: mmap.mmap, key: bytes) -> None:
        self.raw, self.key = raw, key

    def __len__(self) -> int:
        return len(self.raw)

    def read(self, start: int, stop: int) -> bytes:
        """Bytes from `start` to `stop`, less where the file ends before."""
        found = self.raw[start:stop]
        if not self.key or not found:
            return found
        shift = start % KEY_SIZE
        stream = (self.key * (len(found) // KEY_SIZE + 2))[shift : shift + len(found)]
        here, over = int.from_bytes(found, "little"), int.from_bytes(stream, "little")
        return (here ^ over).to_bytes(len(found), "little")

    def find(self, wanted: bytes, at: int) -> int:
        """The first place of `wanted` from `at` on, -1 where there is none."""
        if not self.key:
            return self.raw.find(wanted, at)
        while at < len(self.raw):
            window = np.frombuffer(self.raw[at : at + _WINDOW + len(wanted) - 1], np.uint8).copy()
            reveal(window, at, self.key)
            if (found := window.tobytes().find(wanted)) >= 0:
                return at + found
            at += _WINDOW
        return -1

    def past_zeros(self, at: int, wanted: bytes) -> int:
        """The first place from `at` on that is `wanted` or no reserved space; the end where there is none.

        The key can make a zero of a written byte, so the first bytes of what is `wanted` may look reserved.
        """
        if self.read(at, at + len(wanted)) == wanted:
            return at
        start, size = at, 64
        while at < len(self.raw):
            chunk = self.raw[at : at + size]
            if stripped := chunk.lstrip(b"\0"):
                at += len(chunk) - len(stripped)
                break
            at, size = at + len(chunk), min(2 * size, _WINDOW)
        early = range(max(start, at - len(wanted)), at if self.key else 0)
        return next((place for place in early if self.read(place, place + len(wanted)) == wanted), at)

    def used(self) -> int:
        """Where the file's content ends: behind it a live node has reserved zeros."""
        at = len(self.raw)
        while at > 0:
            chunk = self.raw[max(0, at - _WINDOW) : at]
            if kept := len(chunk.rstrip(b"\0")):
                return at - len(chunk) + kept
            at -= len(chunk)
        return 0
