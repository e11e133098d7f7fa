"""The daily prices of the shared data: nothing lost, nothing altered, every day there."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest

from adapters.intel.build import Options
from adapters.intel.readers import read
from cli.compose import reading_options
from tracer.intel.prices import Prices
from tracer.intel.snapshot import Snapshot
from tracer.intel.store import add
from tracer.workspace import Workspace


@pytest.fixture
def options() -> Options:
    return reading_options()


def test_the_whole_file_goes_in(realdata: Path, options: Options) -> None:
    """2012-02-24 .. 2024-10-27 without a gap (the data's own README)."""
    reading = read(realdata / "prices" / "BTC-USD.csv", ("prices",), options)
    assert (reading.rows, reading.rejections) == (4_630, ())
    days = sorted(date.fromisoformat(day) for day in reading.frame["day"])
    assert (days[0].isoformat(), days[-1].isoformat()) == ("2012-02-24", "2024-10-27")
    assert (days[-1] - days[0]).days + 1 == len(set(days)) == 4_630


def test_every_price_is_the_close_as_the_file_writes_it(
    realdata: Path, options: Options, tmp_path: Path
) -> None:
    path = realdata / "prices" / "BTC-USD.csv"
    workspace = Workspace(tmp_path)
    add(workspace, [read(path, ("prices",), options)])
    prices = Prices(Snapshot.open(workspace).claims("prices"))
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            quote = prices.at("BTC", row["Date"])
            assert quote is not None
            assert (quote.price, quote.source) == (row["Close"], "prices/BTC-USD.csv")
    assert prices.at("BTC", "2012-02-23") is None
    assert prices.at("BTC", "2024-10-28") is None


def test_ten_thousand_bitcoins_of_the_first_day(realdata: Path, options: Options) -> None:
    """By hand: 10,000 x 5.000865 = 50,008.65."""
    reading = read(realdata / "prices" / "BTC-USD.csv", ("prices",), options)
    quote = Prices(reading.frame).at("BTC", "2012-02-24")
    assert quote is not None
    assert quote.fiat(10_000 * 100_000_000, 8) == {
        "currency": "USD", "value": "50008.65", "date": "2012-02-24", "source": "prices/BTC-USD.csv",
    }  # fmt: skip
