"""Merged mining: another chain's work counts where its coinbase means this block, and in no other case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from adapters.bitcoin.chains import CHAINS
from adapters.bitcoin.decode import decode_blocks
from adapters.bitcoin.headers import work_problem
from adapters.bitcoin.work.auxpow import slot
from adapters.simulation.encode import sha256d
from tests.rawfamily import FamilyChain, Parent, mined, regtest

DOGECOIN = regtest("dogecoin")
HEADER = mined(DOGECOIN, b"\5" * 32, b"\6" * 32, 1_400_000_000, merged_mining=True)[:80]

# Headers of dogecoin 5,501,142 and dogecoin-testnet 6,724,092, as the tests of rust-dogecoin quote them
MAIN = (
    "04016200412c26f602b70017e8a4b8df573e850143f16fd8e547799101540fedf3474bf68ee4b62c1b2cdd9d650e8be0d04e38f508a30d554aae"
    "5fb8607ba3f2302a62eca33e5c67750a011a0000000001000000010000000000000000000000000000000000000000000000000000000000000000"
    "ffffffff6403bada2a2cfabe6d6d62fb5d7b198abb6a3ba76e2731c9fc8d39c4c1be723355d4ef38afaf788435ed20000000f09f909f092f463250"
    "6f6f6c2f64000000000000000000000000000000000000000000000000000000000000000000000005003a0000003a0000000243f64d25000000"
    "001976a914f2910ecaf7bb8d18ed71f0904e0e7456f29ce18288ac0000000000000000266a24aa21a9ededa2001e141501310bd65d715b1e163483"
    "6d5cf2dd8b7f4be8e2464b0c708200d9d54c408a7fed50b548c923b718f2c8c0624cd746fb7956ff14ef38d500000000000000072bac15b05f9a59"
    "ef4973b6ff8395bc8cbbaaeb5114bf2432ef41a54b381a37f7692723544f01d8318e2181dfc871c28b4aac62df419e425d52d383af8cf34b75df6f"
    "43453a9c549d992a57a421bf90d102b02738f6098cd0d2026c1e1650fc89e0a4513869f3b918f90aa6d50b68b8789724f7655aea0c47f82b389018"
    "cb20f6cfbe6d9c3fc681ec7630e47adbe74c96f924a9a196ee0ed081f4954ea037f5877160f870ea4ad6253f4e6ecbfe46c000d681a2b08cd3030e"
    "9c25b8a7eb6af4574afe2c8629186892dadd158eb5d01d382c77a3728990e4d2dee6aa04ed0ac4030000000005090000000000000000000000000"
    "0000000000000000000000000000000000000710b1b3f2df407a200dd8321454575d9c8a35228a0cb34775aef1d44a656a7c88ac3fd572bb1c5b23"
    "22bcfe0ed1c1c5ac499605a9fe6531669d45366c3e47d92303c2636a3c1b1976e635394782eeace5b2821ed760340d053ba79e49f5e0d883b2e17"
    "be83df30a037cd6c6c9d9b93b1a966444089aa4d7e9db6208c0335fb860800000014000020a8f8f697ede59e98f94b1faf74e89d09605cfb4ce305"
    "a74ecff428feba6aaae59f2544fc5a6065bfef10bc520fc247f33428287e05f73b0136e943d4535715d7c03e5c6751284e195821988b"
)
TESTNET = (
    "0401620028e3b7be8dabdaf98b10feeb68cd098a89aec6d1c57779c04839bb0ea64896b8f59bbb6f86e1ed748e5d01eb57876d3f2a0d541262"
    "15e6304d63b5618fd5a7feee844867a119011c0000000001000000010000000000000000000000000000000000000000000000000000000000000000"
    "ffffffff5b03d7ab3529303043796265724c65617020496e63303000000000ad1b536078daf35f0000000616000000000000002cfabe6d6dc96019"
    "74928137bfa1acc393191a81af449b9caf86a8c6f42733ec1470ec1b5f040000007e1224c8ffffffff02205fa012000000001600145755e14e56b0"
    "5fedd745a51c2de544d3457f18510000000000000000266a24aa21a9ed9b49613bb3f9a020f52637cb365aeb4b6b4bc8aeeed9d14d2417b10fcf17"
    "fbb7000000009adaeddcf5b978e0b212384d4ad8013b4c29940b7f8b7ac0250a05092547e34c018fc6e1c2e08c7523e05a989f4777f5b9d1ea3aae"
    "63817c2241c2b7ef83f3bbce000000000200000000000000000000000000000000000000000000000000000000000000001b1412dbfd3225fb9a12"
    "5eaf073c131927edbd8ffd69674b2e865a90954ac78d0200000000000020c8ed13f58fe0872e14663be0c175d3fa76d5ad34965a2d909419390621"
    "73fa367f2ae04aae6560d408bb12e9b8a62f9fa4df657a7dd514c9cf3552f07df3bd4fed844867fcff031c074cc901"
)


def problem(parent: Parent, header: bytes = HEADER) -> str | None:
    return work_problem(header + parent.proof, DOGECOIN)


@pytest.mark.parametrize(("header", "chain"), [(MAIN, "dogecoin"), (TESTNET, "dogecoin-testnet")])
def test_headers_of_the_real_chain_prove_their_work(header: str, chain: str) -> None:
    raw, entry = bytes.fromhex(header), CHAINS[chain]
    assert entry.proof.size(raw + b"transactions") == len(raw)
    assert work_problem(raw, entry) is None
    assert entry.proof.hash(raw) == sha256d(raw[:80])
    for at in (0, 40, 79, len(raw) - 30):
        forged = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        assert work_problem(forged, entry) is not None, f"byte {at}"


@pytest.mark.parametrize(
    "parent",
    [
        Parent(HEADER),
        Parent(HEADER, branch=()),
        Parent(HEADER, branch=[bytes([n]) * 32 for n in range(9)], nonce=0xFFFFFFFF),
        Parent(HEADER, after=b"the rest of the script"),
        Parent(HEADER, magic=b"", before=b"early"),  # before the magic was agreed on
        Parent(HEADER, witness=True),
        Parent(HEADER, version=1),
    ],
    ids=[
        "three beside it",
        "alone",
        "511 beside it",
        "more in the script",
        "no magic",
        "witness",
        "old parent",
    ],
)
def test_a_parent_that_means_this_block_proves_it(parent: Parent) -> None:
    assert problem(parent) is None
    raw = HEADER + parent.proof
    assert DOGECOIN.proof.size(raw) == DOGECOIN.proof.size(raw + bytes(50)) == len(raw)


BAD: dict[str, Callable[[Parent], Parent]] = {
    "does not name this block": lambda p: replace(p, named=b"\7" * 32),
    "not in the parent's block": lambda p: replace(p, root=b"\7" * 32),
    "wrong slot": lambda p: replace(p, slot=(slot(p.nonce, 0x62, 2) + 1) % 4),
    "magic twice": lambda p: replace(p, after=p.magic),
    "does not stand before this block's name": lambda p: replace(p, magic=p.magic + b"x"),
    "without the merged-mining magic, and too late": lambda p: replace(p, magic=b"", before=b"x" * 21),
    "another number of chains": lambda p: replace(p, told=8),
    "not by the parent's coinbase": lambda p: replace(p, coinbase_at=1),
    "parent is of the same chain": lambda p: replace(p, version=0x00620004),
    "parent does not meet its target": lambda p: replace(p, works=False),
    "too long": lambda p: replace(p, branch=[b"\1" * 32] * 31),
}


@pytest.mark.parametrize("said", list(BAD))
def test_a_parent_that_does_not_mean_this_block_proves_nothing(said: str) -> None:
    assert said in str(problem(BAD[said](Parent(HEADER))))


def test_the_work_of_one_parent_counts_for_no_other_block() -> None:
    other = mined(DOGECOIN, b"\5" * 32, b"\7" * 32, 1_400_000_000, merged_mining=True)[:80]
    assert "does not name this block" in str(work_problem(other + Parent(HEADER).proof, DOGECOIN))


def test_a_version_of_another_chain_is_refused_but_on_the_testnet() -> None:
    header = bytes([4, 1, 0x63, 0]) + HEADER[4:]
    assert "is of another chain that is mined along" in str(problem(Parent(header), header))
    parent = Parent(header, slot=slot(7, 0x63, 2))
    assert (
        work_problem(header + parent.proof, replace(CHAINS["dogecoin-testnet"], pow_limit=DOGECOIN.pow_limit))
        is None
    )


def test_a_proof_that_is_cut_off_has_no_size() -> None:
    raw = HEADER + Parent(HEADER).proof
    assert {DOGECOIN.proof.size(raw[:end]) for end in range(len(raw))} == {None}
    assert "cut off or malformed" in str(work_problem(raw[:-1], DOGECOIN))


def test_lengths_that_lie_end_a_proof() -> None:
    raw = HEADER + Parent(HEADER).proof
    for count in (b"\xff" * 9, b"\xfe\xff\xff\xff\x7f"):
        assert DOGECOIN.proof.size(raw[:84] + count + raw[85:]) is None


def test_blocks_with_headers_of_all_lengths_are_decoded_in_one_go() -> None:
    chain = FamilyChain(DOGECOIN)
    for merged in (False, True, True, False):
        chain.merged = merged
        chain.add()
    sizes = np.array([len(block) for block in chain.blocks], np.int64)
    ends = np.cumsum(sizes)
    hashes = np.array([np.frombuffer(sha256d(block[:80]), np.uint8) for block in chain.blocks])
    buffer = np.frombuffer(b"".join(chain.blocks), np.uint8).copy()
    decoded = decode_blocks(buffer, ends - sizes, ends, 0, hashes, DOGECOIN)
    assert (decoded.problem, decoded.sound) == (None, 5)
    assert decoded.batch is not None
    assert decoded.batch.blocks.column("size").to_pylist() == sizes.tolist()
    cut = decode_blocks(buffer[:-1], ends - sizes, np.append(ends[:-1], ends[-1] - 1), 0, hashes, DOGECOIN)
    assert cut.sound == 4
