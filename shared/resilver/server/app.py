"""The server's paths."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from resilver import __version__
from resilver.http_contract import PATH, TOKEN_PATH, Refusal
from resilver.server.door import Door, body_of
from resilver.server.improve import Improve
from resilver.server.metrics import CONTENT_TYPE
from resilver.server.openapi import document, page
from resilver.server.service import Service

_TOKEN_LIMIT_BYTES = 16 << 10


def make_app(service: Service) -> ASGIApp:
    """The application that answers the contract with the service's workers."""

    async def token(request: Request) -> Response:
        blocks = [block async for block in body_of(request.scope).blocks(_TOKEN_LIMIT_BYTES)]
        try:
            asked = json.loads(b"".join(blocks))
        except (ValueError, RecursionError) as error:
            raise Refusal(400, "the body is no JSON") from error
        if not isinstance(asked, dict):
            raise Refusal(400, "the body must be an object")
        return JSONResponse(service.tokens.grant(asked), headers={"Cache-Control": "no-store"})

    async def health(_request: Request) -> Response:
        state = "stopping" if service.stopping else "ok"
        return JSONResponse({"status": state, "version": __version__}, 503 if service.stopping else 200)

    async def metrics(_request: Request) -> Response:
        return Response(service.metrics.page(), media_type=CONTENT_TYPE)

    async def openapi(_request: Request) -> Response:
        return JSONResponse(document(service.settings))

    async def docs(_request: Request) -> Response:
        return HTMLResponse(page(service.settings))

    routes = [
        # each with and without the slash: a redirect would turn a POST into a GET at some clients
        *(Route(path, Improve(service), methods=["POST"]) for path in (PATH, f"{PATH}/")),
        *(Route(path, token, methods=["POST"]) for path in (TOKEN_PATH, f"{TOKEN_PATH}/")),
        Route("/healthz", health),
        Route("/metrics", metrics),
        Route("/openapi.json", openapi),
        Route("/docs", docs),
    ]
    return Door(Router(routes, redirect_slashes=False), service)
