"""`--seeds FILE`: a list of seeds as a table, e.g. the thousands of addresses of one seller.

    chain,address,role,valid_from,valid_to,source,reference
    bitcoin,bc1q...,seller,2019-05-02,2019-05-31,search of 3 June,item 17

The first row names the columns, in any order; `address` (or `outpoint`, or both) is needed. Its cells hold whatever a
SEED on the command line may be. A row counts for money that arrives between `valid_from` and `valid_to`: UTC days, both
included, or times, the second not included; empty leaves it open, and so does a `valid_to` of 9999-12-31.

Bad rows are never skipped: a list that lost a row in silence gives a wrong answer with a right look.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tracer.chain import Chain
from tracer.errors import BadSeeds, UsageError
from tracer.flow.seeding.grammar import Seed
from tracer.flow.seeding.grammar import parse as parse_seed
from tracer.flow.spans import FOREVER, Span, span_of

COLUMNS = ("chain", "address", "outpoint", "role", "valid_from", "valid_to", "source", "reference")
_NAMES = ("address", "outpoint")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_SHOWN = 5
_NEVER = "9999-12-31"  # how registers write that something has no end


@dataclass(frozen=True)
class Row:
    """One row: `seed` has its role and times; `line` is where it begins, from 1."""

    line: int
    seed: Seed
    source: str
    reference: str


@dataclass(frozen=True)
class Listed:
    """A list of seeds.

    name      of the file, for messages
    rows      in file order, equal rows once
    repeated  rows that said again what another row says
    ignored   names of columns that mean nothing here
    """

    name: str
    rows: tuple[Row, ...]
    repeated: int = 0
    ignored: tuple[str, ...] = ()


def parse(data: bytes, chain: Chain, name: str) -> Listed:
    """Read a list of seeds of one chain; `name` is what messages call the file.

    Raises `BadSeeds` with every row that cannot be used.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadSeeds(f"{name} is no UTF-8 text.", hint="Save it as CSV in UTF-8.") from error
    records = _records(text, name)
    first, header = next(records, (1, []))
    if not header:
        raise BadSeeds(f"{name} is empty.", hint=_HINT)
    columns = [cell.strip().lower() for cell in header]
    if twice := sorted({column for column in columns if column in COLUMNS and columns.count(column) > 1}):
        raise BadSeeds(f"{name}, line {first}: the column {twice[0]} is there twice.", hint=_HINT)
    if not set(_NAMES) & set(columns):
        raise BadSeeds(f"{name}, line {first}: no column is called address or outpoint.", hint=_HINT)
    rows: dict[tuple[object, ...], Row] = {}
    bad, count = [], 0
    for line, cells in records:
        count += 1
        try:
            row = _row(line, columns, cells, chain)
        except UsageError as error:
            bad.append((line, error.problem))
            continue
        rows.setdefault((row.seed, row.seed.role, row.seed.times, row.source, row.reference), row)
    if bad:
        raise bad_rows(name, bad)
    if not rows:
        raise BadSeeds(f"{name} names no seed: there is nothing under its header.", hint=_HINT)
    ignored = tuple(cell.strip() for cell in header if cell.strip() and cell.strip().lower() not in COLUMNS)
    return Listed(name, tuple(rows.values()), count - len(rows), ignored)


_HINT = f"A CSV file in UTF-8 whose first row names its columns: {', '.join(COLUMNS)}."


def bad_rows(name: str, bad: Sequence[tuple[int, str]]) -> BadSeeds:
    """All rows (line, reason) of a list that cannot be used, in one line."""
    told = [f"line {line}: {reason.rstrip('.')}" for line, reason in sorted(bad)[:_SHOWN]]
    more = f"; and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
    rows = "1 row" if len(bad) == 1 else f"{len(bad)} rows"
    return BadSeeds(
        f"{name}: {rows} cannot be used: {'; '.join(told)}{more}.", hint="Nothing was traced; mend the rows."
    )


def places(listed: Iterable[Listed]) -> Mapping[Seed, tuple[str, int]]:
    """Seed -> file and line that named it first."""
    found: dict[Seed, tuple[str, int]] = {}
    for one in listed:
        for row in one.rows:
            found.setdefault(row.seed, (one.name, row.line))
    return found


def notes(listed: Iterable[Listed]) -> list[str]:
    """What the lists say beside their seeds, for coverage."""
    said = []
    for one in listed:
        dated = sum(row.seed.times != (FOREVER,) for row in one.rows)
        if dated:
            said.append(f"{dated} of {len(one.rows)} rows of {one.name} count only at the times they give")
        if one.repeated:
            said.append(f"{one.name} has {one.repeated} rows that repeat others; they count once")
        if one.ignored:
            said.append(f"columns of {one.name} that were not read: {', '.join(one.ignored)}")
    return said


def _records(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of each row that is not blank; a quoted cell may hold line breaks."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise BadSeeds(f"{name}, line {line}: this is no CSV ({error}).", hint=_HINT) from error
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield line, cells


def _row(line: int, columns: Sequence[str], cells: Sequence[str], chain: Chain) -> Row:
    """One row; `UsageError` says why it is none."""
    if len(cells) != len(columns):
        raise UsageError(f"{len(cells)} cells where the header has {len(columns)}")
    cell = {column: " ".join(text.split()) for column, text in zip(columns, cells, strict=True)}
    named = cell.get("chain", "")
    if named and named.lower() not in (chain.name.lower(), chain.caip2.lower()):
        raise UsageError(f"it is on {named!r}, the question on {chain.name}")
    given = [cell[column] for column in _NAMES if cell.get(column)]
    if len(given) != 1:
        raise UsageError("it names no seed" if not given else "both address and outpoint are filled")
    times = _span(cell.get("valid_from", ""), cell.get("valid_to", ""))
    seed = replace(parse_seed(given[0], chain), role=cell.get("role") or None, times=(times,))
    return Row(line, seed, cell.get("source", ""), cell.get("reference", ""))


def _span(since: str, until: str) -> Span:
    if until == _NEVER:
        until = ""
    span = _moment(since)[0], _moment(until)[1]
    if span[0] >= span[1]:
        raise UsageError(f"valid_to {until} is before valid_from {since}")
    return span


def _moment(text: str) -> Span:
    """What a cell stands for: all time, a whole UTC day, or a moment (UTC where it names no zone)."""
    if not text:
        return FOREVER
    try:
        if _DAY.fullmatch(text):
            return span_of(text, text)
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{text!r} is no date such as 2019-05-02 or 2019-05-02T13:00:00Z") from error
    seconds = int(moment.timestamp())
    return seconds, seconds
