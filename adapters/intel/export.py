"""Claims as GraphSense packs: TagPack and ActorPack YAML, one file per pack, the same bytes every time.

A header holds what all rows of a pack share. What the packs have no field for stands in `context`
(`adapters.intel.context`), so that a claim that goes out and comes back is the same claim.

Fields: graphsense-lib 2.18, `tagpack/conf/tagpack_schema.yaml` and `actorpack_schema.yaml`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from adapters.addresses.registry import chain_of_ticker
from adapters.intel.build import KNOWN
from adapters.intel.context import CASE, CREATOR, OF_A_TAG, wrapped
from adapters.intel.place import place
from adapters.intel.vocabulary import category_and_concepts, in_tagpack_words

if TYPE_CHECKING:
    import polars as pl

Fields = dict[str, str]
"""YAML by field name: what is written behind the colon."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_WORDS_OF_YAML = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
_ESCAPED = re.compile("[\ufffe\uffff]")
_SLUG = re.compile(r"[^a-z0-9]+")
_LONGEST_SLUG = 60


def tagpacks(tags: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """(file name, YAML) of each TagPack; `tags` is a frame of tags (`tracer.intel.frames`), in any order.

    Tags of one pack go into one file; those that came in none, one file per source.
    """
    yield from _packs(tags, ["chain", "address", "label", "claim_id"], "tags", _tag, ".tagpack.yaml")


def actorpacks(actors: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """(file name, YAML) of each ActorPack; `actors` is a frame of actors, in any order."""
    yield from _packs(actors, ["id", "label", "claim_id"], "actors", _actor, ".actorpack.yaml")


def _packs(
    claims: pl.DataFrame,
    order: Sequence[str],
    key: str,
    write: Callable[[Mapping[str, Any], str], Fields],
    suffix: str,
) -> Iterator[tuple[str, str]]:
    import polars as pl

    title = pl.when(pl.col("pack") == "").then(pl.col("source")).otherwise(pl.col("pack")).alias("title")
    titled = claims.with_columns(title).sort("title", "pack", "creator", *order)
    names: set[str] = set()
    for group in titled.partition_by("title", "pack", "creator", maintain_order=True):
        first = group.row(0, named=True)
        rows = [write(row, first["title"]) for row in group.iter_rows(named=True)]
        header = {"title": _scalar(first["title"]), "creator": _scalar(first["creator"] or CREATOR)}
        name = _file_name(first["title"], f"{first['pack']}|{first['creator']}", names) + suffix
        yield name, _yaml(header, key, rows)


def _file_name(title: str, more: str, names: set[str]) -> str:
    """The title in letters that every file system takes; packs of one name are told apart by a hash."""
    slug = _SLUG.sub("-", title.lower()).strip("-")[:_LONGEST_SLUG] or "pack"
    while slug in names:
        slug = f"{slug}-{hashlib.sha256(f'{title}|{more}'.encode()).hexdigest()[:12]}"
    names.add(slug)
    return slug


def _yaml(header: Fields, key: str, rows: Sequence[Fields]) -> str:
    """A pack; the first field of a row stays in the row."""
    own = next(iter(rows[0]))
    shared = {
        name: value
        for name, value in rows[0].items()
        if name != own and all(row.get(name) == value for row in rows)
    }
    lines = [f"{name}: {value}" for name, value in {**header, **shared}.items()]
    lines.append(f"{key}:")
    for row in rows:
        mine = [f"{name}: {value}" for name, value in row.items() if name not in shared]
        lines += [f"- {mine[0]}", *(f"  {field}" for field in mine[1:])]
    return "\n".join(lines) + "\n"


def _tag(row: Mapping[str, Any], title: str) -> Fields:
    more = {name: row[name] for name in OF_A_TAG if row[name]}
    more |= _unlike_header(row, title)
    where, carried = place(row, chain_of_ticker)
    more |= carried
    category, concepts = category_and_concepts(row["category"], row["concepts"])
    more |= {} if category == row["category"] else {"category": row["category"]}
    more |= {} if concepts == row["concepts"] else {"concepts": row["concepts"]}
    fields = {"address": _scalar(row["address"])}
    fields |= {name: _scalar(value) for name, value in where.items()}
    fields |= _texts({**row, "category": category}, ("label", "source", "category"))
    if concepts:
        fields["concepts"] = _listed(concepts.split())
    fields |= _texts(row, ("confidence",))
    fields["is_cluster_definer"] = "true" if row["is_cluster_definer"] else "false"
    fields |= _date(row) | _texts(row, ("actor", "tag_type"))
    return fields | _context(row, more, KNOWN["tags"])


def _actor(row: Mapping[str, Any], title: str) -> Fields:
    more = {name: row[name] for name in CASE if row[name]}
    more |= _unlike_header(row, title)
    if row["source"] != row["pack"]:
        more["source"] = row["source"]
    own = _items(row["categories"])
    categories = in_tagpack_words(own)
    more |= {} if categories == own else {"categories": row["categories"]}
    fields = {"id": _scalar(row["id"])} | _texts(row, ("label", "uri"))
    fields["categories"] = _listed(categories)
    for name in ("jurisdictions", "aliases"):
        if row[name]:
            fields[name] = _listed(_items(row[name]))
    return fields | _date(row) | _context(row, more, KNOWN["actors"])


def _unlike_header(row: Mapping[str, Any], title: str) -> Fields:
    """A claim that came in no pack must not come back as one of a pack."""
    said = {"pack": row["pack"]} if row["pack"] != title else {}
    return said | ({} if row["creator"] else {"creator": ""})


def _texts(row: Mapping[str, Any], names: Sequence[str]) -> Fields:
    return {name: _scalar(row[name]) for name in names if row[name]}


def _date(row: Mapping[str, Any]) -> Fields:
    """Unquoted, because GraphSense wants a date and not a text."""
    return {"lastmod": row["lastmod"]} if row["lastmod"] else {}


def _context(row: Mapping[str, Any], more: Mapping[str, str], known: Sequence[str]) -> Fields:
    text = wrapped(row["context"], more, known)
    return {"context": _scalar(text)} if text else {}


def _items(text: str) -> list[str]:
    return text.split("; ") if text else []


def _listed(items: Sequence[str]) -> str:
    return f"[{', '.join(map(_scalar, items))}]"


@lru_cache(maxsize=8192)
def _scalar(text: str) -> str:
    """A text in YAML such that every reader takes it for this text and no number, date or truth value."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS_OF_YAML:
        return text
    if not _ESCAPED.search(text):
        return "'" + text.replace("'", "''") + "'"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04X}", escaped) + '"'
