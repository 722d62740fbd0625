"""What schemathesis cannot know from a schema: that meta names the parts, and which secret is the right one."""

from __future__ import annotations

import schemathesis

from fakes.servers import TOKEN, images


@schemathesis.hook
def map_body(context, body):
    if isinstance(body, dict) and isinstance(body.get("meta"), dict) and "file_0" in body:
        body["meta"]["images"] = images("file_0")
    if isinstance(body, dict) and body.get("grant_type") == "client_credentials":
        body["client_secret"] = TOKEN
    return body
