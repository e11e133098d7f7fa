"""Hold a trace's exits against what really happened in a simulated world."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from adapters.simulation.truth import GroundTruth

Exit = tuple[str, str, int]
"""vasp_id, txid, vout of a deposit."""


@dataclass(frozen=True)
class ServiceScore:
    """One service: its true deposits without a mixer on the way, what the trace found of them, and what was
    mixed. Values in satoshi.
    """

    vasp_id: str
    true_deposits: int
    true_value: int
    found: int
    mixed_deposits: int
    mixed_value: int


@dataclass(frozen=True)
class Score:
    """How far a trace of one case was right.

    invented  deposits the trace names that no money of the case's owners ever made
    """

    services: tuple[ServiceScore, ...]
    invented: tuple[Exit, ...]

    @property
    def true_deposits(self) -> int:
        """Deposits that can be found: no mixer on the way."""
        return sum(service.true_deposits for service in self.services)

    @property
    def found(self) -> int:
        """How many of them the trace named, at the right service."""
        return sum(service.found for service in self.services)

    @property
    def missed_services(self) -> list[str]:
        """Services with true deposits of which the trace found none."""
        return [s.vasp_id for s in self.services if s.true_deposits and not s.found]


@dataclass(frozen=True)
class Joined:
    """Clusters that hold addresses of more than one true owner.

    clusters      how many there are
    at_payjoins   those explained by PayJoins alone: their owners are connected by PayJoins of the world
    """

    clusters: int
    at_payjoins: int


def joined_owners(truth: GroundTruth, clusters: Iterable[Sequence[str]]) -> Joined:
    """Which clusters (each a list of addresses) join two owners, and whether a PayJoin is the reason."""
    owner = dict(truth.addresses.select("address", "owner").iter_rows())
    partner: dict[str, str] = {}

    def party(name: str) -> str:
        while partner.get(name, name) != name:
            name = partner[name]
        return name

    for sender, receiver in truth.payjoins.select("sender", "receiver").iter_rows():
        partner[party(sender)] = party(receiver)
    impure = [owners for members in clusters if len(owners := {owner[a] for a in members}) > 1]
    return Joined(len(impure), sum(len({party(name) for name in owners}) == 1 for owners in impure))


def score(truth: GroundTruth, case: str, legs: Iterable[Exit]) -> Score:
    """Compare the legs of a trace with the true exits of a case (`GroundTruth.exits.case`)."""
    named = set(legs)
    exits = truth.exits.filter(pl.col("case") == case).sort("vasp_id", "txid", "vout")
    rows = list(exits.select("vasp_id", "txid", "vout", "value", "mixed").iter_rows())
    services = []
    for vasp_id in sorted({row[0] for row in rows}):
        own = [row for row in rows if row[0] == vasp_id]
        clear = [row for row in own if not row[4]]
        services.append(
            ServiceScore(
                vasp_id,
                true_deposits=len(clear),
                true_value=sum(row[3] for row in clear),
                found=sum((row[0], row[1], row[2]) in named for row in clear),
                mixed_deposits=len(own) - len(clear),
                mixed_value=sum(row[3] for row in own if row[4]),
            )
        )
    true = {(row[0], row[1], row[2]) for row in rows}
    return Score(tuple(services), tuple(sorted(named - true)))
