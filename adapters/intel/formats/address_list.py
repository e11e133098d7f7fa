"""Plain address lists: `.txt`, one address a line, as people extract them from longer lists.

What such a file leaves unsaid stands in comments before the first address:

    # currency: XBT                     or `# chain: bitcoin`; else the ticker after the file name's last underscore
    # category: sanction                else `sanction` where the file name says `sanctioned` or `ofac`
    # label: ...                        likewise source, confidence, published (ISO date)

or is said by the user (`Found.defaults`). Without a word on how it was made, such a list is taken as `web_crawl`,
what TagPacks call data collected by machine: that an authority's list was copied whole and rightly is nobody's
statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from difflib import get_close_matches
from pathlib import Path

from adapters.addresses import registry
from adapters.intel import ofac
from adapters.intel.found import Found, Rows, Unreadable
from tracer.errors import BadAddress, UsageError
from tracer.intel.claims import ClaimKind

kind: ClaimKind = "tags"

_PLACES = {"chain", "currency"}
_NAMES = ("chain", "currency", "category", "label", "source", "confidence", "published")
_SAID = re.compile(r"#\s*([A-Za-z][\w-]*)\s*:\s*(.*)")
_TICKER = re.compile(r".*_([A-Z0-9]{2,10})")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_SANCTIONS = re.compile(r"sanction|ofac", re.IGNORECASE)


def recognise(path: Path, text: str) -> bool:
    """A text file whose first line that is no comment is one word."""
    first = next(_lines(text), None)
    return path.suffix.lower() == ".txt" and (first is None or len(first[1].split()) == 1)


def rows(text: str, found: Found) -> Rows:
    """One row per line. A list that does not say of which chain or category it is, is refused whole."""
    path = Path(found.file)
    first, address = next(_lines(text), (0, ""))
    if not first:
        raise Unreadable(1, "the list names no address")
    said = _said(text, first, found)
    taken = _PLACES & said.keys()
    unsaid = {name: text for name, text in found.defaults.items() if not (taken and name in _PLACES)}
    said = unsaid | said
    found.about.list, found.about.whole = path.stem, True
    row = {
        **_chain(said, path.stem, address),
        "category": said.get("category") or _category(path.stem),
        "source": said.get("source") or path.name,
        "confidence": said.get("confidence") or "web_crawl",
    }
    row["label"] = said.get("label") or ("sanctioned address" if row["category"] == "sanction" else path.stem)
    for line, content in _lines(text):
        if len(content.split()) > 1:
            found.reject(line, "more than one word on the line: one address a line, comments after a #")
        elif row["category"] == "sanction" and "currency" in row:
            own = {name: text for name, text in row.items() if name != "currency"}
            yield line, own | ofac.place(row["currency"], content) | {"address": content}
        else:
            yield line, row | {"address": content}


def _said(text: str, first: int, found: Found) -> dict[str, str]:
    """What comments before the line of the first address say by name; one that is mistyped is no mere comment."""
    said: dict[str, str] = {}
    for line, content in enumerate(text.split("\n"), start=1):
        match = _SAID.fullmatch(content.strip())
        if match is None:
            continue
        name, value = match[1].lower(), match[2]
        if name not in _NAMES:
            if line < first and (close := get_close_matches(name, _NAMES, n=1)):
                raise Unreadable(line, f"unknown field {name!r} (meant {close[0]!r}?)")
        elif line > first:
            raise Unreadable(line, f"{name} is said after the first address: say it at the top of the file")
        elif name in said:
            raise Unreadable(line, f"{name} is said twice")
        elif not value:
            raise Unreadable(line, f"{name} is said without a value")
        else:
            said[name] = value
            if name == "published":
                found.published_on(line, value if _is_day(value) else "", value)
    return said


def _is_day(text: str) -> bool:
    try:
        return _DAY.fullmatch(text) is not None and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _chain(said: dict[str, str], stem: str, address: str) -> dict[str, str]:
    if place := {name: said[name] for name in _PLACES if name in said}:
        if len(place) > 1:
            raise Unreadable(1, "the list is said to be of a chain and of a currency: say one of them")
        return place
    ticker = _TICKER.fullmatch(stem)
    if ticker is None or not _is_ticker(ticker[1], address):
        raise Unreadable(
            1, "of which chain are these? Name the file like list_XBT.txt or begin it with `# chain: bitcoin`"
        )
    return {"currency": ticker[1]}


def _is_ticker(text: str, address: str) -> bool:
    try:
        registry.chain_of_ticker(text, address)
    except BadAddress:
        return True  # a ticker; the address will be rejected by its own line
    except UsageError:
        return False
    return True


def _category(stem: str) -> str:
    if not _SANCTIONS.search(stem):
        raise Unreadable(
            1, "what are these addresses? Begin the file with `# category: sanction`, or another concept"
        )
    return "sanction"


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines that hold anything but a comment, without it."""
    for number, line in enumerate(text.split("\n"), start=1):
        if content := line.partition("#")[0].strip():
            yield number, content
