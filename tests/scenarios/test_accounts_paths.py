"""Paths on small account ledgers by name: which there are, in which order, and what no path goes through."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rules import clustering
from rules.bridges import BRIDGES
from tests.scenarios.account_case import AccountCase, tag
from tests.scenarios.accounts import CHAIN, GENESIS_TIME, Block, Event, Move, Row, Token, Tx
from tests.scenarios.across import PINNED, leave
from tracer.chain import TransferKind
from tracer.flow.accounts.swaps import TOPICS
from tracer.flow.bridges.rules import Bridges
from tracer.flow.paths.question import PathQuestion, paths
from tracer.flow.question import Question
from tracer.ledger.store import Ledger

DEX = tag("pool", "uniswap", category="defi_dex")
SWAPPED = Event("pool", bytes.fromhex(TOPICS[0]))
BELIEVED = [Token("USDT", 6, genuine=True), Token("DAI", 18, genuine=True)]
FUND: list[Row] = [
    Block(rewards=[("ann", 100), ("rich", 1000)]),
    Tx("fund", "bank", moves=[Move(None, "ann", 100, "USDT"), Move(None, "pool", 1000, "DAI")]),
]
"""What ann starts with: 100 ETH by block 0, 100 USDT by `fund:0`."""

Way = tuple[int, str, list[str]]
"""The most that can have arrived along it, in which asset, and the transfers on the way."""


class Asked:
    """The answer of one question about paths, with the names put back."""

    def __init__(
        self, case: AccountCase, start: str, end: str | None = None, *, best: int = 20,
        bridges: Bridges | None = None, **asked: Any,
    ) -> None:  # fmt: skip
        target = None if end is None else case.seed(end)
        question = PathQuestion(Question((case.seed(start),), **asked), target, best)
        with Ledger.open(case.workspace, CHAIN, threads=case.threads) as ledger:
            self.document = paths(
                ledger, case.snapshot, question, rules=clustering(), engine="test", bridges=bridges
            )
        self._names = case.names

    @property
    def ways(self) -> list[Way]:
        return [
            (
                int(path["bottleneck"]["base_units"]),
                path["bottleneck"]["asset"],
                [self.name(step["makes"]) for step in path["steps"]],
            )
            for path in self.document["paths"]
        ]

    @property
    def stops(self) -> list[tuple[str, str, str, int]]:
        """(reason, address, transfer, the most that can have come there), as listed."""
        return [
            (row["reason"], row["address"], self.name(f"{row['txid']}:{row['transfer_index']}"),
             int(row["amount"]["base_units"]))
            for row in self.document["stops"]
        ]  # fmt: skip

    @property
    def notes(self) -> str:
        return "\n".join(self.document["coverage"]["notes"])

    def name(self, outpoint: str) -> str:
        txid, _, place = outpoint.rpartition(":")
        return f"{self._names[txid]}:{place}"


def pay(name: str, who: str, to: str, units: int, asset: str = "USDT", **more: Any) -> Tx:
    """One transfer of a token, or of the coin."""
    return Tx(name, who, moves=[Move(who, to, units, asset)], **more)


def trade(name: str, who: str, gives: int, gets: int, *, to: str = "") -> Tx:
    """`who` gives USDT to a pool, and it or another gets DAI."""
    moves = [Move(who, "pool", gives, "USDT"), Move("pool", to or who, gets, "DAI")]
    return Tx(name, who, to="router", moves=moves, events=[SWAPPED])


def wrap(name: str, who: str, units: int) -> Tx:
    return Tx(name, who, to="WETH", value=units, moves=[Move(None, who, units, "WETH", TransferKind.WRAP)])


def unwrap(name: str, who: str, units: int) -> Tx:
    moves = [Move("WETH", who, units), Move(who, None, units, "WETH", TransferKind.UNWRAP)]
    return Tx(name, who, to="WETH", moves=moves)


TABLE: dict[str, tuple[list[Row], list[Way]]] = {
    "direct": (
        [pay("pay", "ann", "zoe", 40)],
        [(40, "USDT", ["pay:0"])],
    ),
    "the least amount on the way bounds it": (
        [pay("1", "ann", "bob", 60), pay("2", "bob", "cid", 20), pay("3", "cid", "zoe", 50)],
        [(20, "USDT", ["1:0", "2:0", "3:0"])],
    ),
    "what it starts with bounds it": (
        [pay("own", "rich", "ann", 0), Tx("more", "bank", moves=[Move(None, "bob", 900, "USDT")]),
         pay("1", "ann", "bob", 100), pay("2", "bob", "zoe", 900)],
        [(100, "USDT", ["1:0", "2:0"])],
    ),
    "through a swap, in what came out of it, at its rate": (
        [trade("swap", "ann", 60, 150), pay("pay", "ann", "zoe", 120, "DAI")],
        [(120, "DAI", ["swap:1", "pay:0"])],
    ),
    "a swap scales what can have gone into it, rounded up": (
        [pay("1", "ann", "bob", 10), Tx("own", "bank", moves=[Move(None, "bob", 20, "USDT")]),
         trade("swap", "bob", 30, 100), pay("pay", "bob", "zoe", 100, "DAI")],
        [(34, "DAI", ["1:0", "swap:1", "pay:0"])],
    ),
    "a swap pays somebody else at once": (
        [trade("swap", "ann", 60, 150, to="zoe")],
        [(150, "DAI", ["swap:1"])],
    ),
    "through a wrap and back, one to one": (
        [wrap("in", "ann", 80), pay("pass", "ann", "bob", 70, "WETH"), unwrap("out", "bob", 50),
         pay("pay", "bob", "zoe", 50, "ETH")],
        [(50, "ETH", ["in:1", "pass:0", "out:0", "pay:0"])],
    ),
    "calls and logs of one transaction are joined in their true order": (
        [wrap("in", "ann", 40), Tx("help", "ann", to="helper", moves=[
            Move("WETH", "helper", 40), Move("helper", "zoe", 40), Move("ann", "helper", 40, "WETH"),
            Move("helper", None, 40, "WETH", TransferKind.UNWRAP)])],
        [(40, "ETH", ["in:1", "help:2", "help:0", "help:1"])],
    ),
    "nothing goes on in an asset that did not come": (
        [pay("1", "ann", "rich", 40), pay("2", "rich", "zoe", 500, "ETH")],
        [],
    ),
    "fewer hops first, then the more that can have gone": (
        [pay("far", "ann", "bob", 90), pay("thin", "ann", "zoe", 2), pay("wide", "ann", "zoe", 7),
         pay("end", "bob", "zoe", 90)],
        [(7, "USDT", ["wide:0"]), (2, "USDT", ["thin:0"]), (90, "USDT", ["far:0", "end:0"])],
    ),
    "of equals the earlier end first": (
        [pay("1", "ann", "zoe", 5), pay("2", "ann", "zoe", 5)],
        [(5, "USDT", ["1:0"]), (5, "USDT", ["2:0"])],
    ),
    "assets are not compared: coin before tokens, whatever the amounts": (
        [pay("token", "ann", "zoe", 90), pay("coin", "ann", "zoe", 1, "ETH")],
        [(1, "ETH", ["coin:0"]), (90, "USDT", ["token:0"])],
    ),
    "what was paid before it came is no path": (
        [Tx("own", "bank", moves=[Move(None, "bob", 50, "USDT")]), pay("early", "bob", "zoe", 50),
         pay("late", "ann", "bob", 50)],
        [],
    ),
    "inside one transaction the order of execution decides": (
        [Tx("own", "bank", moves=[Move(None, "bob", 50, "USDT")]),
         Tx("both", "ann", moves=[Move("bob", "zoe", 1, "USDT"), Move("ann", "bob", 50, "USDT"),
                                  Move("bob", "zoe", 2, "USDT")])],
        [(2, "USDT", ["both:1", "both:2"])],
    ),
    "it ends where it first reaches its target": (
        [pay("1", "ann", "zoe", 40), pay("2", "zoe", "bob", 40), pay("3", "bob", "zoe", 40)],
        [(40, "USDT", ["1:0"])],
    ),
    "out of an account and back is a way, after the straight one": (
        [pay("lend", "ann", "bob", 30), pay("back", "bob", "ann", 20), pay("pay", "ann", "zoe", 60)],
        [(60, "USDT", ["pay:0"]), (20, "USDT", ["lend:0", "back:0", "pay:0"])],
    ),
    "what an account pays itself is no step": (
        [pay("self", "ann", "ann", 100), pay("pay", "ann", "zoe", 40)],
        [(40, "USDT", ["pay:0"])],
    ),
    "gas pays nobody": (
        [pay("1", "ann", "bob", 5, "ETH", tip=3, tip_to="zoe")],
        [],
    ),
    "the look-alike of a token is another asset": (
        [pay("1", "ann", "bob", 40), Tx("fake", "bob", moves=[Move("bob", "zoe", 40, "FAKE")])],
        [],
    ),
}  # fmt: skip


SHARED = ("pool", "router", "WETH", "bank")


def apart(number: int, row: Row) -> Row:
    """The row with people and a name of its own story."""

    def own(who: str | None) -> str | None:
        return who if who is None or who in SHARED else f"{who}{number}"

    if isinstance(row, Block):
        return replace(row, rewards=[(f"{who}{number}", units) for who, units in row.rewards])
    moves = [replace(move, source=own(move.source), target=own(move.target)) for move in row.moves]
    sender, tip_to = (f"{who}{number}" for who in (row.sender, row.tip_to))
    return replace(
        row, name=f"{number} {row.name}", sender=sender, to=own(row.to), tip_to=tip_to, moves=moves
    )


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> AccountCase:
    """All of the table in one workspace, each story with people of its own."""
    seen = Tx("zoe was seen", "rich", to="zoe", value=1)
    rows = [apart(n, row) for n, (told, _) in enumerate(TABLE.values()) for row in (*FUND, *told, seen)]
    told = [*BELIEVED, Token("FAKE", 6, "USDT")]
    return AccountCase(tmp_path_factory.mktemp("stories"), rows, tags=[DEX], told=told)


@pytest.mark.parametrize("name", TABLE)
def test_from_ann_to_zoe(stories: AccountCase, name: str) -> None:
    number, ways = list(TABLE).index(name), TABLE[name][1]
    asked = Asked(stories, f"ann{number}", f"zoe{number}")
    assert asked.ways == [(most, asset, [f"{number} {step}" for step in way]) for most, asset, way in ways]
    assert ("no path of at most 10 hops, among at most 200,000 transactions" in asked.notes) is (not ways)
    assert asked.document["reached"]["outputs"] == len({way[-1][-1] for way in ways})


THROUGH: list[Row] = [*FUND, pay("in", "ann", "mid", 60), pay("out", "mid", "zoe", 50)]

STOPS = {
    "service": tag("mid0", "acme"),
    "custodial_pool": tag("mid1", "bazaar", category="gambling"),
    "mixer": tag("mid2", "whirl", category="mixing_service"),
    "bridge": tag("mid3", "hop", category="defi_bridge"),
}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> AccountCase:
    """The same way through an account of each kind."""
    rows = [apart(n, row) for n in range(len(STOPS)) for row in THROUGH]
    return AccountCase(tmp_path_factory.mktemp("stopped"), rows, tags=STOPS.values(), told=BELIEVED)


@pytest.mark.parametrize("reason", STOPS)
def test_no_path_goes_through(stopped: AccountCase, reason: str) -> None:
    """But one may end there, where that was asked for."""
    n = list(STOPS).index(reason)
    asked = Asked(stopped, f"ann{n}", f"zoe{n}")
    assert asked.ways == []
    assert asked.stops == ([] if reason == "service" else [(reason, f"mid{n}", f"{n} in:0", 60)])
    ends = Asked(stopped, f"ann{n}", f"mid{n}")
    assert ends.ways == [(60, "USDT", [f"{n} in:0"])]
    assert ends.stops == []


def test_what_a_service_got_goes_on_from_nowhere_and_that_is_said(stopped: AccountCase) -> None:
    asked = Asked(stopped, "mid0", "zoe0")
    assert asked.ways == []
    assert "1 of the transfers that paths start from came to a service, a pool, a mixer" in asked.notes


def test_what_came_while_a_service_held_the_account_stays_there(tmp_path: Path) -> None:
    """A month later it is somebody else's, and what comes then goes on."""
    rows: list[Row] = [
        *FUND, pay("then", "ann", "mid", 60), pay("later", "ann", "mid", 7, day=40), pay("out", "mid", "zoe", 67),
    ]  # fmt: skip
    case = AccountCase(tmp_path, rows, tags=[tag("mid", "acme", until="2020-10-01")], told=BELIEVED)
    assert Asked(case, "ann", "zoe").ways == [(7, "USDT", ["later:0", "out:0"])]
    assert Asked(case, "ann").ways == [(60, "USDT", ["then:0"])]


def test_a_crowded_account_is_gone_through_only_on_request(tmp_path: Path) -> None:
    case = AccountCase(tmp_path, THROUGH, told=BELIEVED)
    asked = Asked(case, "ann", "zoe", degree=1)
    assert asked.ways == []
    assert [row[0] for row in asked.stops] == ["high_degree"]
    assert len(Asked(case, "ann", "zoe", degree=0).ways) == 1


def test_a_trade_that_does_not_net_to_one_against_one_ends_at_the_pool(tmp_path: Path) -> None:
    swap = trade("swap", "ann", 60, 150)
    cut = Tx("swap", "ann", to="router", moves=[*swap.moves, Move("pool", "bob", 7, "DAI")], events=[SWAPPED])
    case = AccountCase(tmp_path, [*FUND, cut, pay("out", "ann", "zoe", 9, "DAI")], tags=[DEX], told=BELIEVED)
    asked = Asked(case, "fund:0", "zoe")
    assert asked.ways == []
    assert [row[:3] for row in asked.stops] == [("custodial_pool", "pool", "swap:0")]


def test_a_pool_that_only_converted_is_no_end_and_that_is_said(tmp_path: Path) -> None:
    """Money went on at once as DAI; who asks for the pool is told so, not that nothing came there."""
    case = AccountCase(tmp_path, [*FUND, trade("swap", "ann", 60, 150)], tags=[DEX], told=BELIEVED)
    asked = Asked(case, "ann", "pool")
    assert asked.ways == []
    assert "1 transactions swapped or wrapped money through the place itself" in asked.notes


def test_both_sides_of_a_conversion_and_its_bottlenecks_are_told(tmp_path: Path) -> None:
    rows = [*FUND, trade("swap", "ann", 60, 150), pay("pay", "ann", "zoe", 120, "DAI")]
    asked = Asked(AccountCase(tmp_path, rows, tags=[DEX], told=BELIEVED), "fund:0", "zoe")
    (path,) = asked.document["paths"]
    assert asked.name(path["from"]["outpoint"]) == "fund:0"
    assert [(b["base_units"], b["asset"]) for b in path["bottlenecks"]] == [("60", "USDT"), ("120", "DAI")]
    swap, plain = path["steps"]
    assert plain["conversion"] is None
    sides = [swap["conversion"][side] for side in ("from", "to")]
    assert [(s["address"], s["amount_onchain"]["base_units"], s["at_most"]["base_units"]) for s in sides] == [
        ("ann", "60", "60"), ("ann", "150", "150"),
    ]  # fmt: skip
    assert (plain["spends"], plain["payer"], plain["transfer_index"], plain["log_index"]) == (
        None,
        "ann",
        0,
        0,
    )


def test_an_untagged_pool_that_a_path_went_through_is_a_heuristic_it_leans_on(tmp_path: Path) -> None:
    crowd = [trade(f"trade{n}", f"trader{n}", 1, 2) for n in range(5)]
    born = Tx("born", "bank", moves=[Move(None, f"trader{n}", 1, "USDT") for n in range(5)])
    rows = [*FUND, born, *crowd, trade("swap", "ann", 60, 150), pay("pay", "ann", "zoe", 120, "DAI")]
    asked = Asked(AccountCase(tmp_path, rows, told=BELIEVED), "ann", "zoe")
    assert asked.ways == [(120, "DAI", ["swap:1", "pay:0"])]
    assert [row["id"] for row in asked.document["heuristics"]] == ["swap_pool"]


def test_a_token_that_is_not_believed_is_followed_only_by_name(tmp_path: Path) -> None:
    rows: list[Row] = [
        *FUND, Tx("spam", "spammer", moves=[Move(None, "ann", 900, "FAKE")]), pay("pay", "ann", "zoe", 900, "FAKE"),
    ]  # fmt: skip
    told = [*BELIEVED, Token("FAKE", 6, "USDT", problem="it bears the name of another")]
    case = AccountCase(tmp_path, rows, told=told)
    asked = Asked(case, "ann", "zoe")
    assert asked.ways == []
    assert [(row["transfers"], row["base_units"]) for row in asked.document["unbelieved"]] == [(1, "900")]
    assert "1 assets that are not believed arrived" in asked.notes
    (way,) = Asked(case, "ann", "zoe", asset="FAKE").ways
    assert way[::2] == (900, ["pay:0"])


@pytest.mark.parametrize(("end", "found"), [("second:0", ["second:0"]), ("first:0", ["first:0"])])
def test_a_transfer_is_an_end_and_no_other_of_its_account(tmp_path: Path, end: str, found: list[str]) -> None:
    rows = [*FUND, pay("first", "ann", "zoe", 40), pay("second", "ann", "zoe", 30)]
    assert [way[2] for way in Asked(AccountCase(tmp_path, rows, told=BELIEVED), "ann", end).ways] == [found]


def test_a_transfer_inside_a_swap_stands_for_the_swap(tmp_path: Path) -> None:
    rows = [*FUND, pay("give", "ann", "bob", 60), trade("swap", "bob", 60, 150)]
    case = AccountCase(tmp_path, rows, tags=[DEX], told=BELIEVED)
    for end in ("swap:0", "swap:1"):
        assert Asked(case, "ann", end).ways == [(150, "DAI", ["give:0", "swap:1"])]


def test_a_transfer_to_oneself_is_an_end_where_it_is_named(tmp_path: Path) -> None:
    rows = [*FUND, pay("give", "ann", "bob", 60), pay("self", "bob", "bob", 50)]
    case = AccountCase(tmp_path, rows, told=BELIEVED)
    assert Asked(case, "ann", "self:0").ways == [(50, "USDT", ["give:0", "self:0"])]


def test_seeds_of_one_account_add_up_as_they_come(tmp_path: Path) -> None:
    """What ann received by then is what a payment can have taken from."""
    rows = [
        *FUND, pay("early", "ann", "zoe", 90), Tx("again", "bank", moves=[Move(None, "ann", 50, "USDT")]),
        pay("late", "ann", "zoe", 140),
    ]  # fmt: skip
    case = AccountCase(tmp_path, rows, told=BELIEVED)
    asked = Asked(case, "ann", "zoe")
    assert asked.ways == [(140, "USDT", ["late:0"]), (90, "USDT", ["early:0"])]
    late, early = (path["from"] for path in asked.document["paths"])
    assert (late["outpoint"], late["transfers"], late["amount"]["base_units"]) == (None, 2, "150")
    assert (asked.name(early["outpoint"]), early["amount"]["base_units"]) == ("fund:0", "100")
    assert [way[0] for way in Asked(case, "again:0", "zoe").ways] == [50]


def test_what_left_an_entity_is_the_first_step(tmp_path: Path) -> None:
    case = AccountCase(tmp_path, THROUGH, told=BELIEVED)
    assert Asked(case, "ann", "zoe", unit="entity").ways == [(50, "USDT", ["in:0", "out:0"])]


EXITS: list[Row] = [*FUND, pay("out", "ann", "strict", 60), pay("coin", "ann", "strict", 5, "ETH")]


def test_without_an_end_paths_lead_to_services_each_asset_for_itself(tmp_path: Path) -> None:
    case = AccountCase(tmp_path, EXITS, tags=[tag("strict", "bank")], told=BELIEVED)
    asked = Asked(case, "ann")
    assert asked.ways == [(5, "ETH", ["coin:0"]), (60, "USDT", ["out:0"])]
    assert [
        (r["category"], r["bottleneck"]["asset"], r["bottleneck"]["base_units"], r["outputs"])
        for r in asked.document["by_category"]
    ] == [("exchange", "ETH", "5", 1), ("exchange", "USDT", "60", 1)]
    assert [b["asset"] for b in asked.document["reached"]["bottlenecks"]] == ["ETH", "USDT"]
    gambling = Asked(case, "ann", exits=("category:gambling",))
    assert gambling.ways == []
    assert [row["asked_for"] for row in gambling.document["by_category"]] == [False, False]


def test_a_deposit_that_was_swept_is_the_end(tmp_path: Path) -> None:
    rows = [*FUND, pay("pay", "ann", "dep", 60), pay("sweep", "dep", "hot", 60)]
    case = AccountCase(tmp_path, rows, tags=[tag("hot", "acme", role="hot")], told=BELIEVED)
    for end in (None, "hot", "dep"):
        asked = Asked(case, "ann", end)
        assert asked.ways == [(60, "USDT", ["pay:0"])]
        assert asked.document["paths"][0]["to"]["swept_to"]["address"] == "hot"


ROUTES: list[Row] = [
    *FUND, pay("1", "ann", "bob", 80, day=1), pay("2", "bob", "cid", 60, day=2), pay("thin", "ann", "zoe", 3, day=3),
    pay("3", "cid", "zoe", 50, day=4), pay("coin", "ann", "zoe", 1, "ETH", day=5),
]  # fmt: skip
LONG, THIN, COIN = ["1:0", "2:0", "3:0"], ["thin:0"], ["coin:0"]


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> AccountCase:
    return AccountCase(tmp_path_factory.mktemp("routes"), ROUTES, told=BELIEVED)


@pytest.mark.parametrize(
    ("limit", "found"),
    [
        ({"hops": 2, "best": 1}, [COIN]),
        ({"hops": 2}, [COIN, THIN]),
        ({"hops": 3}, [COIN, THIN, LONG]),
        ({"asset": "USDT"}, [THIN, LONG]),
        ({"min_value": 4}, [THIN, LONG]),
        ({"min_value": 4, "asset": "USDT"}, [LONG]),
        ({"before": GENESIS_TIME + 4 * 86_400}, [THIN]),
        ({"after": GENESIS_TIME + 2 * 86_400}, [COIN, THIN]),
        ({"seed_after": GENESIS_TIME + 86_400}, []),
    ],
    ids=str,
)
def test_limits_cut_paths(routes: AccountCase, limit: dict[str, Any], found: list[list[str]]) -> None:
    asked = Asked(routes, "ann", "zoe", **limit)
    assert [way[2] for way in asked.ways] == found
    assert asked.document["more"] is ("best" in limit)
    said = "--min-value is of the chain's coin; tokens have no such limit"
    assert (said in asked.notes) is (limit == {"min_value": 4})


def test_a_search_that_was_cut_says_so(routes: AccountCase) -> None:
    asked = Asked(routes, "ann", "zoe", max_txs=2)
    assert asked.document["complete"] is False
    assert asked.document["coverage"]["status"] == "partial"
    assert "more than 2 transactions lie on the way" in asked.notes


def test_over_a_bridge_there_is_none_and_where_it_led_is_said(tmp_path: Path) -> None:
    rows = [*FUND, leave("over", "ann", 7, 60, "zoe", token="USDT"), pay("seen", "rich", "zoe", 1, "ETH")]
    case = AccountCase(tmp_path, rows, told=BELIEVED)
    bridges = Bridges(BRIDGES, PINNED, notes=("contracts of mine.yml were read too",))
    asked = Asked(case, "ann", "zoe", bridges=bridges)
    assert asked.ways == []
    assert asked.stops == [("bridge", "spoke", "over:0", 60)]
    (stop,) = asked.document["stops"]
    assert (stop["basis"], stop["evidence"]["chain"]) == ("event", "evm-31338")
    assert "none over a bridge was looked for" in asked.notes
    assert "contracts of mine.yml were read too" in asked.notes


def test_an_amount_that_nobody_could_read_bounds_nothing(tmp_path: Path) -> None:
    rows = [*FUND, pay("huge", "ann", "bob", 10**40), pay("pay", "bob", "zoe", 70)]
    asked = Asked(AccountCase(tmp_path, rows, told=BELIEVED), "fund:0", "zoe")
    assert asked.ways == [(70, "USDT", ["huge:0", "pay:0"])]
    assert asked.document["paths"][0]["steps"][0]["amount"] is None


def test_blocks_without_traces_make_it_partial(tmp_path: Path) -> None:
    rows = [*FUND, pay("pay", "ann", "bob", 5, "ETH"), pay("seen", "rich", "zoe", 1, "ETH")]
    asked = Asked(AccountCase(tmp_path, rows, told=BELIEVED, untraced=[2]), "ann", "zoe")
    assert asked.document["coverage"]["status"] == "partial"
    assert "internal transfers of blocks 2-2 were not read" in asked.notes


def test_one_thread_and_two_give_the_same_document(stories: AccountCase) -> None:
    said = []
    for stories.threads in (1, 2):
        said.append([Asked(stories, f"ann{n}", f"zoe{n}").document for n in (0, 8)])
    assert json.dumps(said[0]) == json.dumps(said[1])
