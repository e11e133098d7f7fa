"""All stops of a question, found in columns: the same that one claim after the other would make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import scaled
from tests.scenarios.case import CHAIN, Case, vasp
from tests.scenarios.ledger import Tx
from tests.tracer.intel_examples import tag
from tracer.flow import contest
from tracer.flow.contest import Claim
from tracer.flow.holdings import Holding, address_holding, cluster_holding
from tracer.flow.services import Services, load
from tracer.flow.spans import Span, cut, valid
from tracer.flow.tagged import CLUSTER_CONFIDENCES, fate_of
from tracer.intel.claims import Actor, Tag
from tracer.intel.ranking import Row, protection_of
from tracer.intel.reading import Reading
from tracer.intel.snapshot import Snapshot
from tracer.intel.store import add
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

# h1, h2 and h3 are one cluster, k1 and k2 another, p and q stand alone; nobody saw `far`
ROWS = [
    Tx("x", outs=[("h1", 5), ("h2", 5), ("h3", 5)]),
    Tx("join", ins=["x:0", "x:1", "x:2"], outs=[("h1", 15)]),
    Tx("y", outs=[("k1", 5), ("k2", 5)]),
    Tx("meet", ins=["y:0", "y:1"], outs=[("p", 4), ("q", 6)]),
]
VASPS = [vasp("acme", "none"), vasp("zeta", "full")]
ACTORS = [
    Actor("acme", "Acme Exchange", "exchange", "", "acme.com", "Shared", "", "a pack", ""),
    Actor("blog", "Blog", "exchange", "", "", "Shared", "", "a pack", ""),
]


class Stops(NamedTuple):
    """What `load` says, for comparison: holdings by address or cluster and span."""

    addresses: dict[tuple[int, int, int], Holding]
    clusters: dict[tuple[int, int, int], Holding]
    parties: dict[int, dict[str, int]]
    shielded: list[tuple[int, str]]
    actors: dict[str, str]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    case = Case(tmp_path_factory.mktemp("ledger"), ROWS)
    with Ledger.open(case.workspace, CHAIN) as opened:
        yield opened


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    base = tmp_path_factory.mktemp("claims")
    return (base / str(number) for number in count())


def snapshot_of(folder: Path, tags: list[Tag]) -> Snapshot:
    workspace = Workspace(folder).ready()
    add(workspace, [Reading.of("tags", tags), Reading.of("vasps", VASPS), Reading.of("actors", ACTORS)])
    return Snapshot.open(workspace)


def one_by_one(ledger: Ledger, snapshot: Snapshot) -> Stops:
    """The stops, claim after claim and address after address."""
    vasps = {row.vasp_id for row in VASPS}
    clusters: Mapping[int, int] = dict(ledger.db.rows("SELECT address_id, cluster_id FROM cluster"))
    found = Stops({}, {}, {}, [], {})
    on_address: dict[int, list[Claim]] = {}
    on_cluster: dict[int, list[Claim]] = {}
    inside: dict[int, list[Row]] = {}
    persons: dict[int, list[Row]] = {}
    for said in snapshot.tags(CHAIN.name).to_dicts():
        address = ledger.find_address(CHAIN.parse_address(said["address"]))
        if address is None:
            continue
        row = snapshot.names.identified(said)
        found.actors[row["claim_id"]] = row["actor"]
        if protection_of(row):
            found.shielded.append((address, row["claim_id"]))
        known = row["actor"] in vasps or row["nested_in"] in vasps
        if (fate := fate_of(row, known=known)) is None:
            persons.setdefault(address, []).append(row)
            continue
        cluster = clusters.get(address, address)
        on_address.setdefault(address, []).append((row, fate))
        inside.setdefault(cluster, []).append(row)
        if row["is_cluster_definer"] or row["confidence"] in CLUSTER_CONFIDENCES:
            on_cluster.setdefault(cluster, []).append((row, fate))
    found.parties.update({cluster: contest.standings(rows) for cluster, rows in inside.items()})

    def at(claims: list[Claim], span: Span) -> list[Claim]:
        return [claim for claim in claims if valid(claim[0], span)]

    for cluster, claims in on_cluster.items():
        for span in cut(row for row, _ in claims):
            if held := at(claims, span):
                found.clusters[cluster, *span] = cluster_holding(held, vasps)
    for address, claims in on_address.items():
        cluster = clusters.get(address, address)
        rivals = on_cluster.get(cluster, [])
        for span in cut(row for row, _ in (*claims, *rivals)):
            if held := at(claims, span):
                above = [
                    holding
                    for (of, since, until), holding in found.clusters.items()
                    if of == cluster and since <= span[0] and span[1] <= until
                ]
                found.addresses[address, *span] = address_holding(
                    held, at(rivals, span), above[0] if above else None, persons.get(address, ()), vasps
                )
    return found


def in_columns(services: Services) -> Stops:
    frame = services.tagged.frame
    shielded = frame.filter("shields").select("address_id", "claim_id")
    return Stops(
        {(at, since, until): services.holding(n) for n, at, since, until in services.addresses.rows()},
        {(at, since, until): services.holding(n) for n, at, since, until in services.clusters.rows()},
        services.parties(frame["cluster_id"]),
        shielded.rows(),
        dict(frame.select("claim_id", "actor").rows()),
    )


edges = st.one_of(st.just(""), st.sampled_from(["2019-01-01", "2020-06-01", "2021-01-01"]))
words = st.sampled_from(
    ["exchange", "gambling", "mixing_service", "defi_bridge", "scam", "victim", "user", ""]
)


@st.composite
def tags(draw: st.DrawFn) -> Tag:
    """A claim about one of a few addresses by one of a few names, so that claims meet and disagree."""
    key = CHAIN.parse_address(draw(st.sampled_from(["h1", "h2", "h3", "k1", "p", "far"])))

    def pick(*of: Any) -> Any:
        return draw(st.sampled_from(of))

    first, last = draw(st.tuples(edges, edges).filter(lambda days: not all(days) or days[0] <= days[1]))
    return tag(
        chain=CHAIN.name, address=CHAIN.render_address(key), kind=key.kind, payload=key.payload,
        label=pick("Acme.com", "Shared", "acme hot", "www.zeta", "other"), category=draw(words),
        concepts=" ".join(sorted(draw(st.sets(words.filter(bool), max_size=1)))),
        actor=pick("", "", "acme", "Acme Exchange", "zeta", "nobody"), role=pick("", "hot", "escrow"),
        confidence=pick("ownership", "service_data", "web_crawl", "unknown"), lastmod=pick("", "2020-01-01"),
        is_cluster_definer=draw(st.booleans()), tag_type=pick("", "", "mention"),
        nested_in=pick("", "", "zeta"), protection=pick("", "", "victim", "test_purchase"),
        valid_from=first, valid_to=last,
    )  # fmt: skip


@given(said=st.lists(tags(), max_size=12))
@settings(max_examples=scaled(30, full=80), deadline=None)
def test_columns_say_what_one_claim_after_the_other_says(
    ledger: Ledger, folders: Iterator[Path], said: list[Tag]
) -> None:
    snapshot = snapshot_of(next(folders), said)
    assert in_columns(load(ledger, snapshot)) == one_by_one(ledger, snapshot)


def test_the_closure_joins_every_holding_by_its_number(ledger: Ledger, folders: Iterator[Path]) -> None:
    said = [
        tag_on("h1", "acme", is_cluster_definer=True, valid_to="2020-01-01"),
        tag_on("h2", "zeta"),
        tag_on("p", "acme", valid_from="2019-01-01"),
    ]
    services = load(ledger, snapshot_of(next(folders), said))
    for name, frame in (("address", services.addresses), ("cluster", services.clusters)):
        stored = ledger.db.rows(f"SELECT holding, {name}_id, since, until FROM claimed_{name} ORDER BY ALL")
        assert stored == frame.rows() != []
    numbers = [*services.clusters["holding"], *services.addresses["holding"]]
    assert numbers == list(range(len(numbers)))


def tag_on(address: str, actor: str, **more: Any) -> Tag:
    key = CHAIN.parse_address(address)
    return tag(chain=CHAIN.name, address=address, kind=key.kind, payload=key.payload, actor=actor, **more)
