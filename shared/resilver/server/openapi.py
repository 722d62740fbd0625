"""The description of the server, for programs (OpenAPI) and for people (a page without scripts)."""

from __future__ import annotations

from html import escape
from typing import Any

from resilver import __version__
from resilver.http_contract import MAX_PICTURES, PATH, PROVIDER_FIELD, TOKEN_FIELD, TOKEN_PATH
from resilver.settings import ServerSettings

_REFUSALS = {
    400: "The request makes no sense; the text says why.",
    401: "No token, or one that is not valid.",
    403: "Another provider is wanted.",
    408: "The body came too slowly.",
    413: "Too many bytes, parts or both.",
    415: "No multipart form.",
    429: "Too much is waiting; Retry-After says when to try again.",
    503: "The server is being stopped, or its disk is full; Retry-After says when to try again.",
}
_KIND = {"type": "string", "enum": ["art", "photo"]}
_BASE64 = {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/jpeg"}
_ENVELOPE_EXTRAS = {"htmlencoded": {"type": "boolean"}, "last_modified": {"type": "integer"}}


def document(settings: ServerSettings) -> dict[str, Any]:
    """The OpenAPI document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Resilver",
            "version": __version__,
            "description": "Repairs, colours and enlarges photographs by the improve method.",
        },
        "paths": {
            PATH: {"post": _improve(settings)},
            TOKEN_PATH: {"post": _token()},
            "/healthz": {"get": _get("Whether the server takes requests.", "application/json", stopping=True)},
            "/metrics": {"get": _get("Counters for Prometheus.", "text/plain")},
            "/openapi.json": {"get": _get("This document.", "application/json")},
            "/docs": {"get": _get("This document for people.", "text/html")},
        },
        "components": {
            "schemas": {"Meta": _meta(settings), "Item": _item(), "Answer": _answer(), "Failure": _failure()},
            "securitySchemes": {"token": {"type": "apiKey", "in": "query", "name": TOKEN_FIELD}},
        },
    }


def _improve(settings: ServerSettings) -> dict[str, Any]:
    return {
        "summary": "Repair, colour or enlarge pictures.",
        "description": f"A part for each picture, called as meta lists it, of at most {settings.bytes_each} bytes each "
        f"and {settings.bytes_together} together, JPEG, PNG or TIFF; and the part meta. The path may end in a slash.",
        "security": [{"token": []}],
        "parameters": [
            {
                "name": PROVIDER_FIELD,
                "in": "query",
                "required": True,
                "schema": {"type": "string", "minLength": 1, "default": "mcs"},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["meta"],
                        "properties": {
                            "meta": {"$ref": "#/components/schemas/Meta"},
                            "file_0": {"type": "string", "contentMediaType": "application/octet-stream"},
                        },
                    },
                    "encoding": {"meta": {"contentType": "application/json"}},
                }
            },
        },
        "responses": {
            "200": _response("Handled; single pictures may have failed.", {"$ref": "#/components/schemas/Answer"}),
            **_refusals(*_REFUSALS),
        },
    }


def _token() -> dict[str, Any]:
    text = {"type": "string", "minLength": 1, "maxLength": 255}
    return {
        "summary": "An access token for client credentials, or for a refresh token.",
        "description": "client_id is any name, client_secret a token of the server's token file.",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["client_id", "grant_type"],
                        "properties": {
                            "client_id": text,
                            "client_secret": text,
                            "refresh_token": text,
                            "grant_type": {"type": "string", "enum": ["client_credentials", "refresh_token"]},
                        },
                    }
                }
            },
        },
        "responses": {
            "200": _response(
                "The tokens; expired_in is the lifetime in seconds.",
                {
                    "type": "object",
                    "required": ["access_token", "refresh_token", "expired_in"],
                    "properties": {
                        "access_token": {"type": "string"},
                        "refresh_token": {"type": "string"},
                        "expired_in": {"type": "string", "pattern": "^[0-9]+$"},
                        "scope": {"type": "object"},
                    },
                },
            ),
            **_refusals(400, 401, 408, 413, 503),
        },
    }


def _meta(settings: ServerSettings) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "mode": {"type": "array", "minItems": 1, "items": {"type": "string", "enum": ["improve", "resolution"]}},
        "images": {
            "type": "array",
            "minItems": 1,
            "maxItems": min(settings.pictures, MAX_PICTURES),
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 255}},
            },
        },
        "rfactor": {"type": "integer", "enum": [2, 4], "default": 2},
        "rtype": {**_KIND, "default": "photo"},
        "ftype": {**_KIND, "description": "The same as rtype, by its other name."},
    }
    return {"type": "object", "required": ["mode", "images"], "properties": properties}


def _item() -> dict[str, Any]:
    properties: dict[str, Any] = {
        "status": {"type": "integer", "enum": [0, 1, 2], "description": "0 done, 1 permanent error, 2 temporary error"},
        "name": {"type": "string"},
        "error": {"type": "string"},
        "bw": {"type": "boolean", "description": "Whether the picture was judged black-and-white."},
        "improved": {**_BASE64, "description": "Repaired; absent where there was nothing to repair."},
        "colorized_improved": {**_BASE64, "description": "Repaired and coloured."},
        "colorized": {**_BASE64, "description": "Coloured only."},
        "resolved": {**_BASE64, "description": "Enlarged."},
    }
    return {"type": "object", "required": ["status", "name"], "properties": properties}


def _answer() -> dict[str, Any]:
    items = {"type": "array", "items": {"$ref": "#/components/schemas/Item"}}
    body = {
        "type": "object",
        "required": ["status"],
        "properties": {"status": {"type": "integer"}, "improve": items, "resolution": items},
    }
    properties = {"status": {"type": "integer", "const": 200}, "body": body, **_ENVELOPE_EXTRAS}
    return {"type": "object", "required": ["status", "body"], "properties": properties}


def _failure() -> dict[str, Any]:
    properties = {"status": {"type": "integer"}, "body": {"type": "string"}, **_ENVELOPE_EXTRAS}
    return {"type": "object", "required": ["status", "body"], "properties": properties}


def _response(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _refusals(*statuses: int) -> dict[str, Any]:
    return {str(status): _response(_REFUSALS[status], {"$ref": "#/components/schemas/Failure"}) for status in statuses}


def _get(summary: str, media_type: str, stopping: bool = False) -> dict[str, Any]:
    answer = {"description": summary, "content": {media_type: {}}}
    return {"summary": summary, "responses": {"200": answer, **({"503": answer} if stopping else {})}}


def page(settings: ServerSettings) -> str:
    """The document as a page of HTML."""
    api = document(settings)
    parts = [f"<h1>{escape(api['info']['title'])} {escape(api['info']['version'])}</h1>"]
    parts.append(f"<p>{escape(api['info']['description'])} <a href='/openapi.json'>For programs</a></p>")
    for path, operations in api["paths"].items():
        for method, operation in operations.items():
            parts.append(f"<h2><code>{method.upper()} {escape(path)}</code></h2>")
            parts += [f"<p>{escape(operation[key])}</p>" for key in ("summary", "description") if key in operation]
            parts += _table((status, answer["description"]) for status, answer in operation["responses"].items())
    for name, schema in api["components"]["schemas"].items():
        parts.append(f"<h2>{escape(name)}</h2>")
        parts += _table((key, _told(kind)) for key, kind in schema["properties"].items())
    style = "body{font-family:sans-serif;max-width:50em;margin:2em auto;padding:0 1em}td{padding:.2em 1em .2em 0}"
    return f"<!doctype html><meta charset=utf-8><title>Resilver</title><style>{style}</style>{''.join(parts)}"


def _told(schema: dict[str, Any]) -> str:
    words = [schema.get("type", ""), *(f"{value}" for value in schema.get("enum", ())), schema.get("description", "")]
    return " · ".join(word for word in words if word)


def _table(rows: Any) -> list[str]:
    cells = (f"<tr><td><code>{escape(str(key))}</code><td>{escape(text)}" for key, text in rows)
    return ["<table>", *cells, "</table>"]
