"""Claims that disagree: the confidence decides; between equals the trace ends and nobody is named."""

from __future__ import annotations

from pathlib import Path

from tests.scenarios.case import Case, Found, tag, vasp
from tests.scenarios.ledger import Tx
from tracer.intel.claims import Tag

# h1, h2 and h3 are one cluster; ann pays each of them 3
JOINED = [
    Tx("x", outs=[("h1", 5)]),
    Tx("y", outs=[("h2", 5)]),
    Tx("z", outs=[("h3", 5)]),
    Tx("join", ins=["x:0", "y:0", "z:0"], outs=[("h1", 15)]),
    Tx("fund", outs=[("ann", 9)]),
    Tx("pay", ins=["fund:0"], outs=[("h1", 3), ("h2", 3), ("h3", 3)]),
    Tx("on", ins=["pay:2"], outs=[("bob", 3)]),
]
VASPS = [vasp("acme", "none"), vasp("zeta", "none")]


def ask(folder: Path, *tags: Tag) -> Found:
    return Case(folder, JOINED, tags=tags, vasps=VASPS).trace("fund:0", method="fifo")


def notes(found: Found) -> str:
    return "; ".join(found.document["coverage"]["notes"])


def test_a_cluster_two_claim_alike_ends_the_trace_and_names_nobody(tmp_path: Path) -> None:
    found = ask(tmp_path, tag("h1", "acme", definer=True), tag("h2", "zeta", definer=True))
    assert found.endpoints == {"acme": 3, "zeta": 3}
    assert found.stops == [("custodial_pool", "h3", "pay", 3)]
    assert found.document["stops"][0]["entity"] is None
    assert found.unspent == {}
    assert "acme and zeta" in notes(found)


def test_a_claim_of_lower_confidence_is_no_veto_on_a_cluster(tmp_path: Path) -> None:
    weak = tag("h2", "blog", definer=True, confidence="unknown")
    found = ask(tmp_path, tag("h1", "acme", definer=True), weak)
    assert found.endpoints == {"acme": 9}
    assert "with lower confidence by blog" in notes(found)


def test_labels_without_an_actor_are_parties_too(tmp_path: Path) -> None:
    found = ask(tmp_path, tag("h1", label="AAA", definer=True), tag("h2", label="BBB", definer=True))
    assert found.endpoints == {"AAA": 3, "BBB": 3}
    assert found.stops == [("custodial_pool", "h3", "pay", 3)]
    assert "AAA and BBB" in notes(found)


def test_a_weak_tag_on_an_address_does_not_beat_a_strong_claim_on_its_cluster(tmp_path: Path) -> None:
    weak = tag("h3", "zeta", confidence="unknown")
    found = ask(tmp_path, tag("h1", "acme", definer=True), weak)
    assert found.endpoints == {"acme": 9}
    assert "address h3 is claimed by zeta, its cluster by acme" in notes(found)
    (row,) = found.document["endpoints"]
    assert {claim["label"] for claim in row["attribution"]} == {"acme"}


def test_a_weak_tag_on_an_address_opens_no_door_in_a_disputed_cluster(tmp_path: Path) -> None:
    weak = tag("h3", "blog", confidence="unknown")
    found = ask(tmp_path, tag("h1", "acme", definer=True), tag("h2", "zeta", definer=True), weak)
    assert found.endpoints == {"acme": 3, "zeta": 3}
    assert found.stops == [("custodial_pool", "h3", "pay", 3)]


def test_a_better_tag_on_an_address_beats_the_claim_on_its_cluster(tmp_path: Path) -> None:
    strong = tag("h3", "zeta", confidence="service_api")
    found = ask(tmp_path, tag("h1", "acme", definer=True), strong)
    assert found.endpoints == {"acme": 6, "zeta": 3}
    assert "address h3 is claimed by zeta, its cluster by acme" in notes(found)


def test_an_address_of_the_same_service_keeps_its_own_role(tmp_path: Path) -> None:
    weak = tag("h3", "acme", role="hot", confidence="unknown")
    found = ask(tmp_path, tag("h1", "acme", definer=True), weak)
    assert ("hot", "h3", "pay:2", 3, 3) in found.legs
    assert "claimed by" not in notes(found)


def test_disputes_a_trace_did_not_meet_are_not_told(tmp_path: Path) -> None:
    rows = [*JOINED, Tx("far", outs=[("eve", 1)])]
    tags = [tag("h1", "acme"), tag("eve", "acme"), tag("eve", "zeta", confidence="unknown")]
    found = Case(tmp_path, rows, tags=tags, vasps=VASPS).trace("fund:0", method="fifo")
    assert "eve" not in notes(found)
