"""What `--source` may be, and that no password or key of it is kept or printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.sources import shown
from tests.cli.running import tracer

SECRETS = ("S3CRET", "K3Y")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("https://user:S3CRET@127.0.0.1:9/v3/K3YK3Y", "unknown source 'https'"),
        ("evm:user:S3CRET@127.0.0.1:9", "not of the form http://HOST:PORT"),
        ("evm:https:/user:S3CRET@127.0.0.1:9/K3YK3Y", "not of the form http://HOST:PORT"),
        ("evm:127.0.0.1:9/v3/K3YK3Y", "not of the form http://HOST:PORT"),
        ("evm:https://user:1/S3CRET@127.0.0.1/K3YK3Y", "not of the form http://HOST:PORT"),
        ("tron:127.0.0.1:9/v3/K3YK3Y", "Give tron:http://HOST:PORT"),
        ("core:user:S3CRET@127.0.0.1:9", "Give core:http://HOST:PORT"),
        ("core:http://user:S3CRET@127.0.0.1:9?key=K3YK3Y", "only ?cookie=PATH is understood"),
        ("K3YK3Y", "the source names no kind"),
        ("K3YK3Y:9", "the source names no kind"),
    ],
    ids=["no kind", "no scheme", "one slash", "no scheme, a key", "a slash in the password", "Tron", "Core",
         "Core, a key", "a key alone", "a key in place of a kind"],
)  # fmt: skip
def test_what_is_no_source_is_refused_before_anything_is_kept(tmp_path: Path, source: str, said: str) -> None:
    chain = {"tron": "tron", "core": "bitcoin"}.get(source.partition(":")[0], "ethereum")
    ran = tracer(tmp_path / "w", "sync", chain, "--source", source)
    ran.refused(2, said)
    everything = ran.out + ran.err
    for path in (tmp_path / "w").rglob("*"):
        everything += path.read_bytes().decode(errors="replace") if path.is_file() else ""
    for secret in SECRETS:
        assert secret not in everything


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("evm:https://user:S3CRET@node.example:8545/v3/K3Y?token=K3Y", "evm:https://node.example:8545"),
        ("tron:http://[::1]:8090/K3Y", "tron:http://[::1]:8090"),
        ("evm:https://user:1/S3CRET@node.example", "evm"),
        ("evm:node.example/K3Y", "evm"),
        ("core:http://u:S3CRET@[::1]:8332?cookie=/home/u/.bitcoin/.cookie", "core:http://[::1]:8332"),
        ("https://node.example/K3Y", "unknown"),
        ("K3Y", "unknown"),
        ("blocks:~/blocks", "blocks:~/blocks"),
        ("simulation:market?seed=1", "simulation:market?seed=1"),
    ],
)
def test_of_a_node_only_scheme_host_and_port_are_kept(source: str, kept: str) -> None:
    assert shown(source) == kept
