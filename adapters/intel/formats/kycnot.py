"""KYCNot's list of exchanges by how much they ask of their customers (kycnot.me, CC0).

The file proves nothing after the newest day it names: each statement holds from the exchange's listing to that day,
whenever the file was published. Grades 0 to 3 are KYCNot's of 2021; the meaning of 3 is "mandatory for
some features".
"""

from __future__ import annotations

import html
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

from adapters.intel import jsontext
from adapters.intel.found import Found, Rows, Unreadable
from tracer.intel.claims import ClaimKind

kind: ClaimKind = "vasps"

_LIST = re.compile(r'"exchanges"\s*:\s*(\[)')
_LEVELS = ("none", "rare", "on_suspicion", "thresholded", "full")
_IDS = {"Sideshift.ai": "sideshift", "Coin Swap": "coinswapclick"}
"""Names whose slug is not the id of the same service in GraphSense's ActorPack: there `coinswap` is another house
(localcoinswap.com)."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MARKUP = re.compile(r"<[^<>]*>")
_ONION = re.compile(r"\S*\.onion\b\S*", re.IGNORECASE)

Exchange = dict[str, Any]


def recognise(path: Path, text: str) -> bool:
    """By its list of exchanges with KYCNot's grades."""
    return path.suffix.lower() == ".json" and _LIST.search(text) is not None and '"kyc-type"' in text


def rows(text: str, found: Found) -> Rows:
    """One row per exchange, dated by the newest listing of the file."""
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(getattr(error, "lineno", 1), f"the file is no JSON: {error}") from error
    start = _LIST.search(text)
    entries = list(jsontext.array(text, start.start(1))) if start else []
    listed = (entry.get("listing-date") for _, entry in entries if isinstance(entry, dict))
    newest = max((str(day) for day in listed if _is_past(day, found.today)), default="")
    found.about.list = "kycnot"
    for line, entry in entries:
        if problem := _problem(entry, found.today):
            found.reject(line, problem)
        else:
            yield line, _row(entry, newest)


def slug(name: str) -> str:
    """The `vasp_id` of a name: its letters and digits in lower case, as ActorPacks make theirs."""
    return _IDS.get(name) or re.sub(r"[^a-z0-9]", "", name.lower())


def _problem(entry: object, today: str) -> str:
    if not isinstance(entry, dict):
        return "no exchange: it is no JSON object"
    name, grade, day = entry.get("name"), entry.get("kyc-type"), entry.get("listing-date")
    if not isinstance(name, str) or not slug(name):
        return "an exchange without a name"
    if type(grade) is not int or not 0 <= grade < len(_LEVELS):
        return f"kyc-type {grade!r} of {name} is no grade from 0 to {len(_LEVELS) - 1}"
    if not _is_past(day, today):
        return f"listing-date {day!r} of {name} is no day in the past: nothing says since when it asks what"
    return ""


def _is_past(day: object, today: str) -> bool:
    if not isinstance(day, str) or not _DAY.fullmatch(day):
        return False
    try:
        return date.fromisoformat(day) <= date.fromisoformat(today)
    except ValueError:
        return False


def _row(entry: Exchange, newest: str) -> dict[str, str]:
    xmr = entry.get("xmr")
    terms = [url for url in _texts(entry.get("tos-urls")) if not _ONION.search(url)]
    return {
        "vasp_id": slug(entry["name"]),
        "name": entry["name"],
        "type": _type(entry),
        "kyc_level": _LEVELS[entry["kyc-type"]],
        "xmr_support": str(xmr).lower() if isinstance(xmr, bool) else "",
        "valid_from": entry["listing-date"],
        "valid_to": newest,
        "assessed_at": newest,
        "assessor": "KYCNot",
        "confidence": "web_crawl",
        "source": "https://kycnot.me, exchanges",
        "evidence_url": terms[0] if terms else "",
        "note": "; ".join(filter(None, map(_plain, _texts(entry.get("comments"))))),
    }


def _type(entry: Exchange) -> str:
    if entry.get("p2p") is True:
        return "p2p"
    custodial = entry.get("custodial")
    if custodial is False:
        return "swapper"
    return "exchange" if custodial in (True, "semi") else ""


def _texts(value: object) -> list[str]:
    """KYCNot writes false or [-1] where it has no text, and one text or a list of them."""
    return [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]


def _plain(text: str) -> str:
    """Without markup and without onion addresses, which are never stored."""
    unescaped = html.unescape(_MARKUP.sub(" ", text))
    return " ".join(_ONION.sub("(onion address)", _MARKUP.sub(" ", unescaped)).split())
