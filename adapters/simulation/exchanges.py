"""The five exchanges of the world, and the miners that bring new coins to them."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.simulation.chain_builder import FINAL, NO_RBF, RBF, Out
from adapters.simulation.custodian import Custodian, Habits
from adapters.simulation.economy import Economy
from adapters.simulation.encode import COIN, P2PK, P2PKH, P2SH_P2WPKH, P2TR, P2WPKH
from adapters.simulation.keys import Key
from adapters.simulation.wallet import Fingerprint, Wallet


@dataclass(frozen=True, slots=True)
class Vasp:
    """What a register says of an exchange."""

    vasp_id: str
    title: str
    shape: str  # exchange or swapper
    kyc_level: str
    jurisdiction: str
    xmr: bool
    share: int  # of the public that banks here, percent
    habits: Habits


VASPS = (
    Vasp("exchange-kyc-1", "Alpine Exchange (simulated)", "exchange", "full", "CH", False, 34,
         Habits(Fingerprint(P2WPKH, 2, True, RBF, "last"), with_hot=True, sweep_inputs=40)),
    Vasp("exchange-kyc-2", "Baltic Coin Bank (simulated)", "exchange", "full", "EE", False, 30,
         Habits(Fingerprint(P2SH_P2WPKH, 2, False, FINAL, "random"), sweep_inputs=25, sweep_hours=12)),
    Vasp("exchange-nokyc-1", "Corsair Trade (simulated)", "exchange", "none", "SC", True, 16,
         Habits(Fingerprint(P2PKH, 1, False, FINAL, "first"), sweep_inputs=30)),
    Vasp("exchange-nokyc-2", "Drift Exchange (simulated)", "exchange", "none", "VC", False, 13,
         Habits(Fingerprint(P2WPKH, 1, True, NO_RBF, "last"), with_hot=True, sweep_inputs=20,
                sweep_hours=48)),
    Vasp("swapper-1", "Eel Instant Swap (simulated)", "swapper", "none", "", True, 7,
         Habits(Fingerprint(P2TR, 2, False, RBF, "random"), sweep_inputs=15, fresh=True, hot_addresses=2)),
)  # fmt: skip


class Exchange(Custodian):
    """A VASP: customers' deposit addresses, sweeps, hot wallet, batched withdrawals.

    The swapper gives each order its own deposit address and pays the other leg in Monero: the trail ends.
    """

    def __init__(self, eco: Economy, vasp: Vasp) -> None:
        super().__init__(eco, vasp.vasp_id, vasp.shape, vasp.habits)
        self.vasp = vasp


_DRY = 250 * COIN  # satoshi an exchange wants to have at hand


class Miners:
    """Four miners with different coinbase scripts; they sell what has matured to the exchanges."""

    _KINDS = ((P2PK, 1), (P2PKH, 1), (P2WPKH, 2), (P2TR, 2))

    def __init__(self, eco: Economy, exchanges: list[Exchange]) -> None:
        self.eco = eco
        self._exchanges = exchanges
        self._deposit = eco.truth.purpose("deposit")
        self._wallets = []
        self._reward_keys: list[Key | None] = []
        for i, (kind, version) in enumerate(self._KINDS):
            owner = eco.truth.owner(f"miner-{i + 1}", "miner")
            self._wallets.append(
                Wallet(eco, owner, Fingerprint(kind, version, False, FINAL, "last"), "coinbase")
            )
            self._reward_keys.append(None)
        self._by_owner = {wallet.owner: wallet for wallet in self._wallets}
        self._trader = eco.truth.owner("arbitrageur-1", "user")
        self._enough = (50 if eco.txs >= 20_000 else 200) * COIN

    def next_key(self) -> Key:
        """Who finds the next block. Miner 2 reuses one address, the others never do."""
        i = int(self.eco.random() * len(self._wallets))
        wallet = self._wallets[i]
        key = self._reward_keys[i]
        if key is None or i != 1:
            eco = self.eco
            key = self._reward_keys[i] = eco.ring.new(wallet.fp.kind, wallet.owner, wallet.role, None)
        return key

    def act(self) -> None:
        """Sell matured coinbases where coins are scarcest."""
        matured, self.eco.chain.matured = self.eco.chain.matured, []
        for coin in matured:
            self._by_owner[coin.key.owner].coins.append(coin)
        self._level()
        for wallet in self._wallets:
            balance = wallet.balance
            if balance < self._enough or self.eco.closing:
                continue
            scarce = sorted(self._exchanges, key=lambda e: (e.balance - e.debt, e.name))
            outs: list[Out] = []
            part = (balance - COIN // 10) // len(scarce)
            for rank, exchange in enumerate(scarce):
                # a step apart from each other: equal parts from several inputs would look like a CoinJoin
                value = part - rank * 1_000_003
                outs.append((exchange.deposit_key(wallet.owner), value, self._deposit))
            wallet.pay(outs)

    def _level(self) -> None:
        """Once a day an arbitrageur brings coins from the fullest exchange to one that runs dry."""
        eco = self.eco
        if eco.tick % eco.days(1) or eco.closing:
            return
        spare = {exchange.name: exchange.balance - exchange.debt for exchange in self._exchanges}
        rich = max(self._exchanges, key=lambda exchange: spare[exchange.name])
        poor = min(self._exchanges, key=lambda exchange: spare[exchange.name])
        if spare[rich.name] > 2 * _DRY and spare[poor.name] < _DRY:
            rich.withdraw(poor.deposit_key(self._trader), (spare[rich.name] - max(0, spare[poor.name])) // 3)
