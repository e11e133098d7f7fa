"""Sanctions lists from file to store: a newer list tells what came and what went, in whatever form it comes."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.addresses import registry
from adapters.intel.readers import Options, read
from tests.adapters.formats.test_ftm import LAZARUS as FTM_LAZARUS
from tests.adapters.formats.test_ftm import ORDER, WALLET, lines
from tests.adapters.formats.test_sdn_csv import LIFSHITS, PLAIN
from tests.adapters.formats.test_sdn_xml import BOTH, GHORBANIYAN, LAZARUS, advanced, entry
from tracer.intel.reading import Reading
from tracer.intel.store import Change, add
from tracer.workspace import Workspace

OPTIONS = Options(registry.parse, registry.chain_of_ticker, today="2026-01-01")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "w")


def taken(folder: Path, name: str, text: str) -> Reading:
    (folder / name).write_text(text, encoding="utf-8")
    return read(folder / name, ["tags"], OPTIONS)


def imported(workspace: Workspace, found: Reading) -> Change:
    assert not found.rejections
    (change,) = add(workspace, [found]).changes
    return change


def test_a_newer_list_tells_what_was_added_and_removed(tmp_path: Path, workspace: Workspace) -> None:
    first = imported(workspace, taken(tmp_path, "SDN_ADVANCED.XML", advanced(LAZARUS)))
    assert first.former is None
    text = advanced(GHORBANIYAN, entry(26138, "2018-11-28", "CYBER2"))
    change = imported(workspace, taken(tmp_path, "SDN_ADVANCED.XML", text.replace("<Day>20", "<Day>21")))
    assert [row["label"] for row in change.added] == ["GHORBANIYAN, Mohammad"]
    assert [row["label"] for row in change.removed] == ["LAZARUS GROUP"]
    assert change.entry.published == "2024-03-21"


def test_the_same_list_in_another_form_adds_and_removes_nobody(tmp_path: Path, workspace: Workspace) -> None:
    remarks = "Digital Currency Address - XBT 1AjZPMsnmpdK2Rv9KQNfMurTXinscVro9V."
    csv = '26138,"GHORBANIYAN, Mohammad","individual","CYBER2",' + "-0- ," * 7 + f'"{remarks}"'
    imported(workspace, taken(tmp_path, "sdn.csv", f"{PLAIN}\n{csv}\n"))
    change = imported(workspace, taken(tmp_path, "SDN_ADVANCED.XML", advanced(GHORBANIYAN)))
    assert (change.added, change.removed, change.changed) == ((), (), 1)


def test_a_list_that_cannot_be_read_to_its_end_changes_nothing(tmp_path: Path, workspace: Workspace) -> None:
    imported(workspace, taken(tmp_path, "SDN_ADVANCED.XML", BOTH))
    broken = taken(tmp_path, "SDN_ADVANCED.XML", BOTH[: len(BOTH) * 2 // 3])
    assert (broken.frame.height, len(broken.rejections)) == (0, 1)
    assert add(workspace, [broken]).changes == ()


def test_every_form_gives_claims_that_the_reader_takes(tmp_path: Path) -> None:
    forms = {
        "sdn.csv": f"{PLAIN}\n{LIFSHITS}\n",
        "SDN_ADVANCED.XML": BOTH,
        "entities.ftm.json": lines(WALLET, FTM_LAZARUS, ORDER),
        "sanctioned_addresses_XBT.txt": "1AjZPMsnmpdK2Rv9KQNfMurTXinscVro9V\n",
    }
    readings = {name: taken(tmp_path, name, text) for name, text in forms.items()}
    assert {name: found.frame.height for name, found in readings.items()} == dict(
        zip(forms, (3, 2, 1, 1), strict=True)
    )
    assert not any(found.rejections for found in readings.values())
    assert {category for found in readings.values() for category in found.frame["category"]} == {"sanction"}
    frame = readings["SDN_ADVANCED.XML"].frame
    assert frame.select("chain", "address", "designated_at", "programme", "subject").rows() == [
        ("bitcoin", "1AjZPMsnmpdK2Rv9KQNfMurTXinscVro9V", "2018-11-28", "CYBER2", "ofac:26138"),
        (
            "ethereum",
            "0x098B716B8Aaf21512996dC57EB0615e2383E2f96",
            "2019-09-13",
            "CAATSA-RUSSIA DPRK3",
            "ofac:27307",
        ),
    ]


def test_a_folder_of_ofacs_files_is_read_with_the_overflow_of_its_remarks(tmp_path: Path) -> None:
    head = "DOB 1990; ".ljust(986, "x") + "; alt. Digital"
    main = '31212,"SOUTHFRONT","-0-","NPWMD",' + "-0- ," * 7 + f'"{head}"\n'
    overflow = '31212," Currency Address - XBT 1AjZPMsnmpdK2Rv9KQNfMurTXinscVro9V; Linked To: X."\n\x1a'
    comments = taken(tmp_path, "sdn_comments.csv", overflow)
    assert "import sdn.csv" in comments.rejections[0].reason
    found = taken(tmp_path, "sdn.csv", main)
    assert (found.frame.height, found.rejections) == (1, ())
    assert read(tmp_path / "sdn_comments.csv", ["tags"], OPTIONS).rows == 0
