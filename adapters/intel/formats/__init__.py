"""The formats claim files come in: one module each, known by what the file holds.

Each module has

    kind         what its rows are: tags, actors, vasps, prices (a ClaimKind)
    recognise(path: Path, text: str) -> bool      whether this file is of that format
    rows(text: str, found: Found) -> Rows         its rows in our field names (docs/formats.md)

A new format is one new file here and one line in `FORMATS`; the first that recognises a file reads it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from adapters.intel.formats import (
    address_list,
    bip329,
    csv_list,
    ftm,
    kycnot,
    prices_csv,
    sdn_csv,
    sdn_xml,
    yaml_list,
)
from adapters.intel.found import Found, Rows
from tracer.intel.claims import ClaimKind


class Format(Protocol):
    """What a module here offers."""

    @property
    def kind(self) -> ClaimKind:
        """What its rows are; of a module, a constant."""

    def recognise(self, path: Path, text: str) -> bool:
        """Whether this file is of that format."""

    def rows(self, text: str, found: Found) -> Rows:
        """Its rows in our field names."""


FORMATS: tuple[Format, ...] = (
    sdn_csv,
    sdn_xml,
    ftm,
    kycnot,
    prices_csv,
    bip329,
    address_list,
    *csv_list.BY_KIND.values(),
    *yaml_list.BY_KIND.values(),
)
"""In the order they are asked; our own lists come last, because they recognise almost anything."""


def format_of(path: Path, text: str) -> Format | None:
    """The format that reads a file; None where none knows it."""
    return next((known for known in FORMATS if known.recognise(path, text)), None)


def meant_by(path: Path, kind: ClaimKind) -> Format | None:
    """The format a name promises where the content does not keep it: it says best what is wrong."""
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return prices_csv if kind == "prices" else csv_list.BY_KIND.get(kind)
    return yaml_list.BY_KIND.get(kind) if suffix in (".yaml", ".yml") else None
