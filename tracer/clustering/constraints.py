"""What people say that decides who may be joined: known parties, and analysts' overrides.

Claims bound a cluster as rules do: two services never share one, and a pair that an analyst split stays apart.
Their digest is part of what a build was made from; other claims force a rebuild.

A TLP:RED claim binds for those who may read it and for nobody else: a user who may not gets the clusters as if it
had not been made, `lists` of that answer has the claim's list as `missing`, and the digest is another, so that
clusters built under the one are built anew under the other. Who shares a workspace with others and must not show
them what follows from a red claim keeps it in a workspace of their own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from tracer.chain import AddressKey
from tracer.intel import taxonomy
from tracer.intel.ranking import Row, behaviour_of, protection_of, words_of
from tracer.intel.snapshot import Snapshot
from tracer.intel.wording import asked, identified
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

NO_CLAIMS = "sha256:none"

SURE = 50
"""Least confidence (of 100) of a tag that may keep addresses apart (P): from here on TagPack's scale asks for a
stated method, the service's own data or an authority; below are crawled pages, hearsay and what nobody measured, and
none of these should cut a link that a transaction shows."""

HOT_ROLES = ("hot", "pool")
HOT_WORDS = frozenset({"hot_wallet", "warm_wallet", "market_pool"})
"""Roles and concepts of the addresses to which a service sweeps what its customers paid in."""


@dataclass(frozen=True)
class Override:
    """An analyst's word on two addresses, resolved to the ledger.

    a, b      address ids
    tx_id     of a split: the transaction whose common spend is not taken as one; None where none was named, or it
              was not read
    """

    claim_id: str
    kind: Literal["join", "split"]
    a: int
    b: int
    tx_id: int | None
    author: str
    reason: str
    said_at: str


@dataclass(frozen=True)
class Constraints:
    """The claims of one snapshot that bind the links of one chain, resolved to its ledger.

    parties    address_id i32, party i32 (1 and up: place in `names`, less one): whose an address is known to be,
               where one party alone leads the claims; by address_id
    hot        address_id i32, party i32: the parties' hot addresses, where deposits are swept to; by address_id
    names      parties
    overrides  by kind, a, b, claim id
    cuts       tx ids that splits name: their common spends are not taken, whether or not the pair was seen yet
    digest     `sha256:...` over what all these claims say, also those whose address the ledger has not seen
    snapshot   the snapshot they were read from, as this user reads it (`identity`)
    """

    parties: pl.DataFrame
    hot: pl.DataFrame
    names: tuple[str, ...]
    overrides: tuple[Override, ...]
    cuts: tuple[int, ...]
    digest: str
    snapshot: str


def none() -> Constraints:
    """No claim at all."""
    import polars as pl

    empty = pl.DataFrame(schema={"address_id": pl.Int32, "party": pl.Int32})
    return Constraints(empty, empty, (), (), (), NO_CLAIMS, "")


def load(ledger: Ledger, snapshot: Snapshot) -> Constraints:
    """What the snapshot's claims on this ledger's chain say of who may be joined.

    Overrides may contradict each other or a party (two analysts at once, a list imported since): all are handed
    over, and what must stay apart is stronger than what should be joined.
    """
    import polars as pl

    said = known(snapshot, ledger.chain.name)
    found = seen(ledger, said)
    names = found.select(pl.col("name").unique().sort()).with_row_index("number", offset=1)
    numbered = found.join(names, on="name", how="left", maintain_order="left").select(
        "address_id", pl.col("number").cast(pl.Int32).alias("party"), "hot", "binds"
    )
    return Constraints(
        parties=numbered.filter("binds").select("address_id", "party"),
        hot=numbered.filter("hot").select("address_id", "party"),
        names=tuple(names["name"].to_list()),
        overrides=overrides(ledger, snapshot),
        cuts=_cuts(ledger, snapshot),
        digest=_digest(ledger.chain.name, said, snapshot),
        snapshot=identity(snapshot),
    )


def identity(snapshot: Snapshot) -> str:
    """What the same claims are read from: the snapshot's id, and the lists in it that this user may not read."""
    closed = "".join(f" without {entry.claims}" for entry in snapshot.unreadable())
    return snapshot.id + closed


def known(snapshot: Snapshot, chain: str) -> pl.DataFrame:
    """Whose each address of a chain is known to be: kind, payload, party, name, hot, binds, claim_id; by the first two.

    A tag tells it that says who controls the address: its words are a service's, or its actor is in the register,
    and it is not merely a mention, an account in another's custody (`nested_in`), escrow of one order (other keys
    are in it), or bound to days (whose the address was before and after is not said). Of an address the best
    claims count (`tracer.intel.ranking`); where these name several parties, none is known.

    A party is an actor. A label that is no known name of one ("hot 2", "mixer") tells a rival, never a party: two
    labels may be one house.

    party  the actor, case folded; name  as it is written; hot  one of these claims says that deposits are swept to it
    binds  the claims are as sure as `SURE`; others are given only where hot: that an address sweeps to a service's
           hot address tells its own holder, however sure it is who the service is
    """
    import polars as pl

    tags = snapshot.tags(chain).filter(
        pl.col("tag_type") != "mention",
        pl.col("role") != "escrow",
        *(pl.col(name) == "" for name in ("nested_in", "valid_from", "valid_to")),
    )
    words = ["category", "concepts", "protection"]
    tags = tags.select(
        "kind", "payload", "label", "actor", "role", "confidence", "lastmod", "claim_id", *words
    )
    tags = identified(tags, snapshot.names)
    registered = pl.col("actor").is_in(snapshot.vasps()["vasp_id"].unique().to_list())
    tags = asked(
        tags.with_columns(registered.alias("registered")), [*words, "registered", "role"],
        {"controls": pl.Boolean, "hot": pl.Boolean}, _says,
    ).filter("controls")  # fmt: skip
    tags = asked(tags, ["confidence"], {"score": pl.Int32}, lambda row: (_score(row["confidence"]),))
    address = ["kind", "payload"]
    tags = tags.filter(pl.col("score") == pl.col("score").max().over(address))
    tags = tags.filter(pl.col("lastmod") == pl.col("lastmod").max().over(address))
    tags = tags.with_columns(
        pl.when(pl.col("actor") == "").then("label").otherwise("actor").alias("name"),
        (pl.col("actor") != "").alias("named"),
    ).filter(pl.col("named").any().over(address))
    tags = asked(tags, ["name"], {"party": pl.String}, lambda row: (row["name"].casefold(),))
    tags = tags.with_columns(pl.col("name").min().over("party"))
    return (
        tags.group_by(address)
        .agg(
            pl.col("party", "name").first(),
            pl.col("hot").any(),
            (pl.col("score").first() >= SURE).alias("binds"),
            pl.col("claim_id").filter(pl.col("named")).min(),
            pl.col("party").n_unique().alias("parties"),
        )
        .filter((pl.col("parties") == 1) & (pl.col("binds") | pl.col("hot")))
        .select(*address, "party", "name", "hot", "binds", "claim_id")
        .sort(address)
    )


def seen(ledger: Ledger, said: pl.DataFrame) -> pl.DataFrame:
    """The rows of `known` whose address the ledger has seen, with its `address_id` i32; by that."""
    found = ledger.find_addresses(said)
    rows = said[found["place"]].with_columns(found["address_id"])
    return rows.sort("address_id")


def _says(row: Row) -> tuple[bool, bool]:
    """Whether such a tag says who controls an address, and whether it is one that deposits are swept to.

    A protected person's money is their own, whoever is named beside them; a service's address stays the service's.
    """
    service = behaviour_of(row) != "follow"
    controls = service or (row["registered"] and not protection_of(row))
    return controls, row["role"] in HOT_ROLES or not HOT_WORDS.isdisjoint(words_of(row))


def _score(confidence: str) -> int:
    return taxonomy.confidences()[confidence].score


def _digest(chain: str, said: pl.DataFrame, snapshot: Snapshot) -> str:
    """One hash of what binds: addresses by kind and payload, overrides by claim id, each sorted."""
    import polars as pl

    overrides = sorted(claim for claim, _ in snapshot.overrides(chain))
    if not said.height and not overrides:
        return NO_CLAIMS
    lines = said.select(
        pl.format(
            "{} {} {} {} {}",
            "kind",
            pl.col("payload").bin.encode("hex"),
            pl.col("hot").cast(pl.Int8),
            pl.col("binds").cast(pl.Int8),
            "party",
        ).str.join("\n")
    ).item()
    text = "\n\n".join((chain, lines or "", "\n".join(overrides)))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def ids_of(ledger: Ledger, keys: Sequence[AddressKey]) -> list[int | None]:
    """The address id of each, asked for at once; None where the ledger has not seen it."""
    import polars as pl

    columns = {"kind": [key.kind for key in keys], "payload": [key.payload for key in keys]}
    frame = pl.DataFrame(columns, schema={"kind": pl.UInt8, "payload": pl.Binary})
    ids = dict(ledger.find_addresses(frame).iter_rows())
    return [ids.get(place) for place in range(len(keys))]


def overrides(ledger: Ledger, snapshot: Snapshot) -> tuple[Override, ...]:
    """The overrides whose addresses the ledger has seen."""
    rows = snapshot.overrides(ledger.chain.name)
    ids = ids_of(ledger, [ledger.chain.parse_address(text) for _, said in rows for text in (said.a, said.b)])
    found = []
    for (claim, said), a, b in zip(rows, ids[::2], ids[1::2], strict=True):
        if a is not None and b is not None:
            kind = cast(Literal["join", "split"], said.kind)
            tx_id = (
                next(iter(ledger.find_tx(ledger.chain.hash_bytes(said.txid))), None) if said.txid else None
            )
            found.append(Override(claim, kind, a, b, tx_id, said.author, said.reason, said.said_at))
    return tuple(sorted(found, key=lambda o: (o.kind, o.a, o.b, o.claim_id)))


def _cuts(ledger: Ledger, snapshot: Snapshot) -> tuple[int, ...]:
    said = {row.txid for _, row in snapshot.overrides(ledger.chain.name) if row.txid}
    return tuple(sorted({tx_id for txid in said for tx_id in ledger.find_tx(ledger.chain.hash_bytes(txid))}))
