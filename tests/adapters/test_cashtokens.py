"""Outputs of bitcoin-cash: the script behind a token prefix, P2SH32, and what is neither."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from adapters.bitcoin.chains import BitcoinChain
from adapters.bitcoin.folder.source import BlockFiles
from tests.rawblocks import RawTx, p2pkh, write
from tests.rawfamily import FamilyChain, regtest
from tracer.chain import AddressKey, ScriptKind
from tracer.ledger.pull import pull
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

CASH = regtest("bitcoin-cash")
CATEGORY = b"\xbb" * 32
BOB = p2pkh("bob")
P2SH32 = b"\xaa\x20" + b"h" * 32 + b"\x87"

# of CHIP-2022-02's token-prefix test vectors: flags, and what they announce
VECTORS = (
    *("1001", "10fc", "10fdfd00", "10fdffff", "10fe00000100", "10feffffffff", "10ff0000000001000000"),
    *("10ffffffffffffffff7f", "20", "3001", "30fe00000100", "6001cc", "60051234567890", "7001ccfdffff"),
    "700a" + "cc" * 10 + "fdffff",
    "7028" + "cc" * 40 + "fe00000100",
    "70fdfd00" + "cc" * 253 + "fe00000100",
    "7129" + "cc" * 41 + "fc",
    *("22", "3201", "32ffffffffffffffff7f", "6201cc", "7202ccccfe00000100"),
)
TOKENS = {vector[:24]: bytes.fromhex(vector) for vector in VECTORS}
# ways the same text rules out
MALFORMED = {
    "no flags": b"\x00",
    "reserved flag": b"\x90\x01",
    "commitment without a token": b"\x50\x01x\x01",
    "capability without a token": b"\x11\x01",
    "unknown capability": b"\x23",
    "empty commitment": b"\x60\x00",
    "amount of nothing": b"\x10\x00",
    "amount not in its shortest form": b"\x10\xfd\xfc\x00",
    "amount beyond 2^63": b"\x10\xff" + b"\x00" * 7 + b"\x80",
    "commitment longer than the script": b"\x60\xfd\xff\xff",
    "cut off": b"",
}


def paid(
    folder: Path, *scripts: bytes, entry: BitcoinChain = CASH
) -> list[tuple[int, str | None, bytes | None]]:
    """Kind, address and kept script of what pays these scripts."""
    chain = FamilyChain(entry)
    coin = (chain.add().txid, 0)
    chain.add(RawTx([coin], [(script, 1000) for script in scripts]))
    workspace = Workspace(folder).ready()
    source = BlockFiles(write(folder / "blk.dat", chain.blocks), entry)
    pull(lambda: Ledger.open(workspace, entry, read_only=False), source)
    with Ledger.open(workspace, entry) as ledger:
        rows = ledger.db.rows(
            """SELECT kind, address_id, script FROM txout JOIN tx USING (tx_id) WHERE inputs > 0 ORDER BY vout"""
        )
        names = ledger.render_addresses([a for _, a, _ in rows if a is not None])
    return [(kind, names.get(a), script) for kind, a, script in rows]


PLAIN = (ScriptKind.P2PKH, CASH.render_address(AddressKey(ScriptKind.P2PKH, BOB[3:23])), None)


def test_the_address_is_that_of_the_script_behind_the_token(tmp_path: Path) -> None:
    carried = [b"\xef" + CATEGORY + token + BOB for token in TOKENS.values()]
    assert dict(zip(("plain", *TOKENS), paid(tmp_path, BOB, *carried), strict=True)) == dict.fromkeys(
        ("plain", *TOKENS), PLAIN
    )


def test_what_is_no_token_is_a_script_that_nobody_can_spend(tmp_path: Path) -> None:
    carried = [b"\xef" + CATEGORY + token + (BOB if token else b"") for token in MALFORMED.values()]
    found = dict(zip(MALFORMED, paid(tmp_path, *carried), strict=True))
    assert found == {
        name: (ScriptKind.NONSTANDARD, None, script) for name, script in zip(MALFORMED, carried, strict=True)
    }


def test_before_tokens_there_are_none(tmp_path: Path) -> None:
    script = b"\xef" + CATEGORY + b"\x10\x01" + BOB
    later = replace(CASH, tokens_height=3)
    nobody = [(ScriptKind.NONSTANDARD, None, script), (ScriptKind.NONSTANDARD, None, P2SH32)]
    assert paid(tmp_path, script, P2SH32, entry=later) == nobody


@pytest.mark.parametrize("token", [b"", b"\xef" + CATEGORY + b"\x10\x01"], ids=["plain", "with a token"])
def test_a_script_of_32_bytes_is_an_address_of_its_own(tmp_path: Path, token: bytes) -> None:
    ((kind, address, script),) = paid(tmp_path, token + P2SH32)
    assert (kind, script) == (ScriptKind.P2SH, None)
    assert address is not None
    assert CASH.parse_address(address).payload == b"h" * 32
