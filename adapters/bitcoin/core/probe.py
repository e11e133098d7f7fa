"""What a Core-like node offers, found out by asking it: ways differ between programs, versions and settings."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.bitcoin.chains import BitcoinChain
from adapters.bitcoin.core.chain import State, serves, state, still_loading
from adapters.bitcoin.core.rpc import Core
from adapters.bitcoin.core.ways import Blocks, Spent, blocks_way, spent_way
from adapters.http import Refused


@dataclass(frozen=True)
class Capabilities:
    """What a node can do. `spent` is None where it does not tell spent outputs; `rest` whether REST is on."""

    host: str
    network: str
    client: str
    state: State
    blocks: Blocks
    spent: Spent | None
    rest: bool
    waits: bool

    @property
    def head(self) -> int:
        """Height of its newest block."""
        return self.state.head

    def shortcomings(self) -> list[str]:
        """What cannot be read from this node, or is slow, one sentence each."""
        out = []
        if self.state.lowest:
            out.append(
                f"{self.host} is pruned: it has blocks from height {self.state.lowest} on; --from reads those"
            )
        if self.state.loading:
            out.append(still_loading(self.host, self.state))
        if self.spent is None:
            out.append(
                f"{self.host} tells no spent outputs: of a history that begins in the middle, inputs whose transaction "
                "was not read stay unresolved"
            )
        if not self.rest:
            out.append(f"{self.host} does not offer REST (-rest): blocks come as text, twice as long")
        return out


def capabilities(core: Core, chain: BitcoinChain) -> Capabilities:
    """Ask a node for everything we use; `SourceUnavailable` where it is not there or not of this chain."""
    now = state(core)
    serves(core, chain, now.head)
    way, _ = blocks_way(core, chain, now.best)
    return Capabilities(
        host=core.host,
        network=now.network,
        client=_client(core),
        state=now,
        blocks=way,
        spent=spent_way(core, now.head, now.lowest),
        rest=way is Blocks.REST,
        waits=_answers(core, "waitforblockheight", now.head, 1),
    )


def _client(core: Core) -> str:
    try:
        told = core.ask("getnetworkinfo")
        return str(told.get("subversion") or told.get("version"))[:100]
    except Refused:
        return "unknown"


def _answers(core: Core, method: str, *params: object) -> bool:
    try:
        core.ask(method, *params)
    except Refused:
        return False
    return True
