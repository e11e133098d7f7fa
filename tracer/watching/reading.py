"""What people write to say what is watched: one text, or a list of a hundred thousand as CSV.

    chain,subject,label,tags,case,owner,basis,expires
    bitcoin,bc1q...,seller 17,case7 urgent,K-12,li,warrant 3/2026,2027-01-31

The first row names the columns, in any order; `subject` (or `address`) is needed. What a row leaves empty is as the
command says. Bad rows are never skipped: a list that lost a row in silence watches less than it says.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from tracer.chain import AddressKey, Chain
from tracer.errors import DataError, UsageError
from tracer.intel.claims import clean
from tracer.watching.model import WatchKind

COLUMNS = ("chain", "subject", "label", "tags", "case", "owner", "basis", "expires")
MOST_ROWS = 1_000_000
_KINDS: tuple[WatchKind, ...] = ("cluster", "tag")
_SHOWN = 5


@dataclass(frozen=True)
class Row:
    """One row of a list; `line` is where it begins, from 1. Cells by column, "" where empty."""

    line: int
    cells: dict[str, str]


def subject(text: str, chain: Chain) -> tuple[WatchKind, str, AddressKey | None]:
    """Kind, canonical text and key of what is watched: ADDRESS, `cluster:ADDRESS`, `tag:LABEL`.

    `chain:` may stand in front. Raises `UsageError`, `BadAddress`.
    """
    body = " ".join(text.split())
    for prefix in (f"{chain.name}:", f"{chain.caip2}:"):
        if body.lower().startswith(prefix.lower()):
            body = body[len(prefix) :].strip()
    word, _, rest = (part.strip() for part in body.partition(":"))
    kind = next((k for k in _KINDS if k == word.lower()), None)
    if kind is not None and not rest:
        raise UsageError(f"{text!r} names nothing after {kind}:.")
    if kind == "tag":
        return kind, clean(rest), None
    address = rest.partition("@")[0].strip() if kind else body
    key = chain.parse_address(address)
    return kind or "address", chain.render_address(key), key


def rows(data: bytes, name: str) -> list[Row]:
    """The rows of a list of watches; `name` is what messages call the file. Raises `DataError`."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is no UTF-8 text.", hint="Save it as CSV in UTF-8.") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: list[Row] = []
    columns: list[str] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not columns:
                columns = _columns(cells, name)
                continue
            if len(cells) > len(columns):
                raise DataError(f"{name}, line {reader.line_num}: more cells than columns.", hint=_HINT)
            said = {column: cell.strip() for column, cell in zip(columns, cells, strict=False)}
            found.append(Row(reader.line_num, said))
            if len(found) > MOST_ROWS:
                raise DataError(f"{name} has more than {MOST_ROWS:,} rows.", hint="Split it.")
    except csv.Error as error:
        raise DataError(f"{name}, line {reader.line_num}: {error}.", hint=_HINT) from error
    if not found:
        raise DataError(f"{name} names nothing to watch.", hint=_HINT)
    return found


def bad_rows(name: str, bad: Sequence[tuple[int, str]]) -> DataError:
    """All rows (line, reason) of a list that cannot be used, in one line."""
    told = [f"line {line}: {reason.rstrip('.')}" for line, reason in sorted(bad)[:_SHOWN]]
    more = f"; and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
    count = "1 row" if len(bad) == 1 else f"{len(bad)} rows"
    return DataError(
        f"{name}: {count} cannot be used: {'; '.join(told)}{more}.", hint="Nothing was added; mend the rows."
    )


_HINT = f"A CSV file in UTF-8 whose first row names its columns: {', '.join(COLUMNS)}."


def _columns(cells: Sequence[str], name: str) -> list[str]:
    columns = ["subject" if c.strip().lower() == "address" else c.strip().lower() for c in cells]
    if twice := sorted({c for c in columns if c in COLUMNS and columns.count(c) > 1}):
        raise DataError(f"{name}: the column {twice[0]} is there twice.", hint=_HINT)
    if "subject" not in columns:
        raise DataError(f"{name}: no column is called subject or address.", hint=_HINT)
    return columns
