"""Which price counts on a day."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracer.errors import UsageError
from tracer.intel.claims import Price, Withdrawal, claim_id
from tracer.intel.frames import frame_of
from tracer.intel.prices import Prices, spread_percent
from tracer.intel.reading import Reading
from tracer.intel.snapshot import Snapshot
from tracer.intel.store import add
from tracer.workspace import Workspace


def said(source: str, *prices: tuple[int, str], currency: str = "USD", asset: str = "BTC") -> list[Price]:
    """Prices of days of January 2020."""
    return [
        Price(asset=asset, currency=currency, day=f"2020-01-{day:02}", price=price, source=source)
        for day, price in prices
    ]


def prices(*rows: list[Price], currency: str = "USD", source: str | None = None) -> Prices:
    return Prices(frame_of("prices", [price for some in rows for price in some]), currency, source)


def used(found: Prices, day: int) -> tuple[str, str] | None:
    quote = found.at("BTC", f"2020-01-{day:02}")
    return (quote.price, quote.source) if quote else None


def test_a_day_has_its_own_price_or_none() -> None:
    found = prices(said("a", (1, "7200"), (3, "7300")))
    assert [used(found, day) for day in (1, 2, 3, 4)] == [("7200", "a"), None, ("7300", "a"), None]


def test_the_source_with_the_most_days_is_used_and_the_next_where_it_has_none() -> None:
    found = prices(said("short", (2, "2"), (4, "4")), said("long", (1, "10"), (2, "20"), (3, "30")))
    assert [used(found, day) for day in (1, 2, 3, 4)] == [
        ("10", "long"), ("20", "long"), ("30", "long"), ("4", "short"),
    ]  # fmt: skip


def test_sources_of_equal_length_rank_by_name() -> None:
    assert used(prices(said("b", (1, "1")), said("a", (1, "2"))), 1) == ("2", "a")


def test_a_named_source_is_used_alone() -> None:
    found = prices(said("long", (1, "10"), (2, "20")), said("short", (2, "2")), source="short")
    assert [used(found, day) for day in (1, 2)] == [None, ("2", "short")]


def test_a_named_source_that_has_nothing_is_an_error_that_names_those_there_are() -> None:
    with pytest.raises(UsageError, match="no price of BTC in USD by 'c' is loaded") as error:
        prices(said("a", (1, "1")), said("b", (1, "1")), source="c").at("BTC", "2020-01-01")
    assert error.value.hint == "Loaded are: a; b."


def test_currencies_and_assets_are_never_mixed() -> None:
    rows = [
        *said("a", (1, "6500"), currency="EUR"),
        *said("a", (1, "130"), asset="ETH"),
        *said("a", (1, "7200")),
    ]
    assert used(prices(rows, currency="EUR"), 1) == ("6500", "a")
    assert used(prices(rows), 1) == ("7200", "a")
    assert used(prices(rows, currency="GBP"), 1) is None


def test_a_source_that_says_two_things_of_a_day_is_not_used_for_it() -> None:
    rows = said("long", (1, "10"), (1, "11"), (2, "20"), (3, "30"))
    assert used(prices(rows), 1) is None
    assert used(prices(rows, said("short", (1, "10.5"))), 1) == ("10.5", "short")
    (source,) = prices(rows).sources("BTC")
    assert (source.days, source.contradictions, source.gaps) == (
        2,
        ("2020-01-01",),
        (("2020-01-01", "2020-01-01"),),
    )


def test_one_number_written_twice_is_one_price() -> None:
    assert used(prices(said("a", (1, "8.50"), (1, "08.5"), (1, "8.5"))), 1) == ("8.5", "a")
    assert used(prices(said("a", (1, "100"), (1, "1"))), 1) is None


def test_the_answer_does_not_depend_on_the_order_of_claims() -> None:
    rows = [*said("b", (1, "1"), (2, "2")), *said("a", (1, "3"), (2, "4")), *said("c", (3, "5"))]
    there, back = prices(rows), prices(rows[::-1])
    assert [used(there, day) for day in (1, 2, 3)] == [used(back, day) for day in (1, 2, 3)]
    assert there.sources("BTC") == back.sources("BTC")


def test_the_extent_of_a_source() -> None:
    (source,) = prices(said("a", (2, "1"), (3, "1"), (6, "1"), (8, "1"))).sources("BTC")
    assert (source.first, source.last, source.days) == ("2020-01-02", "2020-01-08", 4)
    assert source.gaps == (("2020-01-04", "2020-01-05"), ("2020-01-07", "2020-01-07"))


def test_a_withdrawn_price_is_none(tmp_path: Path) -> None:
    wrong, right = said("a", (1, "1000000"), (2, "7200"))
    workspace = Workspace(tmp_path)
    add(workspace, [Reading.of("prices", [wrong, right])])
    back = Withdrawal(claim=claim_id(wrong), source="analyst", withdrawn_at="2024-01-01")
    add(workspace, [Reading.of("withdrawals", [back])])
    found = Prices(Snapshot.open(workspace).claims("prices"))
    assert [used(found, day) for day in (1, 2)] == [None, ("7200", "a")]


@pytest.mark.parametrize(
    ("given", "percent"),
    [(["100"], None), (["100", "101.6"], "1.60"), (["200", "199", "201.0"], "1.01"), (["5", "5.00"], "0.00")],
)
def test_the_spread_between_sources(given: list[str], percent: str | None) -> None:
    """(201 - 199) / 199 is 1.00502...%, which rounds to 1.01."""
    assert spread_percent(given) == percent
