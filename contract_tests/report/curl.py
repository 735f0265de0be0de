"""A request as a command line for curl, in any POSIX shell: without secrets, whatever is in it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator

from ..drivers.http.transport import BASE_URL, SET_BY_CLIENTS
from ..drivers.scripted import inputs
from ..escape import line
from ..redaction import Redaction
from ..tape.exchange import UPLOAD, Credential, Exchange

MOCK = "mock"
"""The driver of exchanges that no server answered, but a mock inside of a test."""

MOST = 2000
"""Bytes of a request that fit on a line."""

SERVED = "http://127.0.0.1:8000"
"""Where ``make serve`` serves what is otherwise in the gate's own process."""

DERIVED = {
    "an invalid token": "Bearer not-the-token",
    "a prefix of the token": "Bearer ${CONTRACT_TOKEN%?}",
    "the token and more": "Bearer ${CONTRACT_TOKEN}x",
    "the token in another case": 'Bearer $(printf %s "$CONTRACT_TOKEN" | tr a-zA-Z A-Za-z)',
    "the token under another scheme": "Token $CONTRACT_TOKEN",
    "the token as a user": r'Basic $(printf %s: "$CONTRACT_TOKEN" | base64 | tr -d "\n")',
    "the token without a scheme": "$CONTRACT_TOKEN",
    "a scheme without a token": "Bearer",
}
"""How a shell makes the headers of ``inputs.tokens`` from the valid token."""


def command(exchange: Exchange, hide: Callable[[str], str]) -> str:
    """Return the line; or why there is none: the body is not known or too large, or of a mock."""
    request = exchange.request
    if exchange.driver == MOCK:
        return "not shown: a mock answered, and no server has this build"
    if request.content is None:
        return "not shown: the body was not recorded"
    size = len(request.url) + len(request.content)
    size += sum(len(name) + len(value) for name, value in request.headers.items())
    if size > MOST:
        return f"not shown: the request has {size} bytes"
    words = ["curl", "-sS", *_options(exchange, hide)]
    url = re.sub(rf"^{re.escape(BASE_URL)}(?=/)", SERVED, request.url)
    words.append(_word(hide(url)))
    piped = _body(exchange, hide)
    return f"printf {_printed(piped)} | {' '.join(words)}" if piped else " ".join(words)


def _options(exchange: Exchange, hide: Callable[[str], str]) -> Iterator[str]:
    request, body = exchange.request, _text(exchange, hide)
    if re.search(r"[][{}]", request.url):
        yield "-g"
    if "/." in request.url or "/%2e" in request.url.lower():
        yield "--path-as-is"
    if request.method == "HEAD":
        yield "-I"
    elif request.method != "GET" or body:
        yield f"-X {_word(request.method)}"
    yield from _authorization(exchange, hide)
    for name, value in request.headers.items():
        if name not in SET_BY_CLIENTS:
            shown = hide.header(name, value) if isinstance(hide, Redaction) else hide(value)
            yield f"-H {_word(f'{name}: {shown}' if shown else f'{name};')}"
    if exchange.operation == UPLOAD:
        yield "-T context.tar.gz"
    elif body:
        if "content-type" not in request.headers:
            yield "-H Content-Type:"  # else curl sets one
        yield "--data-binary @-" if _body(exchange, hide) else f"--data-raw {_word(body)}"


def _authorization(exchange: Exchange, hide: Callable[[str], str]) -> Iterator[str]:
    value = exchange.request.headers.get("authorization")
    if value is None:
        return
    token = hide.token if isinstance(hide, Redaction) else ""
    scheme, blank, _ = value.partition(" ")
    made = f"{scheme} $CONTRACT_TOKEN" if blank else "$CONTRACT_TOKEN"
    if not value:
        yield "-H 'authorization;'"
        return
    if exchange.request.credential is Credential.OTHER:
        names = {one: name for name, one in inputs.tokens(token).items()} if token else {}
        made = DERIVED.get(names.get(value, ""), "")
        if not made:
            yield f"-H {_word('authorization: <token>')}"
            return
    yield f'-H "authorization: {made}"'


def _text(exchange: Exchange, hide: Callable[[str], str]) -> str:
    """Return the body; a byte that is not UTF-8 is a lone surrogate."""
    return hide((exchange.request.content or b"").decode("utf-8", "surrogateescape"))


def _body(exchange: Exchange, hide: Callable[[str], str]) -> str:
    """Return a body that no quoting holds on a line; else an empty text."""
    text = "" if exchange.operation == UPLOAD else _text(exchange, hide)
    return "" if line(text) == text else text


def _word(text: str) -> str:
    return shlex.quote(text) if line(text) == text else f'"$(printf {_printed(text)})"'


def _printed(text: str) -> str:
    """Return a format with which printf prints a text: printable, and no command of a CI system."""
    try:
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a lone surrogate, which no request was sent with
        raw = text.encode("utf-8", "surrogatepass")
    return "'" + "".join(chr(one) if _is_plain(one) else f"\\{one:03o}" for one in raw) + "'"


def _is_plain(byte: int) -> bool:
    return 32 <= byte < 127 and chr(byte) not in "-'%\\#:"
