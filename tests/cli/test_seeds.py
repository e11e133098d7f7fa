"""`tracer seeds`: a wallet's addresses as a list for traces, finds in a dump, and secrets that leave no mark."""

from __future__ import annotations

import csv
import hashlib
import io
import sys
from pathlib import Path
from typing import Any

import pytest

from adapters.wallets import wallet
from tests.adapters.wallets import vectors
from tests.adapters.wallets.test_scan import ARCHIVE, EVM
from tests.cli.test_trace import Ran
from tests.rawblocks import RawChain, p2pkh, write

CHAIN = "bitcoin-regtest"
ACCOUNT = (
    "tpubDC5FSnBiZDMmhiuCmWAYsLwgLYrrT9rAqvTySfuCCrgsWz8wxM"
    "XUS9Tb9iVMvcRbvFcAHGkMD5Kx8koh4GquNGNTfohfk7pgjhaPCdXpoba"
)
USED = {"receive": [0, 3, 7], "change": [1]}
HEADER = ["chain", "address", "role", "valid_from", "valid_to", "source", "reference"]


def addresses(text: str, count: int) -> dict[str, list[Any]]:
    """Role -> the first rows of the SegWit branches of an account."""
    found = wallet.read(text, CHAIN)
    return {
        branch.role: wallet.follow(branch, found.chain, gap=1, count=count, seen=None)
        for branch in found.branches
        if branch.descriptor.kinds == "wpkh"
    }


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace that has read blocks whose miners are addresses of the account."""
    folder = tmp_path_factory.mktemp("seeds")
    chain = RawChain()
    known = addresses(ACCOUNT, 10)
    for role, used in USED.items():
        for index in used:
            chain.add(miner=b"\x00\x14" + known[role][index].key.payload)
    chain.add(miner=p2pkh("somebody"))
    write(folder / "blk.dat", chain.blocks)
    old, sys.argv = (
        sys.argv,
        ["tracer", "--workspace", str(folder / "w"), "sync", CHAIN, "--source", f"blocks:{folder}/blk.dat"],
    )
    try:
        from cli.main import main

        main()
    finally:
        sys.argv = old
    return folder / "w"


def table(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_an_account_is_followed_as_far_as_the_ledger_knows_it(
    read: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = Ran(read, capsys, "seeds", "derive", ACCOUNT, "--chain", CHAIN, "--gap", "5", "--json")
    document = ran.json
    assert ran.code == 0
    assert list(document) == [
        "schema",
        "as_of",
        "chain",
        "caip2",
        "wallet",
        "gap",
        "blocks",
        "branches",
        "addresses",
        "file",
        "seeds",
        "notes",
    ]
    assert document["gap"] == {"limit": 5, "judged": True, "count": None}
    assert document["blocks"] == [[0, 5]]
    assert [(tip["chain"], tip["height"]) for tip in document["as_of"]] == [(CHAIN, 5)]
    told = {
        (b["kind"], b["role"]): (b["last_index"], b["last_used"], b["used"]) for b in document["branches"]
    }
    assert told == {
        ("pkh", "receive"): (4, None, 0),
        ("pkh", "change"): (4, None, 0),
        ("sh(wpkh)", "receive"): (4, None, 0),
        ("sh(wpkh)", "change"): (4, None, 0),
        ("wpkh", "receive"): (12, 7, 3),
        ("wpkh", "change"): (6, 1, 1),
        ("tr", "receive"): (4, None, 0),
        ("tr", "change"): (4, None, 0),
    }
    assert document["addresses"] == len(document["seeds"]) == 6 * 5 + 13 + 7
    assert any("a longer gap" in note for note in document["notes"])


def test_the_list_is_what_trace_reads(read: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "wallet.csv"
    derive = ("seeds", "derive", ACCOUNT, "--chain", CHAIN, "--gap", "5", "--seen")
    ran = Ran(read, capsys, *derive, "--out", str(out))
    assert ran.code == 0
    assert f"4 addresses of {CHAIN} written to wallet.csv" in ran.out
    assert hashlib.sha256(out.read_bytes()).hexdigest() in ran.out
    header, *rows = table(out.read_text())
    assert header == HEADER
    known = addresses(ACCOUNT, 10)
    assert [(row[1], row[2]) for row in rows] == [
        (known[role][index].address, role) for role, used in USED.items() for index in used
    ]
    assert Ran(read, capsys, *derive).out == out.read_text()
    traced = Ran(
        read, capsys, "trace", "--chain", CHAIN, "--seeds", str(out), "--method", "fifo", "--json"
    ).json
    assert len(traced["seeds"]) == 4
    assert traced["totals"][0]["seed"] == str(4 * 50 * 10**8)
    assert not any("never seen" in note for note in traced["coverage"]["notes"])


def test_where_the_chain_was_not_read_the_gap_is_not_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = tmp_path / "w"
    ran = Ran(workspace, capsys, "seeds", "derive", vectors.ACCOUNTS[2][0], "--json")
    assert ran.json["gap"] == {"limit": 20, "judged": False, "count": 100}
    assert [branch["used"] for branch in ran.json["branches"]] == [None, None]
    assert "so that the gap could not be judged" in ran.json["notes"][0]
    two = Ran(workspace, capsys, "seeds", "derive", vectors.ACCOUNTS[2][0], "--count", "2")
    header, *rows = table(two.out)
    assert header == HEADER
    assert [row[1] for row in rows[:3]] == [vectors.ACCOUNTS[2][2], vectors.SECOND_84, vectors.CHANGE_84]
    assert "the gap could not be judged" in two.err
    refused = Ran(workspace, capsys, "seeds", "derive", vectors.ACCOUNTS[2][0], "--seen")
    assert (refused.code, refused.out) == (2, "")
    assert "nothing tells which addresses were used" in refused.err


def test_a_descriptor_from_stdin_needs_no_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def handed(content: bytes) -> Ran:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        return Ran(tmp_path / "w", capsys, "seeds", "derive", "-", "--count", "1", "--json")

    ran = handed(f"\ufeffaddr({ARCHIVE})\n".encode())
    assert [seed["address"] for seed in ran.json["seeds"]] == [ARCHIVE]
    assert handed(b"").code == handed(b"\xff\xfe").code == 2
    secret = handed(f"{vectors.ABANDON}\n".encode())
    assert secret.code == 2
    assert "looks like a secret (recovery words)" in secret.err


def mentions(folder: Path, secret: str) -> list[str]:
    """Files of a workspace that hold any part of a secret worth having."""
    parts = [part.encode() for part in (secret.split() if " " in secret else [secret]) if len(part) > 5]
    return [
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and any(p in path.read_bytes() for p in parts)
    ]


VERBS = (
    ("seeds", "derive"),
    ("seeds", "scan"),
    ("trace",),
    ("tags", "list"),
    ("tags", "add", "--author", "ann", "--reason", "r", "--label", "x"),
    ("cluster", "show"),
    ("trace", ARCHIVE, "--purpose"),
)


@pytest.mark.parametrize("secret", [
    vectors.WIF,
    vectors.WIF[:-1] + "z",  # mistyped
    vectors.MASTER_1_PRIVATE,
    f"wpkh([d34db33f/84h/0h/0h]{vectors.MASTER_1_PRIVATE}/0/*)",
    "6PRVWUbkzzsbcVac2qwfssoUJAN1Xhrg6bNk8J7Nzm5H7kxEbn2Nh2ZoGg",
    "S6c56bnXQiBjk9mqSYE7ykVQ7NzrRy",
    vectors.ABANDON,
])  # fmt: skip
def test_no_verb_logs_keeps_or_shows_a_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], secret: str
) -> None:
    workspace = tmp_path / "w"
    for verb in VERBS:
        for arguments in {(secret,), tuple(secret.split())}:
            ran = Ran(workspace, capsys, *verb, *arguments)
            assert (ran.code, ran.out) == (2, "")
            assert len(ran.err.splitlines()) == 1
            assert "looks like a secret" in ran.err
            assert "shell's history" in ran.err
            assert secret not in ran.err
            assert "abandon" not in ran.err
    assert not workspace.exists()


@pytest.mark.parametrize(
    "secret", [f"pkh({'ab' * 32})", "ab" * 32, "abandon " * 11, vectors.MASTER_1_PRIVATE[4:], "5" * 30]
)
def test_what_derive_cannot_read_is_not_logged_or_shown_either(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], secret: str
) -> None:
    """Half a phrase, a key without its first letters, one in hexadecimal digits: nothing knows what they are."""
    ran = Ran(tmp_path / "w", capsys, "seeds", "derive", secret)
    spread = Ran(tmp_path / "w", capsys, "seeds", "derive", *secret.split())
    for one in (ran, spread):
        assert (one.code, one.out, len(one.err.splitlines())) == (2, "", 1)
        assert secret.split(maxsplit=1)[0] not in one.err
    assert mentions(tmp_path, secret) == []


def test_a_dump_is_scanned_and_its_secrets_leave_no_mark(
    read: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    mine = addresses(ACCOUNT, 1)["receive"][0].address
    status = Ran(read, capsys, "status", "--json").json
    block = "ab" * 32
    txid = _a_txid(read, capsys, mine)
    dump = tmp_path / "chat.txt"
    dump.write_text(
        f"to {mine} or {mine.upper()}\nold: {ARCHIVE}\n{EVM} {EVM.lower()}\ntx {txid}, {block}\n{vectors.MASTER_1}\n"
        f"{vectors.WIF}\n{vectors.ABANDON}\n"
    )
    out = tmp_path / "found.csv"
    arguments = ("seeds", "scan", str(dump), "--case", "K-7")
    document = Ran(read, capsys, *arguments, "--json").json
    assert document["schema"] == "tracer.scan/1"
    assert [(tip["chain"], tip["height"]) for tip in document["as_of"]] == [(CHAIN, 5)]
    assert [row["address"] for row in document["addresses"]] == [mine, ARCHIVE, EVM]
    assert document["addresses"][0] == {
        "address": mine,
        "chains": [{"chain": CHAIN, "address": mine, "seen": True}],
        "count": 2,
        "places": [
            {"file": "chat.txt", "line": 1, "offset": 3},
            {"file": "chat.txt", "line": 1, "offset": 3 + len(mine) + 4},
        ],
    }
    assert {one["chain"]: one["seen"] for one in document["addresses"][1]["chains"]}["bitcoin"] is None
    assert [row["address"] for row in document["unchecked"]] == [EVM]
    assert [(row["chain"], row["txid"]) for row in document["transactions"]] == [(CHAIN, txid)]
    assert document["unverified"]["count"] == 1
    assert [row["prefix"] for row in document["extended_keys"]] == ["xpub"]
    assert {row["kind"]: row["count"] for row in document["secrets"]} == {
        "private key (WIF)": 1,
        "recovery words": 1,
    }
    text = Ran(read, capsys, *arguments, "--chain", CHAIN, "--out", str(out))
    assert text.code == 0
    assert [row[:2] for row in table(out.read_text())] == [HEADER[:2], [CHAIN, mine]]
    assert f"1 addresses of {CHAIN} written to found.csv" in text.out
    for secret in (vectors.WIF, "abandon", block):
        assert secret not in str(document) + text.out + text.err
        assert mentions(read, secret) == []
    assert Ran(read, capsys, "status", "--json").json == status
    log = Ran(read, capsys, "case", "log", "--case", "K-7", "--json")
    assert hashlib.sha256(dump.read_bytes()).hexdigest() in log.out


def test_a_dump_may_come_from_stdin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"to {ARCHIVE}".encode("utf-16"))))
    (row,) = Ran(tmp_path / "w", capsys, "seeds", "scan", "-", "--json").json["addresses"]
    assert row["places"] == [{"file": "stdin", "line": 1, "offset": 8}]
    assert {one["seen"] for one in row["chains"]} == {None}


def _a_txid(read: Path, capsys: pytest.CaptureFixture[str], address: str) -> str:
    traced = Ran(read, capsys, "trace", "--chain", CHAIN, address, "--method", "fifo", "--json").json
    return str(traced["unspent"][0]["outpoint"].partition(":")[0])


@pytest.mark.parametrize(("arguments", "code", "words"), [
    (("scan",), 2, "name at least one file"),
    (("scan", "nowhere.txt"), 3, "nowhere.txt is not there"),
    (("scan", "."), 3, "is a folder"),
    (("scan", "/dev/zero"), 3, "is no plain file"),
    (("scan", __file__, "--out", "x.csv"), 2, "Name it with --chain"),
    (("scan", __file__, "--chain", "bitcon"), 2, "Did you mean 'bitcoin'?"),
    (("derive",), 2, "give one descriptor"),
    (("derive", "one", "two"), 2, "give one descriptor"),
    (("derive", ACCOUNT, "--chain", "ethereum"), 2, "chains of the Bitcoin family"),
    (("derive", ACCOUNT, "--chain", "bitcoin"), 2, "tpub marks a key of bitcoin-testnet and the like"),
    (("derive", ACCOUNT, "--count", "1", "--out", "/proc/none/x.csv"), 3, "cannot write"),
])  # fmt: skip
def test_what_cannot_be_done_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, words: str
) -> None:
    ran = Ran(tmp_path / "w", capsys, "seeds", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert words in ran.err
    assert "Traceback" not in ran.err


def test_a_private_key_in_a_list_of_seeds_is_not_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text(f"address\n{vectors.WIF}\n")
    ran = Ran(tmp_path / "w", capsys, "trace", "--seeds", str(listed))
    assert (ran.code, ran.out) == (4, "")
    assert "looks like a private key" in ran.err
    assert vectors.WIF not in ran.err
    assert mentions(tmp_path / "w", vectors.WIF) == []
