"""Files of a world."""

from __future__ import annotations

from pathlib import Path

from tracer.errors import StoreUnwritable


def write(path: Path, data: bytes) -> None:
    """One whole file, in a folder that is made when it is missing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as problem:
        raise StoreUnwritable(
            f"simulation: cannot write {path} ({problem.strerror}).",
            hint="Make room, or name a folder you may write to.",
        ) from problem
