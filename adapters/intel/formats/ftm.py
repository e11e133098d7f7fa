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
from tracer.intel.claims import ClaimKind

KIND: ClaimKind = "tags"

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
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")

Entity = dict[str, Any]


@dataclass
class _File:
    """What the entities of a file say, by id of the entity they speak of."""

    wallets: list[tuple[int, Entity, str]] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    topics: dict[str, list[str]] = field(default_factory=dict)
    orders: dict[str, list[Entity]] = field(default_factory=dict)
    datasets: set[str] = field(default_factory=set)
    nested: set[str] = field(default_factory=set)


def recognise(path: Path, text: str) -> bool:
    """By its first value, which must have a schema and properties."""
    if path.suffix.lower() not in (".json", ".jsonl", ".ndjson", ".ijson", ".ftm"):
        return False
    try:
        return _is_entity(next(_values(text, Found(str(path))))[1])
    except (Unreadable, StopIteration):
        return False


def rows(text: str, found: Found) -> Rows:
    """One row per wallet, address and currency. The file is read to its end first: holders stand anywhere."""
    read = _File()
    found.about.entries = 0
    for line, value in _values(text, found):
        found.about.entries += 1
        if _is_entity(value):
            _take(line, value, read)
        else:
            found.reject(line, "no FollowTheMoney entity: it has an id, a schema and properties")
    if len(read.datasets) == 1:
        found.about.list, found.about.whole = next(iter(read.datasets)), True
    for line, wallet, parent in read.wallets:
        keys = _texts(wallet, "publicKey")
        currencies = _texts(wallet, "currency") or _texts(wallet, "currencySymbol")
        if not keys:
            found.reject(line, f"wallet {wallet['id']} names no address (publicKey)")
        elif not currencies:
            found.reject(line, f"wallet {wallet['id']} names no currency: of which chain is {keys[0]}?")
        else:
            row = _row(wallet, parent, read, found)
            for key in keys:
                label = row["label"] or key
                yield from ((line, row | {"address": key, "currency": c, "label": label}) for c in currencies)


def _values(text: str, found: Found) -> Iterator[jsontext.Value]:
    start = len(text) - len(text.lstrip())
    if text.startswith("[", start):
        yield from jsontext.array(text, start)
        return
    for line, value, problem in jsontext.lines(text):
        if problem:
            found.reject(line, problem)
        else:
            yield line, value


def _is_entity(value: object) -> TypeGuard[Entity]:
    return (
        isinstance(value, dict)
        and isinstance(value.get("id"), str)
        and isinstance(value.get("schema"), str)
        and isinstance(value.get("properties"), dict)
    )


def _take(line: int, entity: Entity, read: _File) -> None:
    """Sort an entity and those nested in it; a nested one belongs to what it is nested in."""
    waiting = [(entity, "")]
    while waiting:
        one, parent = waiting.pop()
        name = one["id"]
        read.datasets.update(d for d in one.get("datasets", ()) if isinstance(d, str))
        if one["schema"] == "CryptoWallet":
            if not parent or name not in read.nested:  # nested under each of its holders
                read.wallets.append((line, one, parent))
            if parent:
                read.nested.add(name)
        elif one["schema"] == "Sanction":
            for target in _texts(one, "entity") or [parent]:
                read.orders.setdefault(target, []).append(one)
        else:
            if caption := one.get("caption") or next(iter(_texts(one, "name")), ""):
                read.names[name] = str(caption)
            if topics := _texts(one, "topics"):
                read.topics[name] = topics
        waiting += [(nested, name) for values in one["properties"].values() for nested in _nested(values)]


def _row(wallet: Entity, parent: str, read: _File, found: Found) -> dict[str, str]:
    name: str = wallet["id"]
    holders = _texts(wallet, "holder") or ([parent] if parent else [])
    keys = _texts(wallet, "publicKey")
    own = [t for t in (*_texts(wallet, "name"), *_texts(wallet, "alias"), wallet.get("caption")) if t]
    topics = _texts(wallet, "topics") or sorted(
        {t for holder in holders for t in read.topics.get(holder, ())}
    )
    concepts = list(dict.fromkeys(concept for topic, concept in CATEGORIES.items() if topic in topics))
    others = sorted(set(topics) - CATEGORIES.keys())
    orders = read.orders.get(name) or [order for holder in holders for order in read.orders.get(holder, ())]
    begins = sorted(
        day for order in orders for day in (*_days(order, "startDate"), *_days(order, "listingDate"))
    )
    ends = [max(_days(order, "endDate"), default="") for order in orders]
    changed = _days(wallet, "modifiedAt") or _DAY.findall(str(wallet.get("last_change")))
    datasets = "; ".join(sorted(d for d in wallet.get("datasets", ()) if isinstance(d, str)))
    return {
        "label": "; ".join(read.names[holder] for holder in holders if holder in read.names)
        or next((str(text) for text in own if text not in keys), ""),
        "category": concepts[0] if concepts else _NONE,
        "concepts": " ".join(sorted(concepts[1:])),
        "context": f"topics: {'; '.join(others)}" if others else "",
        "confidence": "trusted_provider",
        "subject": f"ftm:{holders[0] if holders else name}",
        "programme": ofac.programmes(
            code for order in orders for code in _texts(order, "programId") or _texts(order, "program")
        ),
        "designated_at": begins[0] if begins else "",
        "valid_to": max(ends) if ends and all(ends) else "",
        "lastmod": max(changed, default=""),
        "source": min(_texts(wallet, "sourceUrl"), default="") or datasets or Path(found.file).name,
    }


def _texts(entity: Entity, name: str) -> list[str]:
    """The texts of a property, once each; a nested entity is its id."""
    values = entity["properties"].get(name) or []
    texts = (
        value if isinstance(value, str) else value["id"]
        for value in (values if isinstance(values, list) else [values])
        if isinstance(value, str) or _is_entity(value)
    )
    return list(dict.fromkeys(text.strip() for text in texts if text.strip()))


def _nested(values: object) -> list[Entity]:
    return [v for v in (values if isinstance(values, list) else [values]) if _is_entity(v)]


def _days(entity: Entity, name: str) -> list[str]:
    """Whole days only: `2022` or `2022-03` tells no day."""
    return [text[:10] for text in _texts(entity, name) if _DAY.match(text)]
