"""CSV as RFC 4180 writes it, record by record, such that one damaged line never takes its neighbours along.

A quoted text goes over a line break only in the columns named for it. Where a quote, or the number of fields, is
wrong, one line is named and reading goes on at the next: no line is lost inside a quote that nobody closed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

Record = tuple[int, list[str], str]
"""Line (from 1), cells, and what is wrong with it, or nothing."""

_BREAK = re.compile(r"\r\n|\n|\r")
_QUOTED = re.compile(r'"([^"]*+(?:""[^"]*+)*+)"')
_BARE = re.compile(r'[^",\r\n]*+')
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_ESCAPED = re.compile(r"'+[=+\-@\t\r]")


def records(text: str, over_lines: Collection[str] = ()) -> Iterator[Record]:
    """Each record that is not blank, the header first; one that has not as many cells as the header is wrong.

    `over_lines` are the columns whose quoted texts may hold line breaks. A further line of such a text that has
    the commas of a whole row is taken for one: a quote was left open above it.
    """
    header: list[str] = []
    at, line = 0, 1
    while at < len(text):
        found = _BREAK.search(text, at)
        end = stop = found.start() if found else len(text)
        problem = ""
        if text.find('"', at, end) < 0:
            cells = text[at:end].split(",")
        else:
            cells, stop, problem = _quoted(text, at, header, over_lines)
        blank = not problem and not any(map(str.strip, cells))
        if header and not (blank or problem) and len(cells) != len(header):
            problem = f"{len(cells)} fields where the header has {len(header)}"
        if not blank:
            yield line, cells, problem
            header = header or [cell.strip() for cell in cells]
        if problem:
            stop = end
        line += 1
        if stop > end:
            line += len(_BREAK.findall(text, end, stop))
            found = _BREAK.match(text, stop)
        at = found.end() if found else len(text)


def unescaped(cell: str) -> str:
    """The text of a cell that a spreadsheet would have taken for a formula."""
    return cell[1:] if cell.startswith("'") and _ESCAPED.match(cell) else cell


def escaped(text: str) -> str:
    """A text that no spreadsheet takes for a formula; `unescaped` gives it back."""
    return f"'{text}" if _FORMULA.match(text) else text


def _quoted(
    text: str, start: int, header: Sequence[str], over_lines: Collection[str]
) -> tuple[list[str], int, str]:
    """The cells of a record with quotes in it, where it ends, and what is wrong with it."""
    cells: list[str] = []
    at, broken = start, False
    while True:
        found = _QUOTED.match(text, at)
        if found:
            cell = found[1].replace('""', '"')
            if "\n" in cell or "\r" in cell:
                broken = True
                if len(cells) >= len(header) or header[len(cells)] not in over_lines:
                    return cells, at, "bad quotes: a text that begins here goes over the end of the line"
        elif text.startswith('"', at):
            return cells, at, "bad quotes: one is never closed"
        else:
            found = _BARE.match(text, at)
            assert found  # it matches nothing, too
            cell = found[0]
        cells.append(cell)
        at = found.end()
        if at == len(text) or text[at] in "\r\n":
            break
        if text[at] != ",":
            return cells, at, "bad quotes: one stands within a text, not around it; write it twice"
        at += 1
    further = _BREAK.split(text[start:at])[1:] if broken else []
    if any(part.count(",") >= len(header) - 1 for part in further):
        return cells, at, "bad quotes: a text that begins here holds what looks like further rows"
    return cells, at, ""
