"""The suite finds no fault with a server that keeps the contract, and every fault with one that does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fakes.contract_server import Body, ContractServer
from resilver.conformance import AT_WORST, CHECKS, SPENT, Reply, Request, examine


def broken(server: Callable[[Request], Reply]) -> list[str]:
    return [verdict.check.name for verdict in examine(server) if verdict.found]


def test_honest_server_passes() -> None:
    """Nothing is found, each sentence is examined once, and the server handles as many pictures as was said."""
    server = ContractServer()
    verdicts = list(examine(server))
    assert [verdict.check for verdict in verdicts] == list(CHECKS)
    assert not [verdict for verdict in verdicts if verdict.found]
    assert server.pictures == SPENT
    assert server.offered == AT_WORST
    assert len({check.name for check in CHECKS}) == len(CHECKS)


REFUSALS = [
    "no-token",
    "wrong-token",
    "no-provider",
    "no-meta",
    "broken-meta",
    "no-mode",
    "no-images",
    "bad-factor",
    "no-part",
    "empty-part",
    "liberal",
    "slash",
    "types",
    "double-name",
    "get",
]
# which share what they break: a server without one refusal lacks the others, too
TOGETHER = {
    "no-token": {"no-provider"},
    "no-provider": {"no-token"},
    "no-part": {"empty-part"},
    "empty-part": {"no-part"},
}
META = {"no-meta", "broken-meta", "no-mode", "no-images", "bad-factor", "types", "double-name", "slash"}


@pytest.mark.parametrize("name", REFUSALS)
def test_missing_refusal_is_found(name: str) -> None:
    """A server that takes what it must refuse, or refuses what it should take, is told so by the check's name."""
    found = broken(ContractServer(lax=name))
    assert name in found
    assert set(found) <= {name} | TOGETHER.get(name, set()) | (META if name in META else set())


def of(mode: str, index: int, **fields: Any) -> Callable[[Body], object]:
    def change(body: Body) -> None:
        if mode in body and index < len(body[mode]) and len(body) == 2:
            body[mode][index].update(fields)

    return change


def pop(mode: str) -> Callable[[Body], object]:
    return lambda body: body[mode].pop() if len(body) == 2 else None


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("lists", pop("improve")),
        ("lists", pop("resolution")),
        ("lists", of("improve", 0, name="other")),
        ("lists", lambda body: body["improve"].append(body["improve"][0]) if len(body) == 2 else None),
        ("improve", of("improve", 0, improved="no base64!")),
        ("improve", of("improve", 0, improved="aGVsbG8=")),
        ("improve", of("improve", 0, status=1, error="no")),
        ("bw", of("improve", 0, bw=False)),
        ("bw", of("improve", 0, bw=None)),
        ("resolution", of("resolution", 0, resolved="aGVsbG8=")),
        (
            "resolution",
            lambda body: (
                body["resolution"][0].update(resolved=body["improve"][0]["improved"]) if len(body) == 2 else None
            ),
        ),
        ("resolution", of("resolution", 0, resolved="")),
        ("bad-picture", of("improve", 1, status=0)),
        ("bad-picture", of("resolution", 1, error="")),
        ("liberal", lambda body: body["resolution"][0].update(status=2) if len(body) == 1 else None),
    ],
)
def test_wrong_answer_is_found(name: str, change: Callable[[Body], object]) -> None:
    """An answer that is wrong in one place breaks the sentence about that place."""
    server = ContractServer(change=change)
    assert name in broken(server)
    assert server.pictures == SPENT


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"status": "200"}', b"[" * 5000, b'{"status":200,"body":null}']
)
def test_no_envelope_at_all(body: bytes) -> None:
    """A server that speaks something else breaks every sentence but that on GET, and nothing worse happens."""
    requests: list[Request] = []

    def server(request: Request) -> Reply:
        requests.append(request)
        return Reply(200 if request.method == "POST" else 404, body)

    assert broken(server) == [check.name for check in CHECKS if check.name != "get"]
    assert len(requests) == len(CHECKS) - 4  # what costs something is asked for once, whatever comes
