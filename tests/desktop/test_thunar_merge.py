"""The user's own actions in Thunar's uca.xml: every byte of them stays."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilver.errors import SettingsError
from resilver_desktop.file_manager import State
from resilver_desktop.machine import this_machine
from resilver_desktop.thunar import Thunar, actions, replaced

PATH = Path("/home/ann/.config/Thunar/uca.xml")
OURS = actions(this_machine({"HOME": "/home/ann", "PATH": ""}, "linux"))
OLD = b"<action>\n<name>Old</name><unique-id>resilver-9-old</unique-id></action>\n"

_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="<&>"), max_size=12)
_BLANK = st.sampled_from(["", " ", "\n", "\n\t", "\r\n"])
_COMMENT = _TEXT.filter(lambda text: "--" not in text and not text.endswith("-")).map(lambda text: f"<!--{text}-->")
_ID = st.one_of(st.from_regex(r"\A[0-9]{16}-[0-9]\Z"), st.just("my-resilver-1"), _TEXT).filter(
    lambda text: not text.strip().startswith("resilver-")
)
_FIELD = st.one_of(
    _TEXT.map(lambda text: f"<name>{text}</name>"),
    _TEXT.map(lambda text: f'<name xml:lang="de">{text}</name>'),
    _TEXT.map(lambda text: f"<command>{text} &amp; &lt; %F</command>"),
    st.just("<command><![CDATA[a > b <unique-id>resilver-1</unique-id>]]></command>"),
    st.just("<description>resilver-1</description>"),
    st.sampled_from(["<directories/>", "<image-files />", "<icon></icon>", '<x a="/>" b="</actions>"/>']).filter(
        lambda text: "</actions>" not in text
    ),
    _COMMENT,
    _ID.map(lambda text: f"<unique-id>{text}</unique-id>"),
)
_ACTION = st.lists(st.tuples(_BLANK, _FIELD), max_size=6).map(
    lambda fields: "<action>" + "".join(blank + one for blank, one in fields) + "</action>"
)
_HEAD = st.sampled_from(
    [
        "",
        '<?xml version="1.0" encoding="UTF-8"?>\n',
        '<?xml encoding="UTF-8" version="1.0"?>\n',
        "\ufeff",
        "<!-- a -->\n",
    ]
)


@st.composite
def documents(draw):
    """Any file that Thunar takes, with the user's actions, comments and blanks."""
    body = draw(st.lists(st.tuples(_BLANK, st.one_of(_ACTION, _COMMENT)), max_size=5))
    inner = "".join(blank + one for blank, one in body)
    return (draw(_HEAD) + "<actions>" + inner + draw(_BLANK) + "</actions>" + draw(_BLANK)).encode()


@given(documents())
def test_in_and_out_again(document):
    """After install and remove the file is the same to the byte; a second install changes nothing."""
    assert replaced(document, b"", PATH) == document
    there = replaced(document, OURS, PATH)
    assert replaced(there, OURS, PATH) == there
    assert replaced(there, b"", PATH) == document
    assert there.replace(OURS, b"", 1) == document


@given(documents(), documents())
def test_an_older_one_is_replaced_where_it_stands(first, second):
    """Ours of another version give way to those of now, in the place that the user gave them."""
    body = second[second.index(b"<actions>") + 9 : second.rindex(b"</actions>")]
    before, after = first[: first.rindex(b"</actions>")], first[first.rindex(b"</actions>") :]
    assert replaced(before + OLD + body + after, OURS, PATH) == before + OURS + body + after
    assert replaced(before + OLD + body + OLD + after, b"", PATH) == before + body + after


def test_what_thunar_wrote_itself():
    """After Thunar wrote the file anew, in its own way, ours are still known, and go."""
    indented = OURS.replace(b"\n<", b"\n\t<").replace(b"\t</action>", b"</action>").replace(b"\t<action>", b"<action>")
    document = b'<?xml version="1.0" encoding="UTF-8"?>\n<actions>\n<action>\n\t<name>x</name>\n</action>\n%s</actions>'
    assert replaced(document % indented, b"", PATH) == document % b""


@pytest.mark.parametrize("root", [b"<actions/>", b"<actions />\n", b'<?xml version="1.0"?>\n<actions\n/>'])
def test_no_actions_at_all(root):
    """A root without an end tag is opened."""
    there = replaced(root, OURS, PATH)
    assert len(ET.fromstring(there)) == 5
    assert replaced(root, b"", PATH) == root
    assert replaced(there, b"", PATH).strip().endswith(b"</actions>")


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<actions>",
        b"<other/>",
        b"<actions><action></actions>",
        b"\xff\xfe<\0",
        "<actions>é</actions>".encode("latin-1"),
    ],
)
def test_what_is_no_such_file_is_refused(document):
    """The error names the file, and nothing is guessed."""
    with pytest.raises(SettingsError, match=r"uca\.xml"):
        replaced(document, OURS, PATH)


def test_the_system_s_actions_are_kept(machine):
    """Who has no file of his own keeps the system's actions, also in the end, when his file is gone again."""
    system = machine.system_config[0] / "Thunar" / "uca.xml"
    system.parent.mkdir(parents=True)
    system.write_text("<actions>\n<action><unique-id>1</unique-id></action>\n</actions>\n")
    thunar = Thunar()
    thunar.install(machine)
    own = machine.config / "Thunar" / "uca.xml"
    assert len(ET.parse(own).findall("action")) == 6
    assert thunar.state(machine) is State.INSTALLED
    thunar.remove(machine)
    assert not own.exists()


def test_a_file_behind_a_link(machine, tmp_path):
    """A link to the user's collection of settings stays one, and its target keeps its mode."""
    target = tmp_path / "dotfiles.xml"
    target.write_text("<actions><!-- mine --></actions>")
    target.chmod(0o600)
    own = machine.config / "Thunar" / "uca.xml"
    own.parent.mkdir(parents=True)
    own.symlink_to(target)
    Thunar().install(machine)
    assert own.is_symlink()
    assert (b"resilver-1" in target.read_bytes(), target.stat().st_mode & 0o777) == (True, 0o600)
    Thunar().remove(machine)
    assert target.read_text() == "<actions><!-- mine --></actions>"
