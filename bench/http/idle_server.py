"""A server of the improve method that does no work: `idle_server.py [BYTES]`; prints its port.

It reads every request to its end and answers success for every picture: without results, or with BYTES of
invented ones in each of their fields.
"""

from __future__ import annotations

import base64
import socket
import sys
from collections.abc import Iterator

from resilver.http_contract import PICTURE_FIELDS, Item, Meta, Mode, encode_answer

TAIL = 1 << 17  # the part meta comes last and is smaller than this
PIECE = 3 << 16


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _address = listener.accept()
        with connection:
            while meta := receive(connection):
                answer(connection, meta, size)


def receive(connection: socket.socket) -> Meta | None:
    """Read a request; its pictures go nowhere."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (piece := connection.recv(1 << 16)):
            return None
        data += piece
    head, _blank, tail = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    missing = length - len(tail)
    buffer = memoryview(bytearray(1 << 20))
    while missing:
        if not (count := connection.recv_into(buffer)):
            return None
        missing -= count
        if missing < TAIL:
            tail = (tail + bytes(buffer[max(0, count - TAIL) : count]))[-TAIL:]
    part = tail[tail.rindex(b'name="meta"') :]
    return Meta.parse(part[part.index(b"{") : part.rindex(b"}") + 1])


def answer(connection: socket.socket, meta: Meta, size: int) -> None:
    """Success for every picture, in chunks."""
    items = {mode: [_item(name, mode, size) for name in meta.names] for mode in meta.modes}
    # a JPEG's first bytes, then whatever: nobody decodes it here
    piece = base64.b64encode((b"\xff\xd8\xff\xe0" + b"resilver" * PIECE)[:PIECE])

    def texts(_reference: str) -> Iterator[bytes]:
        whole, rest = divmod(size, PIECE)
        yield from [piece] * whole
        yield piece[: rest // 3 * 4]

    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    for data in encode_answer(items, texts):
        if data:
            connection.sendall(b"%x\r\n%s\r\n" % (len(data), data))
    connection.sendall(b"0\r\n\r\n")


def _item(name: str, mode: Mode, size: int) -> Item:
    return Item(name, pictures=dict.fromkeys(PICTURE_FIELDS[mode], name) if size else {}, bw=True)


if __name__ == "__main__":
    main()
