"""The snapshot's tags that a ledger has seen, in columns: whose, where, and what a trace does there.

A ledger may have seen hundreds of thousands of tagged addresses, and a trace meets few. So everything that must
be known of all of them is a column, asked once per distinct wording; rows are made of those that were met.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

import numpy as np

from tracer.db import named_sql
from tracer.flow.fates import Fate
from tracer.flow.spans import span_of
from tracer.intel import taxonomy
from tracer.intel.names import Names
from tracer.intel.ranking import Row, behaviour_of, protection_of, words_of
from tracer.intel.wording import asked, identified
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.flow", "services.sql")

CLUSTER_CONFIDENCES = ("override", "ownership")
"""TagPack confidences whose author speaks of whoever holds the key, hence of the cluster."""

_FATES: Mapping[str, Fate | None] = {
    "endpoint": Fate.SERVICE,
    "pool": Fate.CUSTODIAL_POOL,
    "mixer": Fate.MIXER,
    "bridge": Fate.BRIDGE,
    "follow": None,
}


class Tagged:
    """Claims seen in the ledger, in the tags' order.

    frame   place (row number), claim_id, address_id, cluster_id, label, actor (the one meant), nested_in,
            confidence, tag_type
            fate     uint8, what a trace does there; null where it goes on
            whole    the claim speaks of the whole cluster
            shields  it marks a victim or an authorised purchase
            since, until  unix seconds between which it holds
    """

    def __init__(
        self,
        tags: pl.DataFrame,
        found: pl.DataFrame,
        names: Names,
        vasps: AbstractSet[str],
        stop: AbstractSet[str] = frozenset(),
        own: AbstractSet[str] = frozenset(),
    ) -> None:
        """`found`: claim (row number of `tags`), address_id, cluster_id."""
        self.frame = _in_columns(tags, found, names, vasps, stop, own)
        self._tags, self._claim = tags, found["claim"]
        self._made: dict[int, tuple[Row, Fate | None]] = {}

    def claims(self, places: Sequence[int]) -> list[tuple[Row, Fate | None]]:
        """Tags as dictionaries of the snapshot's columns, with the actor meant and what a trace does there."""
        missing = [place for place in dict.fromkeys(places) if place not in self._made]
        if missing:
            own = self.frame[missing]
            rows = self._tags[self._claim.gather(missing)].with_columns(own["actor"])
            fates = [None if fate is None else Fate(fate) for fate in own["fate"]]
            self._made.update(zip(missing, zip(rows.iter_rows(named=True), fates, strict=True), strict=True))
        return [self._made[place] for place in places]

    def select(self, which: pl.Expr) -> list[tuple[Row, int]]:
        """Tags that a condition on `frame` holds for, each with its address id."""
        import polars as pl

        places = self.frame.select(pl.arg_where(which)).to_series()
        addresses = self.frame["address_id"].gather(places).to_list()
        return [(row, at) for (row, _), at in zip(self.claims(places.to_list()), addresses, strict=True)]


class Index:
    """Where each value stands: `values` beside whole numbers that say where."""

    def __init__(self, values: pl.Series, places: pl.Series) -> None:
        column = values.to_numpy().astype(np.int64)  # of the type asked for: else each search converts it all
        order = np.argsort(column, kind="stable")
        self._values, self._places = column[order], places.to_numpy()[order]

    def of(self, value: int) -> list[int]:
        """The places of a value, in the order given."""
        first, last = np.searchsorted(self._values, (value, value + 1))
        places: list[int] = self._places[first:last].tolist()
        return places


def among(column: str, ids: Iterable[int]) -> pl.Expr:
    """Rows of `Tagged.frame` with one of these address or cluster ids."""
    import polars as pl

    return pl.col(column).is_in(pl.Series(sorted(set(ids)), dtype=pl.Int32).implode())


def resolve(
    ledger: Ledger,
    tags: pl.DataFrame,
    names: Names,
    vasps: AbstractSet[str],
    stop: AbstractSet[str] = frozenset(),
    own: AbstractSet[str] = frozenset(),
) -> Tagged:
    """The tags whose address the ledger has seen; `stop` are categories at which a trace ends that others follow.

    `own` are actors and labels (casefolded) at which it ends whatever is said of them: wallets of who asks.

    An actor under another name of its own, or a service's label that is the name of exactly one actor, is that
    actor (`Names.identified`).
    """
    with ledger.db.table("found", ledger.find_addresses(tags)):
        found = ledger.db.polars(_SQL["clusters_of_claims"])
    return Tagged(tags, found, names, vasps, stop, own)


def fate_of(row: Row, *, known: bool, stop: AbstractSet[str] = frozenset()) -> Fate | None:
    """What a trace does at a tagged address; None where the money is its holder's own and goes on.

    Per-order escrow is no pool whoever runs it: money goes through it one to one (DESIGN section 5). Where an
    address was merely mentioned says nothing of who holds it. A registered service (`known`) can be asked, whatever
    else it is said to do, unless what it is first said to be cuts the trail. A protected person's money is their own;
    a service's address stays the service's, also where a purchase was authorised there.
    """
    if row["role"] == "escrow" or row["tag_type"] == "mention":
        return None
    behaviour, first = behaviour_of(row), taxonomy.load().get(row["category"])
    if protection_of(row) and behaviour == "follow":
        return None
    if known and (first is None or first.behaviour not in ("mixer", "bridge")):
        return Fate.SERVICE
    fate = _FATES[behaviour]
    return Fate.CATEGORY if fate is None and stop & set(words_of(row)) else fate


def _in_columns(
    tags: pl.DataFrame,
    found: pl.DataFrame,
    names: Names,
    vasps: AbstractSet[str],
    stop: AbstractSet[str],
    own: AbstractSet[str],
) -> pl.DataFrame:
    """`Tagged.frame`: what `Names.identified`, `fate_of`, `protection_of` and `span_of` say of each row."""
    import polars as pl

    fated = ["category", "concepts", "role", "tag_type", "protection", "known"]
    columns = ["claim_id", "label", "actor", "nested_in", "confidence", "is_cluster_definer", *fated[:-1]]
    frame = found.hstack(tags.select(*columns, "valid_from", "valid_to")[found["claim"]])
    frame = identified(frame, names)
    known = pl.col("actor").is_in(list(vasps)) | pl.col("nested_in").is_in(list(vasps))
    frame = asked(
        frame.with_columns(known.alias("known")), fated, {"fate": pl.UInt8, "shields": pl.Boolean},
        lambda row: (fate_of(row, known=row["known"], stop=stop), bool(protection_of(row))),
    )  # fmt: skip
    if own:
        said = [
            pl.col(name).str.to_lowercase().is_in(sorted(own)) for name in ("actor", "label", "nested_in")
        ]
        ours = pl.any_horizontal(said) & (pl.col("tag_type") != "mention")
        frame = frame.with_columns(
            pl.when(ours).then(int(Fate.SERVICE)).otherwise("fate").cast(pl.UInt8).alias("fate")
        )
    frame = asked(
        frame, ["valid_from", "valid_to"], {"since": pl.Int64, "until": pl.Int64},
        lambda row: span_of(row["valid_from"], row["valid_to"]),
    )  # fmt: skip
    return frame.select(
        "claim_id", "address_id", "cluster_id", "label", "actor", "nested_in", "confidence", "tag_type", "fate",
        (pl.col("is_cluster_definer") | pl.col("confidence").is_in(CLUSTER_CONFIDENCES)).alias("whole"),
        "shields", "since", "until",
    ).with_row_index("place")  # fmt: skip
