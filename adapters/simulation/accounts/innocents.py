"""The public: people who do on a chain what criminals do, and must not be linked or named for it."""

from __future__ import annotations

from functools import partial

from adapters.simulation.accounts.chain import NATIVE
from adapters.simulation.accounts.custodian import Exchange, deposit
from adapters.simulation.accounts.market import Market
from adapters.simulation.accounts.relay import Relays
from adapters.simulation.accounts.services import Mixer, Note
from adapters.simulation.accounts.stage import ETH, Place, Stage
from adapters.simulation.accounts.tokens import TOKEN_GAS, Token, pay
from adapters.simulation.accounts.trading import SWAP_GAS
from adapters.simulation.accounts.wallets import Person, person

LEAST = ETH // 2  # a wallet below this buys coin before it does anything else


class Public:
    """Ordinary people, a shop, an employer, a broker, a charity; they fill the blocks to the size asked for."""

    def __init__(self, stage: Stage, relays: Relays, banks: list[Exchange]) -> None:
        self.stage, self.relays, self.banks = stage, relays, banks
        self.people = [
            person(stage, f"user-{i:05d}", "user", banks) for i in range(max(40, min(2_000, stage.txs // 25)))
        ]
        self.shop = person(stage, "shop-1", "merchant", banks)
        self.employer = person(stage, "employer-1", "employer", banks)
        self.broker = person(stage, "broker-1", "broker", banks)
        self.charity = person(stage, "charity-1", "charity", banks)
        for someone in (self.employer, self.broker):
            stage.plan(1, 100, partial(self._fund, someone))
        for part in (20, 40, 60, 80):
            stage.plan(part, 100, self._payroll)
            stage.plan(part + 5, 100, self._brokerage)
            stage.plan(part + 8, 100, self._hand_on)
        stage.plan(25, 100, self._second_wallets)
        stage.plan(30, 100, self._gift)
        stage.plan(70, 100, self._return)

    def _fund(self, someone: Person) -> None:
        place = self.stage.a
        someone.bank.withdraw(place, someone.address, None, 20 * ETH)
        someone.bank.withdraw(place, someone.address, place.usdt, 60_000 * 10**6)

    # look-alikes, at times of their own

    def _payroll(self) -> None:
        """Wages straight into employees' deposit addresses: payer and customer share them and are two (B1)."""
        stage, place = self.stage, self.stage.a
        usdt, employer = place.usdt, self.employer
        employer.allow(usdt, place.payout.address)
        staff = self.people[:12]
        due = []
        for worker in staff[:8]:
            to = worker.bank.deposit_address(worker.name, place.chain)
            due.append((to, stage.between(400, 900) * 10**6))
            worker.bank.notice(place.chain, to, usdt.address)
            stage.records.link(employer.address, worker.address, False, "wages into a deposit address")
        due += [(worker.address, stage.between(400, 900) * 10**6) for worker in staff[8:]]
        tx = place.payout.pay_token(employer.account, usdt, due, "wages")
        stage.records.specials.setdefault("batch payout of tokens", tx)
        coin = [(worker.address, ETH // 5) for worker in staff]
        stage.records.specials.setdefault(
            "batch payout of coin", place.payout.pay(employer.account, coin, "wages")
        )

    def _brokerage(self) -> None:
        """A broker pays what a client bought into the client's deposit address (B1's false positive)."""
        client = self.stage.pick(self.people)
        if self.broker.coin(self.stage.a) < ETH:
            return
        amount = self.stage.between(1, 3) * ETH // 4
        deposit(self.stage.a, self.broker.account, client.bank, client.name, None, amount, "brokerage")
        self.stage.records.link(self.broker.address, client.address, False, "brokered into a deposit address")

    def _hand_on(self) -> None:
        """A charity passes gifts on in slices, as a peel chain would."""
        place, charity = self.stage.a, self.charity
        for _ in range(3):
            if (room := charity.coin(place)) > ETH // 2:
                pay(place.chain, charity.account, self.stage.pick(self.people).address, room // 4, "gift")

    def _second_wallets(self) -> None:
        """One person, two accounts: they share a deposit address, or one lets the other spend (B1, B4)."""
        stage, place, records = self.stage, self.stage.a, self.stage.records
        for i, owner in enumerate(self.people[12:18]):
            second = stage.account(owner.name, "wallet", chains=[p.chain.chain_id for p in stage.places])
            owner.top_up(place)
            owner.bank.withdraw(place, second.address, None, ETH)
            owner.bank.withdraw(place, second.address, place.usdt, 200 * 10**6)
            if i % 2:
                place.usdt.approve(second, owner.address)
                tx = place.usdt.pull(
                    owner.account, second.address, owner.address, 150 * 10**6, "self_transfer"
                )
                records.link(second.address, owner.address, True, "self-authorisation")
                records.specials.setdefault("self-authorisation", tx)
                continue
            for account in (owner.account, second):
                stage.at(2, partial(self._both, owner, account.address))
            stage.at(3, partial(deposit, place, second, owner.bank, owner.name, None, ETH // 4))
            records.link(second.address, owner.address, True, "one deposit address, one owner")

    def _both(self, owner: Person, address: bytes) -> None:
        if address == owner.address and owner.coin(self.stage.a) > ETH // 2:
            deposit(self.stage.a, owner.account, owner.bank, owner.name, None, ETH // 4)

    def _gift(self) -> None:
        """Somebody pays the first coin of a friend's wallet (B6's false positive)."""
        giver = max(self.people, key=lambda someone: someone.coin(self.stage.a))
        friend = person(self.stage, "friend-1", "user", self.banks)
        if giver.coin(self.stage.a) > ETH // 2:
            pay(self.stage.a.chain, giver.account, friend.address, ETH // 4, "gift")
            self.people.append(friend)
            self.stage.records.link(giver.address, friend.address, False, "first coin from a friend")

    def _return(self) -> None:
        """Some send over the bridge from the second chain to the first."""
        place = self.stage.b
        able = [someone for someone in self.people if place.usdt.of(someone.address) > 5 * 10**7]
        for someone in able[:3]:
            if someone.coin(place) <= 0:
                someone.bank.withdraw(place, someone.address, None, ETH)
            someone.allow(place.usdt, place.bridge.address)
            amount = place.usdt.of(someone.address) // 2
            self.relays.bridge(place, someone.account, place.usdt, someone.address, amount, None)

    # every day

    def fill(self, market: Market) -> None:
        """Act until the chains hold as many transactions as are due at this tick."""
        stage = self.stage
        due = stage.txs * (stage.tick + 1) // stage.ticks
        tries = 4 * max(0, due - stage.count) + 8
        while stage.count < due and tries:
            tries -= 1
            self._act(market)
        if stage.tick % 20 == 19 and not stage.closing and self.shop.coin(stage.a) > ETH:
            deposit(stage.a, self.shop.account, self.shop.bank, "shop-1", None, self.shop.coin(stage.a) // 2)

    def _act(self, market: Market) -> None:
        stage = self.stage
        someone = stage.pick(self.people)
        place: Place = stage.b if stage.chance(12) else stage.a
        coin, usdt = someone.coin(place), place.usdt.of(someone.address)
        if coin < LEAST:
            if not stage.closing:
                someone.top_up(place)
            return
        mark = stage.random() * 100
        amount = coin * stage.between(5, 50) // 100
        other = stage.pick(self.people)
        if mark < 24:
            pay(place.chain, someone.account, other.address, amount, "payment")
        elif mark < 44 and usdt > 10**7:
            place.usdt.give(someone.account, other.address, usdt * stage.between(5, 50) // 100, "payment")
        elif mark < 54:
            pay(place.chain, someone.account, self.shop.address, min(amount, ETH), "purchase")
        elif mark < 69 and place is stage.a and stage.tick < stage.ticks * 7 // 10:
            market.buy(someone, stage.between(20, 300))
        elif mark < 78 and not stage.closing:
            token: Token | None = place.usdt if usdt > 5 * 10**7 and stage.chance(40) else None
            deposit(place, someone.account, someone.bank, someone.name, token, usdt // 2 if token else amount)
        else:
            self._trade(someone, place, amount, usdt)

    def _trade(self, someone: Person, place: Place, amount: int, usdt: int) -> None:
        stage = self.stage
        mark = stage.random() * 100
        account, router, a = someone.account, place.router, stage.a
        gas = SWAP_GAS * (place.chain.base_fee + account.tip)
        if mark < 25 and amount > gas:
            token = a.dai if place is a and stage.chance(35) else place.usdt
            router.swap(account, place.swap_path(token), min(amount, 2 * ETH), coin_in=True)
        elif mark < 45 and usdt > 2 * 10**7:
            someone.allow(place.usdt, router.address)
            router.swap(account, (place.usdt, place.weth), usdt // 2, coin_out=stage.chance(60))
        elif mark < 52 and (dai := a.dai.of(someone.address)) and place is a:
            someone.allow(a.dai, router.address)
            router.swap(account, (a.dai, a.usdt), dai // 2)
        elif mark < 62:
            place.weth.wrap(account, amount)
        elif mark < 72 and (weth := place.weth.of(someone.address)):
            place.weth.unwrap(account, weth // 2)
        elif mark < 82 and place is a and amount > ETH // 8 and not stage.closing:
            self._mix(someone)
        elif mark < 92 and usdt > 5 * 10**7 and not stage.closing:
            someone.allow(place.usdt, place.bridge.address)
            self.relays.bridge(place, account, place.usdt, someone.address, usdt // 3, None)
        elif mark < 96 and place.chain.held[NATIVE, someone.address] > 2 * TOKEN_GAS * 10**11:
            place.usdt.overdraw(account, stage.pick(self.people).address)

    def _mix(self, someone: Person) -> None:
        """A tenth or one ether through the mixer to a new account; the careless take it back to the old one."""
        stage, place = self.stage, self.stage.a
        mixer = place.mixers[1 if someone.coin(place) > 2 * ETH and stage.chance(40) else 0]
        note = mixer.deposit(someone.account)
        if stage.chance(20):
            stage.at(stage.between(4, 30), partial(self._take_back, someone, mixer, note))
            return
        fresh = stage.account(someone.name, "wallet")
        stage.records.link(someone.address, fresh.address, True, "both ends of a mixer")
        stage.at(stage.between(4, 30), partial(self.relays.unmix, mixer, note, fresh.address))

    def _take_back(self, someone: Person, mixer: Mixer, note: Note) -> None:
        """To the address it came from, and half of the time by his own transaction (address match, gas price)."""
        if self.stage.chance(50) and someone.coin(self.stage.a) > 0:
            mixer.withdraw(note, someone.address, someone.account)
        else:
            self.relays.unmix(mixer, note, someone.address)
