"""The addresses of a wallet, from its public descriptor or extended public key: chains of numbered addresses.

How far a wallet went nobody can tell from its keys. Where the ledger read the chain, each branch is followed until so
many addresses in a row were never used (the gap limit of BIP 44); else a stated number is derived.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adapters.bitcoin.chains import CHAINS
from adapters.bitcoin.entry import BitcoinChain
from adapters.wallets import checksum, descriptors, keys, scripts, secrets
from adapters.wallets.descriptors import Descriptor
from adapters.wallets.keys import HARDENED, BadKey, ExtendedKey
from tracer.chain import AddressKey, ScriptKind
from tracer.errors import UsageError

Seen = Callable[[Sequence[AddressKey]], Sequence[bool]]
"""Which of some addresses the ledger has seen."""

_BARE = re.compile(r"(\[[0-9a-fA-F]{8}(?:/[0-9]{1,10}['h]?)*\])?([1-9A-HJ-NP-Za-km-z]+)")
_TEST_NETWORKS = ("testnet", "testnet4", "signet", "chipnet", "regtest")
_RECEIVE, _CHANGE = "receive", "change"
_NEEDS_SEGWIT = ("sh(wpkh)", "wpkh", "tr")


@dataclass(frozen=True)
class Branch:
    """One descriptor of a wallet; `role` is what its addresses are for, "" where nothing says."""

    descriptor: Descriptor
    role: str


@dataclass(frozen=True)
class Wallet:
    """What was handed in, read.

    kind     `descriptor` or `extended public key`
    checked  whether it had a checksum of its own (an extended key always has)
    digest   SHA-256 of what was handed in, without white space around it and without a descriptor's checksum
    """

    kind: str
    chain: BitcoinChain
    branches: tuple[Branch, ...]
    checked: bool
    digest: str


@dataclass(frozen=True)
class Derived:
    """One address; `seen` is None where no ledger was asked."""

    kind: str
    index: int
    address: str
    key: AddressKey
    seen: bool | None


def read(text: str, chain_name: str | None = None) -> Wallet:
    """Read a descriptor or an extended public key; `UsageError` says what is wrong and never repeats it."""
    text = text.strip()
    if kind := secrets.kind_in(text):
        raise secrets.refusal(kind)
    if not text:
        raise UsageError("there is no descriptor and no extended public key.")
    if bare := _BARE.fullmatch(text):
        return _bare(bare[1] or "", bare[2], chain_name)
    if "(" not in text:
        raise UsageError(
            "this is no descriptor and no extended public key; it is not repeated here, in case it is a secret.",
            hint="A descriptor reads like wpkh([fingerprint/84h/0h/0h]xpub.../<0;1>/*), in quotes for the shell.",
        )
    found, checked = descriptors.read(text)
    nodes = [key.node for one in found for key in one.keys if key.node]
    chain = _chain(chain_name, nodes)
    for one in found:
        if one.segwit and not _has_segwit(chain):
            raise UsageError(f"{chain.name} has no SegWit, and the descriptor is {one.kinds}.")
    roles = (_RECEIVE, _CHANGE) if len(found) == 2 else ("",) * len(found)  # BIP 389
    branches = tuple(Branch(one, role) for one, role in zip(found, roles, strict=True))
    body = checksum.split(text)[0]
    return Wallet("descriptor", chain, branches, checked, hashlib.sha256(body.encode()).hexdigest())


def _bare(origin: str, text: str, chain_name: str | None) -> Wallet:
    """All script kinds that fit an extended public key, on its chains of addresses."""
    try:
        node = keys.parse(text)
    except BadKey as error:
        raise BadKey(f"the extended public key cannot be read: {error.problem}", hint=error.hint) from None
    chain = _chain(chain_name, [node])
    if not node.version.kinds:
        raise UsageError(
            f"{node.version.prefix} marks one of several keys of a multisig wallet: alone it has no addresses.",
            hint="Hand in the descriptor with all its keys: wsh(sortedmulti(2,KEY,KEY,...)).",
        )
    kinds = [kind for kind in node.version.kinds if kind == "pkh" or _has_segwit(chain)]
    if not kinds:
        raise UsageError(f"{chain.name} has no SegWit, and {node.version.prefix} is for SegWit addresses.")
    branches = []
    for kind in kinds:
        for role, path in _paths(node):
            key = f"{origin}{node.text()}{path}"
            body = f"{kind.replace(')', '')}({key})" + ")" * kind.count("(")
            branches.append(Branch(descriptors.of_script(body), role))
    digest = hashlib.sha256((origin + text).encode()).hexdigest()
    return Wallet("extended public key", chain, tuple(branches), True, digest)


def _paths(node: ExtendedKey) -> tuple[tuple[str, str], ...]:
    """(role, path) of the chains of a key, by what BIPs 44, 48, 49, 84 and 86 put at its depth.

    An account, or anything above (Electrum: m, m/0h), has a chain for receiving and one for change below it. A key
    below an account that is no hardened child is such a chain itself, and one below that a single address.
    """
    if node.depth <= 3 or node.number >= HARDENED:
        return (_RECEIVE, "/0/*"), (_CHANGE, "/1/*")
    if node.depth == 4:
        return (((_RECEIVE, _CHANGE)[node.number] if node.number < 2 else "", "/*"),)
    return (("", ""),)


def _chain(name: str | None, nodes: Sequence[ExtendedKey]) -> BitcoinChain:
    """The chain of a wallet: the one named, which must fit its keys; else the one its keys say; else bitcoin."""
    version = nodes[0].version if nodes else None
    wanted = name or (version.chain if version else "bitcoin")
    chain = CHAINS.get(wanted)
    if chain is None:
        raise UsageError(
            f"wallets are derived on chains of the Bitcoin family, not on {wanted}.",
            hint=f"Known: {', '.join(CHAINS)}.",
        )
    test = any(part in _TEST_NETWORKS for part in chain.name.split("-"))
    for node in nodes:
        given = node.version
        if given.test != test or (given.only and given.chain.split("-")[0] != chain.name.split("-")[0]):
            raise UsageError(
                f"{given.prefix} marks a key of {given.chain}{'' if given.only else ' and the like'}, not of "
                f"{chain.name}.",
                hint="Name the chain with --chain.",
            )
    return chain


def _has_segwit(chain: BitcoinChain) -> bool:
    return chain.segwit_height is not None


def addresses(
    branch: Branch, chain: BitcoinChain, first: int, count: int
) -> list[tuple[str, int, AddressKey]]:
    """(script kind, index, address) of `count` indexes; one address a row, `combo` has several an index."""
    one = branch.descriptor
    if one.address:
        return [("addr", 0, chain.parse_address(one.address))]
    found: dict[tuple[int, AddressKey], str] = {}
    for index in range(first, min(first + count, HARDENED) if one.ranged else 1):
        for output in one.outputs:
            if output.kind in _NEEDS_SEGWIT and not _has_segwit(chain):
                continue
            key = scripts.address_of(output.script(index))
            if key is not None and (_has_segwit(chain) or key.kind not in _WITNESS):
                # P2PK and P2PKH of one key are one address: the kind that people pay to names it
                found[index, key] = output.kind
    if not found:
        raise UsageError(f"the script of raw has no address on {chain.name}: a list of seeds cannot name it.")
    return [(kind, index, key) for (index, key), kind in found.items()]


_WITNESS = (ScriptKind.P2WPKH, ScriptKind.P2WSH, ScriptKind.P2TR, ScriptKind.WITNESS_UNKNOWN)


def follow(
    branch: Branch, chain: BitcoinChain, *, gap: int, count: int | None, seen: Seen | None
) -> list[Derived]:
    """The addresses of a branch, in order.

    `count` of them where it is given or no ledger can be asked (`seen`); else as many as it takes to find `gap`
    unused ones in a row.
    """
    found: list[Derived] = []
    first, end = 0, count if count is not None else gap
    while first < end:
        rows = addresses(branch, chain, first, end - first)
        used = seen([key for _, _, key in rows]) if seen else [None] * len(rows)
        found += [
            Derived(kind, index, chain.render_address(key), key, one)
            for (kind, index, key), one in zip(rows, used, strict=True)
        ]
        if not branch.descriptor.ranged:
            break
        last = max((row.index for row in found if row.seen), default=-1)
        first, end = end, end if count is not None else min(last + 1 + gap, HARDENED)
    return found
