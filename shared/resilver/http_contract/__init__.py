"""The typed messages of the improve method over HTTP; one set for the client and the server, pure.

A request is a :class:`Query` and a :class:`Meta` beside the pictures themselves; an answer is an
:class:`Answer` with an :class:`Item` for each picture and mode, or with the :class:`Failure` of the whole
request. Each end is exact in what it writes and liberal in what it reads.
"""

from resilver.http_contract.answer import (
    PICTURE_FIELDS,
    Answer,
    Failure,
    Item,
    PictureField,
    encode_answer,
    encode_failure,
    read_answer,
)
from resilver.http_contract.base64_text import Base64Decoder, Base64Error, decode_base64
from resilver.http_contract.request import (
    MAX_PICTURES,
    META_PART,
    MODES,
    PATH,
    PROVIDER_FIELD,
    TOKEN_FIELD,
    TOKEN_PATH,
    Factor,
    Meta,
    Mode,
    Query,
    Refusal,
    check_parts,
)
from resilver.http_contract.text import presentable, redact

__all__ = [
    "MAX_PICTURES",
    "META_PART",
    "MODES",
    "PATH",
    "PICTURE_FIELDS",
    "PROVIDER_FIELD",
    "TOKEN_FIELD",
    "TOKEN_PATH",
    "Answer",
    "Base64Decoder",
    "Base64Error",
    "Factor",
    "Failure",
    "Item",
    "Meta",
    "Mode",
    "PictureField",
    "Query",
    "Refusal",
    "check_parts",
    "decode_base64",
    "encode_answer",
    "encode_failure",
    "presentable",
    "read_answer",
    "redact",
]
