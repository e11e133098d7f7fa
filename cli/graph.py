"""`--graph FILE`: the graph of a trace as a file, in the format that its suffix names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from cli.app import json_text
from cli.trace_answer import Document
from tracer.errors import StoreUnwritable, UsageError


def _html(document: Document) -> str:
    from cli.graph_html import html

    return html(document)


def _svg(document: Document) -> str:
    from cli.graph_svg import svg

    return svg(document)


def _graphml(document: Document) -> str:
    from cli.graph_exchange import graphml

    return graphml(document)


def _dot(document: Document) -> str:
    from cli.graph_exchange import dot

    return dot(document)


def _json(document: Document) -> str:
    return json_text(dict(document))


FORMATS: Mapping[str, Callable[[Document], str]] = {
    ".html": _html,
    ".svg": _svg,
    ".graphml": _graphml,
    ".dot": _dot,
    ".json": _json,
}
"""Suffix -> how a trace (`tracer.trace/1` or `tracer.traces/1` with `graph.edges`) is written. All give text."""


_WHERE = "Name a file in a folder you may write to."


def check(path: Path) -> None:
    """Refuse a suffix that names no format (`UsageError`) and what is no place for a file (`StoreUnwritable`)."""
    if path.suffix.lower() not in FORMATS:
        raise UsageError(
            f"--graph {str(path)!r} names no format by its suffix; there are {', '.join(FORMATS)}."
        )
    if not path.parent.is_dir() or path.is_dir():
        raise StoreUnwritable(f"cannot write {path}: no such folder, or it is one.", hint=_WHERE)
    if path.exists() and not path.is_file():
        raise StoreUnwritable(f"cannot write {path}: it is there and is no plain file.", hint=_WHERE)


def write(path: Path, document: Document) -> None:
    """Write the graph of a trace; the same document gives the same bytes. `StoreUnwritable` where it cannot be."""
    check(path)
    text = FORMATS[path.suffix.lower()](document)
    try:
        path.write_bytes(text.encode())
    except OSError as error:
        raise StoreUnwritable(f"cannot write {path}: {error.strerror}.", hint=_WHERE) from error
