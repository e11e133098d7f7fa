"""What every amount of a trace was worth, and where it says it does not know."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.bitcoin.chains import CHAINS
from tests.scenarios.case import Case, Found, tag, vasp
from tests.scenarios.ledger import DAY, GENESIS_TIME, PlayChain, Tx
from tracer.errors import UsageError
from tracer.flow.worth import Worth
from tracer.intel.claims import Price
from tracer.intel.frames import frame_of
from tracer.intel.prices import Prices
from tracer.intel.reading import Reading
from tracer.intel.store import add

COIN = 100_000_000
BOTH = pytest.mark.parametrize("method", ["fifo", "haircut"])

# the first block is of 2020-09-13
ROWS = [
    Tx("fund", outs=[("ann", 10 * COIN)], day=0),
    Tx("pay", ins=["fund:0"], outs=[("hot", 2 * COIN), ("ann", 8 * COIN)], day=1),
    Tx("more", ins=["pay:1"], outs=[("hot", 3 * COIN), ("pool", 4 * COIN), ("ann", COIN)], day=3),
]
TAGS = [tag("hot", "acme", role="hot"), tag("pool", "bazaar", category="market", role="pool")]
DAILY = {"2020-09-13": "10000", "2020-09-14": "10000.005", "2020-09-15": "1", "2020-09-16": "20000"}


def said(days: dict[str, str], source: str = "daily", currency: str = "USD") -> list[Price]:
    return [Price(asset="BTC", currency=currency, day=d, price=p, source=source) for d, p in days.items()]


def case(folder: Path, *prices: Price, rows: list[Tx] = ROWS) -> Case:
    made = Case(folder, rows, tags=TAGS, vasps=[vasp("acme", "none")])
    add(made.workspace, [Reading.of("prices", prices)])
    return made


def amounts(part: Any) -> Iterator[dict[str, Any]]:
    """Every AMOUNT anywhere in a document."""
    if isinstance(part, dict):
        if "base_units" in part:
            yield part
        for inner in part.values():
            yield from amounts(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from amounts(inner)


def worth(amount: dict[str, Any]) -> tuple[str, str | None] | None:
    return (amount["fiat"]["value"], amount["fiat"]["date"]) if amount["fiat"] else None


def notes(found: Found) -> list[str]:
    return [note for note in found.document["coverage"]["notes"] if note.startswith("no price")]


@BOTH
def test_a_leg_is_worth_its_own_days_price_and_an_endpoint_the_sum_of_its_legs(
    tmp_path: Path, method: str
) -> None:
    doc = case(tmp_path, *said(DAILY)).trace("fund:0", method=method).document
    (endpoint,) = doc["endpoints"]
    assert [worth(leg["amount_traced"]) for leg in endpoint["legs"]] == [
        ("60000.00", "2020-09-16"),
        ("20000.01", "2020-09-14"),
    ]
    assert endpoint["amount"]["fiat"] == {
        "currency": "USD", "value": "80000.01", "date": None, "source": "daily",
    }  # fmt: skip
    assert endpoint["legs"][0]["amount_onchain"]["fiat"]["value"] == "60000.00"


@BOTH
def test_stops_and_what_rests_are_worth_the_day_they_came_there(tmp_path: Path, method: str) -> None:
    doc = case(tmp_path, *said(DAILY)).trace("fund:0", method=method).document
    assert [worth(row["amount"]) for row in doc["stops"]] == [("80000.00", "2020-09-16")]
    assert [worth(row["amount"]) for row in doc["unspent"]] == [("20000.00", "2020-09-16")]


@BOTH
def test_what_was_seeded_is_worth_the_day_it_arrived(tmp_path: Path, method: str) -> None:
    """ann received 10 on the first day, and her own change of 8 and 1 later."""
    summary = case(tmp_path, *said(DAILY)).trace("ann", method=method).document["seed_summary"]
    assert {name: amount and worth(amount) for name, amount in summary.items()} == {
        "gross_received": ("200000.04", None),
        "internal": ("100000.04", None),
        "external_received": ("100000.00", None),
        "left": None,
    }


@BOTH
def test_what_left_an_entity_is_worth_the_day_it_left(tmp_path: Path, method: str) -> None:
    rows = [*ROWS, Tx("out", ins=["more:1"], outs=[("vendor", 4 * COIN)], day=3.2)]
    found = case(tmp_path, *said(DAILY), rows=rows).trace("tag:bazaar pool", method=method)
    assert worth(found.document["seed_summary"]["left"]) == ("80000.00", None)


@BOTH
def test_hidden_endpoints_are_worth_something_too(tmp_path: Path, method: str) -> None:
    other = (
        case(tmp_path, *said(DAILY))
        .trace("fund:0", method=method, exits=("kyc:full",))
        .document["other_endpoints"]
    )
    assert worth(other["amount"]) == ("80000.01", None)
    assert other["unknown_kyc"]["amount"]["fiat"] is None  # nothing of unknown level was hidden


@BOTH
def test_a_mixer_row_of_several_days_is_a_sum(tmp_path: Path, method: str) -> None:
    """ann brings two coins of different days into one JoinMarket round: two outputs, one row."""
    d = 100_000
    coins = {"bob": d + 30_000, "cid": d + 700}
    rows = [
        Tx("first", outs=[("ann", d)], day=0),
        Tx("second", outs=[("ann", 5_000)], day=1),
        *(Tx(f"fund_{p}", outs=[(p, sat)], day=2) for p, sat in coins.items()),
        Tx(
            "mix",
            ins=["first:0", "second:0", *(f"fund_{p}:0" for p in coins)],
            outs=[*((f"new_{i}", d) for i in range(3)), ("ann_change", 4_000), ("bob_change", 30_500)],
            day=3,
        ),
    ]
    found = case(tmp_path, *said(DAILY), rows=rows).trace("ann", method=method)
    if found.stops != [("mixer", "ann", "mix", d + 5_000)]:
        pytest.fail(f"the mix was not recognised: {found.stops}")
    assert worth(found.document["stops"][0]["amount"]) == ("10.50", None)


@BOTH
def test_without_prices_every_fiat_is_null(tmp_path: Path, method: str) -> None:
    found = case(tmp_path).trace("ann", method=method)
    assert all(amount["fiat"] is None for amount in amounts(found.document))
    assert not notes(found)


@BOTH
def test_a_day_without_a_price_is_null_and_so_is_every_sum_that_holds_it(tmp_path: Path, method: str) -> None:
    gap = {day: price for day, price in DAILY.items() if day != "2020-09-14"}
    found = case(tmp_path, *said(gap)).trace("fund:0", method=method)
    (endpoint,) = found.document["endpoints"]
    assert [worth(leg["amount_traced"]) for leg in endpoint["legs"]] == [("60000.00", "2020-09-16"), None]
    assert endpoint["amount"]["fiat"] is None
    assert notes(found) == [
        "no price of BTC in USD on 1 of 3 days (2020-09-14 to 2020-09-14): amounts of those days, and sums that "
        "hold one, have no fiat value"
    ]


@BOTH
def test_a_currency_that_no_source_has_is_said(tmp_path: Path, method: str) -> None:
    found = case(tmp_path, *said(DAILY)).trace("fund:0", method=method, currency="EUR")
    assert all(amount["fiat"] is None for amount in amounts(found.document))
    assert notes(found) == ["no price of BTC in EUR is loaded: amounts have no fiat value"]


@BOTH
def test_a_sum_over_two_sources_names_both(tmp_path: Path, method: str) -> None:
    short = said({"2020-09-16": "30000"}, "short")
    long = said({day: price for day, price in DAILY.items() if day != "2020-09-16"}, "long")
    doc = case(tmp_path, *long, *short).trace("fund:0", method=method).document
    assert doc["endpoints"][0]["amount"]["fiat"] == {
        "currency": "USD", "value": "110000.01", "date": None, "source": "long; short",
    }  # fmt: skip


@BOTH
def test_currency_and_source_can_be_chosen_and_stand_among_the_parameters(
    tmp_path: Path, method: str
) -> None:
    yen = dict.fromkeys(DAILY, "1000000.5")
    held = case(tmp_path, *said(yen, "tokyo", "JPY"), *said(yen | {"2020-09-12": "1"}, "osaka", "JPY"))
    doc = held.trace("fund:0", method=method, currency="JPY", price_source="tokyo").document
    assert (doc["parameters"]["currency"], doc["parameters"]["price_source"]) == ("JPY", "tokyo")
    assert doc["unspent"][0]["amount"]["fiat"] == {
        "currency": "JPY", "value": "1000001", "date": "2020-09-16", "source": "tokyo",
    }  # fmt: skip
    plain = held.trace("fund:0", method=method).document["parameters"]
    assert (plain["currency"], plain["price_source"]) == ("USD", None)


def test_a_source_that_has_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no price of BTC in USD by 'coindesk' is loaded"):
        case(tmp_path, *said(DAILY)).trace("fund:0", method="fifo", price_source="coindesk")


def test_a_currency_is_a_code(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'dollar' is no currency code"):
        case(tmp_path).trace("fund:0", method="fifo", currency="dollar")


@pytest.mark.parametrize("name", ["bitcoin-testnet", "bitcoin-testnet4", "bitcoin-signet"])
def test_a_test_coin_is_worth_nothing_that_anybody_knows(name: str) -> None:
    worthless = Worth(CHAINS[name], Prices(frame_of("prices", said(DAILY))))
    assert worthless.on(COIN, 18_521)["fiat"] is None
    assert worthless.notes([18_521]) == []


@pytest.mark.parametrize("name", ["bitcoin", "bitcoin-regtest"])
def test_a_coin_of_a_real_or_simulated_network_has_a_price(name: str) -> None:
    assert worth(dict(Worth(CHAINS[name], Prices(frame_of("prices", said(DAILY)))).on(COIN, 18_521))) == (
        "20000.00",
        "2020-09-16",
    )


def test_the_day_is_the_utc_day_of_the_block(tmp_path: Path) -> None:
    """Blocks at 23:59:59 and at 00:00:00: the first is of 2020-09-13, the second of 2020-09-14."""
    midnight = Fraction(18_519 * DAY - GENESIS_TIME, DAY)
    rows = [
        Tx("late", outs=[("ann", COIN)], day=float(midnight - Fraction(1, DAY))),
        Tx("early", outs=[("bob", COIN)], day=float(midnight)),
    ]
    doc = case(tmp_path, *said(DAILY), rows=rows).trace("late:0", "early:0", method="fifo").document
    assert {row["amount"]["fiat"]["date"] for row in doc["unspent"]} == {"2020-09-13", "2020-09-14"}


@given(
    st.dictionaries(st.integers(0, 40_000), st.integers(1, 10**15), min_size=1, max_size=6),
    st.from_regex(r"[1-9][0-9]{0,5}\.[0-9]{1,8}", fullmatch=True),
)
def test_a_sum_over_days_lies_within_half_a_cent_a_day_of_the_truth(days: dict[int, int], price: str) -> None:
    iso = {day: (date(1970, 1, 1) + timedelta(day)).isoformat() for day in days}
    frame = frame_of("prices", said(dict.fromkeys(iso.values(), price)))
    total = Worth(PlayChain(), Prices(frame)).over(days)
    truth = Fraction(sum(days.values()), COIN) * Fraction(price)
    assert total["fiat"] is not None
    assert abs(Fraction(total["fiat"]["value"]) - truth) <= Fraction(len(days), 200)
    assert int(total["base_units"]) == sum(days.values())
