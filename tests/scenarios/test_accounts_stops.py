"""Where a trace on an account chain ends, by hand, and what it says of what it could not see."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tests.scenarios.account_case import AccountCase, tag
from tests.scenarios.accounts import GENESIS_TIME, Block, Move, Opening, Row, Token, Tx
from tracer.flow.accounts.deposits import Thresholds

ACME = tag("hot", "acme", role="hot")
HUGE = 2**200 + 7


def born(**units: int) -> Block:
    return Block(rewards=list(units.items()))


def chain(*names: str, units: int = 100) -> list[Row]:
    """One coin passed on from hand to hand, `a>b` each."""
    return [
        born(**{names[0]: units}),
        *(Tx(f"{a}>{b}", a, to=b, value=units) for a, b in pairwise(names)),
    ]


SWEPT: list[Row] = [
    born(thief=100, ann=40),
    Tx("pay", "thief", to="box", value=60),
    Tx("sweep", "box", to="hot", value=59, fee=1),
    Tx("other", "ann", to="box", value=40),
    Tx("again", "box", to="hot", value=40),
]


class TestDepositAddresses:
    """A customer's deposit address is recognised by where its money goes (heuristics.md, B1)."""

    def test_an_account_that_passes_all_on_to_one_service_is_its_deposit_address(
        self, tmp_path: Path
    ) -> None:
        found = AccountCase(tmp_path, SWEPT, tags=[ACME]).trace("thief")
        assert found.legs == [("acme", "deposit", "box", "pay:0", 60, 60)]
        leg = found.document["endpoints"][0]["legs"][0]
        assert leg["hops"] == 1
        assert leg["role_basis"].startswith("swept to hot wallet hot by 0x")
        assert [row["id"] for row in found.document["heuristics"]] == ["account_deposit_sweep"]

    def test_tokens_are_swept_alike(self, tmp_path: Path) -> None:
        rows: list[Row] = [
            born(thief=1),
            Tx("mint", "bank", moves=[Move(None, "thief", 500, "USDT")]),
            Tx("pay", "thief", moves=[Move("thief", "box", 500, "USDT")]),
            Tx("sweep", "box", moves=[Move("box", "hot", 500, "USDT")]),
        ]
        found = AccountCase(tmp_path, rows, tags=[ACME]).trace("mint:0")
        assert found.legs == [("acme", "deposit", "box", "pay:0", 500, 500)]

    def test_who_keeps_money_or_pays_others_is_none(self, tmp_path: Path) -> None:
        """A person who pays an exchange out of a full wallet is a person."""
        keeps = [*SWEPT, Tx("more", "miner", to="box", value=0, moves=[Move(None, "box", 90)]),
                 Tx("less", "box", to="hot", value=50)]  # fmt: skip
        found = AccountCase(tmp_path / "keeps", keeps, tags=[ACME]).trace("thief")
        assert [leg[1:4] for leg in found.legs] == [("hot", "hot", "sweep:0")]
        pays = [*SWEPT, Tx("gift", "miner", to="box", moves=[Move(None, "box", 20)]),
                Tx("spend", "box", to="shop", value=20)]  # fmt: skip
        found = AccountCase(tmp_path / "pays", pays, tags=[ACME]).trace("thief")
        assert [leg[1:4] for leg in found.legs] == [("hot", "hot", "sweep:0")]

    def test_two_services_or_a_late_sweep_make_none(self, tmp_path: Path) -> None:
        zeta = tag("zeta", "zeta", role="hot")
        both = [
            *SWEPT,
            Tx("gift", "miner", to="box", moves=[Move(None, "box", 5)]),
            Tx("z", "box", to="zeta", value=5),
        ]
        found = AccountCase(tmp_path / "two", both, tags=[ACME, zeta]).trace("thief")
        assert {leg[1] for leg in found.legs} == {"hot"}
        late = [*SWEPT[:2], *[Block() for _ in range(Thresholds().blocks)], *SWEPT[2:]]
        found = AccountCase(tmp_path / "late", late, tags=[ACME]).trace("thief")
        assert {leg[1] for leg in found.legs} == {"hot"}


@pytest.mark.parametrize(
    ("category", "reason"),
    [
        ("exchange", None),
        ("mixing_service", "mixer"),
        ("defi_bridge", "bridge"),
        ("gambling", "custodial_pool"),
    ],
)
def test_claims_end_a_trace_as_their_category_has_it(
    tmp_path: Path, category: str, reason: str | None
) -> None:
    rows: list[Row] = [*chain("thief", "mule"), Tx("end", "mule", to="place", value=70)]
    found = AccountCase(tmp_path, rows, tags=[tag("place", "them", category=category)]).trace("thief")
    if reason is None:
        assert found.endpoints == {("them", "ETH"): 70}
    else:
        assert found.stops == [(reason, "place", "end", "ETH", 70)]


def test_a_claim_ends_only_the_payments_of_its_time(tmp_path: Path) -> None:
    """An account is an exchange's for a year; what came before and after is somebody's own."""
    rows: list[Row] = [
        born(thief=100),
        Tx("before", "thief", to="place", value=10, day=1),
        Tx("during", "thief", to="place", value=20, day=400),
        Tx("after", "thief", to="place", value=30, day=800),
        Tx("on", "place", to="shop", value=60, day=900),
    ]
    claim = tag("place", "them", since="2021-09-14", until="2022-09-13")
    found = AccountCase(tmp_path, rows, tags=[claim]).trace("thief")
    assert found.endpoints == {("them", "ETH"): 20}
    assert found.rests() == {("shop", "ETH"): 40, ("thief", "ETH"): 40}


def test_an_account_of_too_many_transactions_ends_it(tmp_path: Path) -> None:
    busy = [Tx(f"c{n}", "crowd", to="busy", value=1) for n in range(5)]
    rows: list[Row] = [
        born(thief=100, crowd=9),
        *busy,
        Tx("in", "thief", to="busy", value=50),
        Tx("out", "busy", to="x", value=40),
    ]
    case = AccountCase(tmp_path, rows)
    found = case.trace("thief", degree=6)
    assert found.stops == [("high_degree", "busy", "in", "ETH", 50)]
    assert found.document["stops"][0]["evidence"] == {"transactions": 7}
    assert case.trace("thief", degree=7).stops == []


def test_the_hop_limit_cuts_what_leaves_the_last_account(tmp_path: Path) -> None:
    rows: list[Row] = [*chain("a", "b", "c", "d"), Tx("end", "d", to="hot", value=60)]
    found = AccountCase(tmp_path, rows, tags=[ACME]).trace("a>b:0", hops=2)
    assert found.totals == {"ETH": {"seed": 100, "pruned": 60, "unspent": 40}}
    assert found.stops == [("hop_limit", "d", "end", "ETH", 60)]
    assert AccountCase(tmp_path / "more", rows, tags=[ACME]).trace("a>b:0", hops=3).endpoints == {
        ("acme", "ETH"): 60
    }
    assert AccountCase(tmp_path / "none", rows).trace("a>b:0", hops=0).stops == [
        ("hop_limit", "b", "b>c", "ETH", 100)
    ]


def test_a_way_that_is_longer_and_earlier_is_found_too(tmp_path: Path) -> None:
    """`end` is reached in one hop late and in three hops early; what it pays in between is followed."""
    rows: list[Row] = [
        born(thief=100),
        Tx("seed", "thief", to="a", value=100),
        Tx("1", "a", to="b", value=30), Tx("2", "b", to="c", value=30), Tx("3", "c", to="end", value=30),
        Tx("early", "end", to="hot", value=30),
        Tx("late", "a", to="end", value=50),
    ]  # fmt: skip
    found = AccountCase(tmp_path, rows, tags=[ACME]).trace("seed:0")
    assert found.endpoints == {("acme", "ETH"): 30}


def test_the_transaction_limit_cuts_at_a_place_of_the_chain(tmp_path: Path) -> None:
    """What is left where more would leave is `tx_limit`; what rests anyway is unspent."""
    rows: list[Row] = [*chain("a", "b", "c", "d", "e")]
    found = AccountCase(tmp_path, rows).trace("a>b:0", max_txs=2)
    assert found.totals == {"ETH": {"seed": 100, "pruned": 100}}
    assert [stop[:2] for stop in found.stops] == [("tx_limit", "d")]
    assert AccountCase(tmp_path / "all", rows).trace("a>b:0", max_txs=3).rests() == {("e", "ETH"): 100}


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_a_window_ends_the_trail_at_both_its_ends(tmp_path: Path, direction: str) -> None:
    rows = chain("a", "b", "c", "d", "e")
    after, before = GENESIS_TIME + 12 * 3, GENESIS_TIME + 12 * 4  # only b>c
    seed = "a>b:0" if direction == "forward" else "d>e:0"
    found = AccountCase(tmp_path, rows).trace(seed, direction=direction, after=after, before=before)
    assert found.totals == {"ETH": {"seed": 100, "pruned": 100}}
    assert {stop[0] for stop in found.stops} == {"time_window"}


def test_a_value_floor_is_of_the_asset_that_was_asked_for(tmp_path: Path) -> None:
    """A floor of 50 wei must not cut 20 base units of a token; a share is of each."""
    rows: list[Row] = [
        born(thief=100),
        Tx("t", "bank", moves=[Move(None, "thief", 20, "USDT")]),
        Tx("coins", "thief", to="a", value=40),
        Tx("tokens", "thief", moves=[Move("thief", "a", 15, "USDT")]),
    ]
    case = AccountCase(tmp_path, rows)
    assert case.trace("thief", min_value=50).stops == [("value_floor", "thief", "coins", "ETH", 40)]
    assert case.trace("thief", min_share="0.5").stops == [("value_floor", "thief", "coins", "ETH", 40)]
    assert case.trace("thief", min_value=16, asset="USDT").stops == [
        ("value_floor", "thief", "tokens", "USDT", 15)
    ]


class TestWhatIsNotKnown:
    """Unknown is never zero: the answer says `unread` and is partial."""

    def test_a_history_that_starts_in_the_middle_needs_an_opening(self, tmp_path: Path) -> None:
        rows: list[Row] = [Tx("in", "thief", to="mule", value=10), Tx("out", "mule", to="hot", value=8)]
        blind = AccountCase(tmp_path / "blind", rows, tags=[ACME], first=100).trace("in:0")
        assert blind.totals == {"ETH": {"seed": 10, "unread": 10}}
        assert "what they held before" in blind.notes
        told = [Opening("mule", 5, height=99)]
        found = AccountCase(tmp_path / "told", rows, tags=[ACME], first=100, balances=told).trace("in:0")
        assert found.totals == {"ETH": {"seed": 10, "services": 3, "unspent": 7}}

    def test_backward_an_opening_is_where_the_history_ends(self, tmp_path: Path) -> None:
        rows: list[Row] = [Tx("in", "thief", to="mule", value=10), Tx("out", "mule", to="shop", value=8)]
        told = [Opening("mule", 5, height=99), Opening("thief", 50, height=99)]
        case = AccountCase(tmp_path, rows, first=100, balances=told)
        assert case.trace("out:0", direction="backward").rests("unread") == {
            ("mule", "ETH"): 5,
            ("thief", "ETH"): 3,
        }

    def test_coin_of_blocks_without_a_trace_is_unread_and_tokens_are_not(self, tmp_path: Path) -> None:
        rows: list[Row] = [
            born(thief=100),
            Tx("t", "bank", moves=[Move(None, "thief", 20, "USDT")]),
            Tx("c", "thief", to="safe", value=60),
            Tx("u", "thief", moves=[Move("thief", "safe", 20, "USDT")]),
        ]
        found = AccountCase(tmp_path, rows, untraced=[3]).trace("thief")
        assert found.totals == {"ETH": {"seed": 100, "unread": 100}, "USDT": {"seed": 20, "unspent": 20}}
        assert "internal transfers of blocks 3-3 were not read" in found.notes

    def test_an_amount_too_great_to_read_takes_the_balance_away(self, tmp_path: Path) -> None:
        """From there on nobody can say what is in the account; what left it before is known."""
        rows: list[Row] = [
            born(ann=1),
            Tx("mint", "bank", moves=[Move(None, "thief", 100, "SPAM")]),
            Tx("first", "thief", moves=[Move("thief", "hot", 40, "SPAM")]),
            Tx("flood", "bank", moves=[Move(None, "thief", HUGE, "SPAM")]),
            Tx("then", "thief", moves=[Move("thief", "hot", 30, "SPAM")]),
        ]
        found = AccountCase(tmp_path, rows, tags=[ACME]).trace("mint:0")
        assert found.totals == {"SPAM": {"seed": 100, "services": 40, "unread": 60}}
        assert "SPAM" in found.totals
        assert "quarantine" in found.notes

    def test_hostile_amounts_spoil_their_own_asset_alone(self, tmp_path: Path) -> None:
        """Six times 6e37 is more than any number here can hold; the stolen coins are followed all the same."""
        flood = [Move(None, "mule", 6 * 10**37, "EVIL") for _ in range(6)]
        rows: list[Row] = [
            born(thief=100),
            Tx("flood", "spammer", moves=flood),
            Tx("pass", "thief", to="mule", value=100),
            Tx("more", "spammer", moves=[*flood, Move("mule", "x", 5 * 10**37, "EVIL")]),
            Tx("exit", "mule", to="hot", value=70),
        ]
        found = AccountCase(tmp_path, rows, tags=[ACME]).trace("mule")
        assert found.totals["ETH"] == {"seed": 100, "services": 70, "unspent": 30}
        assert "EVIL: not followed" in found.notes

    def test_a_token_that_does_not_log_all_it_moves_is_not_counted_on(self, tmp_path: Path) -> None:
        """A rebasing token pays out more than it logged: its account is unread, the coin's answer stands."""
        rows: list[Row] = [
            born(thief=9),
            Tx("t", "bank", moves=[Move(None, "thief", 10, "REBASE")]),
            Tx("o", "thief", moves=[Move("thief", "hot", 12, "REBASE")]),
            Tx("c", "thief", to="hot", value=5),
        ]
        found = AccountCase(tmp_path, rows, tags=[ACME]).trace("thief")
        assert found.totals == {
            "ETH": {"seed": 9, "services": 5, "unspent": 4},
            "REBASE": {"seed": 10, "unread": 10},
        }
        assert "thief in REBASE at block 2" in found.notes

    def test_tokens_that_are_not_believed_are_summed_apart(self, tmp_path: Path) -> None:
        """A spammer's "ETH" is no ether: it stands beside the answer and eats no limit."""
        rows: list[Row] = [
            born(thief=9),
            Tx("spam", "spammer", moves=[Move(None, "thief", 777, "FAKE"), Move(None, "thief", 5, "LIAR")]),
            Tx("c", "thief", to="hot", value=5),
        ]
        told = [Token("FAKE", 18, "ETH"), Token("LIAR", 6, problem="its decimals are nonsense")]
        case = AccountCase(tmp_path, rows, tags=[ACME], told=told)
        found = case.trace("thief")
        assert found.totals == {"ETH": {"seed": 9, "services": 5, "unspent": 4}}
        assert [(row["asset"], row["base_units"]) for row in found.document["unbelieved"]] == [
            ("FAKE", "777"),
            ("LIAR", "5"),
        ]
        assert "2 assets that are not believed" in found.notes
        assert case.trace("thief", asset="FAKE").totals["FAKE"] == {"seed": 777, "unspent": 777}

    def test_a_gap_in_the_blocks_makes_what_lies_there_unread(self, tmp_path: Path) -> None:
        from tests.scenarios.accounts import CHAIN, batch, blocks_of
        from tracer.ledger.accounts.ingest import AccountLoader
        from tracer.ledger.store import Ledger

        case = AccountCase(tmp_path, chain("thief", "mule"), tags=[ACME])
        later = blocks_of(batch([*chain("thief", "mule"), *(Block() for _ in range(8))]))[6:]
        with Ledger.open(case.workspace, CHAIN, read_only=False) as ledger:
            AccountLoader(ledger).load(later)
        found = case.trace("thief")
        assert found.totals == {"ETH": {"seed": 100, "unread": 100}}
        assert found.document["coverage"]["chains"][0]["missing"] == [[2, 5]]


def test_ctrl_c_ends_a_trace_at_a_hop(tmp_path: Path) -> None:
    from rules import clustering
    from tests.scenarios.accounts import CHAIN
    from tracer.flow.question import Question
    from tracer.flow.trace import trace
    from tracer.ledger.store import Ledger

    case = AccountCase(tmp_path, chain("a", "b", "c", "d"))
    asked = Question((case.seed("a>b:0"),), methods=("fifo",))
    with Ledger.open(case.workspace, CHAIN) as ledger:
        document = trace(
            ledger, case.snapshot, asked, rules=clustering(), engine="t", pulse=lambda hop, _txs: hop < 2
        )
    assert document["totals"][0]["pruned"] == "100"
    assert [(stop["reason"], stop["address"]) for stop in document["stops"]] == [("interrupted", "c")]
    assert document["coverage"]["status"] == "partial"
