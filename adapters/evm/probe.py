"""What an EVM node offers, found out by asking it: methods differ between clients, providers and plans."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from adapters.evm.chains import EvmChain
from adapters.evm.refusals import Call
from adapters.evm.rpc import Rpc
from adapters.http import NoMethod, Refused
from tracer.errors import SourceUnavailable

ZERO = "0x" + "00" * 20
TRACER = {"tracer": "callTracer"}


class Traces(StrEnum):
    """How internal transfers are asked for."""

    BLOCK = "trace_block"
    DEBUG = "debug_traceBlockByNumber"


class Receipts(StrEnum):
    """How receipts are asked for."""

    BLOCK = "eth_getBlockReceipts"
    TRANSACTION = "eth_getTransactionReceipt"


@dataclass(frozen=True)
class Capabilities:
    """What a node can do.

    traces     every way it traces blocks, the one to use first; empty where it does not
    archive    None where the chain is too short to tell, else whether it knows the state of its first blocks
    finalized  the highest height it calls final; None where it does not say
    batch      calls it takes in one request
    """

    host: str
    chain_id: int
    client: str
    head: int
    finalized: int | None
    receipts: Receipts
    traces: tuple[Traces, ...]
    archive: bool | None
    batch: int

    def shortcomings(self) -> list[str]:
        """What cannot be read from this node, one sentence each."""
        out = []
        if not self.traces:
            out.append(
                f"{self.host} offers neither {Traces.BLOCK} nor {Traces.DEBUG}: internal transfers are not read"
            )
        if self.archive is False:
            out.append(
                f"{self.host} is no archive node: balances of the past and old traces cannot be asked for"
            )
        return out


def serves(rpc: Rpc, chain: EvmChain) -> int:
    """Its chain id; `SourceUnavailable` where the node serves another chain than asked for."""
    chain_id = int(rpc.ask("eth_chainId"), 16)
    if chain_id != chain.chain_id:
        raise SourceUnavailable(
            f"{rpc.host} serves chain id {chain_id}, but {chain.name} is chain id {chain.chain_id}.",
            hint=f"Sync evm-{chain_id} from it, or name a node of {chain.name}.",
        )
    return chain_id


def head(rpc: Rpc) -> int:
    """Height of its newest block."""
    return int(rpc.ask("eth_blockNumber"), 16)


def finalized(rpc: Rpc) -> int | None:
    """The highest height the node calls final; None where it does not say."""
    try:
        block = rpc.ask("eth_getBlockByNumber", "finalized", False)
    except Refused:
        return None
    return int(block["number"], 16) if block else None


def capabilities(rpc: Rpc, chain: EvmChain) -> Capabilities:
    """Ask a node for everything we use; raises `SourceUnavailable` where it is not there or not of this chain."""
    chain_id = serves(rpc, chain)
    top = head(rpc)
    rpc.raw(
        [Call("eth_chainId", (), number) for number in range(rpc.batch)]
    )  # lowers rpc.batch where refused
    return Capabilities(
        host=rpc.host,
        chain_id=chain_id,
        client=_client(rpc),
        head=top,
        finalized=finalized(rpc),
        receipts=receipts(rpc),
        traces=traces(rpc),
        archive=_answers(rpc, "eth_getBalance", ZERO, "0x1") if top > 256 else None,
        batch=rpc.batch,
    )


def receipts(rpc: Rpc) -> Receipts:
    """The way to ask for receipts: of a whole block, where the node offers it."""
    return Receipts.BLOCK if _answers(rpc, Receipts.BLOCK, "latest") else Receipts.TRANSACTION


def traces(rpc: Rpc, *, every: bool = True) -> tuple[Traces, ...]:
    """The ways to trace a block that the node offers, the one to use first.

    every   ask for each; else ways behind one that works are named unasked, because asking executes a block anew

    `trace_block` comes first: each of its rows names its block, and it tells rewards of uncles; development nodes
    answer it from memory, where the other executes the block anew. The newest block is asked for: nodes forget old
    states. Behind them what the node refuses for this block only.
    """
    asked = {Traces.BLOCK: (), Traces.DEBUG: (TRACER,)}
    newest = hex(head(rpc))
    works: list[Traces] = []
    unsure: list[Traces] = []
    for way, more in asked.items():
        if works and not every:
            unsure.append(way)
            continue
        try:
            rpc.ask(way, newest, *more)
            works.append(way)
        except NoMethod:
            continue
        except Refused:  # of that block: others may be traced
            unsure.append(way)
    return (*works, *unsure)


def _answers(rpc: Rpc, method: str, *params: object) -> bool:
    """Whether the node answers."""
    try:
        rpc.ask(method, *params)
    except Refused:
        return False
    return True


def _client(rpc: Rpc) -> str:
    try:
        return str(rpc.ask("web3_clientVersion"))[:100]
    except Refused:
        return "unknown"
