"""Where a Core-like node stands: its chain, its newest block, and which block is at a height."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from adapters.bitcoin.chains import CHAINS, BitcoinChain
from adapters.bitcoin.core.rpc import Asked, Core, NodeError, understood
from adapters.bitcoin.headers import bits_of
from adapters.http import NoMethod, Refused
from tracer.errors import BadBlock, SourceUnavailable

HASHES = 2_000
"""Hashes asked for at a time."""
NO_SUCH_HEIGHT = -8


@dataclass(frozen=True)
class State:
    """What a node says of itself now.

    best     hash of its newest block, wire order; headers: the newest height it knows of
    lowest   height of the first block it keeps, above 0 where it is pruned
    loading  whether it still downloads the chain for the first time
    """

    network: str
    head: int
    best: bytes
    headers: int
    lowest: int
    loading: bool


def still_loading(host: str, state: State) -> str:
    """What is said of a node in its first download."""
    return (
        f"{host} is in its initial block download: it has blocks up to height {state.head} of "
        f"{state.headers}; what it has is read"
    )


@understood
def state(core: Core) -> State:
    """Ask a node where it stands."""
    try:
        told = core.ask("getblockchaininfo")
    except NoMethod:
        head = int(core.ask("getblockcount"))
        return State("", head, hash_at(core, head) or b"", head, 0, False)
    loading = told.get("initialblockdownload", not told.get("initial_block_download_complete", True))
    return State(
        network=str(told.get("chain", ""))[:40],
        head=int(told["blocks"]),
        best=bytes.fromhex(told["bestblockhash"])[::-1],
        headers=int(told.get("headers", told["blocks"])),
        lowest=int(told.get("pruneheight", 0)) if told.get("pruned") else 0,
        loading=bool(loading),
    )


@understood
def hash_at(core: Core, height: int) -> bytes | None:
    """The node's block hash at a height, wire order; None where it has none."""
    try:
        return bytes.fromhex(core.ask("getblockhash", height))[::-1]
    except NodeError as refusal:
        if refusal.code != NO_SUCH_HEIGHT:
            raise
        return None


@understood
def hashes_from(core: Core, first: int, count: int) -> list[bytes]:
    """The node's hashes of consecutive heights, fewer where it has fewer."""
    out: list[bytes] = []
    for found in core.each([Asked("getblockhash", (at,)) for at in range(first, first + count)]):
        if isinstance(found, NodeError) and found.code == NO_SUCH_HEIGHT:
            break
        if isinstance(found, Refused):
            raise found
        out.append(bytes.fromhex(found)[::-1])
    return out


@understood
def height_of(core: Core, block_hash: bytes) -> int | None:
    """The height of a block of the node's branch; None where it has no such block, or on another branch."""
    name = block_hash[::-1].hex()
    told = core.each([Asked("getblockheader", (name,))])[0]
    if isinstance(told, NoMethod):  # an old node
        told = core.each([Asked("getblock", (name, True))])[0]
    if isinstance(told, Refused):
        return None
    return int(told["height"]) if int(told.get("confirmations", 1)) >= 0 else None


def bits(core: Core, chain: BitcoinChain, first: int, last: int) -> Iterator[int]:
    """The compact target of each block between two heights, from headers that are those of their hashes."""
    for at in range(first, last + 1, HASHES):
        hashes = hashes_from(core, at, min(HASHES, last - at + 1))
        told = core.all([Asked("getblockheader", (each[::-1].hex(), False)) for each in hashes])
        for height, (each, text) in enumerate(zip(hashes, told, strict=True), at):
            header = _bytes(text)
            if chain.proof.hash(header) != each:
                raise BadBlock(
                    f"{core.host}: the header it gives for block {each[::-1].hex()} at height {height} is another's."
                )
            yield bits_of(header, chain)


def serves(core: Core, chain: BitcoinChain, head: int) -> None:
    """Raise `SourceUnavailable` where the node serves another chain than asked for."""
    for height, known in ((0, chain.genesis), *chain.checkpoints):
        if height > head:
            continue
        found = hash_at(core, height)
        here = found[::-1].hex() if found else "nothing"
        if here != known:
            other = next(
                (
                    e.name
                    for e in CHAINS.values()
                    if here == (dict(e.checkpoints).get(height) if height else e.genesis)
                ),
                None,
            )
            what = "genesis" if height == 0 else f"block {height}"
            raise SourceUnavailable(
                f"{core.host} serves another chain than {chain.name}: its {what} is {here}, that of {chain.name} "
                f"is {known}.",
                hint=f"Sync {other} from it, or name a node of {chain.name}."
                if other
                else f"Name a node of {chain.name}.",
            )


def _bytes(text: object) -> bytes:
    """Nothing where it is no hexadecimal text: nothing is no header."""
    try:
        return bytes.fromhex(str(text))
    except ValueError:
        return b""
