"""A real server process with a fake engine: ``python serve.py '{"engine": ..., "server": {...}, "token": ...}'``."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fakes.workers import command
from resilver.server.listen import listen, open_socket
from resilver.server.service import Service
from resilver.server.tokens import Tokens
from resilver.settings import ServerSettings, Settings
from resilver.worker.client import Worker


def main() -> None:
    asked = json.loads(sys.argv[1])
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    settings = Settings(server=dataclasses.replace(ServerSettings(workers=1), **asked["server"]))
    tokens = Tokens({hashlib.sha256(asked["token"].encode()).digest()})
    service = Service(settings, tokens, lambda settings: Worker(settings, command(asked["engine"])))
    listener = open_socket("127.0.0.1", 0)
    print(listener.getsockname()[1], flush=True)
    tls = asked.get("tls")
    listen(service, listener, tls and tuple(map(Path, tls)))


main()
