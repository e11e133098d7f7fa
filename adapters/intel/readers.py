"""Claims from files (docs/formats.md): good rows go in, bad rows get a line and a reason."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from adapters.intel.build import Options, builder
from adapters.intel.formats import Format, format_of, meant_by
from adapters.intel.found import Found, Unreadable
from tracer.errors import BadClaim, SourceUnavailable, UsageError
from tracer.intel.claims import ClaimKind, clean
from tracer.intel.frames import FrameBuilder
from tracer.intel.reading import About, Reading

__all__ = ["SUFFIXES", "Options", "claim_files", "read"]

Advance = Callable[[int, int], None]
"""A progress callback: (lines done, lines in the file)."""

SUFFIXES = (".csv", ".yaml", ".yml", ".json", ".jsonl", ".xml", ".txt")
"""What is taken out of a folder; a file given by its name is always tried."""
_VERBS: dict[ClaimKind, str] = {"tags": "tags", "actors": "tags", "vasps": "vasps", "prices": "prices"}
_EVERY = 1000
_YAML = (".yaml", ".yml")
_INCLUDE = re.compile(rb"^header[ \t]*:[ \t]*!include[ \t]+['\"]?([^'\"\s/]+)", re.MULTILINE)
_HEAD = 1 << 16
"""Bytes of a pack within which it includes its header."""


def claim_files(paths: Iterable[Path]) -> list[Path]:
    """The files behind some paths, each once; a folder is taken recursively, behind symbolic links too.

    Left out of a folder is what others in it include as their header. Raises `SourceUnavailable` for a path that
    is not there, that is no file or that cannot be listed, and for a folder without such files.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if _is_folder(path):
            inside = _inside(path)
            if not inside:
                raise SourceUnavailable(f"{shown(path)} holds no file of {', '.join(SUFFIXES)}.")
            found.update(dict.fromkeys(inside))
        else:
            found[path] = None
    return list(found)


def _is_folder(path: Path) -> bool:
    """Whether it is a folder and no file; anything else (a pipe, say) could make reading wait for ever."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        raise SourceUnavailable(f"{shown(path)} is not there.") from error
    except OSError as error:
        raise SourceUnavailable(f"cannot read {shown(path)}: {error.strerror}.") from error
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise SourceUnavailable(f"{shown(path)} is neither a file nor a folder.")
    return stat.S_ISDIR(mode)


def _inside(folder: Path) -> list[Path]:
    """The claim files of a folder in order; a folder that two paths lead to is read by the first of them."""
    found: list[Path] = []
    seen: set[str] = set()

    def refuse(error: OSError) -> None:
        raise SourceUnavailable(f"cannot list {shown(Path(error.filename))}: {error.strerror}.") from error

    for at, folders, files in os.walk(folder, followlinks=True, onerror=refuse):
        real = os.path.realpath(at)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        claims = [path for name in files if (path := Path(at, name)).suffix.lower() in SUFFIXES]
        headers = _included(Path(at), claims)
        found += [path for path in claims if path not in headers and not _is_folder(path)]
    return sorted(found)


def _included(folder: Path, files: Iterable[Path]) -> set[Path]:
    """What packs in a folder include as their header, unless it is a list itself: nothing may hide a list."""
    names: set[str] = set()
    for path in files:
        if path.suffix.lower() in _YAML and not _is_folder(path):
            with suppress(OSError), path.open("rb") as file:
                names.update(name.decode(errors="replace") for name in _INCLUDE.findall(file.read(_HEAD)))
    return {path for name in names if (path := folder / name) in files and _is_header(path)}


def _is_header(path: Path) -> bool:
    try:
        return format_of(path, _text(path)) is None
    except (Unreadable, SourceUnavailable):
        return False


def shown(path: Path) -> str:
    """A path that is safe to show: no control characters, and in UTF-8 whatever its bytes are."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return text if text.isprintable() else clean(text)


def read(
    path: Path, wanted: Sequence[ClaimKind], options: Options, advance: Advance | None = None
) -> Reading:
    """Read one file whose rows are of a wanted kind.

    What cannot be taken is a rejection: a row, or the file where it cannot be read as a whole or is of another
    kind. `options.list` makes the file all of that list. Raises `SourceUnavailable` where it cannot be opened.
    """
    found = Found(str(path), options.today, About(published=options.published), defaults=options.defaults)
    kind = wanted[0]
    frame = FrameBuilder(kind).frame()
    try:
        text = _text(path)
        known = _format(path, text, wanted)
        kind = known.kind
        frame = _taken(known, text, found, options, advance).frame()
    except Unreadable as error:
        found.rejections.clear()
        found.reject(error.line, error.reason)
    file = shown(path)
    bad = sorted(found.rejections, key=lambda rejection: rejection.line)
    rejections = tuple(replace(rejection, file=file) for rejection in bad)
    return Reading(kind, frame, rejections, _about(found.about, options), file)


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceUnavailable(f"cannot read {shown(path)}: {error.strerror}.") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        reason = f"the file is not UTF-8 (byte {error.start}); save it as UTF-8. Nothing was taken."
        raise Unreadable(line, reason) from error
    if not text or text.isspace():
        raise Unreadable(1, "the file is empty")
    return text


def _format(path: Path, text: str, wanted: Sequence[ClaimKind]) -> Format:
    known = format_of(path, text) or meant_by(path, wanted[0])
    if known is None:
        raise Unreadable(1, f"the file is in no known format of {' or '.join(wanted)} (docs/formats.md)")
    if known.kind not in wanted:
        verb = _VERBS.get(known.kind, known.kind)
        raise Unreadable(1, f"the file holds {known.kind}: `tracer {verb} import` takes it")
    return known


def _taken(known: Format, text: str, found: Found, options: Options, advance: Advance | None) -> FrameBuilder:
    """The good rows; the others are rejected."""
    build, claims = builder(known.kind, options), FrameBuilder(known.kind)
    defaults, lines = options.defaults, text.count("\n") + 1
    for done, (line, row) in enumerate(known.rows(text, found), start=1):
        if defaults:
            row = {**row, **{name: value for name, value in defaults.items() if not row.get(name)}}
        try:
            claims.add(build(row))
        except (BadClaim, UsageError) as error:
            found.reject(line, str(error))
        if advance and not done % _EVERY:
            advance(min(line, lines), lines)
    return claims


def _about(about: About, options: Options) -> About:
    if options.list:
        about = replace(about, list=options.list, whole=True)
    return replace(about, published=options.published or about.published)
