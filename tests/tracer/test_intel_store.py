"""Claims go in whole, once, in any order, from many hands; a snapshot is what they are, not how they came."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import scaled
from tests.tracer.intel_examples import reading, tag, vasp
from tracer.errors import StoreDamaged, StoreUnwritable, UsageError
from tracer.intel.claims import Override, Tag, Withdrawal, claim_id
from tracer.intel.snapshot import Snapshot
from tracer.intel.store import add, list_name
from tracer.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "w")


def test_before_any_import_there_is_the_empty_snapshot_and_asking_creates_nothing(
    workspace: Workspace,
) -> None:
    empty = Snapshot.open(workspace)
    assert empty.id.startswith("sha256:")
    assert empty.tags("bitcoin").height == empty.vasps().height == 0
    assert empty.lists() == []
    assert empty.counts() == {"tags": 0, "entities": 0, "vasps": 0, "prices": 0}
    assert Snapshot.open(workspace, empty.id).id == empty.id
    assert not workspace.root.exists()


def test_what_went_in_comes_out_with_its_id_in_a_total_order(workspace: Workspace) -> None:
    add(workspace, [reading(tag(address="b", actor="ex"), tag(address="a"), tag(chain="bitcoin"))])
    frame = Snapshot.open(workspace).tags("bitcoin-regtest")
    assert frame.columns == ["claim_id", *(field.name for field in fields(Tag))]
    assert frame["address"].to_list() == ["a", "b"]
    assert frame["payload"].to_list() == [b"a", b"b"]
    assert Snapshot.open(workspace).counts() == {"tags": 3, "entities": 1, "vasps": 0, "prices": 0}


def test_rows_count_as_imported_once_and_as_unchanged_ever_after(workspace: Workspace) -> None:
    first = add(workspace, [reading(tag(), tag(), tag(label="other"))])
    again = add(workspace, [reading(tag(label="other"), tag())])
    assert (first.imported, first.unchanged) == (2, 1)
    assert (again.imported, again.unchanged) == (0, 2)
    assert again.snapshot_id == first.snapshot_id


def test_a_claim_in_two_lists_is_one_claim_and_both_lists_are_quoted(workspace: Workspace) -> None:
    add(workspace, [reading(tag(source="s"), tag(source="s", label="more", lastmod="2021-01-02"))])
    add(workspace, [reading(tag(source="s"))])
    snapshot = Snapshot.open(workspace)
    assert snapshot.tags().height == 2
    quoted = [(row["list"], row["rows"], row["published"], row["status"]) for row in snapshot.lists()]
    assert sorted(quoted, key=str) == [("s", 1, None, "loaded"), ("s", 2, "2021-01-02", "loaded")]


def test_a_file_without_a_good_row_is_no_list(workspace: Workspace) -> None:
    assert add(workspace, [reading()]).snapshot_id == Snapshot.open(workspace).id
    assert Snapshot.open(workspace).lists() == []


@settings(max_examples=scaled(10, full=25), deadline=None)
@given(st.data())
def test_neither_the_order_of_rows_nor_of_files_nor_of_imports_changes_a_byte(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    claims = [tag(address=a, source=s) for a in "abc" for s in "xy"]
    files = data.draw(st.lists(st.lists(st.sampled_from(claims), min_size=1), min_size=1, max_size=4))
    one, two = (Workspace(tmp_path_factory.mktemp("w")) for _ in "12")
    for rows in files:
        add(one, [reading(*rows)])
    add(
        two,
        [reading(*data.draw(st.permutations(rows))) for rows in data.draw(st.permutations(files))],
    )
    add(two, [reading(*files[0])])
    assert Snapshot.open(one).id == Snapshot.open(two).id
    assert Snapshot.open(one).lists() == Snapshot.open(two).lists()
    assert Snapshot.open(one).tags().equals(Snapshot.open(two).tags())


def test_a_past_snapshot_answers_as_of_then(workspace: Workspace) -> None:
    then = add(workspace, [reading(tag())]).snapshot_id
    add(workspace, [reading(vasp())])
    add(workspace, [reading(tag(label="later"))])
    assert Snapshot.open(workspace, then).tags()["label"].to_list() == ["label"]
    assert Snapshot.open(workspace, then.removeprefix("sha256:")).vasps().height == 0
    assert Snapshot.open(workspace).tags()["label"].to_list() == ["label", "later"]


def test_a_reader_keeps_its_snapshot_while_others_write(workspace: Workspace) -> None:
    add(workspace, [reading(tag())])
    reader = Snapshot.open(workspace)
    add(workspace, [reading(tag(label="later"))])
    assert reader.tags().height == 1


@pytest.mark.parametrize("name", ["sha256:" + "0" * 64, "latest", "../../etc/passwd", ""])
def test_an_id_that_is_not_here_is_a_usage_error(workspace: Workspace, name: str) -> None:
    add(workspace, [reading(tag())])
    with pytest.raises(UsageError, match="snapshot"):
        Snapshot.open(workspace, name)


@pytest.mark.parametrize("pattern", ["snapshot-*.json", "tags-*.parquet"])
@pytest.mark.parametrize("damage", ["flip", "delete"])
def test_an_altered_or_missing_file_is_noticed_never_answered_from(
    workspace: Workspace, pattern: str, damage: str
) -> None:
    add(workspace, [reading(tag())])
    path = next(workspace.intel.glob(pattern))
    content = bytearray(path.read_bytes())
    path.unlink()
    if damage == "flip":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    with pytest.raises(StoreDamaged):
        Snapshot.open(workspace).tags()


def test_a_list_whose_file_was_lost_is_whole_again_once_imported_again(workspace: Workspace) -> None:
    added = add(workspace, [reading(tag())])
    next(workspace.intel.glob("tags-*.parquet")).unlink()
    again = add(workspace, [reading(tag())])
    assert (again.imported, again.unchanged, again.snapshot_id) == (0, 1, added.snapshot_id)
    assert Snapshot.open(workspace).tags().height == 1


def test_a_workspace_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnwritable):
        add(Workspace(tmp_path / "file"), [reading(tag())])


@pytest.mark.parametrize(("sources", "name"), [
    ({"OFAC"}, "OFAC"),
    ({"https://x.org/a/1", "https://x.org/a/2"}, "https://x.org/a/ (2 sources)"),
    ({"https://x.org/1", "https://y.org/1", "https://z.org"}, "https://x.org/1 and 2 more"),
    ({"a", "b"}, "a and 1 more"),
])  # fmt: skip
def test_a_list_is_called_after_its_sources_not_after_a_file(sources: set[str], name: str) -> None:
    assert list_name(sources) == name


_IMPORTER = """
import sys
from pathlib import Path
from tests.tracer.intel_examples import reading, tag
from tracer.intel.store import add
from tracer.workspace import Workspace

name, count, size = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
print("ready", flush=True)
for number in range(count):
    rows = [tag(address=f"{name}{number}.{row}") for row in range(size)]
    add(Workspace(Path(sys.argv[1])), [reading(*rows)])
"""


def _importer(workspace: Workspace, name: str, count: int, size: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", _IMPORTER, str(workspace.root), name, str(count), str(size)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )


def test_two_imports_at_once_both_arrive(workspace: Workspace) -> None:
    importers = [_importer(workspace, name, 15, 3) for name in "xy"]
    assert [importer.wait(60) for importer in importers] == [0, 0]
    for importer in importers:
        assert importer.stdout
        importer.stdout.close()
    assert Snapshot.open(workspace).tags().height == 2 * 15 * 3
    assert len(Snapshot.open(workspace).lists()) == 2 * 15


def test_killed_at_any_moment_an_import_leaves_whole_snapshots_and_runs_again(workspace: Workspace) -> None:
    seed = int(os.environ.get("TRACER_TEST_SEED", random.randrange(1 << 32)))
    moments = random.Random(seed)
    add(workspace, [reading(tag(address="before"))])
    for _ in range(6):
        importer = _importer(workspace, "k", 12, 500)
        assert importer.stdout
        assert importer.stdout.readline() == b"ready\n"
        time.sleep(moments.uniform(0, 0.6))
        importer.send_signal(signal.SIGKILL)
        importer.wait(10)
        importer.stdout.close()
        frame = Snapshot.open(workspace).tags()
        assert "before" in frame["address"].to_list(), f"TRACER_TEST_SEED={seed}"
        assert frame.height % 500 == 1, f"TRACER_TEST_SEED={seed}"
    last = _importer(workspace, "k", 12, 500)
    assert last.wait(60) == 0
    assert last.stdout
    last.stdout.close()
    assert Snapshot.open(workspace).tags().height == 12 * 500 + 1
    assert not list(workspace.intel.glob(".writing-*"))


def test_a_full_disk_keeps_what_was_there(workspace: Workspace) -> None:
    before = add(workspace, [reading(tag())]).snapshot_id
    limited = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        + _IMPORTER.replace("print", "#")
    )
    done = subprocess.run(
        [sys.executable, "-c", limited, str(workspace.root), "f", "1", "5000"],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert "StoreUnwritable: cannot write" in done.stderr
    assert Snapshot.open(workspace).id == before
    assert not list(workspace.intel.glob(".writing-*"))


def test_overrides_go_in_and_come_out_as_other_claims_do(workspace: Workspace) -> None:
    def said(a: str, b: str, chain: str = "bitcoin-regtest") -> Override:
        return Override(
            chain=chain, kind="split", a=a, b=b, txid="", source="analyst ann", said_at="2024-05-01",
            author="ann", reason="exhibit 7",
        )  # fmt: skip

    add(workspace, [reading(said("b", "c"), said("a", "d"), said("a", "b", "bitcoin"))])
    snapshot = Snapshot.open(workspace)
    assert snapshot.overrides("bitcoin-regtest") == [
        (claim_id(one), one) for one in (said("a", "d"), said("b", "c"))
    ]
    assert [(row["list"], row["published"], row["rows"]) for row in snapshot.lists("overrides")] == [
        ("analyst ann", "2024-05-01", 3)
    ]
    assert snapshot.find(claim_id(said("b", "c"))[:12]) == ("overrides", claim_id(said("b", "c")))
    taken = Withdrawal(claim_id(said("a", "d")), "analyst ann", "2024-05-02", author="ann", reason="wrong")
    add(workspace, [reading(taken)])
    assert [one.a for _, one in Snapshot.open(workspace).overrides("bitcoin-regtest")] == ["b"]
