"""Reading claim files in tests as the command line does, on a fixed day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from adapters.addresses import registry
from adapters.intel.readers import Options, read
from tracer.intel.claims import ClaimKind
from tracer.intel.reading import Reading

TODAY = "2026-01-01"


def options(**more: Any) -> Options:
    """What reading needs, on `TODAY` unless told otherwise."""
    known: dict[str, Any] = {"today": TODAY} | more
    return Options(parse_address=registry.parse, ticker=registry.chain_of_ticker, **known)


def read_text(
    folder: Path,
    text: str | None,
    name: str,
    wanted: Sequence[ClaimKind] = ("tags", "actors"),
    advance: Callable[[int, int], None] | None = None,
    **more: Any,
) -> Reading:
    """Read a file of this text; of what lies there already where there is none."""
    path = folder / name
    if text is not None:
        path.write_text(text, encoding="utf-8", newline="")
    return read(path, wanted, options(**more), advance)


def read_tags(folder: Path, text: str, name: str = "tags.csv", **more: Any) -> Reading:
    """Read tags (or actors) from a text."""
    return read_text(folder, text, name, **more)


def reasons(reading: Reading) -> list[tuple[int, str]]:
    """(line, reason) of each rejection."""
    return [(rejection.line, rejection.reason) for rejection in reading.rejections]
