"""Write files of the claim store so that a reader sees the old one or the new one, never half of one."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tracer.errors import StoreBusy, StoreUnwritable
from tracer.workspace import held

_TEMPORARY = ".writing-"


def write_whole(path: Path, content: bytes, *, private: bool = False) -> None:
    """Replace `path` by `content`, surviving a kill or a power cut at any moment.

    A `private` file is readable by its owner alone, from its first byte on. Raises `StoreUnwritable` where
    the disk is full or the folder may not be written.
    """
    temporary = path.with_name(f"{_TEMPORARY}{os.getpid()}-{path.name}")
    try:
        mode = 0o600 if private else 0o666
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _unwritable(path, error) from error


@contextmanager
def writers_turn(folder: Path, *, wait_seconds: float = 60.0) -> Iterator[None]:
    """Hold the folder's writer lock while the block runs; readers never look at it.

    The operating system frees the lock when its holder dies. Remains of a killed writer are swept away here,
    where nobody else can be writing. Raises `StoreBusy` after `wait_seconds`.
    """
    busy = StoreBusy(
        f"another import has held {folder} for {wait_seconds:.0f} s.",
        hint="Wait for it to finish, or stop it, and run this again: nothing was changed.",
    )
    lock = folder / "lock"
    try:
        lock.touch()
    except OSError as error:
        raise _unwritable(folder, error) from error
    with held(lock, busy, wait_seconds=wait_seconds):
        for remains in folder.glob(f"{_TEMPORARY}*"):
            remains.unlink(missing_ok=True)
        yield


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unwritable(path: Path, error: OSError) -> StoreUnwritable:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreUnwritable(
            f"the disk that holds {path} is full; the claims imported before are intact.",
            hint="Free some space and run the same import again.",
        )
    return StoreUnwritable(f"cannot write {path}: {error.strerror}.", hint="Check its owner and mode.")
