"""`tracer import` and `tracer export` as a user runs them."""

from pathlib import Path

from tests.adapters.files.exported import ETL, cryo, edited, etl
from tests.cli.running import tracer

CHAIN = ("--chain", "evm-31337")


def test_import_status_export_and_import_again(tmp_path: Path) -> None:
    workspace = tmp_path / "w"
    first = tracer(workspace, "import", *etl(), *CHAIN, "--json")
    assert (first.code, first.err) == (0, "")
    document = first.document
    assert list(document)[:11] == [
        "schema", "kind", "chain", "caip2", "files", "rows", "imported", "unchanged", "rejected", "rejections",
        "intel_snapshot",
    ]  # fmt: skip
    assert (document["schema"], document["kind"]) == ("tracer.import/1", "facts")
    assert (document["chain"], document["caip2"]) == ("evm-31337", "eip155:31337")
    assert (document["files"], document["rows"], document["imported"], document["unchanged"]) == (
        6,
        120,
        120,
        0,
    )
    assert document["kinds"]["logs"] == {"rows": 11, "imported": 11}

    again = tracer(workspace, "import", *etl(), *CHAIN, "--json").document
    assert (again["imported"], again["unchanged"], again["blocks"], again["tip"]) == (0, 120, 0, 11)
    assert not list((workspace / "cache").glob("import-*"))

    chain = tracer(workspace, "status", "--json").document["chains"][0]
    assert (chain["chain"], chain["txs"], chain["untraced"]) == ("evm-31337", 26, [])

    out = tmp_path / "out"
    written = tracer(workspace, "export", "evm-31337", "--out", out, "--json")
    assert written.code == 0
    assert written.document["blocks"] == {"from": 0, "to": 11, "count": 12}
    assert sorted(path.name for path in out.iterdir()) == sorted(
        ["README.md", *(f"{name}.parquet" for name in ETL)]
    )
    told = (out / "README.md").read_text()
    assert all(word in told for word in ("token_type", "(mint)", "Approvals"))
    back = tracer(tmp_path / "v", "import", out, *CHAIN)
    assert "12 blocks with 26 transactions loaded from 6 file(s)" in back.out
    assert "warning: they are files of `tracer export`: approvals" in back.err


def test_the_chain_is_named_by_cryo_and_by_nobody_else(tmp_path: Path) -> None:
    workspace = tmp_path / "w"
    tracer(workspace, "import", *etl()).refused(2, "do not say which chain", "--chain")
    ran = tracer(workspace, "import", *cryo(tmp_path / "c"))
    assert "evm-31337: 12 blocks with 26 transactions" in ran.out
    assert "warning: the files do not say what stake was returned" in ran.err


def test_what_cannot_be_ends_in_one_line(tmp_path: Path) -> None:
    bad = edited(tmp_path, "transactions", lambda row: [{**row, "value": "1e18"}])
    files = [path for path in etl() if path.stem != "transactions"]
    ran = tracer(tmp_path / "w", "import", *files, bad, *CHAIN)
    ran.refused(4, str(bad), "column value", "'1e18'", "Nothing was kept")
    out = tmp_path / "out"
    tracer(tmp_path / "w", "import", *etl(), "--chain", "bitcoin").refused(2, "bitcoin is none")
    tracer(tmp_path / "w", "export", "tron", "--out", out).refused(2, "tron cannot be exported")
    tracer(tmp_path / "w", "export", "ethereum", "--out", out).refused(2, "nothing of ethereum was read")
    assert not out.exists()
