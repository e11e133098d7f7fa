"""Account chains against people who do not want to be followed, and against those who send dust to everybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.scenarios.account_case import AccountCase, tag
from tests.scenarios.accounts import Block, Event, Move, Row, Token, Tx
from tracer.chain import TransferKind
from tracer.errors import UsageError
from tracer.flow.accounts.swaps import TOPICS, Thresholds

ACME = tag("hot", "acme", role="hot")
HUGE = 2**200 + 7
SWAP = bytes.fromhex(TOPICS[0])


def born(**units: int) -> Block:
    return Block(rewards=list(units.items()))


SWEPT: list[Row] = [
    born(thief=100, ann=40),
    Tx("pay", "thief", to="box", value=60),
    Tx("sweep", "box", to="hot", value=59, fee=1),
    Tx("other", "ann", to="box", value=40),
    Tx("again", "box", to="hot", value=40),
]


class TestWhoIsTakenForADepositAddress:
    """Deposits are swept to hot accounts: nothing else makes an account one, and no dust unmakes it."""

    def test_who_pays_all_to_a_tagged_deposit_address_is_none(self, tmp_path: Path) -> None:
        """The customer's deposit is the exit, not the criminal's own account before it."""
        rows: list[Row] = [
            born(thief=100),
            Tx("pass", "thief", to="mule", value=90),
            Tx("deposit", "mule", to="box", value=90),
            Tx("sweep", "box", to="hot", value=90),
        ]
        tags = [ACME, tag("box", "acme", role="deposit")]
        found = AccountCase(tmp_path, rows, tags=tags).trace("pass:0")
        assert found.legs == [("acme", "deposit", "box", "deposit:0", 90, 90)]
        assert found.document["endpoints"][0]["legs"][0]["role_basis"] == "tag"
        assert found.document["heuristics"] == []

    @pytest.mark.parametrize("role", ["", "deposit", "cold"])
    def test_only_a_hot_account_is_one_that_deposits_are_swept_to(self, tmp_path: Path, role: str) -> None:
        found = AccountCase(tmp_path, SWEPT, tags=[tag("hot", "acme", role=role)]).trace("thief")
        assert [leg[2:4] for leg in found.legs] == [("hot", "sweep:0")]

    def test_a_pool_that_customers_money_is_gathered_in_is_one(self, tmp_path: Path) -> None:
        found = AccountCase(tmp_path, SWEPT, tags=[tag("hot", "acme", role="pool")]).trace("thief")
        assert [leg[1:4] for leg in found.legs] == [("deposit", "box", "pay:0")]

    def test_the_rule_is_quoted_with_its_version(self, tmp_path: Path) -> None:
        (row,) = AccountCase(tmp_path, SWEPT, tags=[ACME]).trace("thief").document["heuristics"]
        assert (row["id"], row["version"], row["tier"], row["used_for"]) == (
            "account_deposit_sweep", 1, "extended", "endpoint legs",
        )  # fmt: skip

    @pytest.mark.parametrize(
        "dust",
        [
            # a token that logs what it likes: payments "out of" the box, beyond all measure too
            Tx("dust", "spammer", moves=[Move("box", "x", 9, "EVIL"), Move("box", "y", HUGE, "EVIL")]),
            # the name of a stolen coin in a transfer of nothing
            Tx("dust", "spammer", moves=[Move("box", "x", 0)]),
            Tx("dust", "ann", to="box", value=1),
            # what the service returns by mistake
            Tx("dust", "hot", to="box", value=1),
        ],
    )
    def test_dust_unmakes_none(self, tmp_path: Path, dust: Tx) -> None:
        """Before a sweep, between two, and after the last."""
        early, mid, late = (replace(dust, name=f"dust{n}") for n in range(3))
        rows = [*SWEPT[:2], early, *SWEPT[2:4], mid, *SWEPT[4:], late]
        found = AccountCase(tmp_path, rows, tags=[ACME]).trace("thief")
        assert found.legs == [("acme", "deposit", "box", "pay:0", 60, 60)]


class TestWhatIsNotUnderstood:
    """Anybody can emit what nobody can read; it makes an answer partial where it may belong to its trail."""

    ROWS: Sequence[Row] = (
        born(thief=100),
        Tx("pass", "thief", to="mule", value=90),
        Tx("exit", "mule", to="hot", value=60),
    )

    def partial(self, tmp_path: Path, *more: Tx, **question: str) -> bool:
        found = AccountCase(tmp_path, [*self.ROWS, *more], tags=[ACME]).trace("pass:0", **question)
        assert found.totals == {"ETH": {"seed": 90, "services": 60, "unspent": 30}}
        return "quarantine" in found.notes

    def test_what_strangers_do_with_a_token_of_their_own_leaves_it_whole(self, tmp_path: Path) -> None:
        assert not self.partial(
            tmp_path, Tx("odd", "spammer", to="EVIL", moves=[Move("a", "b", HUGE, "EVIL")])
        )

    def test_what_a_stranger_sends_to_an_account_of_the_trail_leaves_it_whole(self, tmp_path: Path) -> None:
        odd = Tx("odd", "spammer", to="EVIL", moves=[Move("spammer", "mule", HUGE, "EVIL")])
        assert not self.partial(tmp_path, odd)

    def test_gas_that_strangers_pay_to_an_account_of_the_trail_leaves_it_whole(self, tmp_path: Path) -> None:
        odd = Tx("odd", "spammer", to="EVIL", moves=[Move("a", "b", HUGE, "EVIL")], tip=1, tip_to="mule")
        assert not self.partial(tmp_path, odd)

    def test_what_an_account_of_the_trail_did_itself_may_belong_to_it(self, tmp_path: Path) -> None:
        """Nobody can say what left the mule there."""
        assert self.partial(tmp_path, Tx("odd", "mule", to="ODD", moves=[Move("mule", "b", HUGE, "ODD")]))

    def test_a_refused_row_beside_a_payment_of_the_trail_may_belong_to_it(self, tmp_path: Path) -> None:
        beside = Tx(
            "odd", "helper", moves=[Move("mule", "hot", 0), Move("x", "y", HUGE, "ODD"), Move("x", "mule", 1)]
        )
        assert self.partial(tmp_path, beside)

    def test_an_amount_of_a_token_that_is_not_believed_is_summed_as_unknown(self, tmp_path: Path) -> None:
        rows = [*self.ROWS, Tx("odd", "spammer", moves=[Move(None, "mule", HUGE, "FAKE")])]
        told = [Token("FAKE", 18, "ETH")]
        found = AccountCase(tmp_path, rows, tags=[ACME], told=told).trace("mule")
        assert found.totals == {"ETH": {"seed": 90, "services": 60, "unspent": 30}}
        assert [(row["asset"], row["base_units"]) for row in found.document["unbelieved"]] == [("FAKE", None)]
        assert "too great to be read" not in found.notes


class TestNoExitIsMissed:
    """Ways out that look like something else."""

    def test_a_payment_to_oneself_changes_nothing(self, tmp_path: Path) -> None:
        rows: list[Row] = [
            born(thief=100),
            Tx("turn", "thief", to="thief", value=70),
            Tx("pass", "thief", to="mule", value=100),
            Tx("round", "mule", moves=[Move("mule", "mule", 40), Move("mule", "mule", 0)]),
            Tx("exit", "mule", to="hot", value=100),
        ]
        case = AccountCase(tmp_path, rows, tags=[ACME])
        for method in ("fifo", "lifo", "haircut"):
            found = case.trace("thief", method=method)
            assert found.totals == {"ETH": {"seed": 100, "services": 100}}

    def test_a_batch_payout_reaches_everybody_it_pays(self, tmp_path: Path) -> None:
        """One call to a contract of anybody's pays two exchanges and a mule."""
        zeta = tag("zeta", "zeta", role="hot")
        paid = [Move("disperse", "hot", 30), Move("disperse", "zeta", 20), Move("disperse", "mule", 50)]
        rows: list[Row] = [
            born(thief=100),
            Tx("batch", "thief", to="disperse", value=100, moves=paid),
            Tx("exit", "mule", to="hot", value=50),
        ]
        found = AccountCase(tmp_path, rows, tags=[ACME, zeta]).trace("thief")
        assert found.endpoints == {("acme", "ETH"): 80, ("zeta", "ETH"): 20}

    def test_what_a_token_takes_for_itself_is_followed_too(self, tmp_path: Path) -> None:
        """Two of a hundred go to the token's owner at each transfer; nothing is lost to the sums."""
        rows: list[Row] = [
            born(ann=1),
            Tx("mint", "bank", moves=[Move(None, "thief", 100, "TAX")]),
            Tx("pass", "thief", moves=[Move("thief", "mule", 98, "TAX"), Move("thief", "taxman", 2, "TAX")]),
            Tx("exit", "mule", moves=[Move("mule", "hot", 80, "TAX"), Move("mule", None, 2, "TAX")]),
        ]
        found = AccountCase(tmp_path, rows, tags=[ACME]).trace("mint:0")
        assert found.totals == {"TAX": {"seed": 100, "services": 80, "burned": 2, "unspent": 18}}

    def test_a_refund_of_one_wei_hides_no_payment(self, tmp_path: Path) -> None:
        rows: list[Row] = [
            born(thief=100),
            Tx("exit", "thief", to="hot", value=100, moves=[Move("hot", "thief", 1)]),
        ]
        found = AccountCase(tmp_path, rows, tags=[ACME]).trace("thief")
        assert found.endpoints == {("acme", "ETH"): 100}

    def test_an_account_that_was_dusted_before_pays_the_traced_coins_all_the_same(
        self, tmp_path: Path
    ) -> None:
        rows: list[Row] = [
            born(thief=100, ann=5),
            *(Tx(f"dust{n}", "ann", to="mule", value=1) for n in range(3)),
            Tx("pass", "thief", to="mule", value=100),
            Tx("exit", "mule", to="hot", value=103),
        ]
        case = AccountCase(tmp_path, rows, tags=[ACME])
        for method in ("fifo", "lifo", "haircut"):
            assert case.trace("pass:0", method=method).endpoints == {("acme", "ETH"): 100}

    def test_a_token_that_names_an_account_often_does_not_make_it_crowded(self, tmp_path: Path) -> None:
        """Known thieves get spam by the thousand: what ends a trail is how often its own asset moved there."""
        spam = [Tx(f"spam{n}", "spammer", moves=[Move("mule", f"x{n}", 1, "EVIL")]) for n in range(9)]
        rows: list[Row] = [
            born(thief=100),
            Tx("pass", "thief", to="mule", value=100),
            *spam,
            Tx("exit", "mule", to="hot", value=60),
        ]
        case = AccountCase(tmp_path, rows, tags=[ACME])
        assert case.trace("pass:0", degree=4).endpoints == {("acme", "ETH"): 60}
        assert case.trace("thief", degree=4).endpoints == {("acme", "ETH"): 60}
        assert [stop[:2] for stop in case.trace("thief", degree=1).stops] == [("high_degree", "mule")]

    def test_a_wrapped_coin_of_ones_own_changes_nothing(self, tmp_path: Path) -> None:
        """A thief's contract calls its token wrapped coin; only contracts that are known wrap (adapters pin them)."""
        rows: list[Row] = [
            born(thief=100),
            Tx("fake", "thief", to="SHAM", value=100, moves=[Move(None, "thief", 100, "SHAM")]),
            Tx("walk", "thief", to="SHAM", moves=[Move("SHAM", "mule", 100)]),
            Tx("exit", "mule", to="hot", value=100),
        ]
        found = AccountCase(tmp_path, rows, tags=[ACME]).trace("thief", asset="native")
        assert found.endpoints == {("acme", "ETH"): 100}
        assert found.conversions == []


def market(*more: Row) -> list[Row]:
    """A pool that strangers trade with, and a thief's coins at `fund:0`."""
    people = [f"trader{n}" for n in range(Thresholds().senders)]
    return [
        born(ann=1),
        Tx("fund", "bank", moves=[
            Move(None, "thief", 100, "USDT"), Move(None, "pool", 10**6, "DAI"),
            *(Move(None, who, 10, "USDT") for who in people),
        ]),
        *(Tx(f"trade{n}", who, moves=[Move(who, "pool", 10, "USDT"), Move("pool", who, 20, "DAI")],
             events=[Event("pool", SWAP)]) for n, who in enumerate(people)),
        *more,
    ]  # fmt: skip


class TestSwaps:
    """A swap in the transaction of a payment hides neither the payment nor the swap."""

    TOLD = (Token("USDT", 6, genuine=True), Token("DAI", 18, genuine=True))

    def test_what_is_swapped_straight_to_an_exchange_is_an_exit(self, tmp_path: Path) -> None:
        moves = [Move("thief", "pool", 100, "USDT"), Move("pool", "hot", 250, "DAI")]
        rows = market(Tx("swap", "thief", moves=moves, events=[Event("pool", SWAP)]))
        found = AccountCase(tmp_path, rows, tags=[ACME], told=self.TOLD).trace("fund:0")
        assert found.endpoints == {("acme", "DAI"): 250}

    def test_a_payment_beside_a_small_swap_is_followed(self, tmp_path: Path) -> None:
        """One unit is swapped so that the transaction looks like a swap; ninety-nine go to the exchange."""
        moves = [
            Move("thief", "pool", 1, "USDT"), Move("pool", "thief", 2, "DAI"), Move("thief", "hot", 60, "USDT"),
            Move("thief", "mule", 39, "USDT"),
        ]  # fmt: skip
        rows = market(Tx("both", "thief", moves=moves, events=[Event("pool", SWAP)]),
                      Tx("exit", "mule", moves=[Move("mule", "hot", 39, "USDT")]))  # fmt: skip
        found = AccountCase(tmp_path, rows, tags=[ACME], told=self.TOLD).trace("fund:0")
        assert found.totals == {"USDT": {"seed": 100, "services": 99, "stopped": 1}}

    def test_a_wrap_beside_a_swap_hides_no_payment(self, tmp_path: Path) -> None:
        wrap = Move(None, "thief", 50, "WETH", TransferKind.WRAP)
        moves = [wrap, Move("thief", "pool", 100, "USDT"), Move("pool", "thief", 250, "DAI")]
        rows = market(born(thief=50), Tx("all", "thief", to="WETH", value=50, moves=moves),
                      Tx("exit", "thief", moves=[Move("thief", "hot", 50, "WETH")]))  # fmt: skip
        found = AccountCase(tmp_path, rows, tags=[ACME], told=self.TOLD).trace("thief")
        assert found.endpoints == {("acme", "WETH"): 50}

    def test_the_rule_is_quoted_as_a_lead(self, tmp_path: Path) -> None:
        moves = [Move("thief", "pool", 100, "USDT"), Move("pool", "thief", 250, "DAI")]
        rows = market(Tx("swap", "thief", moves=moves, events=[Event("pool", SWAP)]))
        (row,) = AccountCase(tmp_path, rows, told=self.TOLD).trace("fund:0").document["heuristics"]
        assert (row["id"], row["version"], row["tier"], row["used_for"]) == ("swap_pool", 1, "lead", "swaps")

    def test_a_pool_made_by_throw_away_senders_turns_nothing_into_a_worthless_token(
        self, tmp_path: Path
    ) -> None:
        """Five senders are cheap: the sham mints its junk, keeps the coin, and its maker walks away with it."""
        rows: list[Row] = [
            born(thief=100),
            *(
                Tx(f"sham{n}", f"sock{n}", to="sham", events=[Event("sham", SWAP)])
                for n in range(Thresholds().senders)
            ),
            Tx("swap", "thief", to="sham", value=100, moves=[Move(None, "thief", 1, "JUNK")]),
            Tx("take", "thief", to="sham", moves=[Move("sham", "mule", 100)]),
        ]
        found = AccountCase(tmp_path, rows, told=self.TOLD).trace("thief", asset="native")
        assert found.conversions == []
        assert found.stops == [("custodial_pool", "sham", "swap", "ETH", 100)]

    @pytest.mark.parametrize("paid", ["pool", None])
    @pytest.mark.parametrize("genuine", [True, False])
    def test_at_an_untagged_pool_money_becomes_what_it_paid_out_and_everybody_knows(
        self, tmp_path: Path, paid: str | None, genuine: bool
    ) -> None:
        moves = [Move("thief", "pool", 100, "USDT"), Move(paid, "thief", 250, "DAI")]
        rows = market(Tx("swap", "thief", moves=moves, events=[Event("pool", SWAP)]))
        told = (Token("USDT", 6, genuine=True), Token("DAI", 18, genuine=genuine))
        found = AccountCase(tmp_path, rows, told=told).trace("fund:0")
        if paid and genuine:
            assert found.rests() == {("thief", "DAI"): 250}
        else:
            assert found.stops == [("custodial_pool", "pool", "swap", "USDT", 100)]

    @pytest.mark.parametrize(("until", "converted"), [("", True), ("2020-09-20", False)])
    def test_a_tag_makes_a_pool_only_while_it_holds(
        self, tmp_path: Path, until: str, converted: bool
    ) -> None:
        """Who has the address later is an account like any other, and so is followed."""
        swap = Tx("swap", "thief", to="till", value=100, moves=[Move("till", "thief", 7, "DAI")], day=900)
        fund = Tx("fund", "bank", to="thief", value=100)
        rows: list[Row] = [born(bank=100), fund, swap, Tx("exit", "till", to="hot", value=100)]
        dex = tag("till", "uniswap", category="defi_dex", until=until)
        found = AccountCase(tmp_path, rows, tags=[ACME, dex], told=self.TOLD).trace("fund:0")
        assert bool(found.conversions) == converted
        assert found.endpoints == ({} if converted else {("acme", "ETH"): 100})


class TestADepositAddressPaysNobodyElse:
    """Five of a hundred that go elsewhere are an exit of their own."""

    def test_a_second_exchange_is_not_hidden(self, tmp_path: Path) -> None:
        rows: list[Row] = [
            born(thief=100),
            Tx("pay", "thief", to="own", value=100),
            Tx("most", "own", to="hot", value=95),
            Tx("rest", "own", to="zeta", value=5),
        ]
        tags = [ACME, tag("zeta", "zeta", role="hot")]
        found = AccountCase(tmp_path, rows, tags=tags).trace("thief")
        assert found.endpoints == {("acme", "ETH"): 95, ("zeta", "ETH"): 5}
        assert [leg[2] for leg in found.legs] == ["hot", "zeta"]
        assert found.document["heuristics"] == []

    @pytest.mark.parametrize("signer", ["own", "helper"])
    def test_nor_is_one_behind_a_mule(self, tmp_path: Path, signer: str) -> None:
        """Whoever signed: a token that was approved moves without its owner's signature."""
        rows: list[Row] = [
            born(ann=1),
            Tx("mint", "bank", moves=[Move(None, "thief", 100, "USDT")]),
            Tx("pay", "thief", moves=[Move("thief", "own", 100, "USDT")]),
            Tx("most", "own", moves=[Move("own", "hot", 95, "USDT")]),
            Tx("rest", signer, moves=[Move("own", "mule", 5, "USDT")]),
        ]
        found = AccountCase(tmp_path, rows, tags=[ACME]).trace("mint:0")
        assert found.totals == {"USDT": {"seed": 100, "services": 95, "unspent": 5}}


class TestCallsThatWereNotRead:
    """Coin that answered a token there was not seen: nothing is burnt for it, and no answer is whole."""

    GAP = "internal transfers of blocks 1-1 were not read"

    def test_an_unwrap_without_its_coin_is_unread(self, tmp_path: Path) -> None:
        rows: list[Row] = [
            Tx("give", "victim", to="WETH", moves=[Move("victim", "thief", 10, "WETH")]),
            Tx("unwrap", "thief", to="WETH", moves=[Move("thief", None, 10, "WETH", TransferKind.UNWRAP)]),
            Tx("exit", "thief", to="hot", value=10),
        ]
        found = AccountCase(tmp_path, rows, tags=[ACME], untraced=[1]).trace("give:0")
        assert found.totals == {"WETH": {"seed": 10, "unread": 10}}
        assert self.GAP in found.notes

    def test_a_burn_is_one_still(self, tmp_path: Path) -> None:
        rows: list[Row] = [
            Tx("give", "victim", moves=[Move("victim", "thief", 10, "USDT")]),
            Tx("burn", "thief", moves=[Move("thief", None, 10, "USDT")]),
        ]
        found = AccountCase(tmp_path, rows, tags=[ACME], untraced=[1]).trace("give:0")
        assert found.totals == {"USDT": {"seed": 10, "burned": 10}}
        assert self.GAP not in found.notes

    @pytest.mark.parametrize(("untraced", "told"), [([1], True), ([], False)])
    def test_a_swap_for_coin_may_have_gone_on(self, tmp_path: Path, untraced: list[int], told: bool) -> None:
        rows: list[Row] = [
            Tx("give", "victim", moves=[Move("victim", "thief", 10, "USDT")]),
            Tx("swap", "thief", to="router", moves=[Move("thief", "till", 10, "USDT")]),
            Tx("exit", "thief", to="hot", value=10),
        ]
        tags = [ACME, tag("till", "uniswap", category="defi_dex")]
        found = AccountCase(tmp_path, rows, tags=tags, untraced=untraced).trace("give:0")
        assert found.totals == {"USDT": {"seed": 10, "stopped": 10}}
        assert (self.GAP in found.notes) == told


@pytest.mark.parametrize(("tip", "told"), [(900, True), (10, False)])
def test_coin_paid_as_gas_to_a_friend_who_makes_blocks_is_told(tmp_path: Path, tip: int, told: bool) -> None:
    """It is fees, and not followed; more than one in a hundred is said with who got it."""
    bribe = Tx("bribe", "thief", to="x", value=1, tip=tip, tip_to="crook")
    found = AccountCase(tmp_path, [born(thief=1000), bribe], tags=[ACME]).trace("thief")
    assert found.totals["ETH"]["fees"] == tip
    assert (f"{tip} base units of ETH were paid as gas to crook" in found.notes) == told


def test_a_symbol_that_nobody_bears_is_no_asset(tmp_path: Path) -> None:
    """Too long for an address, or not written like one: the answer is the same, and names what to write."""
    case = AccountCase(tmp_path, SWEPT)
    for name in ("PUNK", "PUNK-", "N" * 30):
        with pytest.raises(UsageError, match="was ever seen"):
            case.trace("thief", asset=name)


def test_pools_of_other_chains_are_no_matter_here(tmp_path: Path) -> None:
    assert "untagged pools" not in AccountCase(tmp_path, SWEPT).trace("thief").notes
