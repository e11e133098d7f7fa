"""What all actors share: the two chains with what stands on them, the clock, chance, keys and the agenda."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adapters.evm.anvil import Node
from adapters.simulation.accounts.chain import Chain
from adapters.simulation.accounts.crossing import Bridge, Thorchain
from adapters.simulation.accounts.keys import LEGACY, Account, Keyring, address_of, secret
from adapters.simulation.accounts.recorder import Recorder
from adapters.simulation.accounts.services import Mixer, Payout
from adapters.simulation.accounts.tokens import Token, Wrapped
from adapters.simulation.accounts.trading import Pool, Router
from adapters.simulation.chance import Chance

START = 1_546_300_800  # 2019-01-01 00:00 UTC
SPACING = 1_200  # seconds between blocks: a sweep in the next block comes within the hour (heuristics B5)
ETH = 10**18
GWEI = 10**9
DOLLARS = 150  # an ether, about the price of January 2019
CHAIN_IDS = (31_337, 31_338)
DENOMINATIONS = (ETH // 10, ETH, 10 * ETH)


def blocks_of(txs: int) -> int:
    """Blocks of a world: two days of them for the smallest, a week for the largest (a node's cost by its state)."""
    return max(120, min(480, txs // 40))


def builder() -> Account:
    """Who deploys what everybody uses. Its key is the same in every world, and so are those contracts' addresses."""
    key = secret("tracer/simulation/accounts/builder")
    return Account(address_of(key), key, "builder", GWEI)


class Place:
    """One chain and the contracts that both have: wrapped coin, a stablecoin, a pool of the two, a bridge end."""

    def __init__(self, node: Node, records: Recorder, maker: Account, ether: int) -> None:
        self.chain = chain = Chain(node, records, time=START)
        self.maker = maker
        records.owned(chain.chain_id, maker.address, maker.owner, "deployer")
        chain.endow(maker.address, 4 * ether * ETH)
        self.weth = Wrapped(chain, maker)  # first of all: its address is known before any world is built
        self.usdt = Token(chain, maker, "USDT", "Tether USD (simulated)", 6)
        self.bridge = Bridge(chain, maker)
        self.router = Router(chain, maker, self.weth)
        self.pool = Pool(chain, maker, self.weth, self.usdt)
        self.payout = Payout(chain, maker)
        self.usdt.mint(maker.address, 3 * ether * DOLLARS * 10**6)
        self.weth.wrap(maker, ether * ETH)
        self.pool.fund(maker, ether * ETH, ether * DOLLARS * 10**6)
        self.router.add(self.pool)
        self._tokens: dict[bytes, Token] = {token.address: token for token in (self.weth, self.usdt)}

    def token(self, address: bytes) -> Token:
        """The token of a contract."""
        return self._tokens[address]

    def swap_path(self, token: Token) -> Sequence[Token]:
        """The way from coin to a token."""
        return (self.weth, self.usdt) if token is self.usdt else (self.weth, self.usdt, token)


class Main(Place):
    """The first chain: with more tokens, mixers and the router of the swap network."""

    def __init__(self, node: Node, records: Recorder, maker: Account, vault: Account) -> None:
        super().__init__(node, records, maker, 20_000)
        chain = self.chain
        self.dai = Token(chain, maker, "DAI", "Dai Stablecoin (simulated)", 18)
        self.taxed = Token(chain, maker, "TAX", "Taxed Token (simulated)", 18, kept=200)
        self._tokens |= {token.address: token for token in (self.dai, self.taxed)}
        self.dai_pool = Pool(chain, maker, self.usdt, self.dai)
        self.dai.mint(maker.address, 3_000_000 * ETH)
        self.taxed.mint(maker.address, 1_000_000 * ETH)
        self.dai_pool.fund(maker, 2_000_000 * 10**6, 2_000_000 * ETH)
        self.router.add(self.dai_pool)
        self.mixers = [Mixer(chain, maker, denomination) for denomination in DENOMINATIONS]
        self.thorchain = Thorchain(chain, maker, vault)
        records.owned(chain.chain_id, vault.address, vault.owner, "vault")
        chain.endow(vault.address, 5_000 * ETH)
        self.usdt.mint(vault.address, 2_000_000 * 10**6)
        self.thorchain.fund(self.usdt, 2_000_000 * 10**6)


class Stage(Chance):
    """The stage. Actors hold it, it knows none of them."""

    def __init__(self, nodes: Sequence[Node], seed: int, txs: int) -> None:
        super().__init__(f"accounts/{seed}/{txs}")
        self.txs = txs
        self.ticks = blocks_of(txs)
        self.tick = 0
        self.records = Recorder()
        self.records.actor("builder", "protocol")
        self.ring = Keyring(f"tracer/simulation/accounts/{seed}/{txs}")
        maker = builder()
        vault = self.account(self.records.actor("thorchain", "protocol"), "vault", chains=())
        self.a = Main(nodes[0], self.records, maker, vault)
        self.b = Place(nodes[1], self.records, maker, 10_000)
        self.places: tuple[Place, ...] = (self.a, self.b)
        self._producers = [
            self.account(
                self.records.actor(f"producer-{i}", "producer"), "producer", chains=CHAIN_IDS
            ).address
            for i in range(4)
        ]
        self._agenda: list[list[Callable[[], object]]] = [[] for _ in range(self.ticks)]

    def account(
        self, owner: str, role: str, *, chains: Sequence[int] = CHAIN_IDS[:1], customer: str | None = None
    ) -> Account:
        """A new account of somebody; wallets differ in what they offer for a place in a block."""
        made = self.ring.new(
            owner, tip=self.between(1, 40) * GWEI // 10, kind=LEGACY if self.chance(25) else 2
        )
        for chain_id in chains:
            self.records.owned(chain_id, made.address, owner, role, customer)
        return made

    def at(self, delay: int, act: Callable[[], object]) -> bool:
        """Put an act on the agenda `delay` ticks ahead; False where the world ends before."""
        when = self.tick + max(1, delay)
        if when >= self.ticks:
            return False
        self._agenda[when].append(act)
        return True

    def plan(self, part: int, of: int, act: Callable[[], object]) -> None:
        """Put an act at a part of the world's time before it starts."""
        self._agenda[min(self.ticks * part // of, self.ticks - 1)].append(act)

    @property
    def closing(self) -> bool:
        """True in the last blocks: nobody starts anything new."""
        return self.tick >= self.ticks - 12

    @property
    def count(self) -> int:
        """Transactions handed in on both chains."""
        return sum(place.chain.count for place in self.places)

    def advance(self, tick: int) -> list[Callable[[], object]]:
        """Move the clock, set the price of gas and who makes the blocks; gives what is due."""
        self.tick = tick
        for place in self.places:
            place.chain.base_fee = max(2, min(40, place.chain.base_fee // GWEI + self.between(-2, 2))) * GWEI
            place.chain.producer = self.pick(self._producers)
        due, self._agenda[tick] = self._agenda[tick], []
        return due

    def close_blocks(self) -> None:
        """One block on each chain."""
        time = START + (self.a.chain.height + 1) * SPACING
        for place in self.places:
            place.chain.close_block(time + self.between(0, 300))
