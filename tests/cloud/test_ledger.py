"""What was sent is written down first, by all processes of the user, and never beyond the limit."""

from __future__ import annotations

import subprocess
import sys

import pytest

from resilver.cloud.ledger import Ledger, Sending, estimate, who_gets_them
from resilver.errors import CloudConsent, CloudError, CloudLimit
from resilver.settings import CloudSettings

SETTINGS = CloudSettings(base_url="https://one.example/improve", monthly_limit=10)


def sendings(*keys):
    return [Sending(key, ("improve",), 1000) for key in keys]


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(tmp_path / "cloud")
    ledger.agree(SETTINGS)
    return ledger


def child(tmp_path, then, keys="abc"):
    """A process that claims pictures, says so, and then does something."""
    code = (
        "import os, sys\nfrom pathlib import Path\n"
        "from resilver.cloud.ledger import Ledger, Sending\nfrom resilver.settings import CloudSettings\n"
        f"ledger = Ledger(Path({str(tmp_path / 'cloud')!r}))\n"
        f"settings = CloudSettings(base_url={SETTINGS.base_url!r}, monthly_limit=10)\n"
        f"rows = ledger.claim(settings, [Sending(key, ('improve',), 1) for key in {keys!r}])\n"
        f"print(len(rows), flush=True)\n{then}"
    )
    return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_nothing_goes_out_before_consent(tmp_path):
    """Without consent nothing is claimed, and the sentence says that pictures leave and to whom."""
    ledger = Ledger(tmp_path)
    with pytest.raises(CloudConsent, match=r"leave this computer.*https://one\.example"):
        ledger.claim(SETTINGS, sendings("a"))
    assert ledger.sent_this_month() == 0
    ledger.agree(SETTINGS)
    assert ledger.claim(SETTINGS, sendings("a"))
    ledger.withdraw(SETTINGS)
    with pytest.raises(CloudConsent):
        ledger.claim(SETTINGS, sendings("b"))


def test_consent_is_for_one_service(ledger):
    """Who agreed to one host did not agree to another, nor to the same one without encryption."""
    for url in ("https://two.example/improve", "https://one.example:8443/improve", "http://one.example/improve"):
        assert not ledger.agreed(CloudSettings(base_url=url))
    assert ledger.agreed(CloudSettings(base_url="https://ONE.example/another/path"))


def test_an_unencrypted_way_is_said():
    """Plain HTTP is called what it is."""
    assert "without encryption" in who_gets_them(CloudSettings(base_url="http://one.example"))
    assert "without encryption" not in who_gets_them(SETTINGS)


def test_the_limit_stops_and_can_be_raised(ledger):
    """What would exceed the limit is refused whole; an allowance lets so many more out."""
    ledger.claim(SETTINGS, sendings(*"abcdefgh"))
    assert ledger.left_this_month(SETTINGS) == 2
    with pytest.raises(CloudLimit, match="account allow 3"):
        ledger.claim(SETTINGS, sendings(*"xyz"))
    assert ledger.sent_this_month() == 8
    ledger.allow(1)
    assert len(ledger.claim(SETTINGS, sendings(*"xyz"))) == 3
    assert ledger.left_this_month(SETTINGS) == 0
    assert ledger.left_this_month(CloudSettings(monthly_limit=0)) is None


def test_counts_follow_what_really_went_up(ledger):
    """Each picture counts as often as it went up whole; one that did not, not at all."""
    rows = ledger.claim(SETTINGS, sendings("a", "b", "c"))
    ledger.settle({rows["a"]: (0, "cloud-unreachable"), rows["b"]: (3, "answered"), rows["c"]: (None, "interrupted")})
    assert ledger.sent_this_month() == 4


def test_a_killed_sender_is_counted_and_blocks_nobody(ledger, tmp_path):
    """What a process was sending when it died counts as sent, and the next one may send it again."""
    process = child(tmp_path, "os._exit(9)")
    assert process.communicate(timeout=60)[0] == "3\n"
    assert ledger.sent_this_month() == 3
    assert set(ledger.claim(SETTINGS, sendings("a", "b"))) == {"a", "b"}


def test_two_processes_never_send_the_same(ledger, tmp_path):
    """While another process sends a picture it is not claimed; afterwards it is."""
    process = child(tmp_path, "sys.stdin.read()\nledger.settle({row: (0, 'failed') for row in rows.values()})")
    assert process.stdout.readline() == "3\n"
    assert set(ledger.claim(SETTINGS, sendings("a", "z"))) == {"z"}
    process.communicate("", timeout=60)
    assert set(ledger.claim(SETTINGS, sendings("a", "b"))) == {"a", "b"}


def test_many_processes_keep_one_limit(ledger, tmp_path):
    """Processes that send at once stay within the limit together."""
    processes = [child(tmp_path, "", keys=f"{number}ab{number}"[:3]) for number in range(5)]
    claimed = [process.communicate(timeout=60)[0] for process in processes]
    assert sum(int(lines) for lines in claimed if lines) == ledger.sent_this_month() <= 10


def test_a_damaged_ledger_stops_the_sending(tmp_path):
    """Without a count nothing is sent, and the file stays as it is."""
    path = tmp_path / "ledger.sqlite3"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(CloudError, match="nothing is sent"):
        Ledger(tmp_path).claim(SETTINGS, sendings("a"))
    assert path.read_bytes().startswith(b"this is no database")


def test_a_newer_ledger_is_left_alone(ledger, tmp_path):
    """A database of a later version is refused unchanged."""
    import sqlite3

    path = tmp_path / "cloud" / "ledger.sqlite3"
    with sqlite3.connect(path) as base:
        base.execute("PRAGMA user_version = 99")
    base.close()
    before = path.read_bytes()
    with pytest.raises(CloudError, match="newer"):
        ledger.sent_this_month()
    assert path.read_bytes() == before


def test_only_this_user_can_look(ledger, tmp_path):
    """The folder of what was sent is closed to others."""
    assert (tmp_path / "cloud").stat().st_mode & 0o077 == 0


def test_estimates_use_the_price():
    """An estimate is a number of pictures, and money where a price is set."""
    assert estimate(CloudSettings(), 1) == "1 picture"
    assert estimate(CloudSettings(price=0.06, currency="RUB"), 200) == "200 pictures, 12.00 RUB"
