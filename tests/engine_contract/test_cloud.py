"""The cloud engine keeps the contract, with a service on the loopback."""

from __future__ import annotations

import pytest

from engine_contract.contract import EngineContract
from fakes.cloud_service import TOKEN, serving
from resilver.cloud.engine import CloudEngine
from resilver.cloud.ledger import Ledger


class Fixed:
    """A service token."""

    def token(self) -> str:
        return TOKEN

    def renew(self, rejected: str) -> str:
        raise AssertionError("the service took the token")


class TestCloud(EngineContract):
    @pytest.fixture
    def engine(self, tmp_path):
        with serving() as service:
            settings = service.settings()
            Ledger(tmp_path).agree(settings)
            engine = CloudEngine(settings, tmp_path, Fixed())
            yield engine
            engine.close()
