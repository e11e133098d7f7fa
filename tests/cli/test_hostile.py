"""Whatever a user or a stranger types: one clear line, the right code, a line in the custody log."""

from pathlib import Path

import pytest

from tests.cli.claims_cli import Tracer
from tests.cli.running import tracer
from tests.rawblocks import shop_chain, write


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    source = write(folder / "blk.dat", shop_chain().blocks)
    assert tracer(folder / "w", "sync", "bitcoin-regtest", "--source", f"blocks:{source}").code == 0
    return folder / "w"


def log_length(workspace: Path) -> int:
    return len(Tracer(workspace.parent)("case", "log", "--json").json["entries"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--method", "lucky"], "method"),
        (["--min-value", "1e999999"], "min-value"),
        (["--min-value", "1e30"], "min-value"),
        (["--before", "9999-12-31T23:59:59-12:00"], "date"),
        (["--before", "yesterday"], "date"),
        (["--chain", "dogecoin-2"], "unknown chain"),
    ],
)
def test_a_question_off_its_words_is_refused_and_recorded(
    workspace: Path, words: list[str], said: str
) -> None:
    before = log_length(workspace)
    arguments = words if "--chain" in words else ["--chain", "bitcoin-regtest", *words]
    tracer(workspace, "trace", f"{'ab' * 32}:0", *arguments).refused(2, said)
    assert log_length(workspace) == before + 1


def test_an_output_number_of_thousands_of_digits_is_no_seed(workspace: Path) -> None:
    tracer(workspace, "trace", f"{'ab' * 32}:{'9' * 5000}", "--chain", "bitcoin-regtest").refused(2)


def test_bytes_that_are_no_text_are_refused_and_recorded(workspace: Path) -> None:
    before = log_length(workspace)
    tracer(workspace, "trace", "bcrt1\udcff", "--chain", "bitcoin-regtest").refused(2, "no address")
    assert log_length(workspace) == before + 1


@pytest.mark.parametrize("words", [
    ["tags", "list", "\udcff"], ["tags", "list", "--actor", "\udcff"], ["vasps", "list", "\udcff"],
    ["tags", "export", "--out", "o", "--of-case", "\udcff"], ["tags", "impact", "12345678\udcff"],
    ["tags", "add", "\udcff", "--label", "l", "--category", "user", "--author", "a", "--reason", "r"],
])  # fmt: skip
def test_bytes_that_are_no_text_are_refused_by_the_verbs_of_claims(workspace: Path, words: list[str]) -> None:
    before = log_length(workspace)
    tracer(workspace, *words).refused(2, "no ")
    assert log_length(workspace) == before + 1


def test_a_path_with_a_line_break_is_still_one_line(workspace: Path) -> None:
    tracer(workspace, "tags", "import", "/nowhere/a\nb.csv").refused(3, "is not there")


def test_seeds_may_carry_their_chain(workspace: Path) -> None:
    ran = tracer(workspace, "trace", f"bitcoin-regtest:{'ab' * 32}:0")
    ran.refused(2, "never seen", "bitcoin-regtest")
    mixed = tracer(workspace, "trace", f"bitcoin-regtest:{'ab' * 32}:0", f"bitcoin:{'ab' * 32}:0")
    mixed.refused(2, "one chain at a time")


def test_a_claim_file_of_brackets_is_refused_at_once(workspace: Path, tmp_path: Path) -> None:
    source = tmp_path / "deep.yml"
    source.write_text("[" * 200_000)
    ran = tracer(workspace, "tags", "import", source)
    assert ran.code == 4
    assert "nested more than" in ran.err
    assert "Traceback" not in ran.err
