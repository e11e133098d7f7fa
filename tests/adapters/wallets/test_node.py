"""Descriptors beside a real node: litecoind derives the same addresses and writes the same checksums."""

from __future__ import annotations

from pathlib import Path

from adapters.addresses.base58 import base58check, base58check_decode
from adapters.wallets import wallet
from adapters.wallets.checksum import checksum
from tests.adapters.wallets.vectors import KEYS, SIXTEEN
from tests.nodes.litecoind import litecoind

TEST = bytes.fromhex("043587cf")
ONE, TWO, THREE = (
    base58check(TEST + base58check_decode(KEYS[name])[4:]) for name in ("child_2", "deep_2", "master_389")
)
DESCRIPTORS = (
    f"pkh({ONE}/0/*)",
    f"wpkh([d34db33f/84'/2'/0']{ONE}/1/*)",
    f"sh(wpkh({TWO}/7/8/*))",
    f"sh(pkh({TWO}/*))",
    f"wsh(pk({THREE}/*))",
    f"sh(wsh(pkh({THREE}/2147483647/*)))",
    f"sh(multi(2,{ONE}/0/*,{TWO}/0/*,{THREE}/0/*))",
    f"sh(sortedmulti(2,{ONE}/1/*,{TWO}/1/*,{THREE}/1/*))",
    f"wsh(multi(1,{TWO}/*,{ONE}/*))",
    f"sh(wsh(sortedmulti(3,{ONE}/*,{TWO}/*,{THREE}/*)))",
    f"wsh(sortedmulti(15,{','.join(SIXTEEN.split(',')[:15])}))",
)
"""Taproot is not among them: this node is older than `tr`."""


def test_a_node_derives_the_same_addresses(tmp_path: Path) -> None:
    with litecoind(tmp_path) as node:
        for body in DESCRIPTORS:
            found = wallet.read(body, "litecoin-regtest")
            ours = wallet.follow(found.branches[0], found.chain, gap=1, count=5, seen=None)
            told = node.call("getdescriptorinfo", body)
            assert told["checksum"] == checksum(body)
            assert told["isrange"] == found.branches[0].descriptor.ranged
            asked = [f"{body}#{checksum(body)}", *([[0, 4]] if told["isrange"] else [])]
            assert [row.address for row in ours] == node.call("deriveaddresses", *asked)
