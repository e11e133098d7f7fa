"""FollowTheMoney entities as OpenSanctions publishes them: JSON Lines or a JSON array, flat or nested.

A `CryptoWallet` gives the rows; other entities of the file say who holds it (`holder`) and since when an order
names it (`Sanction`). The schema and its topics: followthemoney.tech, `CryptoWallet`, `Sanction`, topics.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from adapters.intel import jsontext, ofac
from adapters.intel.found import Found, Rows, Unreadable
from tracer.intel.claims import ClaimKind, clean

kind: ClaimKind = "tags"

CATEGORIES = {
    "sanction": "sanction",
    "crime.terror": "terrorism",
    "crime.traffick.drug": "drugs",
    "crime.theft": "financial_crime",
    "crime.fin": "financial_crime",
    "crime.fraud": "scam",
    "crime.cyber": "abuse",
    "crime.traffick.human": "abuse",
    "crime.traffick": "abuse",
    "crime.war": "abuse",
    "crime.env": "abuse",
    "crime": "abuse",
}
"""Topic -> concept, weightiest first. Other topics (`sanction.linked`, `wanted`, `poi`, ...) accuse nobody of an
offence or are not the list itself: they stay in the context."""
_NONE = "entity"
_WALLET, _ORDER = "CryptoWallet", "Sanction"
_OUTSIDE = ("caption", "datasets", "last_change")
"""What entities say beside their properties."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")

Entity = dict[str, Any]


@dataclass
class _File:
    """What the entities of a file say, by id of the entity they speak of. An entity may be said several times."""

    lines: dict[str, int] = field(default_factory=dict)
    wallets: dict[str, list[Entity]] = field(default_factory=dict)
    nested_in: dict[str, set[str]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    topics: dict[str, set[str]] = field(default_factory=dict)
    orders: dict[str, list[Entity]] = field(default_factory=dict)
    datasets: set[str] = field(default_factory=set)


def recognise(path: Path, text: str) -> bool:
    """By its first value, which must have a schema and properties."""
    if path.suffix.lower() not in (".json", ".jsonl", ".ndjson", ".ijson", ".ftm"):
        return False
    try:
        return _is_entity(next(_values(text))[1])
    except (Unreadable, StopIteration):
        return False


def rows(text: str, found: Found) -> Rows:
    """One row per wallet, address, currency and holder. The file is read to its end first: holders stand anywhere."""
    read = _File()
    for line, value in _values(text, found):
        if _is_entity(value):
            _take(line, value, read)
        else:
            found.reject(line, "no FollowTheMoney entity: it has an id, a schema and properties")
    found.about.entries = len(read.lines)
    if len(read.datasets) == 1:
        found.about.list, found.about.whole = next(iter(read.datasets)), True
    for name, said in read.wallets.items():
        line, wallet = read.lines[name], _merged(said)
        keys = [key for key in _texts(wallet, "publicKey") if key.isprintable()]
        currencies = _texts(wallet, "currency") or _texts(wallet, "currencySymbol")
        named = _listed(wallet["properties"].get("publicKey"))
        if not all(isinstance(key, str) and key.strip() in keys for key in named):
            found.reject(line, f"wallet {name} names an address that is no text or holds hidden characters")
        elif not keys:
            found.reject(line, f"wallet {name} names no address (publicKey)")
        if keys and not currencies:
            found.reject(line, f"wallet {name} names no currency: of which chain is {keys[0]}?")
        elif keys:
            for row in _by_holder(wallet, read, found):
                yield from ((line, _placed(row, key, currency)) for key in keys for currency in currencies)


def _values(text: str, found: Found | None = None) -> Iterator[jsontext.Value]:
    start = len(text) - len(text.lstrip())
    if text.startswith("[", start):
        yield from jsontext.document(text, start)
        return
    for line, value, problem in jsontext.lines(text):
        if not problem:
            yield line, value
        elif found:
            found.reject(line, problem)


def _is_entity(value: object) -> TypeGuard[Entity]:
    return (
        isinstance(value, dict)
        and isinstance(value.get("id"), str)
        and isinstance(value.get("schema"), str)
        and isinstance(value.get("properties"), dict)
    )


def _take(line: int, entity: Entity, read: _File) -> None:
    """Sort an entity and those nested in it; a nested one belongs to what it is nested in."""
    waiting: list[tuple[Entity, Entity | None]] = [(entity, None)]
    while waiting:
        one, parent = waiting.pop()
        name, schema = one["id"], one["schema"]
        read.lines.setdefault(name, line)
        read.datasets.update(filter(None, map(clean, _texts(one, "datasets"))))
        if schema == _WALLET:
            read.wallets.setdefault(name, []).append(one)
            if parent and parent["schema"] not in (_WALLET, _ORDER):
                read.nested_in.setdefault(name, set()).add(parent["id"])
        elif schema == _ORDER:
            for target in _texts(one, "entity") or ([parent["id"]] if parent else []):
                read.orders.setdefault(target, []).append(one)
        else:
            if names := _texts(one, "caption") or _texts(one, "name"):
                read.names[name] = min(names[0], read.names.get(name, names[0]))
            read.topics.setdefault(name, set()).update(_texts(one, "topics"))
        waiting += [
            (value, one)
            for values in one["properties"].values()
            for value in _listed(values)
            if _is_entity(value)
        ]


def _merged(said: list[Entity]) -> Entity:
    """All that is said of one wallet: it may be nested, more or less whole, in each of its holders."""
    values: dict[str, list[Any]] = {}
    for one in said:
        beside = {name: one.get(name) for name in _OUTSIDE}
        for name, value in (one["properties"] | beside).items():
            values.setdefault(name, []).extend(_listed(value))
    return {"id": said[0]["id"], "schema": _WALLET, "properties": values}


def _by_holder(wallet: Entity, read: _File, found: Found) -> Iterator[dict[str, str]]:
    """What is known of a wallet, one row for each who holds it.

    With several holders each answers for itself: that one is listed says nothing of the other, and what is said of
    the wallet names none of them.
    """
    name: str = wallet["id"]
    holders = sorted({*_texts(wallet, "holder"), *read.nested_in.get(name, ())})
    topics, orders = set(_texts(wallet, "topics")), read.orders.get(name, [])
    if len(holders) == 1:
        topics |= read.topics.get(holders[0], set())
        both = (orders, read.orders.get(holders[0], []))
        in_force = (known for known in both if known and not _end(known, found.today))
        yield _row(wallet, holders[0], topics, next(in_force, both[0] or both[1]), read, found)
        return
    if topics or orders or not holders:
        yield _row(wallet, "", topics, orders, read, found)
    for holder in holders:
        yield _row(wallet, holder, read.topics.get(holder, set()), read.orders.get(holder, []), read, found)


def _row(
    wallet: Entity, holder: str, topics: set[str], orders: list[Entity], read: _File, found: Found
) -> dict[str, str]:
    keys = _texts(wallet, "publicKey")
    own = [name for where in ("name", "alias", "caption") for name in sorted(_texts(wallet, where))]
    concepts = list(dict.fromkeys(concept for topic, concept in CATEGORIES.items() if topic in topics))
    others = sorted(topics - CATEGORIES.keys())
    begins = [day for order in orders for day in (*_days(order, "startDate"), *_days(order, "listingDate"))]
    changed = _days(wallet, "modifiedAt") or _days(wallet, "last_change")
    return {
        "label": read.names.get(holder) or next((name for name in own if name not in keys), ""),
        "category": concepts[0] if concepts else _NONE,
        "concepts": " ".join(sorted(concepts[1:])),
        "context": f"topics: {'; '.join(others)}" if others else "",
        "confidence": "trusted_provider",
        "subject": f"ftm:{holder or wallet['id']}",
        "programme": ofac.programmes(
            code for order in orders for code in _texts(order, "programId") or _texts(order, "program")
        ),
        "designated_at": min(begins, default=""),
        "valid_to": _end(orders, found.today),
        "lastmod": max(changed, default=""),
        "source": min(_texts(wallet, "sourceUrl"), default="")
        or "; ".join(sorted(_texts(wallet, "datasets")))
        or Path(found.file).name,
    }


def _end(orders: list[Entity], today: str) -> str:
    """The day the last of some orders ended; "" where one has no end, or one that lies ahead."""
    ends = [max(_days(order, "endDate"), default="") for order in orders]
    return max(ends) if ends and all("" < end <= today for end in ends) else ""


def _placed(row: dict[str, str], address: str, currency: str) -> dict[str, str]:
    """The row at one address. A sanctioned one under a wrong ticker is not lost, as in OFAC's own files."""
    place = ofac.place(currency, address) if row["category"] == "sanction" else {"currency": currency}
    context = "; ".join(filter(None, (place.get("context"), row["context"])))
    return row | place | {"address": address, "label": row["label"] or address, "context": context}


def _texts(entity: Entity, name: str) -> list[str]:
    """The texts of a property, once each; a nested entity is its id. Some stand beside the properties."""
    values = _listed(entity.get(name) if name in _OUTSIDE else None) + _listed(entity["properties"].get(name))
    texts = (
        value if isinstance(value, str) else value["id"]
        for value in values
        if isinstance(value, str) or _is_entity(value)
    )
    return list(dict.fromkeys(text.strip() for text in texts if text.strip()))


def _listed(value: object) -> list[Any]:
    """What stands there, however many: nothing, one value or a list of them."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _days(entity: Entity, name: str) -> list[str]:
    """Whole days only: `2022` or `2022-03` tells no day."""
    return [text[:10] for text in _texts(entity, name) if _DAY.match(text)]
