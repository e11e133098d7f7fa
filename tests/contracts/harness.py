"""What the contract suite asks of a source under test: a chain that grows, loses a branch, and can be torn."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adapters.bitcoin.chains import CHAINS, BitcoinChain
from adapters.bitcoin.core.access import Access
from adapters.bitcoin.core.source import CoreSource
from adapters.bitcoin.folder.source import BlockFiles
from adapters.evm.anvil import Node
from adapters.evm.chains import EvmChain, chain_named
from adapters.evm.source import EvmSource
from adapters.http import Patience
from tests import accounts_store, rawblocks, stores
from tests.nodes.anvil import anvil
from tests.nodes.litecoind import MATURE, Litecoind, litecoind
from tests.nodes.proxy import Asked, Changes, Fault, Rewrites, proxy
from tests.nodes.town import Town
from tracer.chain import Chain
from tracer.ledger.batch import BlockSource
from tracer.ledger.pull import Pulled, pull
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

Facts = dict[str, list[tuple[Any, ...]]]
PATIENCE = Patience(attempts=3, first=0.01, longest=0.05, timeout=10)


class Harness(ABC):
    """One kind of source, over a chain of its own with at least 12 blocks."""

    chain: Chain

    @abstractmethod
    def grow(self, blocks: int) -> None:
        """Blocks with transactions on top."""

    @abstractmethod
    def reorg(self, depth: int) -> None:
        """Replace the newest blocks: as many others and one more."""

    @abstractmethod
    def source(self) -> BlockSource[Any]:
        """The chain as it is now."""

    @abstractmethod
    def torn(self, height: int) -> Any:
        """A context: the source, with a block that is not what its hash says."""

    @abstractmethod
    def contents(self, ledger: Ledger) -> Facts:
        """Every fact, on natural keys."""

    @property
    @abstractmethod
    def height(self) -> int:
        """Of the newest block."""

    @property
    @abstractmethod
    def created(self) -> int:
        """Base units all blocks create, without fees."""

    def opened(self, workspace: Workspace, *, read_only: bool = True) -> Ledger:
        """The ledger of a workspace."""
        return Ledger.open(workspace.ready(), self.chain, read_only=read_only)

    def sync(
        self,
        workspace: Workspace,
        source: BlockSource[Any] | None = None,
        *,
        first: int | None = None,
        last: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Pulled:
        """Pull what is new."""
        return pull(
            lambda: self.opened(workspace, read_only=False),
            self.source() if source is None else source,
            first=first,
            last=last,
            progress=progress,
        )

    def facts(self, workspace: Workspace) -> Facts:
        """Every fact of a workspace."""
        with self.opened(workspace) as ledger:
            return self.contents(ledger)


class BlockFileHarness(Harness):
    """`blocks:` over a regtest chain."""

    chain: BitcoinChain = CHAINS["bitcoin-regtest"]

    def __init__(self, folder: Path) -> None:
        self.folder, self.raw, self._salt = folder, rawblocks.shop_chain(), 1

    def grow(self, blocks: int) -> None:
        for _ in range(blocks):
            self.raw.add()

    def reorg(self, depth: int) -> None:
        self._salt += 1
        self.raw = self.raw.fork(self.height - depth, bytes([self._salt]))
        self.grow(depth + 1)

    def source(self) -> BlockFiles:
        return BlockFiles(
            rawblocks.write(self.folder / "blk.dat", self.raw.blocks), CHAINS["bitcoin-regtest"]
        )

    @contextmanager
    def torn(self, height: int) -> Iterator[BlockFiles]:
        blocks = list(self.raw.blocks)
        block = blocks[height]
        blocks[height] = block[:-5] + bytes([block[-5] ^ 1]) + block[-4:]
        yield BlockFiles(rawblocks.write(self.folder / "torn.dat", blocks), self.chain)

    def contents(self, ledger: Ledger) -> Facts:
        return stores.contents(ledger)

    @property
    def height(self) -> int:
        return len(self.raw.blocks) - 1

    @property
    def created(self) -> int:
        # nobody claims the fees of the shop's chain, and the genesis coin is an output like any other
        paid = 500 * sum(1 for block in self.raw.blocks if block[80] == 2)
        return sum(self.chain.subsidy(at) for at in range(self.height + 1)) - paid


class EvmHarness(Harness):
    """`evm:` over a node with a town on it."""

    chain: EvmChain = chain_named("evm-31337")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.town = Town(node, random.Random(7))
        self.town.live(10)

    def grow(self, blocks: int) -> None:
        self.town.live(blocks)

    def reorg(self, depth: int) -> None:
        self.town.reorg(depth)
        self.town.live(1)

    def source(self) -> EvmSource:
        return EvmSource(self.node.url, self.chain, patience=PATIENCE)

    @contextmanager
    def torn(self, height: int) -> Iterator[EvmSource]:
        def tear(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
            for answer in answers:
                block = answer["result"]
                if isinstance(block, dict) and block.get("number") == hex(height):
                    block["timestamp"] = hex(int(block["timestamp"], 16) + 1)
            return answers

        def script(asked: Asked) -> Changes | None:
            return Changes(tear) if asked.has("eth_getBlockByNumber") else None

        with proxy(self.node.url, script) as provider:
            yield EvmSource(provider.url, self.chain, patience=PATIENCE)

    def contents(self, ledger: Ledger) -> Facts:
        return accounts_store.contents(ledger)

    @property
    def height(self) -> int:
        return self.town.height

    @property
    def created(self) -> int:
        return 0  # proof of stake


class CoreHarness(Harness):
    """`core:` over a node with a wallet that pays itself."""

    chain: BitcoinChain = CHAINS["litecoin-regtest"]

    def __init__(self, node: Litecoind) -> None:
        self.node = node
        node.mine(MATURE)
        self.grow(3)

    def grow(self, blocks: int) -> None:
        for block in range(blocks):
            self.node.pay(*(100_000 * (block + share + 1) for share in range(2)))
            self.node.mine()

    def reorg(self, depth: int) -> None:
        self.node.replace(depth)
        self.node.mine(1, self.node.call("getnewaddress"))

    def source(self) -> CoreSource:
        return CoreSource(self._access(self.node.url), self.chain, patience=PATIENCE)

    @contextmanager
    def torn(self, height: int) -> Iterator[CoreSource]:
        name = self.node.call("getblockhash", height)
        block = self.node.call("getblock", name, 0)

        def script(asked: Asked) -> Fault | None:
            if asked.gets(f"/rest/block/{name}"):
                return Rewrites(lambda raw: raw[:-5] + bytes([raw[-5] ^ 1]) + raw[-4:])
            return Changes(tear) if asked.has("getblock") else None

        def tear(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
            for answer in answers:
                if answer["result"] == block:
                    answer["result"] = block[:-10] + f"{int(block[-10:-8], 16) ^ 1:02x}" + block[-8:]
            return answers

        with proxy(self.node.url, script) as provider:
            yield CoreSource(self._access(provider.url), self.chain, patience=PATIENCE)

    def contents(self, ledger: Ledger) -> Facts:
        return stores.contents(ledger)

    @property
    def height(self) -> int:
        return self.node.height

    @property
    def created(self) -> int:
        return sum(self.chain.subsidy(at) for at in range(self.height + 1))

    def _access(self, url: str) -> Access:
        return Access(url, cookie=self.node.cookie)


@contextmanager
def harness(kind: str, folder: Path) -> Iterator[Harness]:
    """A harness by the name of its source."""
    if kind == "blocks":
        yield BlockFileHarness(folder)
    elif kind == "core":
        with litecoind(folder / "node") as node:
            yield CoreHarness(node)
    else:
        with anvil(no_mining=True) as node:
            yield EvmHarness(node)
