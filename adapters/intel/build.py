"""One claim from one row of texts: known fields, known words, addresses that are some, dates that can be.

Fields are those of the claim (docs/formats.md); tags take the spellings of TagPacks beside them. A row that
cannot be a claim raises `BadClaim`, `BadAddress` or `UsageError` with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any

from adapters.intel.context import opened
from adapters.intel.fields import Fields, word
from adapters.intel.place import ASSET, CURRENCY, NETWORK, Ticker, chain_and_asset
from tracer.chain import AddressKey
from tracer.errors import BadClaim, UsageError
from tracer.intel import taxonomy
from tracer.intel.claims import (
    PROTECTIONS,
    ROLES,
    STATUSES,
    TLPS,
    Actor,
    Claim,
    ClaimKind,
    KycLevel,
    Price,
    Tag,
    Vasp,
    marked,
)

ParseAddress = Callable[[str, str], tuple[str, AddressKey]]
"""(chain, address) -> (canonical text, key); raises `BadAddress` or `UsageError` with the reason."""

Build = Callable[[dict[str, str]], Claim]


@dataclass(frozen=True)
class Options:
    """What reading needs from outside the file.

    list       name the user gives the list: the file is all of it; "" for one that only adds claims
    published  ISO date of publication the user gives
    today      ISO date (UTC) against which dates in the future are told
    defaults   what the user says of every row that does not say it: field -> text
    """

    parse_address: ParseAddress
    ticker: Ticker
    today: str
    list: str = ""
    published: str = ""
    defaults: Mapping[str, str] = field(default_factory=dict)


LONGEST_ADDRESS = 512
"""Characters: a unified address of Zcash with three receivers has 213 (ZIP 316), one with more has more."""
TAG_TYPES = ("actor", "event", "attribute", "mention", "")
"""TagPack's, as of graphsense-lib 2.18 (`tagpack/db/tag_types.csv`)."""

ABUSE = "abuse"
"""A spelling of TagPack's own, as `CURRENCY` and `NETWORK` are."""
_OF_A_PACK = frozenset({"pack", "creator", CURRENCY, NETWORK})
_DERIVED = ("kind", "payload")
TAG_FIELDS = (
    *(f.name for f in fields(Tag) if f.name not in _DERIVED),
    CURRENCY,
    NETWORK,
    ABUSE,
    "tx_hash",
)
KNOWN: Mapping[ClaimKind, tuple[str, ...]] = {
    "tags": TAG_FIELDS,
    "actors": tuple(f.name for f in fields(Actor)),
    "vasps": tuple(f.name for f in fields(Vasp)),
    "prices": tuple(f.name for f in fields(Price)),
}
"""The fields a row of each kind may have."""

SPACED = frozenset({"concepts", "programme"})
LISTED = frozenset({
    "categories", "jurisdictions", "aliases", "names", "licences", "jurisdiction", "jurisdiction_licensed",
    "jurisdiction_operating", "enforcement",
})  # fmt: skip
"""Fields with several values: words separated by a space, and texts separated by `; `."""

_UNSAID = {"actor": "", "role": "", "lastmod": ""}
"""Fields of a tag that may be missing and have no default of their own."""
_LEI = re.compile(r"[0-9A-Z]{18}[0-9]{2}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,8})?")
_PRICE = re.compile(r"[0-9]{1,30}(\.[0-9]{1,30})?")
_CURRENCY_CODE = re.compile(r"[A-Z]{3}")
_MOST_SCORE_DIGITS = 3


def builder(kind: ClaimKind, options: Options) -> Build:
    """What turns rows of one kind into claims."""
    if kind == "tags":
        return _Tags(options)
    makers: dict[ClaimKind, Callable[[Fields], Claim]] = {"actors": _actor, "vasps": _vasp, "prices": _price}
    if kind not in makers:
        raise UsageError(f"{kind} are not read from files.")
    make, checked = makers[kind], Fields(KNOWN[kind], options.today)

    def build(row: dict[str, str]) -> Claim:
        checked.take(opened(kind, row, KNOWN[kind], options.ticker))
        return make(checked)

    return build


class _Tags:
    """Tags; what does not change between rows is looked up once."""

    def __init__(self, options: Options) -> None:
        self._fields = said = Fields(TAG_FIELDS, options.today)
        self._parse = options.parse_address
        self._ticker = options.ticker
        self._concepts = taxonomy.load()
        self._confidences = taxonomy.confidences()
        texts = ("actor", "pack", "creator", "nested_in", "subject", "author", "reason", "case_id")
        words = {"role": ROLES, "tag_type": TAG_TYPES, "protection": PROTECTIONS, "tlp": TLPS}
        self._checks: dict[str, Callable[[str], str]] = {
            **dict.fromkeys(texts, said.text),
            **dict.fromkeys(("lastmod", "designated_at", "valid_from", "valid_to"), said.day),
            **{name: partial(said.one_of, known=known, default="") for name, known in words.items()},
            "context": said.prose,
            "programme": lambda name: " ".join(sorted(set(said.words(name)))),
        }

    def __call__(self, row: dict[str, str]) -> Tag:
        if "context" in row:
            row = opened("tags", row, TAG_FIELDS, self._ticker)
        said, checks = self._fields, self._checks
        said.take(row)
        chain, address, asset, key = self._place(row)
        category, concepts = self._categories(row)
        more = {name: checks[name](name) for name in row if name in checks}
        _in_order(more.get("valid_from", ""), more.get("valid_to", ""))
        return Tag(
            chain=chain,
            address=address,
            kind=key.kind,
            payload=key.payload,
            label=said.required("label"),
            category=category,
            confidence=self._confidence(),
            source=said.required("source"),
            is_cluster_definer=said.yes_or_no("is_cluster_definer") or False,
            asset=asset,
            concepts=concepts,
            **_UNSAID | more | {"tlp": marked(more.get("tlp", ""), more.get("case_id", ""))},
        )

    def _place(self, row: Mapping[str, str]) -> tuple[str, str, str, AddressKey]:
        """(chain, canonical address, asset, key)."""
        text = (row.get("address") or "").strip()
        if not text:
            tx = row.get("tx_hash")
            raise BadClaim("it tags a transaction, not an address" if tx else "missing field 'address'")
        if len(text) > LONGEST_ADDRESS:
            raise BadClaim(f"address is longer than {LONGEST_ADDRESS} characters")
        chain, asset = chain_and_asset(row, text, self._ticker)
        address, key = self._parse(chain, text)
        return chain, address, asset, key

    def _categories(self, row: Mapping[str, str]) -> tuple[str, str]:
        """(category, further concepts): the first that is said is the category."""
        one_of, known = self._fields.one_of, self._concepts
        category, abuse = one_of("category", known, ""), one_of(ABUSE, known, "")
        more = [word("concept", concept, known) for concept in self._fields.words("concepts")]
        found = [concept for concept in (category, *more, abuse) if concept]
        if not found and _OF_A_PACK.isdisjoint(row):
            raise BadClaim("missing field 'category'")
        return (found[0], " ".join(sorted({*found} - {found[0]}))) if found else ("", "")

    def _confidence(self) -> str:
        """An id; a score where exactly one id has it."""
        value = self._fields.text("confidence", "unknown")
        if not (value.isdecimal() and len(value) <= _MOST_SCORE_DIGITS):
            return word("confidence", value, self._confidences)
        ids = sorted(known.id for known in self._confidences.values() if known.score == int(value))
        if len(ids) != 1:
            raise BadClaim(f"confidence {value} is the score of {' and of '.join(ids) or 'no confidence'}")
        return ids[0]


def _interval(said: Fields) -> dict[str, str]:
    start, end = said.day("valid_from"), said.day("valid_to")
    _in_order(start, end)
    return {"valid_from": start, "valid_to": end}


def _in_order(start: str, end: str) -> None:
    if start and end and start > end:
        raise BadClaim(f"valid_from {start} is after valid_to {end}")


def _said(said: Fields) -> dict[str, str]:
    """Who says it for a case."""
    return {
        "author": said.text("author"),
        "reason": said.text("reason"),
        "case_id": said.text("case_id"),
        "tlp": marked(said.one_of("tlp", TLPS, ""), said.text("case_id")),
    }


def _actor(said: Fields) -> Actor:
    return Actor(
        id=_id(said, "id"),
        label=said.required("label"),
        categories=_joined(word("category", item, taxonomy.load()) for item in said.items("categories")),
        jurisdictions=_joined(said.items("jurisdictions")),
        uri=said.text("uri"),
        aliases=_joined(said.items("aliases")),
        context=said.prose("context"),
        source=said.text("source") or said.text("pack") or said.required("source"),
        lastmod=said.day("lastmod"),
        pack=said.text("pack"),
        creator=said.text("creator"),
        **_said(said),
    )


def _vasp(said: Fields) -> Vasp:
    texts: dict[str, Any] = {
        name: said.text(name)
        for name in ("type", "legal_contact", "assessor", "legal_entity", "travel_rule", "successor", "nested_in",
                     "records_holder", "retention", "evidence_url")
    }  # fmt: skip
    lists = {name: _joined(said.items(name)) for name in LISTED & set(KNOWN["vasps"])}
    return Vasp(
        vasp_id=_id(said, "vasp_id"),
        name=said.required("name"),
        kyc_level=KycLevel(said.one_of("kyc_level", tuple(KycLevel), KycLevel.UNKNOWN)),
        xmr_support=said.yes_or_no("xmr_support"),
        source=said.required("source"),
        assessed_at=said.day("assessed_at"),
        lei=_lei(said.text("lei")),
        kyc_threshold_usd=_shaped(said, "kyc_threshold_usd", _NUMBER, "a number of dollars"),
        status=said.one_of("status", STATUSES, ""),
        evidence_sha256=_shaped(said, "evidence_sha256", _SHA256, "64 lower-case hex digits"),
        captured_at=said.day("captured_at"),
        confidence=said.one_of("confidence", taxonomy.confidences(), ""),
        next_review=said.day("next_review", future=True),
        note=said.prose("note"),
        **texts,
        **lists,
        **_interval(said),
        **_said(said),
    )


def _price(said: Fields) -> Price:
    if not said.day("day"):
        raise BadClaim("missing field 'day'")
    price = Price(
        asset=said.required("asset"),
        currency=said.required("currency"),
        day=said.day("day"),
        price=said.required("price"),
        source=said.required("source"),
        **_said(said),
    )
    if not ASSET.fullmatch(price.asset):
        raise BadClaim(f"asset {price.asset!r} is no ticker")
    if not _CURRENCY_CODE.fullmatch(price.currency):
        raise BadClaim(f"currency {price.currency!r} is no ISO 4217 code (USD)")
    if not _PRICE.fullmatch(price.price) or not price.price.strip("0."):
        raise BadClaim(f"price {price.price!r} is no decimal number above zero")
    return price


def _id(said: Fields, name: str) -> str:
    value = said.required(name)
    if " " in value:
        raise BadClaim(f"{name} {value!r} holds a space")
    return value


def _joined(items: Iterable[str]) -> str:
    return "; ".join(items)


def _shaped(said: Fields, name: str, shape: re.Pattern[str], what: str) -> str:
    value = said.text(name)
    if value and not shape.fullmatch(value):
        raise BadClaim(f"{name} {value!r} is not {what}")
    return value


def _lei(value: str) -> str:
    """A Legal Entity Identifier: 18 characters and two check digits, MOD 97-10 (ISO 17442, ISO 7064)."""
    if value and not _LEI.fullmatch(value):
        raise BadClaim(f"lei {value!r} is not 18 letters or digits and two check digits")
    if value and int("".join(str(int(character, 36)) for character in value)) % 97 != 1:
        raise BadClaim(f"lei {value!r}: its check digits are wrong")
    return value
