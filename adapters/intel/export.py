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
from adapters.intel.build import CURRENCY, KNOWN, NETWORK, chain_and_asset
from adapters.intel.context import wrapped
from tracer.errors import BadClaim, UsageError

if TYPE_CHECKING:
    import polars as pl

Fields = dict[str, str]
"""YAML by field name: what is written behind the colon."""

_TICKERS = {
    "bitcoin": "BTC", "ethereum": "ETH", "bitcoin-cash": "BCH", "zcash": "ZEC", "litecoin": "LTC", "bsc": "BSC",
    "monero": "XMR", "dash": "DASH", "bitcoin-gold": "BTG", "evm-61": "ETC", "bitcoin-sv": "BSV", "xrpl": "XRP",
    "arbitrum": "ARB", "tron": "TRX", "polygon": "MATIC", "evm-321": "KCC", "algorand": "ALGO", "optimism": "OP",
    "eos": "EOS", "dogecoin": "DOGE", "verge": "XVG", "solana": "SOL", "cardano": "ADA", "cosmos": "ATOM",
    "polkadot": "DOT", "filecoin": "FIL",
}  # fmt: skip
"""GraphSense's names of networks (graphsense-lib, `tagpack/constants.py`), and the usual tickers; other chains go
by our own name."""
_CREATOR = "tracer"
"""Who a pack is by that nobody made: the format wants somebody."""
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_WORDS_OF_YAML = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
_ESCAPED = re.compile("[\ufffe\uffff]")
_SLUG = re.compile(r"[^a-z0-9]+")
_LONGEST_SLUG = 60
_CARRIED_TAG = (
    "role", "nested_in", "programme", "designated_at", "subject", "valid_from", "valid_to", "protection", "author",
    "reason", "case_id", "tlp",
)  # fmt: skip
_CARRIED_ACTOR = ("author", "reason", "case_id", "tlp")


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
        header = {"title": _scalar(first["title"]), "creator": _scalar(first["creator"] or _CREATOR)}
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
    more = {name: row[name] for name in _CARRIED_TAG if row[name]}
    more |= _unlike_header(row, title)
    place, carried = _place(row)
    more |= carried
    fields = {"address": _scalar(row["address"])}
    fields |= {name: _scalar(value) for name, value in place.items()}
    fields |= _texts(row, ("label", "source", "category"))
    if row["concepts"]:
        fields["concepts"] = _listed(row["concepts"].split())
    fields |= _texts(row, ("confidence",))
    fields["is_cluster_definer"] = "true" if row["is_cluster_definer"] else "false"
    fields |= _date(row) | _texts(row, ("actor", "tag_type"))
    return fields | _context(row, more, KNOWN["tags"])


def _place(row: Mapping[str, Any]) -> tuple[Fields, Fields]:
    """What GraphSense calls the coin and, only where that is not enough, the network; what to carry beside it.

    A pack that names a token's currency alone is one that GraphSense takes: it would call the address tagged
    as two tokens of one network a duplicate.
    """
    chain, asset = row["chain"], row["asset"]
    network = _TICKERS.get(chain, chain)
    alone, both = {CURRENCY: asset or network}, {CURRENCY: asset or network, NETWORK: network}
    for place in (alone, both):
        if _reads_back(place, row):
            return place, {}
    return both, {"chain": chain} | ({"asset": asset} if asset else {})


def _reads_back(place: Mapping[str, str], row: Mapping[str, Any]) -> bool:
    """Whether a reader makes the same chain and asset of it."""
    try:
        return chain_and_asset(place, row["address"], chain_of_ticker) == (row["chain"], row["asset"])
    except (UsageError, BadClaim):
        return False


def _actor(row: Mapping[str, Any], title: str) -> Fields:
    more = {name: row[name] for name in _CARRIED_ACTOR if row[name]}
    more |= _unlike_header(row, title)
    if row["source"] != row["pack"]:
        more["source"] = row["source"]
    fields = {"id": _scalar(row["id"])} | _texts(row, ("label", "uri"))
    fields["categories"] = _listed(_items(row["categories"]))
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
