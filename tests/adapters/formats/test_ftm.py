"""FollowTheMoney: wallets of OpenSanctions' exports, with who holds them and since when an order names them.

Ids, properties and topics are those of followthemoney's schema; addresses are published ones.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.intel.formats import ftm
from adapters.intel.found import Found, Unreadable
from tests.adapters.formats.draining import drain, reasons
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
                "concepts": "",
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


def test_a_wallet_nested_under_two_holders_is_one_wallet() -> None:
    bare = entity("w", "CryptoWallet", publicKey=[ETH], currency=["ETH"])
    first = entity("p1", "Person", "First", wallets=[bare])
    rows = rows_of(first, entity("p2", "Person", "Second", wallets=[bare]))
    assert [(row["label"], row["subject"]) for row in rows] == [("First", "ftm:p1")]


def test_several_addresses_and_currencies_are_a_row_each() -> None:
    wallet = entity("w", "CryptoWallet", publicKey=[ETH, TRON], currency=["USDT", "ETH"], topics=["sanction"])
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

    def test_a_wallet_without_topics_has_those_of_its_holder(self) -> None:
        wallet = entity("w", "CryptoWallet", publicKey=[ETH], currency=["ETH"], holder=["ofac-27307"])
        (row,) = rows_of(wallet, LAZARUS)
        assert (row["category"], row["concepts"]) == ("sanction", "abuse")

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

    def test_a_part_of_a_date_is_no_day(self) -> None:
        (row,) = rows_of(entity("s", "Sanction", entity=["w"], startDate=["2021", "2021-03"]), self.wallet)
        assert row["designated_at"] == ""


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


@pytest.mark.parametrize("kept", [0.5, 0.9, 0.999])
def test_an_array_that_breaks_off_is_refused_whole(kept: float) -> None:
    text = json.dumps([LAZARUS, WALLET, ORDER])
    with pytest.raises(Unreadable, match="no JSON"):
        drain(ftm, text[: int(len(text) * kept)], "export.json")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["publicKey", "currency", "holder", "topics", "sourceUrl", "modifiedAt"]), json_values
    )
)
def test_whatever_a_wallet_holds_it_is_rows_of_texts_or_a_rejection(properties: dict[str, Any]) -> None:
    found = Found("x.json")
    text = json.dumps({"id": "w", "schema": "CryptoWallet", "properties": properties})
    rows = list(ftm.rows(text, found))
    assert all(isinstance(value, str) for _, row in rows for value in row.values())
    assert bool(rows) != bool(found.rejections)


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
