"""`tracer screen --file`: every row answered in order, bad ones named, killed and gone on without loss or double."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.forking import Started
from tests.cli.running import Ran, tracer
from tests.cli.test_screen import address, log, records, screen, txid, workspace
from tests.conftest import scaled

__all__ = ["workspace"]

WHEN = "2020-10-01T00:00:00Z"
TABLE = f"""address,txid,vout,chain,amount,direction,customer_reference
{address("carl")},,,,,,c-1
{address("dave")},,,,,,c-2
{address("dave")[:-1]}x,,,,,,c-3
,{txid("pass")},0,,,inbound,c-4
{address("gone")},,,bitcoin-regtest,0.5,withdrawal,c-5
{address("carl")},,,nochain,,,c-6
{address("nobody")},,,,,,"c-7
8"
,{"ab" * 32},,,,,c-9
{address("carl")},,
1BoatSLRHtKNngkdXEeobR76b53LETtpyT,,,bitcoin,,,c-11
"""
ANSWERS = ["clear", "review", None, "review", "block", None, "unknown", None, None, "unknown"]
LINES = [2, 3, 4, 5, 6, 7, 8, 10, 11, 12]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("table") / "list.csv"
    path.write_text(TABLE)
    return path


def stream(ran: Ran | str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The lines and the summary."""
    lines = [json.loads(line) for line in (ran if isinstance(ran, str) else ran.out).splitlines()]
    return lines[:-1], lines[-1]


def batch(workspace: Path, *arguments: str | Path) -> Ran:
    return screen(workspace, "--evaluated-at", WHEN, "--json", *arguments)


def test_every_row_is_answered_in_order_and_bad_ones_by_line(workspace: Path, table: Path) -> None:
    ran = batch(workspace, "--file", table)
    lines, summary = stream(ran)
    assert (ran.code, ran.err) == (4, "")
    assert [line.get("verdict") for line in lines] == ANSWERS
    assert [line["batch"]["line"] for line in lines] == LINES
    assert [line["batch"]["row"] for line in lines] == list(range(1, 11))
    assert [line["subject"]["customer_reference"] for line in lines if "subject" in line] == [
        "c-1", "c-2", "c-4", "c-5", "c-7 8", "c-11",
    ]  # fmt: skip
    assert [line["schema"] for line in lines if "reason" in line] == ["tracer.screening_rejected/1"] * 4
    assert [(row["line"], row["reason"].split(".")[0]) for row in summary["rejections"]] == [
        (4, f"'{address('dave')[:-1]}x' is no address: its checksum is wrong"),
        (7, "there is no chain 'nochain'"),
        (10, f"transaction {'ab' * 32} may pay several people: which payment is meant? Write {'ab' * 32}:VOUT or "
             f"{'ab' * 32}@ADDRESS"),
        (11, "3 cells where the header has 7"),
    ]  # fmt: skip


def test_secrets_and_marks_of_terminals_are_never_repeated(workspace: Path, tmp_path: Path) -> None:
    key = "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ"
    table = tmp_path / "x.csv"
    table.write_text(
        f"address,customer_reference,chain\n{address('carl')},{key},\n{key},c-2,\nx,\x1b[31mred,\nx,{'r' * 999},\n"
        f"x,c-5,{key}\n=cmd|' /C calc'!A0,=1+1,\n"
    )
    ran = batch(workspace, "--file", table)
    lines, _ = stream(ran)
    assert [line["customer_reference"] for line in lines] == [None, "c-2", "[31mred", None, "c-5", "=1+1"]
    plain = screen(workspace, "--evaluated-at", WHEN, "--file", table)
    assert (ran.code, plain.code) == (4, 4)
    assert key not in ran.out + ran.err + plain.out + plain.err
    assert "\x1b" not in plain.out


def test_the_summary_counts_and_names_the_input(workspace: Path, table: Path) -> None:
    ran = batch(workspace, "--file", table)
    lines, summary = stream(ran)
    assert list(summary) == [
        "schema", "intel_snapshot", "rules", "engine", "evaluated_at", "policy", "as_of", "input", "first_row", "rows",
        "answered", "counts", "rejected", "rejections", "output_sha256", "cursor",
    ]  # fmt: skip
    assert (summary["schema"], summary["counts"], summary["rejected"]) == (
        "tracer.screening_batch/1", {"block": 1, "review": 2, "unknown": 2, "clear": 1}, 4,
    )  # fmt: skip
    assert summary["input"] == {"sha256": hashlib.sha256(table.read_bytes()).hexdigest(), "rows": 10}
    assert summary["cursor"] == lines[-1]["batch"]["cursor"]
    printed = "".join(line + "\n" for line in ran.out.splitlines()[:-1])
    assert summary["output_sha256"] == hashlib.sha256(printed.encode()).hexdigest()
    assert f"subjects sha256:{summary['input']['sha256']}" in json.loads(log(workspace)[-1].inputs)


def test_a_row_is_answered_as_if_it_were_asked_alone(workspace: Path, table: Path) -> None:
    lines, _ = stream(batch(workspace, "--file", table))
    alone = screen(workspace, f"{txid('pass')}:0", "--evaluated-at", WHEN, "--json").document
    asked = {key: value for key, value in lines[3].items() if key not in ("batch", "screening_id")}
    asked["subject"] = asked["subject"] | {"customer_reference": None}
    assert asked == {key: value for key, value in alone.items() if key != "screening_id"}


def test_records_are_kept_once(workspace: Path, table: Path) -> None:
    batch(workspace, "--file", table)
    before = records(workspace)
    assert batch(workspace, "--file", table).code == 4
    assert records(workspace) == before


@pytest.mark.parametrize(
    ("words", "code"), [([], 4), (["--fail-on", "review,block"], 20), (["--fail-on", "unknown"], 11)]
)
def test_verdicts_are_exit_codes_only_where_asked(
    workspace: Path, table: Path, words: list[str], code: int
) -> None:
    assert batch(workspace, "--file", table, *words).code == code


def test_a_table_without_bad_rows_exits_0_whatever_its_verdicts(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "x").write_text(f"{address('gone')}\n{address('carl')}\n")
    ran = batch(workspace, "--file", tmp_path / "x")
    assert (ran.code, stream(ran)[1]["counts"]["block"]) == (0, 1)


def test_parquet_and_a_pipe_say_the_same(workspace: Path, table: Path, tmp_path: Path) -> None:
    good = TABLE.splitlines()[:3]
    (tmp_path / "a.csv").write_text("\n".join(good) + "\n")
    columns = {"address": [address("carl"), address("dave")], "customer_reference": ["c-1", "c-2"]}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    answers = [
        [line["screening_id"] for line in stream(batch(workspace, "--file", tmp_path / name))[0]]
        for name in ("a.csv", "a.parquet")
    ]
    piped = subprocess.run(
        [*command(workspace), "--file", "-"], input="\n".join(good), capture_output=True, text=True, check=True,
        env=environment(workspace),
    )  # fmt: skip
    answers.append([line["screening_id"] for line in stream(piped.stdout)[0]])
    assert answers[0] == answers[1] == answers[2]
    assert stream(piped.stdout)[1]["input"]["sha256"] == hashlib.sha256("\n".join(good).encode()).hexdigest()


def test_people_read_one_line_for_each_row(workspace: Path, table: Path) -> None:
    ran = screen(workspace, "--evaluated-at", WHEN, "--file", table)
    said = ran.out.splitlines()
    assert said[0] == f"line 2: clear, risk low  address bitcoin-regtest:{address('carl')}"
    assert said[2].startswith("line 4: rejected: ")
    assert "6 subjects answered: 1 block, 2 review, 2 unknown, 1 clear" in said
    front = screen(workspace, "--evaluated-at", WHEN, "--file", table, "--front-office").out.splitlines()
    assert front[1].startswith("line 3: review  case ")
    assert "market" not in "\n".join(front)


def test_other_products_shapes_stream_too(workspace: Path, table: Path) -> None:
    lines, summary = stream(batch(workspace, "--file", table, "--compat", "elliptic"))
    assert [line["tracer"]["verdict"] for line in lines if "tracer" in line] == [v for v in ANSWERS if v]
    assert summary["schema"] == "tracer.screening_batch/1"


def command(workspace: Path) -> list[str]:
    return [
        sys.executable, "-m", "cli.main", "screen", "--policy", str(workspace / "ours.yml"), "--evaluated-at", WHEN,
        "--json",
    ]  # fmt: skip


def environment(workspace: Path) -> dict[str, str]:
    return {**os.environ, "TRACER_WORKSPACE": str(workspace), "NO_COLOR": "1"}


def test_a_killed_batch_goes_on_without_loss_or_double(workspace: Path, tmp_path: Path) -> None:
    rows = 1_500
    names = ["carl", "dave", "erin", "gone", "frank", "nobody"]
    table = tmp_path / "long.csv"
    table.write_text(
        "address,reference\n"
        + "".join(
            f"{address(names[n % 6]) if n % 50 else 'nonsense'},c-{n}\n" for n in range(rows)
        )
    )  # fmt: skip
    fresh = int(time.time())  # a cursor expires: this batch is of today
    now = ["--evaluated-at", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(fresh))]
    whole = screen(workspace, *now, "--file", table, "--json")
    assert whole.code == 4
    for _ in range(scaled(1, full=20)):
        out = tmp_path / "out.jsonl"
        out.write_bytes(b"")
        resume: list[str] = []
        kills = 0
        while True:
            with out.open("ab") as file:
                already = out.stat().st_size
                words = [*command(workspace)[3:], *now, "--file", str(table), *resume]
                process = Started(words, environment(workspace), out=file.fileno(), err=subprocess.DEVNULL)
                while kills < 2 and process.poll() is None and out.stat().st_size == already:
                    time.sleep(0.005)
                if kills < 2:
                    process.send_signal(signal.SIGKILL)
                    kills += 1
                if process.wait() == 4:
                    break
            text = out.read_text()
            done = text[: text.rfind("\n") + 1]  # what is not whole was not told
            out.write_text(done)
            resume = ["--resume", json.loads(done.splitlines()[-1])["batch"]["cursor"]] if done else []
        assert out.read_text().splitlines()[:-1] == whole.out.splitlines()[:-1]
        assert kills == 2
        before, after = json.loads(whole.out.splitlines()[-1]), json.loads(out.read_text().splitlines()[-1])
        assert (after["input"], after["cursor"]) == (before["input"], before["cursor"])
        assert after["first_row"] > 1


def test_a_cursor_of_something_else_is_refused(workspace: Path, table: Path, tmp_path: Path) -> None:
    now = ["--evaluated-at", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())]
    lines, _ = stream(screen(workspace, *now, "--json", "--file", table))
    cursor = lines[4]["batch"]["cursor"]
    asked = ["--json", "--file", table, "--resume", cursor]
    went_on = screen(workspace, *asked)
    assert [line["batch"]["row"] for line in stream(went_on)[0]] == [6, 7, 8, 9, 10]
    screen(workspace, *asked, "--own", "acme").refused(2, "another question")
    tracer(workspace, "screen", *asked).refused(2, "another question")  # another policy
    screen(workspace, *asked, "--evaluated-at", "2020-01-01").refused(2, "evaluated at another time")
    screen(workspace, "--json", "--file", table, "--resume", cursor[:-3]).refused(2, "no whole cursor")
    other = tmp_path / "other.csv"
    other.write_text(TABLE.replace("c-2", "c-99"))
    screen(workspace, "--json", "--file", other, "--resume", cursor).refused(2, "another input")
    other.write_text("\n".join(TABLE.splitlines()[:3]) + "\n")
    screen(workspace, "--json", "--file", other, "--resume", cursor).refused(2, "another input")
    old = stream(batch(workspace, "--file", table))[0][2]["batch"]["cursor"]
    screen(workspace, "--json", "--file", table, "--resume", old).refused(2, "expired")
    went_on = batch(workspace, "--file", table, "--resume", old)  # its time was said again
    assert [line["batch"]["row"] for line in stream(went_on)[0]] == list(range(4, 11))


def test_a_reader_that_goes_away_ends_the_batch_quietly(workspace: Path, tmp_path: Path) -> None:
    table = tmp_path / "list"
    table.write_text(f"{address('carl')}\n" * 2_000)
    with subprocess.Popen(
        [*command(workspace), "--file", str(table)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environment(workspace),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert (process.wait(), process.stderr.read()) == (0, b"")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"name,value\nx,y\n", "names a subject"),
        (b"\x89PNG\r\n\x1a\n\0\0", "no text in UTF-8"),
        (b"PAR1 but cut", "is damaged"),
    ],
)
def test_what_is_no_table_is_one_line_and_code_4(
    workspace: Path, tmp_path: Path, content: bytes, words: str
) -> None:
    (tmp_path / "x").write_bytes(content)
    batch(workspace, "--file", tmp_path / "x").refused(4, words)
    batch(workspace, "--file", tmp_path).refused(2, "no plain file")
