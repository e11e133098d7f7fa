"""OFAC's SDN.CSV and CONS_PRIM.CSV: addresses stand in the remarks of a party.

Twelve columns without a header, one party a line, `-0-` where a column is empty (OFAC's `dat_spec.txt`). The
remarks end after 1,000 characters, in the middle of a word, and go on in SDN_COMMENTS.CSV, which is read where
it lies beside.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from adapters.intel import ofac
from adapters.intel.found import Found, Rows, Unreadable
from tracer.errors import SourceUnavailable
from tracer.intel.claims import ClaimKind
from tracer.intel.reading import Rejection

kind: ClaimKind = "tags"

_COLUMNS = 12
_NUMBER, _NAME, _PROGRAMMES, _REMARKS = 0, 1, 3, 11
_EMPTY = "-0-"
_END = "\x1a"
_LONGEST_REMARKS = 1000
_SOURCES = {
    ofac.SDN: "https://www.treasury.gov/ofac/downloads/sdn.csv",
    ofac.CONSOLIDATED: "https://www.treasury.gov/ofac/downloads/consolidated/cons_prim.csv",
}
_REMARK = re.compile(r"(?:alt\.\s*)?" + ofac.TICKER.pattern + r"\s+([^\s;]+?)\.?", re.IGNORECASE)
_OVERFLOW = re.compile(r'\d+,\s*"')


def recognise(path: Path, text: str) -> bool:
    """By its shape; or the overflow of its remarks, which is only read beside it."""
    if path.suffix.lower() != ".csv":
        return False
    return _is_overflow(path, text) or any(_is_party(line) for _, line in islice(_lines(text), 5))


def rows(text: str, found: Found) -> Rows:
    """One row per address. A bad line, and an address remark that cannot be read, is a rejection.

    The overflow has no rows of its own where its list lies beside it: in a folder, both are read once.
    """
    path = Path(found.file)
    if _is_overflow(path, text):
        main = _main_name(path)
        if not _beside(path, main).is_file():
            raise Unreadable(
                1, f"import {main} with this file beside it: here are only remarks that overflow it"
            )
        return
    beside = _beside(path, _overflow_name(path))
    overflow, all_of_it = _overflow(beside, found) if beside.is_file() else ({}, False)
    found.about.list, found.about.whole, found.about.entries = ofac.list_of(found.file), True, 0
    for line, record in _lines(text):
        found.about.entries += 1
        try:
            values = _values(record)
        except csv.Error as error:
            found.reject(line, f"bad quotes: {error}")
            continue
        if len(values) != _COLUMNS or not values[_NUMBER].isdigit():
            found.reject(line, f"no party: it takes a number and {_COLUMNS} columns, here are {len(values)}")
            continue
        number = values[_NUMBER]
        remarks = values[_REMARKS]
        if remarks.strip() != _EMPTY and _EMPTY.startswith(remarks.strip()):
            found.reject(line, f"the line of {values[_NAME]} breaks off before its remarks")
            continue
        if number in overflow:
            remarks += overflow.pop(number)[1]
        elif not all_of_it and _may_have_lost_addresses(remarks):
            found.reject(
                line,
                f"the remarks of {values[_NAME]} break off after {_LONGEST_REMARKS} characters, and addresses may"
                f" follow: put the whole of OFAC's {_overflow_name(path)} beside this file",
            )
        for currency, address in _addresses(remarks, line, found):
            yield (
                line,
                ofac.tag(
                    currency,
                    address,
                    name=values[_NAME],
                    number=number,
                    programme=ofac.programmes(values[_PROGRAMMES].replace(_EMPTY, "").split("] [")),
                    source=_SOURCES[found.about.list],
                ),
            )
    for number, (line, remarks) in sorted(overflow.items()):
        if ofac.ADDRESS.search(remarks):
            found.rejections.append(
                Rejection(str(beside), line, f"{found.file} has no party {number} for these remarks")
            )


def _addresses(remarks: str, line: int, found: Found) -> Iterator[tuple[str, str]]:
    for remark in remarks.split(";"):
        if not ofac.ADDRESS.search(remark):
            continue
        if match := _REMARK.fullmatch(remark.strip()):
            yield match[1], match[2]
        else:
            found.reject(line, f"no address can be read from the remark {remark.strip()!r}")


def _may_have_lost_addresses(remarks: str) -> bool:
    """Whether remarks were cut where addresses may have followed. Links to other parties are always last."""
    return len(remarks) >= _LONGEST_REMARKS and "; Linked To:" not in remarks


def _overflow(beside: Path, found: Found) -> tuple[dict[str, tuple[int, str]], bool]:
    """Line and text of the remarks that go on, by number of the party; and whether the file is known to be whole.

    OFAC ends its files with a control-Z. Without one, the remarks of a party it does not name may be cut off too.
    """
    try:
        text = beside.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SourceUnavailable(f"cannot read {beside}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise Unreadable(1, f"{beside.name} beside this file is not UTF-8") from error
    remarks: dict[str, tuple[int, str]] = {}
    for line, record in _lines(text):
        try:
            values = _values(record)
        except csv.Error as error:
            values = []
            found.rejections.append(Rejection(str(beside), line, f"bad quotes: {error}"))
        if len(values) == 2:
            first, before = remarks.get(values[0], (line, ""))
            remarks[values[0]] = (first, before + values[1])
        elif values:
            found.rejections.append(Rejection(str(beside), line, "no number and remarks"))
    return remarks, text.rstrip().endswith(_END)


def _beside(path: Path, name: str) -> Path:
    """The file of that name in the same folder, in whatever case it is written; it need not be there."""
    found = [p for p in path.parent.iterdir() if p.name.lower() == name] if path.parent.is_dir() else []
    return min(found, default=path.with_name(name))


def _overflow_name(path: Path) -> str:
    return f"{path.stem.lower().removesuffix('_prim')}_comments.csv"


def _main_name(path: Path) -> str:
    stem = path.stem.lower().removesuffix("_comments")
    return "cons_prim.csv" if stem == "cons" else f"{stem}.csv"


def _is_overflow(path: Path, text: str) -> bool:
    return path.stem.lower().endswith("_comments") and _OVERFLOW.match(text) is not None


def _is_party(record: str) -> bool:
    try:
        values = _values(record)
    except csv.Error:
        return False
    return (
        len(values) == _COLUMNS
        and values[_NUMBER].isdigit()
        and any(value.strip() == _EMPTY for value in values)
    )


def _values(record: str) -> list[str]:
    return next(csv.reader([record], strict=True))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines that hold anything. OFAC ends its files with a control-Z, as DOS did."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip(f"{_END} \t\r"):
            yield number, line.rstrip("\r")
