"""The bill of materials."""

import hashlib
import json

from builders import lock, release, third_party
from builders.tarball import Part

PART = Part(name="libssl3", version="3.0.19-1", licence="Apache-2.0")


def test_it_names_everything_that_is_shipped():
    """Packages at the locked versions, and each network by the digest of its weights."""
    found = {(one["type"], one["name"]): one for one in release.materials([PART])["components"]}
    for name in third_party.packages():
        assert found["library", name]["version"] == (lock.locked(lock.WINDOWS) | lock.locked(lock.LINUX))[name]
    weights = list((third_party.ROOT / "shared/resilver/local/weights").glob("*.bin"))
    assert weights
    for path in weights:
        told = found["machine-learning-model", path.stem]["hashes"]
        assert told == [{"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}]
    assert found["library", PART.name]["bom-ref"] == "pkg:deb/debian/libssl3@3.0.19-1"
    assert len(found) == len(third_party.packages()) + len(weights) + 1


def test_what_needs_what_leads_from_resilver_to_all():
    """Every reference exists, and nothing is shipped that nothing needs."""
    told = release.materials([PART])
    needs = {one["ref"]: one["dependsOn"] for one in told["dependencies"]}
    reached, waiting = set(), [told["metadata"]["component"]["bom-ref"]]
    while waiting:
        ref = waiting.pop()
        if ref not in reached:
            reached.add(ref)
            waiting += needs.get(ref, [])
    assert reached - {told["metadata"]["component"]["bom-ref"]} == {one["bom-ref"] for one in told["components"]}


def test_it_is_the_same_each_time():
    """The serial number and the time follow from what is in it and from the project."""
    assert json.dumps(release.materials()) == json.dumps(release.materials())
