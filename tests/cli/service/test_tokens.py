"""Who may ask: tokens of files and of the environment, and none of them is ever repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.service.tokens import ENVIRONMENT, given
from tracer.errors import UsageError

ONE, TWO = "a" * 32, "b" * 32


def test_names_come_from_a_file_or_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"# the desks\nday {ONE}\n\nnight {TWO}  # till six\n")
    file.chmod(0o600)
    for tokens in (given(file, {}), given(None, {ENVIRONMENT: f"day:{ONE} night:{TWO}"})):
        assert tokens
        assert tokens.name_of(f"Bearer {ONE}") == "day"
        assert tokens.name_of(f"bearer {TWO}") == "night"
        for wrong in (
            None,
            "",
            "Bearer",
            f"Bearer {ONE}x",
            ONE,
            f"Basic {ONE}",
            f"Bearer {ONE[:-1]}",
            "Bearer \udcff",
        ):
            assert tokens.name_of(wrong) is None
    assert not given(None, {})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{ONE}\n", "less than 20"),
        ("day short\n", "less than 20"),
        (f"day {ONE} {TWO}\n", "less than 20"),
        (f"day {ONE}\nnight {ONE}\n", "twice"),
        (f"day {ONE}\nday {TWO}\n", "twice"),
        (f"-day {ONE}\n", "entry 1 begins with no name"),
        ("\n# nothing\n", "holds no tokens"),
    ],
)
def test_what_is_wrong_is_said_without_a_token(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "tokens"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(UsageError, match=words) as refused:
        given(file, {})
    if text != f"{ONE}\n":
        assert ONE not in str(refused.value)
    assert TWO not in str(refused.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"day {ONE}\n")
    file.chmod(mode)
    with pytest.raises(UsageError, match="chmod 600"):
        given(file, {})
