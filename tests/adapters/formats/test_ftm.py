"""FollowTheMoney: wallets of OpenSanctions' exports, with who holds them and since when an order names them.

Ids, properties and topics are those of followthemoney's schema; addresses are published ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.addresses import registry
from adapters.intel.formats import ftm
from adapters.intel.found import Found, Unreadable
from adapters.intel.readers import Options, read
from tests.adapters.formats.draining import TODAY, drain, json_values, reasons
from tests.conftest import scaled
from tracer.intel import taxonomy

ETH = "0x098B716B8Aaf21512996dC57EB0615e2383E2f96"
TRON = "TWaertrZdpRJSbLv2G638UL5HCK6sKcZYy"


def entity(name: str, schema: str, /, caption: str = "", **properties: list[Any]) -> dict[str, Any]:
    return {
        "id": name,
        "caption": caption or name,
        "schema": schema,
        "datasets": ["us_ofac_sdn"],
        "last_change": "2023-04-25T10:20:30",
        "properties": properties,
    }


WALLET = entity(
    "ofac-w1", "CryptoWallet", ETH, publicKey=[ETH], currency=["ETH"], holder=["ofac-27307"], topics=["sanction"],
    sourceUrl=["https://sanctionssearch.ofac.treas.gov/Details.aspx?id=27307"], modifiedAt=["2022-04-14"],
)  # fmt: skip
LAZARUS = entity(
    "ofac-27307", "Organization", "Lazarus Group", name=["Lazarus Group"], topics=["sanction", "crime.cyber"]
)
ORDER = entity("ofac-s1", "Sanction", entity=["ofac-27307"], programId=["US-DPRK3"], startDate=["2019-09-13"])


def lines(*entities: dict[str, Any]) -> str:
    return "".join(json.dumps(one) + "\n" for one in entities)


def rows_of(*entities: dict[str, Any]) -> list[dict[str, str]]:
    return [row for _, row in drain(ftm, lines(*entities), "entities.ftm.json")[0]]


def test_a_wallet_is_said_of_its_holder_wherever_that_stands() -> None:
    rows, found = drain(ftm, lines(WALLET, LAZARUS, ORDER), "entities.ftm.json")
    assert rows == [
        (
            1,
            {
                "currency": "ETH",
                "address": ETH,
                "label": "Lazarus Group",
                "category": "sanction",
                "concepts": "abuse",
                "context": "",
                "confidence": "trusted_provider",
                "subject": "ftm:ofac-27307",
                "programme": "US-DPRK3",
                "designated_at": "2019-09-13",
                "valid_to": "",
                "lastmod": "2022-04-14",
                "source": "https://sanctionssearch.ofac.treas.gov/Details.aspx?id=27307",
            },
        )
    ]
    assert (found.about.list, found.about.whole, found.about.entries) == ("us_ofac_sdn", True, 3)
    assert [row for _, row in drain(ftm, lines(ORDER, LAZARUS, WALLET), "x.jsonl")[0]] == [rows[0][1]]


def test_an_array_reads_as_the_lines_do_with_the_lines_of_its_values() -> None:
    text = json.dumps([LAZARUS, WALLET], indent=2)
    ((line, row),), _ = drain(ftm, text, "export.json")
    assert [row] == rows_of(LAZARUS, WALLET)
    assert text.splitlines()[line] == '    "id": "ofac-w1",'


def test_nested_entities_read_as_flat_ones_do() -> None:
    nested = dict(WALLET, properties=dict(WALLET["properties"], holder=[LAZARUS], sanctions=[ORDER]))
    assert rows_of(nested) == rows_of(WALLET, LAZARUS, ORDER)


class TestSeveralHolders:
    """Each answers for itself: a listed one is never lost, and an innocent one never named for the other."""

    bare = entity("w", "CryptoWallet", publicKey=[ETH], currency=["ETH"])
    guilty = entity("p2", "Person", "Second", topics=["sanction"])
    order = entity("s", "Sanction", entity=["p2"], programId=["X"], startDate=["2020-01-01"])
    told = ("label", "subject", "category", "programme", "designated_at")

    def nested(self, wallet: dict[str, Any]) -> list[dict[str, Any]]:
        first = entity("p1", "Person", "First", wallets=[wallet])
        return [
            first,
            dict(self.guilty, properties={"topics": ["sanction"], "wallets": [wallet]}),
            self.order,
        ]

    def flat(self, wallet: dict[str, Any]) -> list[dict[str, Any]]:
        held = dict(wallet, properties=dict(wallet["properties"], holder=["p1", "p2"]))
        return [entity("p1", "Person", "First"), held, self.guilty, self.order]

    def rows(self, *entities: dict[str, Any]) -> list[tuple[str, ...]]:
        return sorted(tuple(row[name] for name in self.told) for row in rows_of(*entities))

    @pytest.mark.parametrize("form", ["nested", "flat"])
    def test_a_wallet_of_two_is_a_row_of_each_with_what_is_said_of_that_one(self, form: str) -> None:
        for order in permutations(getattr(self, form)(self.bare)):
            assert self.rows(*order) == [
                ("First", "ftm:p1", "entity", "", ""),
                ("Second", "ftm:p2", "sanction", "X", "2020-01-01"),
            ]

    @pytest.mark.parametrize("form", ["nested", "flat"])
    def test_what_is_said_of_the_wallet_itself_names_none_of_them(self, form: str) -> None:
        stolen = dict(self.bare, properties=dict(self.bare["properties"], topics=["crime.theft"]))
        for order in permutations(getattr(self, form)(stolen)):
            assert self.rows(*order) == [
                ("First", "ftm:p1", "entity", "", ""),
                ("Second", "ftm:p2", "sanction", "X", "2020-01-01"),
                ("w", "ftm:w", "financial_crime", "", ""),
            ]

    def test_a_wallet_that_each_holder_knows_a_part_of_is_whole(self) -> None:
        other = entity("w", "CryptoWallet", publicKey=[TRON])
        entities = [
            entity("p1", "Person", "First", wallets=[self.bare]),
            entity("p1", "Person", "First", wallets=[other]),
        ]
        for order in permutations(entities):
            assert sorted((row["address"], row["currency"], row["label"]) for row in rows_of(*order)) == [
                (ETH, "ETH", "First"), (TRON, "ETH", "First"),
            ]  # fmt: skip

    def test_what_it_is_nested_in_need_not_hold_it(self) -> None:
        wallet = dict(self.bare, properties=dict(self.bare["properties"], topics=["sanction"]))
        order = entity("s1", "Sanction", programId=["X"], entity=[wallet])
        assert self.rows(order) == [("w", "ftm:w", "sanction", "X", "")]


def test_several_addresses_and_currencies_are_a_row_each() -> None:
    wallet = entity(
        "w", "CryptoWallet", publicKey=[ETH, TRON], currency=["USDT", "ETH"], topics=["crime.fin"]
    )
    rows = rows_of(wallet)
    assert [(row["address"], row["currency"], row["label"]) for row in rows] == [
        (ETH, "USDT", "w"), (ETH, "ETH", "w"), (TRON, "USDT", "w"), (TRON, "ETH", "w"),
    ]  # fmt: skip


class TestCategory:
    @pytest.mark.parametrize(
        ("topics", "category", "concepts", "context"),
        [
            (["crime.terror"], "terrorism", "", ""),
            (["crime.terror", "sanction"], "sanction", "terrorism", ""),
            (["crime.theft", "crime.fin"], "financial_crime", "", ""),
            (["sanction.linked", "poi"], "entity", "", "topics: poi; sanction.linked"),
            (["some.new.topic", "crime.fraud"], "scam", "", "topics: some.new.topic"),
            ([], "entity", "", ""),
        ],
    )
    def test_topics_are_concepts_and_others_are_kept_beside(
        self, topics: list[str], category: str, concepts: str, context: str
    ) -> None:
        (row,) = rows_of(entity("w", "CryptoWallet", publicKey=[ETH], currency=["ETH"], topics=topics))
        assert (row["category"], row["concepts"], row["context"]) == (category, concepts, context)

    def test_a_wallet_has_the_topics_of_its_holder(self) -> None:
        wallet = entity("w", "CryptoWallet", publicKey=[ETH], currency=["ETH"], holder=["ofac-27307"])
        (row,) = rows_of(wallet, LAZARUS)
        assert (row["category"], row["concepts"]) == ("sanction", "abuse")

    def test_a_listed_holder_is_not_lost_behind_what_is_said_of_the_wallet(self) -> None:
        wallet = entity(
            "w", "CryptoWallet", publicKey=[ETH], currency=["ETH"], holder=["ofac-27307"], topics=["poi"]
        )
        (row,) = rows_of(wallet, LAZARUS)
        assert (row["category"], row["context"]) == ("sanction", "topics: poi")

    def test_every_topic_leads_to_a_known_concept(self) -> None:
        assert set(ftm.CATEGORIES.values()) <= taxonomy.load().keys()


class TestOrders:
    """`Sanction` entities: what names the wallet, or else its holder, and for how long."""

    wallet = entity(
        "w", "CryptoWallet", publicKey=[ETH], currency=["ETH"], holder=["h"], topics=["crime.terror"]
    )

    def test_an_order_on_the_wallet_goes_before_those_on_its_holder(self) -> None:
        own = entity(
            "s1", "Sanction", entity=["w"], program=["ASO 9/26"], listingDate=["2026-01-05T00:00:00"]
        )
        of_holder = entity("s2", "Sanction", entity=["h"], program=["OTHER"], startDate=["2001-01-01"])
        (row,) = rows_of(own, of_holder, self.wallet)
        assert (row["programme"], row["designated_at"]) == ("ASO-9/26", "2026-01-05")

    def test_what_every_order_ended_held_until_the_last_end(self) -> None:
        ended = [
            entity(f"s{day}", "Sanction", entity=["w"], startDate=["2021-01-01"], endDate=[day])
            for day in ("2022-01-01", "2023-01-01")
        ]
        assert rows_of(*ended, self.wallet)[0]["valid_to"] == "2023-01-01"
        still = entity("s", "Sanction", entity=["w"], startDate=["2022-06-01"])
        assert rows_of(*ended, still, self.wallet)[0]["valid_to"] == ""

    def test_an_end_that_lies_ahead_has_not_come(self) -> None:
        """The order is in force today; as a day in the future it would even reject the row."""
        orders = [
            entity(f"s{day}", "Sanction", entity=["w"], endDate=[day]) for day in ("2022-01-01", "2026-12-02")
        ]
        assert rows_of(*orders, self.wallet)[0]["valid_to"] == ""
        assert rows_of(orders[0], self.wallet)[0]["valid_to"] == "2022-01-01"
        today = entity("s", "Sanction", entity=["w"], endDate=[TODAY])
        assert rows_of(today, self.wallet)[0]["valid_to"] == TODAY

    def test_an_order_on_the_wallet_that_has_ended_does_not_hide_one_on_its_holder(self) -> None:
        own = entity("s1", "Sanction", entity=["w"], programId=["OLD"], endDate=["2022-01-01"])
        of_holder = entity("s2", "Sanction", entity=["h"], programId=["NEW"], startDate=["2021-01-01"])
        (row,) = rows_of(own, of_holder, self.wallet)
        assert (row["programme"], row["valid_to"]) == ("NEW", "")

    def test_a_part_of_a_date_is_no_day(self) -> None:
        (row,) = rows_of(entity("s", "Sanction", entity=["w"], startDate=["2021", "2021-03"]), self.wallet)
        assert row["designated_at"] == ""


def test_a_sanctioned_address_under_a_wrong_ticker_is_found_where_it_is() -> None:
    """OFAC lists one of Tron as XBT, and what is made from OFAC's files does so, too."""
    misfiled = "TUCsTq7TofTCJRRoHk6RvhMoS2mJLm5Yzq"
    wallet = entity("w", "CryptoWallet", publicKey=[misfiled], currency=["XBT"], topics=["sanction", "poi"])
    (row,) = rows_of(wallet)
    assert (row["chain"], row["address"], "currency" in row) == ("tron", misfiled, False)
    assert row["context"] == "filed under XBT; topics: poi"
    wallet["properties"]["topics"] = ["crime.theft"]
    assert rows_of(wallet)[0]["currency"] == "XBT"


def test_entries_are_all_entities_each_once_however_they_are_written() -> None:
    """By their number the store notices a list that was cut off; another form of it is no cut."""
    flat = drain(ftm, lines(WALLET, LAZARUS, ORDER, LAZARUS), "x.json")[1]
    nested = dict(WALLET, properties=dict(WALLET["properties"], holder=[LAZARUS], sanctions=[ORDER]))
    assert flat.about.entries == drain(ftm, lines(nested), "x.json")[1].about.entries == 3


@pytest.mark.parametrize("datasets", [None, "us_ofac_sdn", ["us_ofac_sdn", None, 1, ["x"]], {"a": 1}, 7])
def test_datasets_that_are_no_list_of_names_name_no_other_list(datasets: Any) -> None:
    rows, found = drain(ftm, lines(dict(WALLET, datasets=datasets)), "x.json")
    assert (len(rows), found.about.list in ("", "us_ofac_sdn")) == (1, True)
    assert ("us_ofac_sdn" in str(datasets)) == found.about.whole


@pytest.mark.parametrize("bad", [5, [TRON], "a\ud800", "T\u202e", {"id": "x"}])
def test_an_address_that_is_no_text_is_rejected_beside_the_others(bad: object) -> None:
    wallet = entity("w", "CryptoWallet", publicKey=[ETH, bad], currency=["ETH"])
    rows, found = drain(ftm, lines(wallet), "x.json")
    assert ([row["address"] for _, row in rows], list(reasons(found))) == ([ETH], [1])


def test_a_file_of_several_datasets_is_no_list_of_its_own() -> None:
    """The name of a collection stands nowhere in it; taking one of its datasets for it would drop the others."""
    other = dict(LAZARUS, datasets=["eu_fsf"])
    about = drain(ftm, lines(WALLET, other), "entities.ftm.json")[1].about
    assert (about.list, about.whole) == ("", False)


@pytest.mark.parametrize(
    ("wallet", "why"),
    [
        (entity("w", "CryptoWallet", currency=["ETH"], accountId=["1"]), "wallet w names no address"),
        (entity("w", "CryptoWallet", publicKey=[ETH]), "wallet w names no currency"),
        ({"id": "w", "schema": "CryptoWallet"}, "no FollowTheMoney entity"),
        ("text", "no FollowTheMoney entity"),
    ],
)
def test_what_gives_no_row_is_rejected(wallet: dict[str, Any], why: str) -> None:
    rows, found = drain(ftm, lines(LAZARUS, wallet), "entities.ftm.json")
    assert rows == []
    assert why in reasons(found)[2]


@pytest.mark.parametrize("bad", ['{"id": ', "[" * 100_000, "9" * 5_000, "nothing"])
def test_a_line_that_is_no_json_takes_no_other_with_it(bad: str) -> None:
    rows, found = drain(ftm, lines(LAZARUS) + bad + "\n\n" + lines(WALLET), "entities.ftm.json")
    assert [line for line, _ in rows] == [4]
    assert "no JSON" in reasons(found)[2]


@pytest.mark.parametrize("more", [lambda text: text, lambda _: "{}", lambda _: "]", lambda _: "x"])
def test_what_follows_an_array_is_not_dropped(more: Callable[[str], str]) -> None:
    text = json.dumps([LAZARUS, WALLET])
    with pytest.raises(Unreadable, match="something follows the end") as caught:
        drain(ftm, f"\n{text}\n \n{more(text)}\n", "export.json")
    assert caught.value.line == 4
    assert len(drain(ftm, f"\n{text} \r\n\t\n", "export.json")[0]) == 1


@pytest.mark.parametrize("kept", [0.5, 0.9, 0.999])
def test_an_array_that_breaks_off_is_refused_whole(kept: float) -> None:
    text = json.dumps([LAZARUS, WALLET, ORDER])
    with pytest.raises(Unreadable, match="no JSON"):
        drain(ftm, text[: int(len(text) * kept)], "export.json")


@given(
    st.dictionaries(
        st.sampled_from(["publicKey", "currency", "holder", "topics", "sourceUrl", "modifiedAt"]), json_values
    )
)
def test_whatever_a_wallet_holds_it_is_rows_of_texts_or_a_rejection(properties: dict[str, Any]) -> None:
    found = Found("x.json", TODAY)
    text = json.dumps({"id": "w", "schema": "CryptoWallet", "properties": properties})
    rows = list(ftm.rows(text, found))
    assert all(isinstance(value, str) for _, row in rows for value in row.values())
    assert rows or found.rejections


some_ids = st.sampled_from(["w", "h", "s"])
wild_properties = st.dictionaries(
    st.sampled_from([
        "publicKey", "currency", "holder", "entity", "topics", "name", "alias", "endDate", "startDate", "programId",
        "sourceUrl",
    ]),
    st.deferred(lambda: json_values | wild_entities | st.lists(wild_entities | st.sampled_from([ETH, "XBT", "w"]))),
)  # fmt: skip
wild_entities: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"id": some_ids | json_values, "schema": st.sampled_from(["CryptoWallet", "Sanction", "Person"])},
    optional={
        "properties": wild_properties | json_values,
        "datasets": json_values,
        "caption": json_values,
        "last_change": json_values,
    },
)


@given(values=st.lists(wild_entities | json_values, max_size=4), array=st.booleans())
@settings(max_examples=scaled(100, full=300), deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_else_the_file_holds_the_wallet_is_a_claim(
    tmp_path_factory: pytest.TempPathFactory, values: list[Any], array: bool
) -> None:
    """Through the reader, as users import it: what one entity holds takes no other down."""
    entities = [LAZARUS, *values, WALLET]
    path = tmp_path_factory.getbasetemp() / "wild.json"
    path.write_text(json.dumps(entities) if array else lines(*entities), encoding="utf-8")
    reading = read(path, ["tags"], Options(registry.parse, registry.chain_of_ticker, TODAY))
    assert ("Lazarus Group", "ftm:ofac-27307") in reading.frame.select("label", "subject").rows()


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("x.json", '{"exchanges": []}'),
        ("x.json", "[]"),
        ("x.json", "{"),
        ("x.json", ""),
        ("x.csv", lines(WALLET)),
    ],
)
def test_other_files_are_not_taken(file: str, text: str) -> None:
    assert not ftm.recognise(Path(file), text)
