"""The first 4,313 blocks of Bitcoin: the known partition, and no mix in a year that knew none."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from tests.real.test_mixers import real_data


def tracer(*arguments: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """The JSON a command prints."""
    monkeypatch.setattr(sys, "argv", ["tracer", "-q", *arguments, "--json"])
    main()
    return json.loads(capsys.readouterr().out)


def test_the_known_partition_of_blocks_0_to_4312(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = real_data() / "bitcoin" / "blocks" / "mainnet-0-4312.blk.dat"
    monkeypatch.setenv("TRACER_WORKSPACE", str(tmp_path))
    tracer("sync", "bitcoin", "--source", f"blocks:{blocks}", monkeypatch=monkeypatch, capsys=capsys)
    said = tracer("cluster", "build", monkeypatch=monkeypatch, capsys=capsys)
    assert (said["addresses"], said["clusters"], said["largest"]) == (4_357, 4_171, 44)
    assert said["heuristics"] == [{"id": "co_spend", "version": 1, "links": 186}]
    assert said["as_of"][0]["block_hash"].endswith("abfc7863")
    assert sum(said["excluded"].values()) == 0
