"""Claims from files (docs/formats.md): good rows go in, bad rows get a line and a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from adapters.intel.build import Options, builder
from adapters.intel.formats import Format, format_of, meant_by
from adapters.intel.found import Found, Unreadable
from tracer.errors import BadClaim, SourceUnavailable, UsageError
from tracer.intel.claims import ClaimKind
from tracer.intel.frames import FrameBuilder
from tracer.intel.reading import About, Reading

__all__ = ["SUFFIXES", "Options", "claim_files", "read"]

Advance = Callable[[int, int], None]
"""A progress callback: (lines done, lines in the file)."""

SUFFIXES = (".csv", ".yaml", ".yml", ".json", ".jsonl", ".xml", ".txt")
"""What is taken out of a folder; a file given by its name is always tried."""
_VERBS: dict[ClaimKind, str] = {"tags": "tags", "actors": "tags", "vasps": "vasps", "prices": "prices"}
_EVERY = 1000


def claim_files(paths: Iterable[Path]) -> list[Path]:
    """The files behind some paths, each once; a folder is taken recursively.

    Raises `SourceUnavailable` for a path that is not there and for a folder without such files.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = [p for p in sorted(path.rglob("*")) if p.suffix.lower() in SUFFIXES and p.is_file()]
            if not inside:
                raise SourceUnavailable(f"{path} holds no file of {', '.join(SUFFIXES)}.")
            found.update(dict.fromkeys(inside))
        elif path.exists():
            found[path] = None
        else:
            raise SourceUnavailable(f"{path} is not there.")
    return list(found)


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
        kind = known.KIND
        frame = _taken(known, text, found, options, advance).frame()
    except Unreadable as error:
        found.rejections.clear()
        found.reject(error.line, error.reason)
    rejections = tuple(sorted(found.rejections, key=lambda rejection: rejection.line))
    return Reading(kind, frame, rejections, _about(found.about, options), str(path))


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceUnavailable(f"cannot read {path}: {error.strerror}.") from error
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
    if known.KIND not in wanted:
        verb = _VERBS.get(known.KIND, known.KIND)
        raise Unreadable(1, f"the file holds {known.KIND}: `tracer {verb} import` takes it")
    return known


def _taken(known: Format, text: str, found: Found, options: Options, advance: Advance | None) -> FrameBuilder:
    """The good rows; the others are rejected."""
    build, claims = builder(known.KIND, options), FrameBuilder(known.KIND)
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
