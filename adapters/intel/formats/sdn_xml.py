"""OFAC's lists as XML: SDN.XML, and SDN_ADVANCED.XML, which alone has the dates of designation.

The advanced file follows the UN's Advanced Sanctions Data Model: what an id means stands in
`ReferenceValueSets`, a party's names and features in `DistinctParties`, its designation in `SanctionsEntries`
(OFAC, `sdn_advanced_notes.pdf`). A designation's date is that of the party: an address may have been added later,
and no file says when.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from adapters.intel import ofac
from adapters.intel.found import Found, Rows, Unreadable
from adapters.intel.xmlrecords import Element, records
from tracer.intel.claims import ClaimKind

kind: ClaimKind = "tags"

_ROOT = re.compile(r"<(?:\w+:)?(Sanctions|sdnList|sanctionsData)[\s>]")
_REFERENCES = ("FeatureTypeValues", "ListValues", "NamePartTypeValues", "SanctionsTypeValues")
_ADVANCED = ("DateOfIssue", *_REFERENCES, "DistinctParty", "SanctionsEntry")
_SIMPLE = ("publshInformation", "sdnEntry")  # OFAC's spelling
_PARTS_OF_A_DAY = ("Year", "Month", "Day")
_DOWNLOADS = "https://www.treasury.gov/ofac/downloads/"
_SOURCES = {
    ("Sanctions", ofac.SDN): f"{_DOWNLOADS}sanctions/1.0/sdn_advanced.xml",
    ("Sanctions", ofac.CONSOLIDATED): f"{_DOWNLOADS}sanctions/1.0/cons_advanced.xml",
    ("sdnList", ofac.SDN): f"{_DOWNLOADS}sdn.xml",
    ("sdnList", ofac.CONSOLIDATED): f"{_DOWNLOADS}consolidated/consolidated.xml",
}


def recognise(path: Path, text: str) -> bool:
    """By its root element."""
    return path.suffix.lower() == ".xml" and _ROOT.search(text, 0, 4096) is not None


def rows(text: str, found: Found) -> Rows:
    """One row per address. A list without any party is refused: it would take every claim of that list away."""
    root = _ROOT.search(text, 0, 4096)
    found.about.list, found.about.whole, found.about.entries = ofac.list_of(found.file), True, 0
    if root and root[1] == "sanctionsData":
        raise Unreadable(1, "this is OFAC's enhanced XML, which is not read: take SDN_ADVANCED.XML")
    yield from _advanced(text, found) if root and root[1] == "Sanctions" else _simple(text, found)
    if not found.about.entries:
        raise Unreadable(1, "the list names no party")


def _simple(text: str, found: Found) -> Rows:
    source = _SOURCES["sdnList", found.about.list]
    for record in records(text, _SIMPLE):
        if record.name == "publshInformation":
            for said in record.all("Publish_Date"):
                found.published_on(said.line, _us_day(said.text.strip()), said.text.strip())
            continue
        found.about.entries = (found.about.entries or 0) + 1
        names = (record.first("lastName"), record.first("firstName"))
        for document in record.all("idList", "id"):
            kind, address = document.first("idType"), document.first("idNumber")
            if not ofac.ADDRESS.search(kind):
                continue
            ticker = ofac.TICKER.fullmatch(kind)
            if ticker is None or not address:
                found.reject(document.line, f"no address can be read from {kind!r} {address!r}")
                continue
            yield (
                document.line,
                ofac.tag(
                    ticker[1],
                    address,
                    name=", ".join(filter(None, names)),
                    number=record.first("uid"),
                    programme=ofac.programmes(p.text for p in record.all("programList", "program")),
                    source=source,
                ),
            )


@dataclass
class _Designation:
    days: list[str] = field(default_factory=list)
    programmes: list[str] = field(default_factory=list)


def _advanced(text: str, found: Found) -> Rows:
    meaning: dict[str, dict[str, str]] = {}
    addresses: list[tuple[int, str, str, str, str]] = []
    designations: dict[str, _Designation] = {}
    lists: set[str] = set()
    for record in records(text, _ADVANCED):
        if record.name == "DateOfIssue":
            found.published_on(record.line, _day(record), "-".join(map(record.first, _PARTS_OF_A_DAY)))
        elif record.name in _REFERENCES:
            meaning[record.name] = {v.attributes.get("ID", ""): v.text.strip() for v in record.children}
        elif record.name == "DistinctParty":
            if "FeatureTypeValues" not in meaning:
                raise Unreadable(record.line, "a party stands before the FeatureTypeValues that explain it")
            found.about.entries = (found.about.entries or 0) + 1
            addresses += _addresses(record, meaning, found)
        else:
            lists.add(meaning.get("ListValues", {}).get(record.attributes.get("ListID", ""), ""))
            known = designations.setdefault(record.attributes.get("ProfileID", ""), _Designation())
            known.days += filter(None, map(_day, record.all("EntryEvent", "Date")))
            known.programmes += _programmes(record, meaning.get("SanctionsTypeValues", {}))
    if any(lists):
        found.about.list = ofac.SDN if "SDN List" in lists else ofac.CONSOLIDATED
    for line, ticker, address, name, profile in addresses:
        known = designations.get(profile, _Designation())
        row = ofac.tag(
            ticker,
            address,
            name=name,
            number=profile,
            programme=ofac.programmes(known.programmes),
            source=_SOURCES["Sanctions", found.about.list],
        )
        yield line, row | {"designated_at": min(known.days, default="")}


def _addresses(
    party: Element, meaning: dict[str, dict[str, str]], found: Found
) -> list[tuple[int, str, str, str, str]]:
    """(line, ticker, address, name, profile id) of what a party's features name."""
    profiles = party.all("Profile")
    number = (profiles[0] if len(profiles) == 1 else party).attributes
    profile = number.get("ID") or number.get("FixedRef", "")
    name = _name(party, meaning.get("NamePartTypeValues", {}))
    taken = []
    for feature in party.below("Feature"):
        kind = meaning["FeatureTypeValues"].get(feature.attributes.get("FeatureTypeID", ""))
        if kind is None:
            found.reject(feature.line, f"a feature of {name} is of no type that FeatureTypeValues explain")
        if not kind or not ofac.ADDRESS.search(kind):
            continue
        ticker = ofac.TICKER.fullmatch(kind)
        details = [d for d in feature.below("VersionDetail") if d.text.strip()]
        if ticker is None or not details:
            found.reject(feature.line, f"no address can be read from the feature {kind!r} of {name}")
            continue
        taken += [(d.line, ticker[1], d.text.strip(), name, profile) for d in details]
    return taken


def _name(party: Element, types: dict[str, str]) -> str:
    """The primary name as SDN.CSV writes it: `LAST, First` for a person."""
    groups = {
        group.attributes.get("ID", ""): types.get(group.attributes.get("NamePartTypeID", ""), "")
        for group in party.below("NamePartGroup")
    }
    aliases = party.all("Profile", "Identity", "Alias")
    primary = [alias for alias in aliases if alias.attributes.get("Primary") == "true"] or aliases
    names = [name for alias in primary for name in alias.all("DocumentedName")]
    latin = [name for name in names if name.attributes.get("DocNameStatusID") == "1"] or names
    parts = list(latin[0].below("NamePartValue")) if latin else []
    texts = [" ".join(part.text.split()) for part in parts]
    if len(texts) > 1 and groups.get(parts[0].attributes.get("NamePartGroupID", "")) == "Last Name":
        return f"{texts[0]}, {' '.join(texts[1:])}"
    return " ".join(texts)


def _programmes(entry: Element, types: dict[str, str]) -> list[str]:
    """A measure of type `Program` names its programme in a comment; other types say what is forbidden."""
    return [
        measure.first("Comment")
        for measure in entry.all("SanctionsMeasure")
        if types.get(measure.attributes.get("SanctionsTypeID", ""), "Program") == "Program"
    ]


def _day(element: Element) -> str:
    """ISO date of a Year, Month, Day element; "" where one is missing, for a part of a date is no day."""
    try:
        return date(*(int(element.first(part)) for part in _PARTS_OF_A_DAY)).isoformat()
    except (ValueError, OverflowError):
        return ""


def _us_day(text: str) -> str:
    try:
        month, day, year = (int(part) for part in text.split("/"))
        return date(year, month, day).isoformat()
    except ValueError:
        return ""
