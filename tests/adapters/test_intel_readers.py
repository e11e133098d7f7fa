"""Claim files: good rows go in, each bad row is named by file, line and reason, nothing is guessed."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.addresses import bech32
from adapters.intel.csvtext import unescaped
from adapters.intel.formats import csv_list
from adapters.intel.found import Found
from adapters.intel.readers import claim_files
from tests.adapters.reading import TODAY, read_text, reasons
from tracer.chain import AddressKey
from tracer.errors import SourceUnavailable
from tracer.intel.claims import KycLevel, Tag, Vasp, claim_id
from tracer.intel.reading import About

ARCHIVE = "1Archive1n2C579dMsAu3iC6tWzuQJz8dN"
BECH32 = "bc1qm34lsc65zpw79lxes69zkqmk6ee3ewf0j77s3h"
HEADER = "chain,address,label,category,source"
FULL_HEADER = "chain,address,label,category,actor,role,confidence,source,lastmod,is_cluster_definer"


def tags(tmp_path: Path, text: str, name: str = "tags.csv", **more: Any) -> Any:
    """A reading of tags; untyped, so that a test may ask a claim for the fields of its kind."""
    return read_text(tmp_path, text, name, **more)


def vasps(tmp_path: Path, text: str, name: str = "vasps.csv") -> Any:
    """A reading of services."""
    return read_text(tmp_path, text, name, ("vasps",))


def test_a_row_of_csv_becomes_a_claim_on_the_canonical_address(tmp_path: Path) -> None:
    text = f"{FULL_HEADER}\nbitcoin,{BECH32.upper()},Wallet,exchange,ex,hot,service_data,https://x,2022-11-16,yes\n"
    (tag,) = tags(tmp_path, text).claims
    key = AddressKey(4, bytes.fromhex("dc6bf86354105de2fcd9868a2b0376d6731cb92f"))
    assert tag == Tag(
        chain="bitcoin", address=BECH32, kind=key.kind, payload=key.payload, label="Wallet",
        category="exchange", actor="ex", role="hot", confidence="service_data", source="https://x",
        lastmod="2022-11-16", is_cluster_definer=True,
    )  # fmt: skip


def test_what_a_source_leaves_out_is_unknown_or_empty(tmp_path: Path) -> None:
    (tag,) = tags(tmp_path, f"{HEADER}\nbitcoin,{ARCHIVE},A,donation,s\n").claims
    assert (tag.confidence, tag.actor, tag.role, tag.lastmod, tag.is_cluster_definer) == (
        "unknown", "", "", "", False,
    )  # fmt: skip


@pytest.mark.parametrize(("row", "reason"), [
    (f"bitcoin,{ARCHIVE[:-1]}M,A,exchange,,,,s,,", "'.*M' is no address: its checksum is wrong"),
    (f"regtest,{ARCHIVE},A,exchange,,,,s,,", "unknown chain 'regtest'"),
    (f"bitcoin,{'1' * 513},A,exchange,,,,s,,", "address is longer than 512 characters"),
    (f"bitcoin,{ARCHIVE},A,Exchange,,,,s,,", r"unknown category 'Exchange' \(meant 'exchange'\?\)"),
    (f"bitcoin,{ARCHIVE},A,exchange,,boss,,s,,", "unknown role 'boss'"),
    (f"bitcoin,{ARCHIVE},A,exchange,,,sure,s,,", "unknown confidence 'sure'"),
    (f"bitcoin,{ARCHIVE},A,exchange,,,,s,31.5.2021,", r"lastmod '31\.5\.2021' is no ISO date"),
    (f"bitcoin,{ARCHIVE},A,exchange,,,,s,20210531,", "lastmod '20210531' is no ISO date"),
    (f"bitcoin,{ARCHIVE},A,exchange,,,,s,2021-02-30,", "lastmod '2021-02-30' is no ISO date"),
    (f"bitcoin,{ARCHIVE},A,exchange,,,,s,,maybe", "is_cluster_definer 'maybe' is neither true nor false"),
    (f"bitcoin,{ARCHIVE},,exchange,,,,s,,", "missing field 'label'"),
    (f"bitcoin,{ARCHIVE},A\x1b[2J,exchange,,,,s,,", r"label holds a control or format character \(U\+001B\)"),
    (f"bitcoin,{ARCHIVE},A\u202eB,exchange,,,,s,,", r"label holds a control or format character \(U\+202E\)"),
    (f"bitcoin,{ARCHIVE},A\x00B,exchange,,,,s,,", r"label holds a control or format character \(U\+0000\)"),
    (f"bitcoin,{ARCHIVE},<b>A</b>,exchange,,,,s,,", "label holds HTML \\('<b'\\)"),
    (f"bitcoin,{ARCHIVE},A &amp; B,exchange,,,,s,,", "label holds HTML \\('&amp;'\\)"),
    (f"bitcoin,{ARCHIVE},A,exchange,,,,https://x/<script,,", "source holds HTML"),
    (f"bitcoin,{ARCHIVE},A,exchange,,,,s,2026-01-03,", "lastmod 2026-01-03 lies in the future"),
    (f"bitcoin,{ARCHIVE},A,exchange,,,,,,", "missing field 'source'"),
    (f"bitcoin,{ARCHIVE},A,,,,,s,,", "missing field 'category'"),
    (f",{ARCHIVE},A,exchange,,,,s,,", "missing field 'chain'"),
    (f"bitcoin,{ARCHIVE},A,exchange", "4 fields where the header has 10"),
    (f"bitcoin,{ARCHIVE},{'A' * 1001},exchange,,,,s,,", "label is longer than 1000 characters"),
    (f'bitcoin,{ARCHIVE},"A"B,exchange,,,,s,,', "bad quotes: one stands within a text, not around it"),
    (f'bitcoin,{ARCHIVE},A"B,exchange,,,,s,,', "bad quotes: one stands within a text, not around it"),
    (f'bitcoin,{ARCHIVE},"A,exchange,,,,s,,', "bad quotes: one is never closed"),
])  # fmt: skip
def test_a_bad_row_is_named_and_its_neighbours_go_in(tmp_path: Path, row: str, reason: str) -> None:
    good = f"bitcoin,{ARCHIVE},A,exchange,,,,s,,"
    reading = tags(tmp_path, f"{FULL_HEADER}\n{good}\n{row}\n{good}\n")
    assert len(reading.claims) == 2
    ((line, said),) = reasons(reading)
    assert line == 3
    assert re.match(reason, said)
    assert reading.rows == 3


def test_an_address_with_three_receivers_is_not_too_long(tmp_path: Path) -> None:
    unified = bech32.encode("u", bech32.to_values(bytes(range(128))), bech32.BECH32M)  # as ZIP 316 makes them
    (tag,) = tags(tmp_path, f"{HEADER}\nzcash,{unified},A,donation,s\n").claims
    assert (len(tag.address), tag.address) == (213, unified)


def test_a_reason_cannot_steer_a_terminal(tmp_path: Path) -> None:
    reading = tags(tmp_path, f"{HEADER}\nbitcoin\x1b[2J,{ARCHIVE},A,exchange,s\n")
    ((line, reason),) = reasons(reading)
    assert line == 2
    assert reason.startswith("unknown chain")
    assert reason.isprintable()


def test_lines_are_those_of_the_file_though_fields_hold_line_breaks_and_lines_are_blank(
    tmp_path: Path,
) -> None:
    text = (
        f'{HEADER},context\r\n\r\nbitcoin,{ARCHIVE},"A ""B"", C",exchange,s,"two\r\nlines"\r\n'
        "bitcoin,x,A,exchange,s,\r\n"
    )
    reading = tags(tmp_path, text)
    assert [(tag.label, tag.context) for tag in reading.claims] == [('A "B", C', "two lines")]
    assert [line for line, _ in reasons(reading)] == [5]


def test_a_quote_that_never_closes_costs_its_own_line_and_no_other(tmp_path: Path) -> None:
    good = f"bitcoin,{ARCHIVE},A,exchange,s\n"
    text = f'{HEADER}\nbitcoin,{ARCHIVE},"A,exchange,s\n{good * 101}'
    reading = tags(tmp_path, text)
    assert len(reading.claims) == 101
    assert reasons(reading) == [(2, "bad quotes: one is never closed")]


@pytest.mark.parametrize(
    "header", [HEADER, f"context,{HEADER}", f"{HEADER},context", HEADER.replace("label", "context")]
)
def test_two_stray_quotes_do_not_make_one_row_of_two(tmp_path: Path, header: str) -> None:
    row = "x," * header.count(",") + "x"
    first, last = row[:4] + '"' + row[4:], row[:5] + '"' + row[5:]
    at_ends = '"' + row, row + '"'
    open_last, close_last = row[:-1] + '"x', row + '"'
    for one, two in ((first, last), at_ends, (open_last, close_last)):
        reading = tags(tmp_path, f"{header}\n{one}\n{two}\n{row}\n")
        assert [line for line, _ in reasons(reading)] == [2, 3, 4]


COLUMNS = HEADER.split(",")
CELLS = st.text(st.sampled_from('ab ,"1='), max_size=4)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.lists(CELLS, min_size=5, max_size=5), min_size=1, max_size=8),
    st.lists(
        st.tuples(
            st.integers(0, 400), st.integers(0, 2), st.sampled_from(['"', '""', ",", "x", "\\", "\x00", ""])
        )
    ),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_whatever_is_damaged_each_line_with_anything_on_it_is_taken_or_named(
    rows: list[list[str]], damage: list[tuple[int, int, str]], ending: str
) -> None:
    lines = [
        ",".join('"' + cell.replace('"', '""') + '"' if '"' in cell else cell for cell in row) for row in rows
    ]
    for place, drop, put in damage:
        at, number = divmod(place, len(lines))
        lines[number] = lines[number][:at] + put + lines[number][at + drop :]
    found = Found("tags.csv", TODAY)
    good = list(csv_list.BY_KIND["tags"].rows(ending.join([HEADER, *lines]), found))
    named = [line for line, _ in good] + [bad.line for bad in found.rejections]
    written = [number for number, line in enumerate(lines, start=2) if line.strip('", ')]
    assert sorted({*named} & {*written}) == written
    assert len(named) == len({*named})
    for line, row in good:
        (alone,) = csv.reader([lines[line - 2]], strict=True)
        assert [*row.values()] == [unescaped(cell) for cell in alone]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 60)), max_size=6))
def test_quotes_put_anywhere_into_a_table_with_notes_swallow_no_row(quotes: list[tuple[int, int]]) -> None:
    lines = ["bitcoin,address,label,exchange,s,a note"] * 20
    for number, at in quotes:
        lines[number] = lines[number][:at] + '"' + lines[number][at:]
    found = Found("tags.csv", TODAY)
    good = list(csv_list.BY_KIND["tags"].rows("\n".join([f"{HEADER},context", *lines]), found))
    assert sorted([line for line, _ in good] + [bad.line for bad in found.rejections]) == list(range(2, 22))


def test_an_apostrophe_before_what_a_spreadsheet_takes_for_a_formula_is_no_part_of_the_text(
    tmp_path: Path,
) -> None:
    rows = "".join(
        f"bitcoin,{ARCHIVE},{label},exchange,s\n" for label in ("'=A", "'-5", "'@x", "''+y", "'quoted'", "=B")
    )
    labels = [tag.label for tag in tags(tmp_path, f"{HEADER}\n{rows}").claims]
    assert labels == ["=A", "-5", "@x", "'+y", "'quoted'", "=B"]


@pytest.mark.parametrize(("text", "reason"), [
    ("", "the file is empty"),
    (f"bitcoin,{ARCHIVE},A,exchange,s\n", "the first line names no column"),
    (f"{HEADER};\n".replace(",", ";"), "the first line names no column"),
    (f"{HEADER},label\nbitcoin,{ARCHIVE},A,exchange,s,B\n", "the first line names a column twice"),
])  # fmt: skip
def test_a_csv_without_a_usable_header_is_one_rejection(tmp_path: Path, text: str, reason: str) -> None:
    reading = tags(tmp_path, text)
    ((line, said),) = reasons(reading)
    assert (line, reading.rows) == (1, 1)
    assert said.startswith(reason)


def test_a_column_we_do_not_know_is_never_dropped_silently(tmp_path: Path) -> None:
    reading = tags(tmp_path, f"{HEADER},confidense\nbitcoin,{ARCHIVE},A,exchange,s,forensic\n")
    assert reasons(reading) == [(2, "unknown field 'confidense' (meant 'confidence'?)")]


def test_a_file_in_another_encoding_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes(f"{HEADER}\nbitcoin,{ARCHIVE},Caf".encode() + b"\xe9,exchange,s\n")
    reading = read_text(tmp_path, None, "latin.csv")
    assert reading.claims == ()
    ((line, reason),) = reasons(reading)
    assert line == 2
    assert reason.startswith("the file is not UTF-8 (byte ")


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    assert tags(tmp_path, f"\ufeff{HEADER}\nbitcoin,{ARCHIVE},A,exchange,s\n").rejections == ()


def test_yaml_rows_inherit_the_header_and_may_differ_from_it(tmp_path: Path) -> None:
    reading = tags(tmp_path, f"""\
title: A list
creator: somebody
chain: bitcoin
category: exchange
source: https://x
lastmod: 2021-11-12
is_cluster_definer: true
tags:
- address: {ARCHIVE}
  label: 01
- address: {BECH32}
  label: 'null'
  category: gambling
  is_cluster_definer: no
confidence: forensic
""", "tags.yaml")  # fmt: skip
    first, second = reading.claims
    assert (first.label, first.category, first.lastmod, first.confidence) == (
        "01", "exchange", "2021-11-12", "forensic",
    )  # fmt: skip
    assert (second.label, second.category, second.is_cluster_definer) == ("null", "gambling", False)


def test_the_same_rows_in_csv_and_in_yaml_are_the_same_claims(tmp_path: Path) -> None:
    (one,) = tags(tmp_path, f"{HEADER}\nbitcoin,{ARCHIVE},A b,donation,s\n").claims
    row = f"{{chain: bitcoin, address: {ARCHIVE}, label: 'A  b', category: donation, source: s, actor: ~}}"
    (two,) = tags(tmp_path, f"- {row}\n", "t.yml").claims
    assert claim_id(one) == claim_id(two)


@pytest.mark.parametrize(("row", "reason"), [
    ("- just text", "the row is no mapping of fields to texts"),
    ("- [a, [b]]", "the row is no mapping of fields to texts"),
    ("- {address: a, label: [x, {y: z}]}", "field 'label' is no single text"),
    ("- {address: a, address: b}", "field 'address' stands twice"),
    ("- {address: a, <<: *x}", "merge keys (<<) are not taken; write the fields out"),
    ("- {address: a, label: *a}", "field 'label': no text is called &a"),
    ("- {address: a, label: !include x.yaml}", "field 'label' has the YAML tag '!include', which is not followed"),
    ("- !row {address: a}", "the row is no mapping of fields to texts"),
    ("- {address: a, lable: b}", "unknown field 'lable' (meant 'label'?)"),
    ("- {label: a}", "missing field 'address'"),
])  # fmt: skip
def test_a_bad_yaml_row_is_named_and_its_neighbours_go_in(tmp_path: Path, row: str, reason: str) -> None:
    good = f"- {{address: {ARCHIVE}, label: A}}"
    header = "chain: bitcoin\nsource: s\ncategory: exchange\ntags:"
    reading = tags(tmp_path, f"{header}\n{good}\n{row}\n{good}\n", "t.yaml")
    assert len(reading.claims) == 2
    assert reasons(reading) == [(6, reason)]


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x7f", "\x9b", "\ufeff"])
def test_a_control_character_that_yaml_forbids_costs_its_own_row_and_no_other(
    tmp_path: Path, character: str
) -> None:
    good, quoted = (
        f"- {{address: {ARCHIVE}, label: \ue000}}",
        f"- {{address: {ARCHIVE}, label: 'A{character}B'}}",
    )
    prose = f"- {{address: {ARCHIVE}, label: C, context: 'x{character}y'}}"
    text = "\n".join(
        ["chain: bitcoin", "source: s", "category: exchange", "tags:", good, quoted, prose, good]
    )
    reading = tags(tmp_path, text, "t.yaml")
    assert [(tag.label, tag.context) for tag in reading.claims] == [
        ("\ue000", ""),
        ("C", "xy"),
        ("\ue000", ""),
    ]
    assert reasons(reading) == [(6, f"label holds a control or format character (U+{ord(character):04X})")]


@pytest.mark.parametrize(("text", "line", "reason"), [
    ("tags:\n- a: [\n- b", 3, "the file is no YAML"),
    (f"tags:\n- {{chain: bitcoin, address: {ARCHIVE}}}\nx: \x01", 2, "unknown field 'x'"),
    ("# no list\nlabels:\n- {address: x}\n", 2, "there is no list 'tags'"),
    ("tags: all of them\n", 1, "there is no list 'tags'"),
    ("# nothing\n", 1, "neither a list nor a mapping with a list 'tags'"),
    ("tags:\n- {a: b}\ntags:\n- {a: c}\n", 3, "a second list 'tags'"),
    ("just words", 1, "neither a list nor a mapping with a list 'tags'"),
    ("- {}\n--- \n- {}\n", 2, "a second YAML document was not read"),
    ("[" * 5000, None, "the file is no YAML"),
])  # fmt: skip
def test_a_yaml_file_that_is_none_or_another_one_is_named(
    tmp_path: Path, text: str, line: int | None, reason: str
) -> None:
    reading = tags(tmp_path, text, "t.yaml")
    assert reading.claims == ()
    said = [(at, why) for at, why in reasons(reading) if why.startswith(reason)]
    assert len(said) == 1
    assert line in (None, said[0][0])


@pytest.mark.parametrize(("name", "text", "reason"), [
    ("x.json", '{"a": 1}', "the file is in no known format of tags or actors (docs/formats.md)"),
    ("v.csv", "vasp_id,name,source\nex,E,s\n", "the file holds vasps: `tracer vasps import` takes it"),
    ("v.yaml", "vasps:\n- {vasp_id: x, name: X, source: s}\n", "the file holds vasps: `tracer vasps import` takes it"),
    ("BTC-USD.csv", "Date,Close\n2021-01-01,29374.15\n", "the file holds prices: `tracer prices import` takes it"),
])  # fmt: skip
def test_a_file_of_another_kind_names_the_verb_that_takes_it(
    tmp_path: Path, name: str, text: str, reason: str
) -> None:
    reading = tags(tmp_path, text, name)
    assert (reasons(reading), reading.rows) == ([(1, reason)], 1)


def test_a_file_is_known_by_what_it_holds_whatever_it_is_called(tmp_path: Path) -> None:
    assert tags(tmp_path, f"{HEADER}\nbitcoin,{ARCHIVE},A,exchange,s\n", "export.dat").frame.height == 1


def test_a_list_adds_unless_the_user_says_it_is_all_of_one(tmp_path: Path) -> None:
    text = f"{HEADER}\nbitcoin,{ARCHIVE},A,exchange,s\n"
    assert tags(tmp_path, text).about == About()
    named = tags(tmp_path, text, list="ours", published="2021-01-01")
    assert named.about == About(list="ours", whole=True, published="2021-01-01")


def test_what_the_user_says_of_every_row_yields_to_the_row(tmp_path: Path) -> None:
    text = f"address,label,category,source\n{ARCHIVE},A,exchange,s\n{ARCHIVE},B,,s\n"
    first, second = tags(tmp_path, text, defaults={"chain": "bitcoin", "category": "donation"}).claims
    assert (first.category, second.category, second.chain) == ("exchange", "donation", "bitcoin")


def test_progress_counts_lines_up_to_the_last(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    rows = f"bitcoin,{ARCHIVE},A,exchange,s\n" * 2500
    tags(tmp_path, f"{HEADER}\n{rows}", advance=lambda done, total: seen.append((done, total)))
    assert seen == [(1001, 2502), (2001, 2502)]


def test_a_folder_is_taken_recursively_and_in_order(tmp_path: Path) -> None:
    for name in ("b.csv", "a/c.yaml", "a/d.YML", "a/e.jsonl", "a/f.txt", "a/readme.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    found = claim_files([tmp_path / "b.csv", tmp_path])
    assert [str(path.relative_to(tmp_path)) for path in found] == [
        "b.csv",
        "a/c.yaml",
        "a/d.YML",
        "a/e.jsonl",
        "a/f.txt",
    ]


def test_folders_behind_links_are_read_once_and_no_loop_is_followed(tmp_path: Path) -> None:
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "folder"
    (elsewhere / "deep").mkdir(parents=True)
    (folder / "own").mkdir(parents=True)
    (elsewhere / "deep" / "a.csv").touch()
    (folder / "own" / "b.csv").touch()
    (folder / "link").symlink_to(elsewhere)
    (folder / "same").symlink_to(elsewhere)
    (elsewhere / "loop").symlink_to(folder)
    found = [str(path.relative_to(folder)) for path in claim_files([folder])]
    assert found == ["link/deep/a.csv", "own/b.csv"]


def test_a_folder_that_cannot_be_listed_is_never_skipped() -> None:
    with TemporaryDirectory() as name:
        closed = Path(name, "folder", "closed")
        closed.mkdir(parents=True)
        closed.with_name("a.csv").touch()
        for path, mode in ((Path(name), 0o755), (closed.parent, 0o755), (closed, 0)):
            path.chmod(mode)
        with (
            nobody_special(),
            pytest.raises(SourceUnavailable, match=r"cannot list .*closed: Permission denied"),
        ):
            claim_files([closed.parent])
        closed.chmod(0o755)


@contextmanager
def nobody_special() -> Iterator[None]:
    """Root may list every folder; an ordinary user may not."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_pipe_or_a_link_to_nothing_is_named_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "pipe.csv", tmp_path):
        with pytest.raises(SourceUnavailable, match=r"pipe\.csv is neither a file nor a folder"):
            claim_files([path])
    (tmp_path / "pipe.csv").unlink()
    (tmp_path / "list.csv").symlink_to("gone")
    with pytest.raises(SourceUnavailable, match=r"list\.csv is not there"):
        claim_files([tmp_path])


def test_the_name_of_a_file_is_safe_to_show_and_can_be_written(tmp_path: Path) -> None:
    name = os.fsdecode(b"a\n\x1b[2J\xff.csv")
    reading = tags(tmp_path, f"{HEADER}\nbitcoin,x,A,exchange,s\n", name)
    (rejection,) = reading.rejections
    assert rejection.file == reading.file
    assert rejection.file.endswith("/a [2J\\xff.csv")


def test_a_path_that_is_not_there_and_a_folder_without_claims_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"gone\.csv is not there"):
        claim_files([tmp_path / "gone.csv"])
    with pytest.raises(SourceUnavailable, match="holds no"):
        claim_files([tmp_path])


VASP_HEADER = (
    "vasp_id,name,type,kyc_level,jurisdiction,xmr_support,valid_from,valid_to,legal_contact,source,"
    "assessed_at,assessor"
)


def test_a_service_is_read_with_its_level_in_time(tmp_path: Path) -> None:
    row = "ex,Example,CEX,on_suspicion,SC,true,2019-01-01,2021-05-31,law@ex.test,register,2021-06-01,me"
    (vasp,) = vasps(tmp_path, f"{VASP_HEADER}\n{row}\n").claims
    assert vasp == Vasp(
        vasp_id="ex", name="Example", type="CEX", kyc_level=KycLevel.ON_SUSPICION, jurisdiction="SC",
        xmr_support=True, valid_from="2019-01-01", valid_to="2021-05-31", legal_contact="law@ex.test",
        source="register", assessed_at="2021-06-01", assessor="me",
    )  # fmt: skip


def test_a_level_that_is_not_given_is_unknown_never_none(tmp_path: Path) -> None:
    (vasp,) = vasps(tmp_path, "vasps:\n- {vasp_id: ex, name: Example, source: s}\n", "v.yaml").claims
    assert vasp.kyc_level is KycLevel.UNKNOWN
    assert vasp.xmr_support is None


@pytest.mark.parametrize(("row", "reason"), [
    ("ex,,,none,,,,,,s,,", "missing field 'name'"),
    (",E,,none,,,,,,s,,", "missing field 'vasp_id'"),
    ("e x,E,,none,,,,,,s,,", "vasp_id 'e x' holds a space"),
    ("ex,E,,no kyc,,,,,,s,,", "unknown kyc_level 'no kyc'"),
    ("ex,E,,None,,,,,,s,,", "unknown kyc_level 'None' (meant 'none'?)"),
    ("ex,E,,none,,perhaps,,,,s,,", "xmr_support 'perhaps' is neither true nor false"),
    ("ex,E,,none,,,2021,,,s,,", "valid_from '2021' is no ISO date (2021-05-31)"),
    ("ex,E,,none,,,2021-01-02,2021-01-01,,s,,", "valid_from 2021-01-02 is after valid_to 2021-01-01"),
    ("ex,E,,none,,,,,,s,1.1.2021,", "assessed_at '1.1.2021' is no ISO date (2021-05-31)"),
])  # fmt: skip
def test_a_bad_service_is_named(tmp_path: Path, row: str, reason: str) -> None:
    reading = vasps(tmp_path, f"{VASP_HEADER}\n{row}\nok,Good,,full,,,,,,s,,\n")
    assert [vasp.vasp_id for vasp in reading.claims] == ["ok"]
    ((line, said),) = reasons(reading)
    assert line == 2
    assert said.startswith(reason)


def test_a_register_has_the_fields_that_a_request_needs(tmp_path: Path) -> None:
    (vasp,) = vasps(tmp_path, """\
title: Our register
vasps:
- vasp_id: ex
  name: Example
  source: https://example.org/terms
  names: [Example Ltd, EX]
  lei: 5493001KJTIIGC8Y1R12
  jurisdiction_licensed: MT; EE
  kyc_threshold_usd: 1000
  status: seized
  successor: other
  nested_in: host
  evidence_sha256: E3
  next_review: 2031-01-01
  note: they say <none> & mean it
""".replace("E3", "e3" * 32), "v.yaml").claims  # fmt: skip
    assert (vasp.names, vasp.lei, vasp.jurisdiction_licensed) == (
        "Example Ltd; EX", "5493001KJTIIGC8Y1R12", "MT; EE",
    )  # fmt: skip
    assert (vasp.status, vasp.next_review, vasp.note) == ("seized", "2031-01-01", "they say <none> & mean it")


@pytest.mark.parametrize(("field", "value", "reason"), [
    ("lei", "5493001KJTIIGC8Y1R13", "lei '5493001KJTIIGC8Y1R13': its check digits are wrong"),
    ("lei", "5493001KJTII", "lei '5493001KJTII' is not 18 letters or digits and two check digits"),
    ("kyc_threshold_usd", "much", "kyc_threshold_usd 'much' is not a number of dollars"),
    ("evidence_sha256", "abc", "evidence_sha256 'abc' is not 64 lower-case hex digits"),
    ("status", "gone", "unknown status 'gone'"),
    ("confidence", "sure", "unknown confidence 'sure'"),
    ("tlp", "RED", "unknown tlp 'RED'"),
    ("valid_from", "2030-01-01", "valid_from 2030-01-01 lies in the future"),
    ("name", "<i>E</i>", "name holds HTML"),
])  # fmt: skip
def test_a_field_of_a_register_that_cannot_be_is_named(
    tmp_path: Path, field: str, value: str, reason: str
) -> None:
    row = {"vasp_id": "ex", "name": "E", "source": "s", field: value}
    reading = vasps(tmp_path, f"{','.join(row)}\n{','.join(row.values())}\n")
    ((line, said),) = reasons(reading)
    assert line == 2
    assert said.startswith(reason)
