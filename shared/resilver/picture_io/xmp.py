"""XMP packets: opened, added to and written without touching what others put there (ISO 16684-1).

Entity declarations are refused before parsing, so that a packet cannot expand into gigabytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from xml.dom import Node, minidom
from xml.parsers.expat import ExpatError

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_META = "adobe:ns:meta/"
_XMLNS = "http://www.w3.org/2000/xmlns/"
_XML = "http://www.w3.org/XML/1998/namespace"
PREFIXES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "stEvt": "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "resilver": "https://resilver.invalid/ns/1.0/",  # a name, not an address: .invalid never resolves (RFC 2606)
}
_LARGEST = 16 << 20
_EMPTY = f'<x:xmpmeta xmlns:x="{_META}"><rdf:RDF xmlns:rdf="{RDF}"/></x:xmpmeta>'
_BEGIN = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
_END = '\n<?xpacket end="w"?>'
# characters that XML 1.0 cannot hold
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# IIM data sets of record 2 and the properties of the same meaning (IPTC Photo Metadata Standard, mapping)
_IPTC_SIMPLE = {
    15: "photoshop:Category",
    40: "photoshop:Instructions",
    55: "photoshop:DateCreated",
    85: "photoshop:AuthorsPosition",
    90: "photoshop:City",
    92: "Iptc4xmpCore:Location",
    95: "photoshop:State",
    100: "Iptc4xmpCore:CountryCode",
    101: "photoshop:Country",
    103: "photoshop:TransmissionReference",
    105: "photoshop:Headline",
    110: "photoshop:Credit",
    115: "photoshop:Source",
    122: "photoshop:CaptionWriter",
}
_IPTC_DATE = 55
_KEYWORDS = "dc:subject"
_IPTC_LISTS = {
    5: ("dc:title", "Alt"),
    25: (_KEYWORDS, "Bag"),
    80: ("dc:creator", "Seq"),
    116: ("dc:rights", "Alt"),
    120: ("dc:description", "Alt"),
}


class Packet:
    """One XMP document."""

    def __init__(self, packet: bytes | None = None) -> None:
        """Open a packet; what cannot be read, or has no RDF, is replaced by an empty one."""
        self._document = _parse(packet) if packet else None
        self._own: minidom.Element | None = None
        if self._document is None or not self._roots():
            self._document = minidom.parseString(_EMPTY)  # noqa: S318 - our own text

    def _roots(self) -> list[minidom.Element]:
        assert self._document is not None
        return list(self._document.getElementsByTagNameNS(RDF, "RDF"))

    def descriptions(self) -> list[minidom.Element]:
        """The top-level descriptions, whose children are the properties."""
        return [child for child in _elements(self._roots()[0]) if child.namespaceURI == RDF]

    def text(self, name: str) -> str | None:
        """The value of a simple property such as ``resilver:recipe``."""
        space, local = _split(name)
        for description in self.descriptions():
            if description.hasAttributeNS(space, local):
                return str(description.getAttributeNS(space, local))
        found = self._property(name)
        if found is None:
            return None
        if found.hasAttributeNS(RDF, "resource"):
            return str(found.getAttributeNS(RDF, "resource"))
        return _content(found)

    def items(self, name: str) -> list[minidom.Element]:
        """The items of a list property."""
        found = self._property(name)
        return [] if found is None else list(found.getElementsByTagNameNS(RDF, "li"))

    def has(self, name: str) -> bool:
        """Whether the property is there in any form."""
        return self._property(name) is not None or self.text(name) is not None

    def set(self, name: str, value: str) -> None:
        """Set a simple property, whatever it was before."""
        self.remove(name)
        self._add(name).appendChild(self._make_text(value))

    def remove(self, name: str) -> None:
        """Take a property away."""
        space, local = _split(name)
        for description in self.descriptions():
            if description.hasAttributeNS(space, local):
                description.removeAttributeNS(space, local)
            for child in _elements(description):
                if (child.namespaceURI, child.localName) == (space, local):
                    description.removeChild(child)

    def append(self, name: str, item: str | dict[str, str], kind: str = "Seq") -> None:
        """Add an item, a text or a structure, to a list property; make the list if there is none."""
        found = self._property(name) or self._add(name)
        lists = [child for child in _elements(found) if child.namespaceURI == RDF]
        if lists:
            holder = lists[0]
        else:
            holder = self._make(f"{self._rdf_prefix()}:{kind}", RDF)
            found.appendChild(holder)
        line = self._make(f"{self._rdf_prefix()}:li", RDF)
        holder.appendChild(line)
        if kind == "Alt":
            line.setAttributeNS(_XML, "xml:lang", "x-default")
        if isinstance(item, str):
            line.appendChild(self._make_text(item))
            return
        line.setAttributeNS(RDF, f"{self._rdf_prefix()}:parseType", "Resource")
        for field, value in item.items():
            element = self._make(field, _split(field)[0])
            element.setAttributeNS(_XMLNS, "xmlns:" + field.partition(":")[0], _split(field)[0])
            element.appendChild(self._make_text(value))
            line.appendChild(element)

    def to_bytes(self) -> bytes:
        """The packet in UTF-8 with its head and tail."""
        assert self._document is not None
        body = "".join(
            node.toxml() for node in self._document.childNodes if node.nodeType != Node.PROCESSING_INSTRUCTION_NODE
        )
        return (_BEGIN + body + _END).encode("utf-8", "replace")

    def _property(self, name: str) -> minidom.Element | None:
        wanted = _split(name)
        for description in self.descriptions():
            for child in _elements(description):
                if (child.namespaceURI, child.localName) == wanted:
                    return child
        return None

    def _add(self, name: str) -> minidom.Element:
        space = _split(name)[0]
        if self._own is None:
            prefix = self._rdf_prefix()
            about = self._about()
            self._own = self._make(f"{prefix}:Description", RDF)
            self._own.setAttributeNS(RDF, f"{prefix}:about", about)
            self._roots()[0].appendChild(self._own)
        element = self._make(name, space)
        element.setAttributeNS(_XMLNS, "xmlns:" + name.partition(":")[0], space)
        self._own.appendChild(element)
        return element

    def _about(self) -> str:
        # every description of a packet must be about the same thing (ISO 16684-1, 7.4)
        return next((str(each.getAttributeNS(RDF, "about")) for each in self.descriptions()), "")

    def _rdf_prefix(self) -> str:
        return str(self._roots()[0].prefix or "rdf")

    def _make(self, name: str, space: str) -> minidom.Element:
        assert self._document is not None
        return self._document.createElementNS(space, name)

    def _make_text(self, value: str) -> minidom.Text:
        assert self._document is not None
        return self._document.createTextNode(_FORBIDDEN.sub("\ufffd", value))


def _parse(packet: bytes) -> minidom.Document | None:
    text = packet.strip(b"\0 \t\r\n")
    # a declaration could hide in another encoding; XMP in photographs is UTF-8 (ISO 16684-3)
    if len(text) > _LARGEST or b"<!" in text.replace(b"<!--", b"").replace(b"<![CDATA[", b"") or b"\0" in text:
        return None
    try:
        document = minidom.parseString(text)  # noqa: S318 - no declarations, see above
        document.toxml()
    except (ExpatError, ValueError, LookupError, RecursionError, AttributeError):
        return None
    return document


def _split(name: str) -> tuple[str, str]:
    prefix, _, local = name.partition(":")
    return PREFIXES[prefix], local


def _elements(node: minidom.Element) -> list[minidom.Element]:
    return [child for child in node.childNodes if isinstance(child, minidom.Element)]


def _content(element: minidom.Element) -> str:
    return "".join(node.data for node in element.childNodes if isinstance(node, minidom.Text))


def field(item: minidom.Element, name: str) -> str | None:
    """One field of a structure in a list, in any of RDF's forms."""
    space, local = _split(name)
    for element in item.getElementsByTagNameNS(space, local):
        return _content(element)
    for element in (item, *_elements(item)):
        if element.hasAttributeNS(space, local):
            return str(element.getAttributeNS(space, local))
    return None


def corrected(packet: bytes, values: Mapping[str, str]) -> bytes:
    """The packet with new values where it has these properties, and without a thumbnail of the old picture."""
    document = Packet(packet)
    present = [name for name in values if document.has(name)]
    if not present and not document.has("xmp:Thumbnails"):
        return packet
    document.remove("xmp:Thumbnails")
    for name in present:
        document.set(name, values[name])
    return document.to_bytes()


def only(packet: bytes, prefixes: Sequence[str]) -> bytes:
    """The simple properties of some name spaces."""
    document, result = Packet(packet), Packet()
    spaces = {PREFIXES[prefix]: prefix for prefix in prefixes}
    for description in document.descriptions():
        for element in _elements(description):
            if element.namespaceURI in spaces:
                result.set(f"{spaces[element.namespaceURI]}:{element.localName}", _content(element))
    return result.to_bytes()


def with_iptc(packet: bytes | None, iptc: bytes) -> bytes:
    """The packet with the fields of an IPTC record that it lacks; keywords of both are joined."""
    document = Packet(packet)
    present = {name for name in _names() if document.has(name)} - {_KEYWORDS}
    keywords = {_content(item) for item in document.items(_KEYWORDS)}
    for number, text in _iptc_fields(iptc):
        # IIM writes a date as CCYYMMDD, XMP as CCYY-MM-DD
        value = re.sub(r"^(\d{4})(\d\d)(\d\d)$", r"\1-\2-\3", text) if number == _IPTC_DATE else text
        name, kind = _IPTC_LISTS.get(number, (_IPTC_SIMPLE.get(number), None))
        if name is None or name in present or (name == _KEYWORDS and value in keywords):
            continue
        if kind is None:
            document.set(name, value)
        elif kind != "Alt" or not document.has(name):
            document.append(name, value, kind)
    return document.to_bytes()


def _names() -> set[str]:
    return {*_IPTC_SIMPLE.values(), *(name for name, _ in _IPTC_LISTS.values())}


def _iptc_fields(record: bytes) -> list[tuple[int, str]]:
    """The texts of record 2 (IIM 4.2); damage ends the record."""
    fields, at, encoding = [], 0, "latin-1"
    while at + 5 <= len(record) and record[at] == 0x1C:
        group, number = record[at + 1], record[at + 2]
        size = int.from_bytes(record[at + 3 : at + 5], "big")
        value = record[at + 5 : at + 5 + size]
        if size & 0x8000 or len(value) < size:
            break
        if (group, number) == (1, 90) and value == b"\x1b%G":  # ISO 2022's escape to UTF-8
            encoding = "utf-8"
        if group == 2:
            fields.append((number, value.decode(encoding, "replace")))
        at += 5 + size
    return fields
