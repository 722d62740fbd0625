"""The real ``resilver watch`` with several pairs of folders, and on a battery."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fakes.namespaces import apart, linux
from fakes.photos import save_photo
from fakes.watched import Watched
from resilver.picture_io.provenance import read_provenance

SUPPLY = "/sys/class/power_supply"


@linux
def test_several_pairs_each_with_its_recipe(tmp_path: Path) -> None:
    """Each does what it says and names its own trouble; what is in the way of one is not in the way of the other."""
    settings = tmp_path / "config" / "resilver" / "settings.toml"
    settings.parent.mkdir(parents=True)
    blocked = tmp_path / "blocked"
    blocked.mkdir(mode=0o555)
    settings.write_text(f'[[watch.pairs]]\ninput = "{tmp_path}/second"\noutput = "{blocked}"\npreset = "Upscale 2x"\n')
    (tmp_path / "second").mkdir()
    rights = "-dac_override,-dac_read_search"
    before = [] if os.getuid() else ["setpriv", "--bounding-set", rights, "--inh-caps", rights]
    with Watched(tmp_path, before=before) as folder:
        folder.checked = False  # it knows of one pair
        save_photo(tmp_path / "second" / "b.jpg", 20, 10)
        folder.eventually(lambda: folder.remote.status().pairs[1].trouble != "")
        folder.drop("a.jpg")
        folder.wait(done=1, waiting=1)
        first, second = folder.remote.status().pairs
        assert (first.trouble, first.preset, second.preset) == ("", "Restore", "Upscale 2x")
        blocked.chmod(0o755)
        folder.wait(done=2)
        (result,) = blocked.iterdir()
        assert read_provenance(result).recipe["resolution"] == 2


@linux
def test_on_battery_it_pauses_if_that_is_set(tmp_path: Path) -> None:
    """Nothing begins while the computer runs on its battery; plugged in, it goes on by itself."""
    battery = f"mount -t tmpfs none {SUPPLY} && mkdir {SUPPLY}/BAT0 && cd {SUPPLY}/BAT0 && echo 50 > capacity"
    before = apart(f"{battery} && echo Discharging > status && cd /")
    with Watched(tmp_path, before=before, on_battery="pause") as folder:
        folder.drop("a.jpg")
        folder.eventually(lambda: folder.remote.status().counts["waiting"] == 1)
        folder.run("resume")  # which is for pauses that somebody asked for
        assert folder.remote.status().state == "paused"
        assert folder.remote.status().counts["done"] == 0
        folder.view(Path(SUPPLY, "BAT0", "status")).write_text("Charging\n")
        folder.wait(90, done=1)


@linux
@pytest.mark.parametrize("setting", ["work", "pause"])
def test_without_any_word_of_a_battery_it_works(tmp_path: Path, setting: str) -> None:
    """A system that tells nothing of its power, as containers do, has mains."""
    with Watched(tmp_path, before=apart("mount -t tmpfs none /sys/class"), on_battery=setting) as folder:
        folder.drop("a.jpg")
        folder.wait(done=1)
