"""Encodings of secrets: a server repeats one in each form and place, and no output shows it."""

from __future__ import annotations

import base64
import codecs
import html
import itertools
import json
import string
from collections.abc import Callable, Iterator
from functools import partial
from html.entities import html5
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus
from xml.etree import ElementTree

from scripts.ci import gate as ci_gate

from .... import program
from ....drivers.scripted.inputs import tokens
from ....gate.result import Report
from ....gate.run import Run
from ....gate.server_log import ServerLog
from ....gate.target import Target, embedded
from ....redaction import SHORTEST, Redaction
from ....report import conclusion, terminal
from ....watch import Watch
from . import Attack, Family

Encode = Callable[[str], str]
# A build: what a server returns for it is in this server's hands.
API = "https://builds.example/api/v1/images/build"
NAMES = {value: f"&{name}" for name, value in html5.items() if name.endswith(";")}
PUNCTUATION = {one: NAMES[one] for one in string.punctuation if one in NAMES}


def _each(form: str) -> Encode:
    return lambda secret: "".join(form.format(ord(one)) for one in secret)


def _base64(
    before: str = "", after: str = "", *, is_safe: bool = False, wide: bool = False
) -> Encode:
    encode = base64.urlsafe_b64encode if is_safe else base64.b64encode
    coded = "utf-16-le" if wide else "utf-8"
    return lambda secret: encode(f"{before}{secret}{after}".encode(coded)).decode().rstrip("=")


def _some(of: str, encode: Encode) -> Encode:
    """Encode every second character, or the punctuation alone."""

    def encoded(secret: str) -> str:
        chosen = string.punctuation if of == "marks" else secret[::2]
        return "".join(encode(one) if one in chosen else one for one in secret)

    return encoded


def _wrapped(secret: str) -> str:
    return codecs.encode(f"{'x' * 40}{secret}{'y' * 90}".encode(), "base64").decode().strip()


FORMS: dict[str, dict[str, Encode]] = {
    "letters": {
        "itself": str, "upper": str.upper, "lower": str.lower, "swapped": str.swapcase,
        "title": str.title,
        "every second in the other case": _some("second", str.swapcase),
    },
    "URL": {
        "marks": lambda secret: quote(secret, safe=""),
        "lower hex": lambda secret: "".join(
            f"%{ord(one):02x}" if not one.isalnum() else one for one in secret
        ),
        "form": quote_plus, "all": _each("%{:02X}"), "all in lower hex": _each("%{:02x}"),
        "twice": lambda secret: quote(_each("%{:02x}")(secret)), "wide": _each("%u{:04X}"),
    },
    "JSON": {
        "quoted": lambda secret: json.dumps(secret)[1:-1], "slashes": _some("marks", r"\{}".format),
        "all": _each(r"\u{:04x}"), "all in upper hex": _each(r"\u{:04X}"),
        "every second": _some("second", _each(r"\u{:04x}")),
        "marks": _some("marks", _each(r"\u{:04X}")), "Python": _each(r"\x{:02x}"),
        "octal": _each(r"\{:03o}"), "short octal": _each(r"\{:o}"),
        "Python wide": _each(r"\U{:08x}"), "braces": _each(r"\u{{{:x}}}"),
        "braces and zeros": _each(r"\u{{{:06X}}}"), "bytes": lambda one: repr(one.encode("utf-16")),
    },
    "HTML": {
        "escaped": html.escape, "decimal": _each("&#{};"), "hex": _each("&#x{:x};"),
        "upper hex": _each("&#X{:X};"), "zeros": _each("&#{:09d};"),
        "hex zeros": _each("&#x{:012x};"),
        "no semicolon": _each("&#{}"), "hex without semicolon": _each("&#x{:x}"),
        "zeros without semicolon": _each("&#{:07d}"),
        "every second": _some("second", _each("&#{};")),
        "names": lambda secret: "".join(PUNCTUATION.get(one, one) for one in secret),
    },
    "base64": {
        "at 0": _base64(), "at 1": _base64("!"), "at 2": _base64("!!"),
        "as a user": _base64("", ":"), "as a password": _base64("me:"),
        "at 1 for URLs": _base64("~", "~", is_safe=True),
        "at 2 for URLs": _base64("??", is_safe=True),
        "wide": _base64(wide=True), "wide at 1": _base64("a", wide=True), "wrapped": _wrapped,
        "wrapped in JSON": lambda one: json.dumps(_wrapped(one))[1:-1],
        "behind a path": lambda secret: f"api/{_base64('?')(secret)}",
    },
    "hexadecimal": {
        "lower": lambda one: one.encode().hex(), "upper": lambda one: one.encode().hex().upper(),
        "mixed": lambda one: one.encode().hex().title(),
        "odd": lambda one: f"f{one.encode().hex()}",
        "colons": lambda one: one.encode().hex(":"), "blanks": lambda one: one.encode().hex(" "),
        "dashes": lambda one: one.encode().hex("-"), "wide": lambda one: one.encode("utf-16").hex(),
        "list": lambda one: str([*one.encode()]),
        "list of Go": lambda one: str([*one.encode()]).replace(",", ""),
        "list of C": lambda one: ", ".join(f"0x{byte:02x}" for byte in one.encode()),
        "list of Go in hex": lambda one: " ".join(f"0x{byte:02X}" for byte in one.encode()),
        "close list of C": lambda one: ",".join(f"0x{byte:02x}" for byte in one.encode()),
        "close list": lambda one: json.dumps([*one.encode()], separators=(",", ":")),
    },
    "cut": {
        "end": lambda secret: f"{secret[:-3]}…", "dots": lambda secret: f"{secret[:-3]}...",
        "beginning": lambda secret: f"…{secret[3:]}",
        "half": lambda one: f"{one[: len(one) // 2]}…",
        "in JSON": lambda one: f"{_each('&#x{:x};')(one)[:-9]}…",
        "in a wide escape": lambda one: f"{_each(chr(92) + 'U{:08x}')(one)[:-3]}…",
        "in an escape": lambda one: f"{_each(chr(92) + 'u{:04x}')(one)[:-3]}…",
        "in base64": lambda one: f"{_base64('!!')(one)[:-5]}…",
        "in hex": lambda one: f"{one.encode().hex()[:-3]}...",
    },
}  # fmt: skip
"""Forms by kind. Each may be encoded again in another."""
OUTSIDE: dict[str, Encode] = {
    "URL": _each("%{:02X}"), "JSON": _each(r"\u{:04x}"), "HTML": _each("&#{};"),
    "base64": _base64("!"), "base64 for URLs": _base64("~~", is_safe=True),
    "hexadecimal": lambda one: one.encode().hex(),
}  # fmt: skip

SHAPES = {
    "prefixed": "pit_4f9A7c2E81xYz0", "marks": "s3cret/with+signs&such",
    "JWT": "eyJhbGci.eyJzdWIi.c2ln-_QQ",
    "of eight": "aB3-dE6f", "hex": "9f86d081884c7d659a2feaa0", "periodic": "abcabcabcabc",
    "escapes": r"a%2Fb&lt+c%7E/d-e",
}  # fmt: skip
OWNERS = ("token", "header", "query", "cookie")
PLACES = ("id", "errorMessage", "key", "status", "artifact", "text", "upload_url", "build_id")


def _run(owner: str, secret: str) -> Run:
    """Return a run that knows a secret: as its token, or by what is on its tape."""
    token = secret if owner == "token" else "token-of-the-run"
    headers = {"X-Team": secret} if owner == "header" else {}
    run = Run(Target(token=token, headers=headers), at=embedded(token))
    url, cookie = f"https://files.example/{'x' * 9}", dict[str, str]()
    if owner == "query":
        url += f"?{secret}"
    if owner == "cookie":
        cookie = {"Set-Cookie": f'sid="{secret}"; Path=/'}
    issued = {"build_id": "bld_1", "upload_url": url, "expires_in": 60, "fullImagePath": "a/web:v1"}
    _record(run.tape, "POST", API, 201, json.dumps(issued), cookie)
    return run


def _record(tape: Any, method: str, url: str, status: int, body: str, more: Any = None) -> None:
    request = (method, url, {"Authorization": f"Bearer {tape.token}"}, b"{}")
    response = (status, {"Content-Type": "application/json", **(more or {})}, body.encode())
    tape.record(driver="test", intent="an attack", request=request, response=response)


def _echo(tape: Any, place: str, form: str) -> None:
    """Let the server repeat a form somewhere."""
    location = {"Location": f"https://x.example/{quote(form)}", "X-Echo": quote(form)}
    if place == "text":
        _record(tape, "GET", f"{API}/bld_1", 200, f"not JSON: {form} !", location)
    elif place in ("upload_url", "build_id"):
        issued = {"build_id": "bld_2", "upload_url": "no", "expires_in": -1, place: form}
        _record(tape, "POST", API, 201, json.dumps(issued))
        _record(tape, "GET", f"{API}/{quote(form, safe='')}", 200, json.dumps({"id": 7}))
    else:
        row = {"id": "art_1", "artifactType": form, "status": form, "createdAt": form}
        echoed: dict[str, dict[str, Any]] = {
            "key": {form: {"x": form}},
            "artifact": {"artifacts": [row]},
        }
        body = {"id": "bld_1", "status": "BUILDING", **echoed.get(place, {place: form})}
        _record(tape, "GET", f"{API}/bld_1", 200, json.dumps(body), location)


def _outputs(run: Run) -> Iterator[tuple[str, str]]:
    """Yield everything that is shown and written of a run, decoded as its reader does."""
    report = Report(run=run)
    yield "terminal", "\n".join(line for line, _ in conclusion.lines(report))
    pages = ["".join(page or "") for page in program.pages(report, Path("junit.xml")).values()]
    for element in ElementTree.fromstring(pages[0]).iter():  # noqa: S314 (our own)
        yield "JUnit", "\n".join([*element.attrib.values(), element.text or ""])
    yield "Markdown", pages[1]
    yield "HTML", html.unescape(pages[3])
    document = json.loads(pages[2])
    yield from (("JSON", one) for one in _texts(document))
    for _, title, note in ci_gate.notes(document):
        yield "annotations", f"{title}\n{note}"
    yield from (("HAR", one) for one in _texts(json.loads(pages[3])))
    yield "repr", repr(run) + repr(run.tape) + repr(run.tape.exchanges)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, str):
        yield value


def _shows(shown: str, form: str, secret: str) -> bool:
    """Whether a text has more than half of a form, or the secret itself in any case."""
    if secret.lower() in shown.lower():
        return True
    form = " ".join(form.split())
    size = max(8, len(form) * 3 // 5)
    spelled = {form, json.dumps(form)[1:-1], json.dumps(form, ensure_ascii=False)[1:-1]}
    return any(one[at : at + size] in shown for one in spelled for at in range(len(one) - size + 1))


def _reported(owner: str, secret: str, place: str, form: str) -> str | None:
    run = _run(owner, secret)
    announced: list[str] = []
    run.judge.announce = lambda one: announced.append(terminal.announcement(run, one))
    _echo(run.tape, place, form)
    for name, shown in [("announcement", "\n".join(announced)), *_outputs(run)]:
        if _shows(shown, form, secret):
            return f"{name} shows {form} of {secret}"
    return None if run.judge.violated else "nothing was reported"


def _watched(place: str, secret: str, form: str) -> str | None:
    watch = Watch(f" {secret}\n", raise_at_once=True)
    try:
        _echo(watch.tape, place, form)
    except AssertionError as error:
        return f"Watch shows {form}" if _shows(str(error), form, secret) else None
    return "nothing was raised"


def _logged(owner: str, secret: str, form: str) -> str | None:
    """Let a server that CI starts print a form of the token or of a header's value."""
    is_token = owner in OWNERS[::2]
    hide = Redaction(token=f"{secret}\n") if is_token else Redaction(headers={"X-Team": secret})
    log = ServerLog()
    log.add(f"INFO before\n[{form}] GET /\nafter\n".encode())
    shown = log.clean(hide) + "\n".join(log.tail(hide))
    if _shows(shown, form, secret):
        return f"server.log shows {form}"
    return (
        None if "INFO before\n" in shown and "\nafter" in shown else f"too much is hidden: {shown}"
    )


# What a server's log holds of an upload, which nobody knows where the log is cleaned.
QUERY = "expires=17&x=0123456789abcdef"
LINES = {
    "access log": f'127.0.0.1 - "PUT /uploads/b?{QUERY} HTTP/1.1" 200',
    "httpx": f'HTTP Request: PUT https://files.example/b?{QUERY} "HTTP/1.1 200 OK"',
    "issued": json.dumps({"build_id": "b", "upload_url": f"https://files.example/b?{QUERY}"}),
    "issued in Python": repr({"upload_url": f"https://files.example/b?{QUERY}"}),
    "issued in JSON": json.dumps(json.dumps({"upload_url": f"https://f.example/b?{QUERY}"})),
    "signed": f"got /b?a=1&X-Amz-Signature={QUERY[-16:]} and went on",
    "signed for a share": f"https://a.example/b?sv=1&sig={QUERY[-16:]}",
    "signed and escaped": f"https://a.example/b?sv=1\\u0026sig={QUERY[-16:]}",
    "signed and encoded": quote(f"https://a.example/b?sv=1&sig={QUERY[-16:]}", safe=""),
    "user": f"via http://me:{QUERY[-16:]}@proxy.example:3128",
    "user with @": f"via socks5://me:p@{QUERY[-16:]}@proxy.example:1080",
    "user encoded": quote(f"via http://me:{QUERY[-16:]}@proxy.example", safe=""),
}  # fmt: skip


PROXIES = {
    "short": ("me", "pw12"), "marks": ("me", "p@ss:w/rd%2F"), "long": ("a-user", "a-long-password"),
    "a user": ("only-a-user", ""),
}  # fmt: skip
SENT: dict[str, Callable[[str, str], str]] = {
    "in its URL": lambda user, word: f"{quote(user)}:{quote(word, safe='')}",
    "decoded": lambda user, word: f"{user}:{word}",
    "Basic": lambda user, word: base64.b64encode(f"{user}:{word}".encode()).decode(),
}  # fmt: skip


ESCAPED_MARKS = {
    "JSON": r"\u2026", "JSON in JSON": r"\\u2026", "Python": r"\xe2\x80\xa6",
    "wide Python": r"\U00002026", "braces": r"\u{2026}", "URL": "%E2%80%A6",
    "lower URL": "%e2%80%a6", "wide URL": "%u2026", "HTML": "&hellip;", "decimal": "&#8230;",
    "hex": "&#x2026;", "dots": "...",
}  # fmt: skip


def _marked(secret: str, part: str, before: str, after: str) -> str | None:
    """Print a part of a secret as it is, beside an escaped mark of a cut."""
    shown = Redaction(token=secret)(f'first "{before}{part}{after}" last')
    if part in shown:
        return f"shows {shown}"
    return None if "first" in shown and "last" in shown else f"too much is hidden: {shown}"


def _proxied(user: str, word: str, sent: str) -> str | None:
    """Print the credentials of a proxy."""
    hide = Redaction(proxy=f"http://{quote(user)}:{quote(word, safe='')}@proxy.example:3128")
    shown = [hide(f"sent {sent} to"), hide(json.dumps({"sent": sent})), hide(quote(sent, safe=""))]
    return f"shows {sent}" if any(sent in one or (word or user) in one for one in shown) else None


def _behind(marks: int, mark: str, secret: str) -> str | None:
    """Print a secret that is cut, after other marks of cuts."""
    shown = Redaction(token=secret)(f"{mark} " * marks + f"{secret[:-3]}{mark}")
    return f"shows {shown[-40:]}" if secret[:4] in shown else None


def _line(line: str) -> str | None:
    shown = Redaction()(line)
    return f"shows {shown}" if QUERY[-16:] in shown else None


def _derived(secret: str, name: str, sent: str) -> str | None:
    """Print what the gate sends of a token although it is not valid."""
    for hide in (Redaction(token=secret), Redaction(_run("token", secret).tape)):
        for shown in (hide(f"got {sent} from"), hide(json.dumps({"authorization": sent}))):
            word = sent.rpartition(" ")[2].removesuffix("x")
            if word in shown or secret[:-1].lower() in shown.lower():
                return f"{name} of {secret}: {shown}"
    return None


def _forms() -> Iterator[tuple[str, str, Encode]]:
    """Yield each kind, name and function: the plain ones, and those in one another."""
    for kind, forms in FORMS.items():
        yield from ((kind, name, form) for name, form in forms.items())
    for (outer, around), (inner, form) in itertools.product(OUTSIDE.items(), OUTSIDE.items()):
        yield "nested", f"{inner} in {outer}", lambda one, a=around, f=form: a(f(one))  # type: ignore[misc]
    triple = [("URL", "base64", "JSON"), ("HTML", "JSON", "hexadecimal"), ("base64",) * 3]
    for names in triple:
        yield "nested", " in ".join(names), partial(_around, names)


def _around(names: tuple[str, ...], secret: str) -> str:
    for name in names:
        secret = OUTSIDE[name](secret)
    return secret


def _attacks() -> Iterator[Attack]:
    owners, places = itertools.cycle(OWNERS), itertools.cycle(PLACES)
    shapes = itertools.cycle(SHAPES.items())
    for kind, name, form in _forms():
        for _ in range(3):
            owner, place, (shape, secret) = next(owners), next(places), next(shapes)
            title = f"{name} ({kind}), {shape} {owner} in {place}"
            yield Attack(kind, title, partial(_reported, owner, secret, place, form(secret)))
        logged, watched = partial(_logged, next(owners)), partial(_watched, next(places))
        for where, run in (("server.log", logged), ("watch", watched)):
            shape, secret = next(shapes)
            title = f"{name} ({kind}), {shape} in {where}"
            yield Attack(where, title, partial(run, secret, form(secret)))
    for (shape, secret), (name, mark) in itertools.product(SHAPES.items(), ESCAPED_MARKS.items()):
        for title, part, (before, after) in (
            (f"{shape} before {name}", secret[:-3], ("", mark)),
            (f"{shape} after {name}", secret[3:], (mark, "")),
        ):
            run = partial(_marked, secret, part, before, after)
            yield Attack("cut beside an escaped mark", title, run)
    for (name, proxy), (way, sends) in itertools.product(PROXIES.items(), SENT.items()):
        yield Attack("proxies", f"{name}, {way}", partial(_proxied, *proxy, sends(*proxy)))
    for marks, mark, (shape, secret) in itertools.product((65, 999), ("…", "..."), SHAPES.items()):
        title = f"{shape} behind {marks} {mark}"
        yield Attack("many marks", title, partial(_behind, marks, mark, secret))
    for name, line in LINES.items():
        yield Attack("unknown secrets", name, partial(_line, line))
    for shape, secret in {**SHAPES, "of seven": "aB3-dE6", "of four": "a-to"}.items():
        for name, sent in tokens(secret).items():
            is_short = len(secret) < SHORTEST  # and so hidden as a credential only
            if sent and secret[:3].lower() in _plain(sent).lower() and not (
                is_short and (" " not in sent or name == "the token and more")
            ):  # fmt: skip
                yield Attack("derived", f"{name}, {shape}", partial(_derived, secret, name, sent))


def _plain(authorization: str) -> str:
    scheme, _, word = authorization.partition(" ")
    return base64.b64decode(word).decode() if scheme == "Basic" else authorization


FAMILY = Family(
    "token encodings",
    "A secret that a server repeats, in any encoding and place, is in no report, log or exception.",
    _attacks,
)
