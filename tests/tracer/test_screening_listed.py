"""Lists of a real workspace and their kind: what a policy may require, and from when on it is too old."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.case import vasp
from tests.tracer.intel_examples import tag
from tests.tracer.screening_examples import DAY, NOW, listing
from tracer.intel.reading import About, Reading
from tracer.intel.snapshot import Snapshot
from tracer.intel.store import add
from tracer.screening.listed import assess, listed
from tracer.screening.wanted import Requirement
from tracer.workspace import Workspace


def test_a_list_of_tags_is_of_sanctions_where_all_its_tags_say_so(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    add(
        workspace,
        [
            Reading.of("tags", [tag(address="a", category="sanction", source="eu")], About("eu", True)),
            Reading.of("tags", [tag(address="b", category="sanction", source="mixed"),
                                tag(address="c", source="mixed")], About("mixed", True)),
            Reading.of("tags", [tag(address="d", category="sanction", source="ofac")],
                       About("ofac-sdn", True, published="2024-01-01", entries=17_000)),
            Reading.of("tags", [tag(address="e", category="sanction", source="analyst ann", author="ann")]),
            Reading.of("tags", [tag(address="f", category="sanction", source="sheet")]),
            Reading.of("vasps", [vasp("acme", "none")]),
        ],
    )  # fmt: skip
    snapshot = Snapshot.open(workspace)
    rows = {row["list"]: row for row in listed(snapshot)}
    assert {name: row["kind"] for name, row in rows.items()} == {
        "eu": "sanctions", "mixed": "tags", "ofac-sdn": "sanctions", "a register": "vasps",
        "analyst ann": "own", "sheet": "sanctions",
    }  # fmt: skip
    # the rest is what coverage quotes everywhere
    for row, plain in zip(listed(snapshot), snapshot.lists(), strict=True):
        assert {**plain, "kind": row["kind"]} == row


@pytest.mark.parametrize(
    ("asked", "lists", "statuses"),
    [
        (Requirement(list="ofac-*"), [listing("OFAC-SDN", "sanctions")], ["loaded"]),
        (Requirement(list="ofac-*"), [listing("eu", "sanctions")], ["loaded", "missing"]),
        (Requirement(kind="prices"), [listing("eu", "sanctions")], ["loaded", "missing"]),
        (Requirement(kind="tags", max_age_days=1), [listing("a", "tags"), listing("b", "tags", "2023-12-29")],
         ["loaded", "stale"]),
        (Requirement(kind="tags", max_age_days=1, every=False),
         [listing("a", "tags"), listing("b", "tags", "2023-12-29")], ["loaded", "loaded"]),
        (Requirement(kind="tags", max_age_days=0, every=False), [listing("a", "tags"), listing("b", "tags", None)],
         ["stale", "stale"]),
        (Requirement(kind="tags"), [listing("a", "tags", status="missing")], ["missing", "missing"]),
        (Requirement(kind="tags", max_age_days=1), [listing("a", "tags", "2024-01-05")], ["loaded"]),
    ],
)  # fmt: skip
def test_what_a_requirement_makes_of_lists(asked: Requirement, lists: list, statuses: list[str]) -> None:  # type: ignore[type-arg]
    found = assess(lists, [asked], NOW)
    assert [state.status for state in found.lists] == statuses
    assert bool(found.old) == ("stale" in statuses)
    assert bool(found.lacking) == ("missing" in statuses)


def test_a_claim_made_by_hand_is_no_list_that_a_policy_may_require() -> None:
    lists = [listing("analyst ann", "own")]
    for kind in ("sanctions", "tags"):
        assert assess(lists, [Requirement(kind=kind)], NOW).lacking == (
            f"a list of the kind {kind} is not loaded",
        )
    assert assess(lists, [Requirement(list="analyst *")], NOW).lacking == ()


def test_age_is_counted_in_whole_days() -> None:
    asked = [Requirement(kind="tags", max_age_days=1)]
    lists = [listing("a", "tags", "2023-12-31")]
    assert assess(lists, asked, NOW + DAY - 1).old == ()
    assert assess(lists, asked, NOW + DAY).old == ("a is of 2023-12-31, 2 days old; the policy allows 1",)
