"""`channels.toml`: what cannot be used is one clear line, and no secret stands in it."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from adapters.delivery.channels import load
from tracer.errors import DataError
from tracer.watching.sink import Channel, Retry

CANARY = "c4nary" + "0" * 26
WHSEC = "whsec_" + base64.b64encode(CANARY.encode()).decode()


def channels(folder: Path, text: str) -> dict[str, Channel]:
    (folder / "channels.toml").write_text(text)
    found = load(folder)
    assert found is not None
    return dict(found.channels)


HOOK = "[channels.soc]\nkind = 'webhook'\nurl = 'https://soc.example/'\n"
BAD: dict[str, tuple[str, str]] = {
    "no TOML": ("[channels", "no TOML"),
    "a mistyped table": ("[chanels.x]\nkind = 'stdout'", "'chanels' means nothing"),
    "a mistyped key": ("[channels.x]\nkind = 'stdout'\ncoldown = '1m'", "'coldown' means nothing"),
    "an unknown kind": ("[channels.x]\nkind = 'pager'", "'pager' is none of"),
    "no kind": ("[channels.x]", "kind is missing"),
    "a name with spaces": ("[channels.'a b']\nkind = 'stdout'", "no name of a channel"),
    "no secret": (HOOK, "secret_env or secret_file is missing"),
    "a literal secret": (HOOK + f"secret = '{CANARY}'", "may not stand in this file"),
    "a literal signing key": (HOOK + f"ca = '{WHSEC}'", "may not stand in this file"),
    "a password in a URL": (
        HOOK.replace("https://", f"https://me:{CANARY}@") + "secret_env = 'X'", "may not stand in this file",
    ),
    "a literal password": (
        f"[channels.m]\nkind = 'email'\nhost = 'h'\npassword = '{CANARY}'", "may not stand in this file",
    ),
    "a chat address": (f"[channels.c]\nkind = 'chat'\nurl = 'slack://{CANARY}/x/y'", "url_env or url_file is missing"),
    "no encryption": (HOOK.replace("https", "http") + "secret_env = 'X'", "not encrypted"),
    "no URL": (HOOK.replace("https://", "ftp://") + "secret_env = 'X'", "not of the form https"),
    "a login in the clear": (
        "[channels.m]\nkind = 'email'\nhost = 'h'\nuser = 'u'\npassword_env = 'P'\ntls = 'none'",
        "not encrypted",
    ),
    "no mail address": ("[channels.m]\nkind = 'email'\nhost = 'h'\nfrom = 'a@b'\nto = 'x'", "'x' is no mail address"),
    "two addresses in one": (
        "[channels.m]\nkind = 'email'\nhost = 'h'\nfrom = 'a@b'\nto = 'a@b,c@d'", "is no mail address",
    ),
    "a bad span": (HOOK + "secret_env = 'X'\ndigest = 'daily'", "no span of time"),
    "a bad port": ("[channels.m]\nkind = 'email'\nhost = 'h'\nport = 0\nfrom = 'a@b'\nto = 'a@b'", "not within"),
    "a flag that is none": (HOOK + "secret_env = 'X'\ninternal = 'yes'", "internal is not true or false"),
    "both ours and a stranger's": (HOOK + "secret_env = 'X'\ninternal = true\nthird_party = true", "cannot be"),
    "an unknown fallback": ("[channels.x]\nkind = 'stdout'\nfallback = 'y'", "'y' is no other channel"),
    "its own fallback": ("[channels.x]\nkind = 'stdout'\nfallback = 'x'", "is no other channel"),
    "a bad log address": ("[channels.x]\nkind = 'syslog'\naddress = 'host'", "address is no udp"),
    "a check-in without a URL": ("[checkin]\nevery = '5m'", "url is missing"),
    "a channel that is no table": ("channels = {x = 1}", "is no table"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_file_of_channels_that_cannot_be_used_is_one_clear_line(tmp_path: Path, case: str) -> None:
    text, words = BAD[case]
    with pytest.raises(DataError, match="(?s)" + words.replace("(", r"\(")) as caught:
        channels(tmp_path, text)
    assert "channels.toml" in str(caught.value)
    assert CANARY not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "the variable CANARY_WEBHOOK is not set"),
        ("", "what should hold it is empty"),
        (CANARY, "not whsec_ and the base64"),
        ("whsec_c2hvcnQ=", "at least 16 bytes"),
    ],
)
def test_a_secret_that_is_not_there_is_told_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None, why: str
) -> None:
    if value is None:
        monkeypatch.delenv("CANARY_WEBHOOK", raising=False)
    else:
        monkeypatch.setenv("CANARY_WEBHOOK", value)
    channel = channels(tmp_path, HOOK + "secret_env = 'CANARY_WEBHOOK'")["soc"]
    with pytest.raises(Retry, match=why) as caught:
        channel.open()
    assert CANARY not in str(caught.value)


def test_a_file_with_a_secret_is_its_owners_alone(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    channel = channels(tmp_path, HOOK + "secret_file = 'secret'")["soc"]
    with pytest.raises(Retry, match="cannot read"):
        channel.open()
    secret.write_text(WHSEC + "\n")
    secret.chmod(0o640)
    with pytest.raises(Retry, match="others can read"):
        channel.open()
    secret.chmod(0o600)
    channel.open().close()


def test_what_leaves_the_house_by_default(tmp_path: Path) -> None:
    text = HOOK + (
        "secret_env = 'X'\n[channels.file]\nkind = 'jsonl'\n[channels.out]\nkind = 'stdout'\n"
        "[channels.here]\nkind = 'syslog'\n[channels.there]\nkind = 'syslog'\naddress = 'udp://log.example'\n"
        "[channels.chat]\nkind = 'chat'\nurl_env = 'X'\n"
    )
    found = channels(tmp_path, text)
    assert {name for name, channel in found.items() if channel.internal} == {"file", "out", "here"}
    assert {name for name, channel in found.items() if channel.third_party} == {"chat"}
    assert not any(channel.allow_content for channel in found.values())
