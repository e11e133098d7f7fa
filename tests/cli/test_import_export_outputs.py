"""`tracer import` and `tracer export` of chains of outputs, as a user runs them."""

from pathlib import Path

import polars as pl

from tests.adapters.files.etl import exported, written
from tests.cli.running import tracer
from tests.rawblocks import shop_chain

CHAIN = ("--chain", "bitcoin-regtest")
SHOP = exported(shop_chain().blocks)


def test_import_export_and_import_again(tmp_path: Path) -> None:
    workspace, files = tmp_path / "w", written(tmp_path / "etl", SHOP)
    first = tracer(workspace, "import", *files, *CHAIN, "--json")
    assert (first.code, first.err.count("warning: "), first.err.count("\n")) == (0, 1, 1)
    assert "warning: witnesses are not in such files" in first.err
    document = first.document
    assert (document["schema"], document["chain"], document["files"]) == (
        "tracer.import/1",
        "bitcoin-regtest",
        2,
    )
    assert (document["rows"], document["imported"], document["unchanged"]) == (36, 36, 0)
    assert document["kinds"]["transactions"] == {"rows": 23, "imported": 23}

    again = tracer(workspace, "import", *files, *CHAIN, "--json").document
    assert (again["imported"], again["unchanged"], again["blocks"], again["tip"]) == (0, 36, 0, 12)
    assert not list((workspace / "cache").glob("import-*"))

    out = tmp_path / "out"
    done = tracer(workspace, "export", "bitcoin-regtest", "--out", out, "--from", "2", "--json")
    assert (done.code, done.document["blocks"]) == (0, {"from": 2, "to": 12, "count": 11})
    assert sorted(path.name for path in out.iterdir()) == [
        "README.md",
        "blocks.parquet",
        "transactions.parquet",
    ]
    assert "bitcoin-etl 1.5.2" in (out / "README.md").read_text()
    assert pl.read_parquet(out / "transactions.parquet").height == 21

    back = tracer(tmp_path / "v", "import", out, *CHAIN)
    assert back.code == 0
    assert "11 blocks with 21 transactions loaded from 2 file(s), tip at height 12" in back.out
    assert "transactions are as the files state them" in back.err


def test_what_cannot_be_ends_in_one_line(tmp_path: Path) -> None:
    good = written(tmp_path / "etl", SHOP)
    tracer(tmp_path / "w", "import", *good).refused(2, "bitcoin-regtest or bitcoin-cash-regtest", "--chain")
    tracer(tmp_path / "w", "import", *good, "--chain", "dash").refused(2, "dash")
    tracer(tmp_path / "w", "import", *good, "--chain", "litecoin").refused(4, "is no address of litecoin")

    def more(row: dict[str, int]) -> None:
        row["output_value"] += 1

    bad = written(tmp_path / "bad", SHOP.edited(9, more))
    tracer(tmp_path / "w", "import", *bad, *CHAIN).refused(
        4, "transactions.json", "output_value", "block 9", "Blocks up to height 8 are kept"
    )
    done = tracer(tmp_path / "w", "import", *good, *CHAIN)
    assert "4 blocks with 8 transactions loaded" in done.out
