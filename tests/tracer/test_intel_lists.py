"""Lists that come again, claims taken back, claims for few eyes: what stands, and what stood."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.tracer.intel_examples import tag
from tracer.errors import UsageError
from tracer.intel.claims import RED, Tag, Withdrawal, claim_id
from tracer.intel.reading import About, Reading, Rejection
from tracer.intel.snapshot import Snapshot
from tracer.intel.store import RED_LIST, Change, add
from tracer.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "w")


def sanctions(*addresses: str, published: str = "", **about: Any) -> Reading:
    """A sanctions list of these addresses."""
    claims = [tag(address=address, category="sanction", source="ofac") for address in addresses]
    return Reading.of("tags", claims, About("ofac-sdn", True, published=published, **about))


def imported(workspace: Workspace, reading: Reading) -> Change:
    (change,) = add(workspace, [reading]).changes
    return change


def standing(workspace: Workspace) -> list[str]:
    found: list[str] = Snapshot.open(workspace).tags()["address"].to_list()
    return found


def test_a_list_imported_again_names_what_came_and_what_went(workspace: Workspace) -> None:
    imported(workspace, sanctions("a", "b", published="2024-01-01"))
    change = imported(workspace, sanctions("b", "c", "d", published="2024-02-01"))
    assert [row["address"] for row in change.added] == ["c", "d"]
    assert [row["address"] for row in change.removed] == ["a"]
    assert (change.changed, change.kept) == (0, 0)
    assert standing(workspace) == ["b", "c", "d"]
    assert [(row["list"], row["rows"], row["published"]) for row in Snapshot.open(workspace).lists()] == [
        ("ofac-sdn", 3, "2024-02-01")
    ]


def test_other_words_about_the_same_address_are_a_change_not_a_removal(workspace: Workspace) -> None:
    imported(workspace, sanctions("a", "b"))
    other = tag(address="a", category="sanction", source="ofac", label="new spelling")
    change = imported(workspace, Reading.of("tags", [other, *sanctions("b").claims], About("ofac-sdn", True)))
    assert (change.added, change.removed, change.changed) == ((), (), 1)


def test_the_former_version_still_answers_as_of_then(workspace: Workspace) -> None:
    then = add(workspace, [sanctions("a", "b")]).snapshot_id
    add(workspace, [sanctions("b")])
    assert Snapshot.open(workspace, then).tags()["address"].to_list() == ["a", "b"]
    assert standing(workspace) == ["b"]


def test_a_file_with_a_bad_row_takes_nothing_out(workspace: Workspace) -> None:
    imported(workspace, sanctions("a", "b", "c"))
    damaged = replace(sanctions("c", "d"), rejections=(Rejection("f", 9, "cut off"),))
    change = imported(workspace, damaged)
    assert (change.kept, change.removed) == (2, ())
    assert standing(workspace) == ["a", "b", "c", "d"]


def test_a_row_that_was_bad_before_does_not_keep_a_list_from_shrinking(workspace: Workspace) -> None:
    always = (Rejection("f", 9, "64 digits are no Monero address"),)
    imported(workspace, replace(sanctions("a", "b"), rejections=always))
    change = imported(workspace, replace(sanctions("b"), rejections=always))
    assert ([row["address"] for row in change.removed], change.kept) == (["a"], 0)


def test_a_file_without_a_good_row_leaves_the_list_as_it_was(workspace: Workspace) -> None:
    imported(workspace, sanctions("a"))
    assert add(workspace, [sanctions()]).changes == ()
    assert standing(workspace) == ["a"]


def test_an_older_version_is_refused_before_it_takes_newer_entries_out(workspace: Workspace) -> None:
    imported(workspace, sanctions("a", "b", published="2024-02-01"))
    with pytest.raises(UsageError, match="would take newer entries out"):
        add(workspace, [sanctions("a", published="2024-01-31")])
    assert standing(workspace) == ["a", "b"]


def test_lists_of_other_names_are_not_touched(workspace: Workspace) -> None:
    add(workspace, [Reading.of("tags", [tag(address="pack")])])
    add(workspace, [Reading.of("tags", [tag(address="x")], About("another", True))])
    imported(workspace, sanctions("a"))
    imported(workspace, sanctions("b"))
    assert standing(workspace) == ["b", "pack", "x"]


def withdrawal(of: str, day: str = "2024-05-01") -> Withdrawal:
    return Withdrawal(claim=of, source="analyst ann", withdrawn_at=day, author="ann", reason="wrong house")


def test_a_withdrawn_claim_is_gone_now_and_was_there_then(workspace: Workspace) -> None:
    then = add(workspace, [Reading.of("tags", [tag(address="a"), tag(address="b")])]).snapshot_id
    wrong = claim_id(tag(address="a"))
    add(workspace, [Reading.of("withdrawals", [withdrawal(wrong)])])
    now = Snapshot.open(workspace)
    assert now.tags()["address"].to_list() == ["b"]
    assert now.withdrawn_tags()["address"].to_list() == ["a"]
    assert now.withdrawn[wrong][1].reason == "wrong house"
    assert not now.holds(wrong)
    assert Snapshot.open(workspace, then).holds(wrong)
    assert Snapshot.open(workspace, then).tags()["address"].to_list() == ["a", "b"]


def test_importing_a_withdrawn_claim_again_does_not_bring_it_back(workspace: Workspace) -> None:
    add(workspace, [Reading.of("tags", [tag(address="a")])])
    add(workspace, [Reading.of("withdrawals", [withdrawal(claim_id(tag(address="a")))])])
    add(workspace, [Reading.of("tags", [tag(address="a"), tag(address="b")])])
    assert standing(workspace) == ["b"]


def test_a_withdrawal_can_itself_be_withdrawn(workspace: Workspace) -> None:
    add(workspace, [Reading.of("tags", [tag(address="a")])])
    first = withdrawal(claim_id(tag(address="a")))
    add(workspace, [Reading.of("withdrawals", [first])])
    add(workspace, [Reading.of("withdrawals", [withdrawal(claim_id(first), "2024-06-01")])])
    assert standing(workspace) == ["a"]


def test_a_claim_is_found_by_the_start_of_its_id_where_that_means_one(workspace: Workspace) -> None:
    add(workspace, [Reading.of("tags", [tag(address=str(n)) for n in range(40)])])
    snapshot, wanted = Snapshot.open(workspace), claim_id(tag(address="7"))
    assert snapshot.find(wanted[:12]) == ("tags", wanted)
    assert snapshot.find("") is None
    assert snapshot.find("f" * 64) is None


def red(address: str) -> Tag:
    return replace(tag(address=address, source="informant"), tlp=RED, author="ann")


def test_red_claims_lie_in_a_file_that_only_their_owner_can_read(workspace: Workspace) -> None:
    add(workspace, [Reading.of("tags", [red("secret"), tag(address="open")])])
    (private,) = workspace.intel.glob("tags-red-*.parquet")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert b"informant" not in b"".join(path.read_bytes() for path in workspace.intel.glob("*.json"))
    assert standing(workspace) == ["open", "secret"]
    assert [row["list"] for row in Snapshot.open(workspace).lists()] == [RED_LIST, "test"]


def test_who_may_not_read_red_claims_is_told_that_the_answer_is_without_them(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(workspace, [Reading.of("tags", [red("secret"), tag(address="open")])])
    (private,) = workspace.intel.glob("tags-red-*.parquet")
    whole = Path.read_bytes

    def refused(path: Path) -> bytes:  # tests may run as root, whom no mode keeps out
        if path == private:
            raise PermissionError(13, "Permission denied", str(path))
        return whole(path)

    monkeypatch.setattr(Path, "read_bytes", refused)
    snapshot = Snapshot.open(workspace)
    assert snapshot.tags()["address"].to_list() == ["open"]
    assert [(row["list"], row["status"]) for row in snapshot.lists()] == [
        (RED_LIST, "missing"), ("test", "loaded")
    ]  # fmt: skip
    assert [entry.list for entry in snapshot.unreadable()] == [RED_LIST]


def test_red_and_open_claims_of_one_file_are_both_counted(workspace: Workspace) -> None:
    added = add(workspace, [Reading.of("tags", [red("a"), red("b"), tag(address="c")])])
    assert (added.imported, added.unchanged, len(added.changes)) == (3, 0, 2)


def test_a_store_written_before_a_field_was_known_reads_it_as_empty(workspace: Workspace) -> None:
    """Snapshots of the first version have fewer columns; their ids and answers stay."""
    import hashlib
    import io

    import polars as pl

    before = add(workspace, [Reading.of("tags", [tag(address="a")])])
    (path,) = workspace.intel.glob("tags-*.parquet")
    first = ("claim_id", "chain", "address", "kind", "payload", "label", "category", "actor", "role", "confidence",
             "source", "lastmod", "is_cluster_definer")  # fmt: skip
    buffer = io.BytesIO()
    pl.read_parquet(path).select(first).write_parquet(buffer)
    path.unlink()
    check = hashlib.sha256(buffer.getvalue()).hexdigest()[:16]
    path.with_name(f"{path.stem.rpartition('-')[0]}-{check}.parquet").write_bytes(buffer.getvalue())
    snapshot = Snapshot.open(workspace, before.snapshot_id)
    assert snapshot.tags()["tlp"].to_list() == [""]
    assert add(workspace, [Reading.of("tags", [tag(address="a")])]).snapshot_id == before.snapshot_id


def test_the_same_broken_file_read_again_still_takes_nothing_out(workspace: Workspace) -> None:
    imported(workspace, sanctions("a", "b"))
    broken = replace(sanctions("a"), rejections=(Rejection("f", 2, "cut"),))
    first = add(workspace, [broken])
    again = add(workspace, [broken])
    assert (again.changes[0].removed, again.snapshot_id) == ((), first.snapshot_id)
    assert standing(workspace) == ["a", "b"]


def test_an_undated_version_does_not_replace_a_dated_one_unless_it_says_the_same(
    workspace: Workspace,
) -> None:
    imported(workspace, sanctions("a", "b", published="2024-02-01"))
    with pytest.raises(UsageError, match="undated"):
        add(workspace, [sanctions("a")])
    same = imported(workspace, sanctions("a", "b"))
    assert same.entry.published == "2024-02-01"


def test_two_files_that_are_each_all_of_one_list_are_refused(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="both all of the list 'ofac-sdn'"):
        add(workspace, [sanctions("a"), sanctions("a", "b")])
    assert standing(workspace) == []


def test_one_of_two_claims_about_an_address_is_named_when_it_goes(workspace: Workspace) -> None:
    about = About("mine", True)
    both = [tag(address="a", label="Person A"), tag(address="a", label="Person B")]
    imported(workspace, Reading.of("tags", both, about))
    change = imported(workspace, Reading.of("tags", both[:1], about))
    assert [row["label"] for row in change.removed] == ["Person B"]
    assert (change.added, change.changed) == ((), 0)


def test_a_whole_list_of_red_claims_shrinks_too(workspace: Workspace) -> None:
    about = About("mine", True)
    imported(workspace, Reading.of("tags", [red("a"), red("b")], about))
    change = imported(workspace, Reading.of("tags", [red("b")], about))
    assert [row["address"] for row in change.removed] == ["a"]
    assert standing(workspace) == ["b"]


@pytest.mark.parametrize("damage", ["lose", "flip"])
def test_a_lost_or_damaged_whole_list_is_healed_by_its_next_version(
    workspace: Workspace, damage: str
) -> None:
    imported(workspace, sanctions("a", "b"))
    (path,) = workspace.intel.glob("tags-*.parquet")
    if damage == "flip":
        path.write_bytes(path.read_bytes()[:-9])
    else:
        path.unlink()
    add(workspace, [Reading.of("tags", [tag(address="x")])])  # others are not kept from coming in
    change = imported(workspace, sanctions("a", "b", "c"))
    assert (change.added, change.removed) == ((), ())
    assert standing(workspace) == ["a", "b", "c", "x"]


def test_who_may_not_read_red_claims_can_still_import_others(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(workspace, [Reading.of("tags", [red("secret")])])
    (private,) = workspace.intel.glob("tags-red-*.parquet")
    whole = Path.read_bytes

    def refused(path: Path) -> bytes:
        if path == private:
            raise PermissionError(13, "Permission denied", str(path))
        return whole(path)

    monkeypatch.setattr(Path, "read_bytes", refused)
    assert add(workspace, [Reading.of("tags", [tag(address="open")])]).imported == 1


def test_a_new_fault_keeps_the_list_though_there_are_no_more_than_before(workspace: Workspace) -> None:
    standing_fault, torn = Rejection("f", 9, "64 digits are no address"), Rejection("f", 2, "cut off")
    imported(workspace, replace(sanctions("a", "b"), rejections=(standing_fault,)))
    change = imported(workspace, replace(sanctions("a"), rejections=(torn,)))
    assert (change.kept, change.removed) == (1, ())


@pytest.mark.parametrize(("entries", "kept"), [(7_000, 0), (6_000, 1)])
def test_a_download_that_was_cut_at_a_line_end_takes_nothing_out(
    workspace: Workspace, entries: int, kept: int
) -> None:
    imported(workspace, sanctions("a", "b", entries=7_379))
    change = imported(workspace, sanctions("a", entries=entries))
    assert (change.kept, len(change.removed)) == (kept, 1 - kept)
    again = imported(workspace, sanctions("a", entries=entries))
    assert again.kept == kept
