"""`tracer prices`, and prices where other verbs show them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.claims_cli import Tracer
from tests.cli.test_trace import ROWS, SEED, Ran, trace
from tests.scenarios.case import Case, tag, vasp

LONG = "Date,Close\n2020-09-12,10000\n2020-09-13,10400.5\n2020-09-15,10700\n"
SHORT = "date,price,source\n2020-09-13,10300,market\n2020-09-14,10650,market\n"


@pytest.fixture
def tracer(tmp_path: Path) -> Tracer:
    return Tracer(tmp_path)


@pytest.fixture
def loaded(tracer: Tracer) -> Tracer:
    imported = tracer("prices", "import", tracer.file("BTC-USD.csv", LONG), "--source", "long")
    assert imported.code == 0
    assert (
        tracer("prices", "import", tracer.file("x.csv", SHORT), "--asset", "BTC", "--currency", "USD").code
        == 0
    )
    return tracer


def test_an_import_says_what_went_in_and_what_did_not(tracer: Tracer) -> None:
    path = tracer.file(
        "BTC-USD.csv", "Date,Close\n2020-01-01,7200\n2020-01-02,0\n2999-01-01,9\n2020-02-30,9\n"
    )
    said = tracer("prices", "import", path, "--json")
    assert said.code == 4
    assert (said.json["rows"], said.json["imported"], said.json["rejected"]) == (4, 1, 3)
    assert [bad["line"] for bad in said.json["rejections"]] == [3, 4, 5]
    assert "BTC-USD.csv:3: price is zero" in said.err


def test_strict_takes_nothing_of_a_file_with_a_bad_row(tracer: Tracer) -> None:
    path = tracer.file("BTC-USD.csv", "Date,Close\n2020-01-01,7200\n2020-01-02,0\n")
    said = tracer("prices", "import", path, "--strict", "--json")
    assert (said.code, said.json["imported"], said.json["rejected"]) == (4, 0, 2)


def test_importing_a_file_again_changes_nothing(loaded: Tracer) -> None:
    again = loaded("prices", "import", loaded.file("BTC-USD.csv", LONG), "--source", "long", "--json").json
    assert (again["imported"], again["unchanged"]) == (0, 3)


def test_a_price_file_is_no_tag_file_and_the_other_way_round(tracer: Tracer) -> None:
    assert "tracer prices import" in tracer("tags", "import", tracer.file("BTC-USD.csv", LONG)).err
    tags = tracer.file("tags.csv", "chain,address,label,category,source\n")
    assert "tracer tags import" in tracer("prices", "import", tags).err


def test_status_counts_prices(loaded: Tracer) -> None:
    assert loaded("status", "--json").json["intel"]["prices"] == 5
    assert "5 prices" in loaded("status").out


def test_a_day_shows_every_source_the_used_one_marked_and_their_spread(loaded: Tracer) -> None:
    document = loaded("prices", "show", "btc", "2020-09-13", "--json").json
    assert list(document) == ["schema", "intel_snapshot", "query", "sources", "days"]
    assert document["schema"] == "tracer.prices/1"
    for row in document["days"][0]["prices"]:
        assert len(row.pop("claim")) == 64
    assert document["days"] == [
        {
            "day": "2020-09-13",
            "prices": [
                {"source": "long", "price": "10400.5", "used": True, "contradictory": False},
                {"source": "market", "price": "10300", "used": False, "contradictory": False},
            ],
            "spread_percent": "0.98",
        }
    ]


def test_a_range_shows_every_day_also_those_without_a_price(loaded: Tracer) -> None:
    document = loaded("prices", "show", "BTC", "--from", "2020-09-13", "--to", "2020-09-16", "--json").json
    used = [[row["source"] for row in day["prices"] if row["used"]] for day in document["days"]]
    assert used == [["long"], ["market"], ["long"], []]


def test_a_named_source_is_the_only_one_marked(loaded: Tracer) -> None:
    document = loaded(
        "prices", "show", "BTC", "--price-source", "market", "--from", "2020-09-13", "--json"
    ).json
    used = [[row["source"] for row in day["prices"] if row["used"]] for day in document["days"]]
    assert used == [["market"], ["market"], []]


def test_without_a_day_the_extent_of_each_source_is_shown(loaded: Tracer) -> None:
    document = loaded("prices", "show", "BTC", "--json").json
    assert document["days"] == []
    assert document["sources"][0] == {
        "source": "long", "first": "2020-09-12", "last": "2020-09-15", "days": 3,
        "missing": [["2020-09-14", "2020-09-14"]], "contradictory": [],
    }  # fmt: skip
    assert "2020-09-14" in loaded("prices", "show", "BTC").out


def test_two_prices_of_one_source_for_one_day_are_shown_and_not_used(loaded: Tracer) -> None:
    late = loaded.file("late.csv", "date,price,asset,currency,source\n2020-09-12,10001,BTC,USD,long\n")
    loaded("prices", "import", late)
    (day,) = loaded("prices", "show", "BTC", "2020-09-12", "--json").json["days"]
    assert [(row["price"], row["used"], row["contradictory"]) for row in day["prices"]] == [
        ("10000", False, True),
        ("10001", False, True),
    ]
    assert day["spread_percent"] is None
    assert "contradicts itself" in loaded("prices", "show", "BTC", "2020-09-12").out


def test_no_price_is_said_and_is_not_zero(loaded: Tracer) -> None:
    assert "No price of ETH in USD is loaded" in loaded("prices", "show", "ETH").out
    assert "no source has this day" in loaded("prices", "show", "BTC", "2020-09-20").out


def test_a_former_snapshot_shows_what_stood_then(loaded: Tracer) -> None:
    then = loaded("prices", "show", "BTC", "--json")
    more = loaded.file("more.csv", "date,price,asset,currency\n2020-09-20,11000,BTC,USD\n")
    loaded("prices", "import", more)
    now = loaded("prices", "show", "BTC", "--json")
    again = loaded("prices", "show", "BTC", "--intel", then.json["intel_snapshot"], "--json")
    assert again.out == then.out != now.out


@pytest.mark.parametrize(
    "asked",
    [
        ("BTC", "yesterday"),
        ("BTC", "2020-09-13", "--from", "2020-09-12"),
        ("BTC", "--from", "2020-09-14", "--to", "2020-09-13"),
        ("BTC", "--from", "0001-01-01"),
        ("BTC", "--currency", "dollars"),
        ("BTC", "--price-source", "nobody"),
    ],
)
def test_what_cannot_be_asked_is_a_usage_error(loaded: Tracer, asked: tuple[str, ...]) -> None:
    assert loaded("prices", "show", *asked).code == 2


@pytest.fixture
def case(tmp_path: Path) -> Path:
    Case(
        tmp_path,
        ROWS,
        tags=[tag("hot", "acme", role="hot"), tag("pool", "bazaar", category="market", role="pool")],
        vasps=[vasp("acme", "none")],
    )
    return tmp_path


def test_a_trace_shows_what_money_was_worth_and_by_whom(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = case / "BTC-USD.csv"
    path.write_text(LONG, encoding="utf-8")
    assert Ran(case, capsys, "prices", "import", str(path), "--source", "a market").code == 0
    text = trace(case, capsys, SEED).out
    assert "6240.30 USD" in text  # 0.6 BTC to the hot wallet
    assert "3120.15 USD" in text  # 0.3 BTC to the deposit address
    assert "9360.45 USD" in text  # together
    assert "Values in USD are the price of the UTC day of each payment by a market" in text


def test_a_trace_without_prices_shows_no_money_at_all(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "USD" not in trace(case, capsys, SEED).out


def test_currency_and_source_of_a_trace_can_be_chosen(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = case / "prices.csv"
    path.write_text("date,price,asset,currency,source\n2020-09-13,1000000,BTC,JPY,tokyo\n", encoding="utf-8")
    Ran(case, capsys, "prices", "import", str(path))
    asked = (SEED, "--method", "fifo", "--currency", "jpy", "--price-source", "tokyo", "--json")
    document = trace(case, capsys, *asked).json
    assert document["endpoints"][0]["amount"]["fiat"] == {
        "currency": "JPY", "value": "900000", "date": None, "source": "tokyo",
    }  # fmt: skip
    assert trace(case, capsys, SEED, "--price-source", "osaka").code == 2
