"""GraphSense's published packs: no row is lost, what is refused is refused for a reason, all of it comes back."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from adapters.addresses import registry
from adapters.intel.export import actorpacks, tagpacks
from adapters.intel.readers import Options, claim_files, read
from tracer.intel import store
from tracer.intel.claims import ClaimKind
from tracer.intel.reading import Reading
from tracer.workspace import Workspace

OPTIONS = Options(parse_address=registry.parse, ticker=registry.chain_of_ticker, today="2026-01-01")

REFUSED = {
    # pieces of Algorand addresses (58 letters), one a line
    ("exchange-wallets-kucoin.yaml", 53): "looks like an address of no chain known to carry USDT",
    ("exchange-wallets-kucoin.yaml", 55): "looks like an address of no chain known to carry USDT",
    ("exchange-wallets-kucoin.yaml", 57): "looks like an address of no chain known to carry USDT",
    ("exchange-wallets-kucoin.yaml", 59): "looks like an address of no chain known to carry USDT",
    ("exchange-wallets-kucoin.yaml", 61): "looks like an address of no chain known to carry USDT",
    ("exchange-wallets-kucoin.yaml", 81): "looks like an address of no chain known to carry USDC",
    ("exchange-wallets-kucoin.yaml", 83): "looks like an address of no chain known to carry USDC",
    ("exchange-wallets-kucoin.yaml", 85): "looks like an address of no chain known to carry USDC",
    ("exchange-wallets-kucoin.yaml", 87): "looks like an address of no chain known to carry USDC",
    ("ofac.yaml", 571): "64 hexadecimal digits are a transaction, payment or key id",
    ("ofac.yaml", 801): "a Monero address has 95 or 106 letters, not 67",
    ("ofac.yaml", 803): "a Monero address has 95 or 106 letters, not 67",
    ("ofac.yaml", 1069): "It is an address of tron",  # said to be BTC
}


@pytest.fixture(scope="module")
def tagpack_readings(realdata: Path) -> list[Reading]:
    files = claim_files([realdata / "intel" / "tagpacks"])
    return [read(path, ("tags", "actors"), OPTIONS) for path in files if path.suffix == ".yaml"]


@pytest.fixture(scope="module")
def actors(realdata: Path) -> Reading:
    return read(realdata / "intel" / "graphsense.actorpack.yaml", ("tags", "actors"), OPTIONS)


def test_each_row_of_each_tagpack_went_in_or_was_refused(tagpack_readings: list[Reading]) -> None:
    assert len(tagpack_readings) == 20
    for reading in tagpack_readings:
        rows = re.findall(
            r"^ *(?:- *)?address:", Path(reading.file).read_text(encoding="utf-8"), re.MULTILINE
        )
        assert (reading.kind, reading.rows) == ("tags", len(rows)), reading.file
    assert sum(reading.rows for reading in tagpack_readings) == 2135


def test_what_is_refused_is_refused_for_a_reason_checked_by_hand(tagpack_readings: list[Reading]) -> None:
    refused = {
        (Path(rejection.file).name, rejection.line): rejection.reason
        for reading in tagpack_readings
        for rejection in reading.rejections
    }
    assert refused.keys() == REFUSED.keys()
    for place, reason in REFUSED.items():
        assert reason in refused[place]


def test_categories_and_concepts_are_those_of_the_packs(tagpack_readings: list[Reading]) -> None:
    tags = pl.concat([reading.frame for reading in tagpack_readings])
    lazarus = tags.filter(pl.col("actor") == "lazarusgroup")
    assert lazarus.height == 27
    assert set(lazarus["category"]) == {"user"}
    assert set(lazarus["concepts"]) == {"sanction"}
    ronin = tags.filter(pl.col("pack") == "Ronin bridge hack")
    assert set(ronin["category"]) == {"service_hack"}
    assert ronin.filter(pl.col("context") != "")["context"].to_list() == [
        '{"description": "original address"}'
    ]


def test_every_actor_went_in(realdata: Path, actors: Reading) -> None:
    text = (realdata / "intel" / "graphsense.actorpack.yaml").read_text(encoding="utf-8")
    assert (actors.kind, actors.frame.height) == ("actors", len(re.findall("^- id:", text, re.MULTILINE)))
    assert (actors.frame.height, actors.rejections) == (3813, ())
    (binance,) = actors.frame.filter(pl.col("id") == "binance").to_dicts()
    assert (binance["label"], binance["lastmod"], binance["source"]) == (
        "Binance", "2023-02-17", "Graphsense Actors",
    )  # fmt: skip


def test_packs_that_go_out_come_back_as_the_same_claims(
    tmp_path: Path, tagpack_readings: list[Reading], actors: Reading
) -> None:
    tags = pl.concat([reading.frame for reading in tagpack_readings])
    packs: tuple[tuple[ClaimKind, pl.DataFrame, dict[str, str]], ...] = (
        ("tags", tags, dict(tagpacks(tags))),
        ("actors", actors.frame, dict(actorpacks(actors.frame))),
    )
    for kind, frame, texts in packs:
        assert texts
        found = []
        for name, text in texts.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
            reading = read(tmp_path / name, (kind,), OPTIONS)
            assert reading.rejections == ()
            found += reading.frame["claim_id"].to_list()
        assert sorted(found) == sorted(frame["claim_id"])


def test_importing_the_packs_twice_changes_nothing(tmp_path: Path, tagpack_readings: list[Reading]) -> None:
    workspace = Workspace(tmp_path)
    first = store.add(workspace, tagpack_readings)
    again = store.add(workspace, list(reversed(tagpack_readings)))
    rows = sum(reading.frame.height for reading in tagpack_readings)
    assert (first.imported + first.unchanged, again.imported, again.unchanged) == (rows, 0, rows)
    assert again.snapshot_id == first.snapshot_id
