"""Evidence is judged as it was sent and received; secrets are hidden where it is shown."""

from __future__ import annotations

import base64
import html
import itertools
import json
import os
import pickle
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

import httpx
import pytest

from scripts.ci import gate as ci_gate

from ... import program, usage
from ...contract.api import IMAGES
from ...drivers.http.clock import VirtualClock
from ...drivers.http.in_process import in_process
from ...drivers.http.pace import Pace
from ...drivers.schemathesis.result import DRIVER as FUZZ
from ...drivers.session import Session
from ...gate import drive as gate
from ...gate.result import Report
from ...gate.run import Run
from ...gate.target import GateError, Target, embedded
from ...mock import MockImages
from ...redaction import SHORTEST, Redaction, Unshown, is_secret_header
from ...reference.faults import Fault, ServerRequest, ServerResponse
from ...report import conclusion, terminal, text, verdicts
from ...rules import RULES
from ...settings import SETTINGS, from_environment
from ...tape.tape import Tape
from ...verdicts.judge import judge
from ...watch import Watch
from ..support.recordings import API, Replay, entry, replayer, start, status, violated

SECRET = "s3cret/with+signs&such"  # noqa: S105 (not a secret: no server accepts it)
# What stands in every exchange: letters, words of JSON, of HTTP and of the contract.
WORDS = [
    "a", "t", "1", "true", "json", "build", "200", "Bearer", "POST", "http", "completedAt",
    "BUILDING", "application/json", "2026", SECRET,
]  # fmt: skip

FORMS: dict[str, Callable[[str], str]] = {
    "itself": str,
    "percent-encoded": lambda text: quote(text, safe=""),
    "in lower case": lambda text: quote(text, safe="").replace("%2F", "%2f"),
    "half of it": lambda text: text.replace("/", "%2F"),
    "all of it": lambda text: "".join(f"%{ord(one):02x}" for one in text),
    "twice": lambda text: quote(quote(text, safe=""), safe=""),
    "a form": quote_plus,
    "JSON": lambda text: json.dumps(text),
    "JSON with escaped slashes": lambda text: text.replace("/", "\\/"),
    "JSON for HTML": lambda text: text.replace("&", "\\u0026").replace("+", "\\u002B"),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text.replace("/", "\\/"))),
    "HTML": html.escape,
    "HTML by numbers": lambda text: "".join(f"&#{ord(one)};" for one in text),
    "repr of bytes": lambda text: repr(text.encode("utf-16-le")),
    "UTF-16": lambda text: text.encode("utf-16-le").decode("latin-1"),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 of more": lambda text: base64.b64encode(f"me:{text}!".encode()).decode(),
    "base64 behind a path": lambda text: "x/" + base64.b64encode(text.encode()).decode(),
    "base64 by lines": lambda text: base64.encodebytes((9 * text).encode()).decode().strip(),
    "base64 by lines in JSON": lambda text: json.dumps(
        base64.encodebytes((9 * text).encode()).decode()
    )[1:-1],
    "hexadecimal": lambda text: text.encode().hex(),
    "indented list": lambda text: json.dumps([*text.encode()], indent=4)[1:-1],
    "cut at its end": lambda text: f"{text[:-3]}…",
    "cut by three dots": lambda text: f"{text[:-3]}...",
    "cut at its beginning": lambda text: f"… {text[5:]}",
}


@pytest.mark.parametrize("form", list(FORMS))
def test_long_secret_is_hidden_in_every_form(form: str) -> None:
    """Nothing of it is left, and what stands around it stays."""
    shown = FORMS[form](SECRET)
    text = Redaction(token=SECRET)(f"before {shown} after")

    assert shown.strip('…." ') not in text
    assert "<token>" in text
    assert (text.split()[0], text.split()[-1]) == ("before", "after")


@pytest.mark.parametrize("secret", WORDS)
def test_hiding_twice_is_hiding_once(secret: str) -> None:
    """The labels are no secrets, whatever the secrets are."""
    hide = Redaction(token=secret, headers={"X-Key": secret}, secrets=["token", "secret", secret])
    text = f"Bearer {secret} token, X-Key: {secret}; {secret}"

    assert hide(hide(text)) == hide(text)


@pytest.mark.parametrize("token", [one for one in WORDS if len(one) < 8])
def test_short_token_is_hidden_as_a_credential_only(token: str) -> None:
    """A letter or a word stands in ordinary text too."""
    hide = Redaction(token=token)
    text = json.dumps({"imageName": f"a {token}-build 1", "status": "BUILDING", "json": True})

    assert hide(text) == text
    assert hide(f"Authorization: Bearer {token}") == "Authorization: Bearer <token>"
    assert hide(f'"Bearer {token}"') == '"Bearer <token>"'
    assert hide(f"Bearer {token}x") == f"Bearer {token}x"
    assert hide.header("Authorization", f"Bearer {token}") == "<token>"


@pytest.mark.parametrize(
    ("name", "value", "is_secret", "text", "hidden"),
    [
        ("X-Team", "a", False, "a build", "a build"),
        ("X-Team", "a", False, "x-team: a", "x-team: <secret>"),
        ("X-Team", "a", False, '{"X-Team": "a"}', '{"X-Team": "<secret>"}'),
        ("X-Team", "a", False, "x-team: ab", "x-team: ab"),
        ("X-Team", "team-of-eight", True, "a team-of-eight", "a <secret>"),
        ("X-Api-Key", "abc", True, "abc", "abc"),
        ("X-Api-Key", "abc", True, "X-Api-Key=abc", "X-Api-Key=<secret>"),
        ("Cookie", "s=1", True, "s=1", "s=1"),
        ("Cookie", "id=eight-or-more", True, "eight-or-more", "<cookie>"),
    ],
)
def test_header_values(name: str, value: str, is_secret: bool, text: str, hidden: str) -> None:
    """From 8 characters on a value is hidden everywhere; before, as the value of its header."""
    hide = Redaction(headers={name: value})

    assert is_secret_header(name, value) is is_secret
    assert hide(text) == hidden
    assert hide.header(name, value) in ("<secret>", "<cookie>")


def test_what_the_tape_learns_is_hidden() -> None:
    """Cookies, credentials of others, passwords in URLs, and the query of an upload URL."""
    tape = Tape("the-token")
    hide = Redaction(tape)
    url = "http://me:p4ssword-x@files.test/x?expires=17&X-Amz-Signature=abcdef0123456789"
    tape.record(
        driver="test", intent="", request=(
            "POST", API, {"Cookie": "sid=cookie-of-mine", "Authorization": "Bearer the-tokem"}, b"",
        ),
        response=(
            201, {"Set-Cookie": "a=1, other=cookie-of-yours; Path=/"},
            json.dumps({"build_id": "b", "upload_url": url}).encode(),
        ),
    )  # fmt: skip
    shown = hide(f"{url} cookie-of-mine cookie-of-yours the-tokem abcdef0123456789 p4ssword-x Path")

    assert shown == (
        "http://<secret>@files.test/x?<secret> <cookie> <cookie> <token> <secret> <secret> Path"
    )


@pytest.mark.parametrize("at", range(4000, 4200, 7))
def test_a_long_body_is_cut_without_a_part_of_a_secret(at: int) -> None:
    """Wherever the secret stands, and however long the body is."""
    for length in (text.MOST - 1, text.MOST, text.MOST + 1, 2 * text.MOST, 10 * text.MOST):
        for body in ("x" * at + SECRET + "x" * length, "x" * length + SECRET + "x" * at):
            shown = text.hidden(body, Redaction(token=SECRET))

            assert not [one for one in range(len(SECRET) - 4) if SECRET[one : one + 4] in shown]


def test_public_headers_are_no_secrets() -> None:
    """A challenge, and a content type."""
    hide = Redaction()
    hide.learn_headers([("WWW-Authenticate", "Bearer realm=x"), ("Content-Type", "text/plain")])

    assert hide("Bearer realm=x, text/plain") == "Bearer realm=x, text/plain"


ORDINARY = [
    "POST /api/v1/images/build/bld_000001/start → 200 BUILDING (start without an upload)",
    "GET /api/v1/images/build/no?such=1 → 404; see https://docs.example/errors?page=2&sort=asc",
    '{"id": "bld_000001", "createdAt": "2026-01-02T03:04:05.678Z", "fullImagePath": "a/web:v1"}',
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 at 127.0.0.1:8000",
    "RUN make -j2 && echo 100%25 &amp; done…  mail me@builds.example; it was put /there, 1,2,3,4,5",
    "the token is missing, an authorization header was not sent, and the signature is invalid",
    "bytes 74:6f:6b:65:6e:73:20:61:72:65:20:6e:6f:74:20:61:6c:6c, dG9rZW5zIGFyZSBub3QgYWxs",
    "\ud800 is a lone surrogate, \N{SNOWMAN} is not; C:\\\\temp\\\\x41 and \\u00e9t\\u00e9",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays(text: str) -> None:
    """Also where it is escaped or encoded."""
    headers = {"X-Team": "a", "X-Stage": "a-stage-of-ours", "Cookie": "sid=a-cookie-of-ours"}
    hide = Redaction(token=SECRET, headers=headers, proxy="http://me:a-password@127.0.0.1:3128")

    assert hide(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "\\u0041" * 100_000 + "x y " * 800_000, "\\" * 2**18, "&#" + "0" * 2**20, "VVVV" * 2**18,
        "... " * 2**18, "&sig" * 2**18, "://a@" * 2**16, "PUT /" * 2**18, "upload_url:" * 2**16,
        "<token>" * 2**16, SECRET * 2**14, f"{SECRET[:-1]}…" * 2**14, "1,2," * 2**16,
    ],
    ids=lambda text: text[:10],
)  # fmt: skip
def test_no_text_makes_hiding_slow(text: str) -> None:
    """A megabyte of what begins a form: anything but linear would not come to an end."""
    shown = Redaction(token=SECRET)(f"{text} Bearer {SECRET}")

    assert shown.endswith("<token>")
    assert SECRET not in shown


def test_many_secrets_are_found_as_few_are() -> None:
    """A recording has the query of each upload."""
    tape = Tape("test-token")
    for number in range(2000):
        url = f"http://files.test/{number}?signature={number:016x}"
        body = json.dumps({"build_id": f"b{number}", "upload_url": url}).encode()
        tape.record(driver="test", intent="", request=("POST", API, {}, b""),
                    response=(201, {}, body))  # fmt: skip
    hide = Redaction(tape)

    assert hide(f"{1999:016x} is a signature, {0:016X} too") == (
        "<secret> is a signature, <secret> too"
    )


def _calls(hide: Redaction, text: str) -> int:
    """Return how many functions are called to clean a text, those of C included."""
    calls = itertools.count()
    sys.setprofile(lambda _, event, __: next(calls) if event.endswith("call") else None)
    try:
        hide(text)
    finally:
        sys.setprofile(None)
    return next(calls)


@pytest.mark.parametrize(
    "text", [("A" * 60 + "…") * 60, "AAAA…" * 700, "AAAAAAAA %2541 " * 200, "A" * 4000],
    ids=["marks", "close marks", "escapes", "letters"],
)  # fmt: skip
@pytest.mark.parametrize("secret", ["AAAAAAAA{:06}", "{:A>40}"])
def test_many_secrets_of_one_beginning_cost_as_much_as_few(secret: str, text: str) -> None:
    """A server chooses them, by its cookies, and the text too."""
    hiding = []
    for number in (100, 1000):
        hide = Redaction()
        hide.learn_headers(("Set-Cookie", f"c={secret.format(one)}; Path=/")
                           for one in range(number))  # fmt: skip
        hide("")
        hiding.append(_calls(hide, text))

    assert hiding[1] < 1.5 * hiding[0]


def test_one_more_secret_costs_as_much_after_many_as_after_few() -> None:
    """Each exchange of a run may bring some, and each is shown as it comes."""
    learning = []
    for number in (100, 1000):
        hide = Redaction()
        hide.learn_headers(("X-Key", f"AAAAAAAA{one:06}") for one in range(number))
        hide("")
        hide.learn_headers([("X-Key", "AAAAAAAA-more")])
        learning.append(_calls(hide, "AAAAAAAA-more"))
        assert hide("AAAAAAAA-more AAAAAAAA000000") == "<secret> <secret>"

    assert learning[1] < 1.5 * learning[0]


def test_secrets_that_begin_with_one_another_are_hidden() -> None:
    """Each of them, also where they are many, and the longest where it stands."""
    secrets = ["ab" * 4 + "c" * number for number in range(100)]
    hide = Redaction()
    hide.learn_headers([("X-Key", one) for one in secrets])

    assert [hide(f"{one} is it") for one in secrets] == ["<secret> is it"] * 100
    assert hide("ababababcccd").startswith("<secret>")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://me:p%40ss%3Aword@h:1", ["p%40ss%3Aword", "p@ss:word", "me:p@ss:word"]),
        ("http://me:a-password@h:1", ["a-password", "me:a-password"]),
        ("http://me:pw12@h:1", ["me:pw12"]),
        ("http://m:p@h:1", ["m:p"]),
        ("me:pw%4012@h:1", ["me:pw%4012", "me:pw@12"]),
        ("http://only-a-user@h:1", ["only-a-user", "only-a-user:"]),
    ],
)
@pytest.mark.parametrize("variable", ["", "HTTP_PROXY", "https_proxy", "ALL_PROXY"])
def test_credentials_of_a_proxy_are_hidden(
    url: str, shown: list[str], variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the setting and of the environment: as in the URL, decoded, and as they are sent."""
    if variable:
        monkeypatch.setenv(variable, url)
    hide = Redaction(proxy=None if variable else url)

    for one in shown:
        sent = base64.b64encode(one.encode()).decode()
        assert one.rstrip(":") not in hide(f"it was {one} there")
        assert one not in hide(json.dumps({"with": one}))
        assert ":" not in one or sent not in hide(f"Basic {sent}")
    assert hide("it was 127.0.0.1:8000, a home:pw12 and me: there") == (
        "it was 127.0.0.1:8000, a home:pw12 and me: there"
    )


@pytest.mark.parametrize("marks", [1, 63, 64, 65, 1000])
@pytest.mark.parametrize("mark", ["…", "..."])
def test_each_mark_of_a_cut_counts(mark: str, marks: int) -> None:
    """The last ones too, and those that the secret itself holds."""
    hide = Redaction(token="s3...cret...with-marks")  # noqa: S106

    assert hide(f"{mark} x " * marks + f"s3...cret...with{mark}").endswith(f"x <token>{mark}")
    assert hide(f"{mark}with-marks" + f" x{mark}" * marks).startswith(f"{mark}<token> x")


@pytest.mark.parametrize(
    "secret",
    [
        "abc%2Fde/<ij", "abc&lt;de/<ij", r"abc\u0041de/<ij", r"abc\"de/<ij", "ab%252Fde/<ij",
        r"a\nb%7Ede<fg",
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", [*FORMS])
def test_secret_that_holds_an_escape_is_hidden(secret: str, form: str) -> None:
    """Where a text is unescaped, what looks like an escape in the secret is, too."""
    shown = FORMS[form](secret)

    for hide in (Redaction(token=secret), Redaction(headers={"X-Team": secret})):
        assert shown.strip('…." ') not in hide(f"before {shown} after")


# A run makes up a name for the images that it may delete.
OWN_NAME = re.compile(rb"contract-gate-[0-9a-f]{12}")


def drive(token: str, headers: dict[str, str]) -> tuple[Run, list[tuple[Any, ...]]]:
    """Judge the sound server with such a token and headers; return what it received, too."""
    received: list[tuple[Any, ...]] = []

    def note(request: ServerRequest) -> None:
        # How often status is polled depends on time; which other tokens are tried, on the token.
        is_one = request.is_authorized and request.operation != "status"
        if is_one or request.operation == "upload":
            content = OWN_NAME.sub(b"contract-gate-run", bytes(request.content))
            received.append((request.method, request.operation, content))

    at = embedded(token, Fault("note", "", "", request=note))
    return gate.run(Target(token=token, headers=headers), fuzzing=False, at=at), received


def pages(done: Run) -> list[str]:
    """Return what is written of a run: for CI systems, for people, for programs."""
    return [*program.pages(Report(run=done), Path("junit.xml")).values()]


@pytest.fixture(scope="module")
def plain() -> list[tuple[Any, ...]]:
    """Return what a server receives without any header of the user's."""
    return drive("test-token", {})[1]


@pytest.mark.parametrize("word", WORDS)
def test_verdicts_and_traffic_do_not_depend_on_secrets(
    word: str, plain: list[tuple[Any, ...]]
) -> None:
    """As a token and as the value of a header: all rules pass, and what is sent stays the same."""
    done, received = drive(word, {"X-Team": word})
    written = pages(done)

    outcomes = {rule: verdict.outcome for rule, verdict in done.verdicts.items()}
    assert {rule for rule, outcome in outcomes.items() if outcome != "passed"} == {"P14", "S8"}
    assert received == plain
    issued = {one.upload_url for one in done.tape.exchanges} - {None}
    assert {one.request.url for one in done.tape.of("upload")} <= issued
    if word == SECRET:
        assert SECRET not in "".join((*written, repr(done)))


def test_generated_traffic_does_not_depend_on_secrets() -> None:
    """Schemathesis' own checks see what was received, too."""
    done = gate.run(Target(token="1", headers={"X-Team": "a"}))  # noqa: S106

    assert [one.rule.id for one in done.judge.violated] == []
    assert done.fuzzed is not None
    assert done.fuzzed.checks
    successes = done.tape.successes(FUZZ)
    assert successes.pop(IMAGES.delete) == 0
    assert all(successes.values())


@pytest.mark.parametrize("word", WORDS)
def test_watch_takes_any_token(word: str) -> None:
    """Watched traffic is judged the same, whatever the token is."""
    with MockImages(token=word) as mock, mock.respx():
        watch = Watch(f" {word}\n", secrets=[word])
        headers = {"Authorization": f"Bearer {word}", "X-Team": word}
        with httpx.Client(event_hooks=watch.hooks, headers=headers) as client:
            body = {"image_name": "web", "image_tag": "v1"}
            issued = client.post("https://api.primeintellect.ai/api/v1/images/build", json=body)
            path = f"https://api.primeintellect.ai/api/v1/images/build/{issued.json()['build_id']}"
            client.get(path)

    watch.assert_held()
    mock.assert_held()
    assert watch.verdicts["P6"].observed == 2
    assert watch.tape.exchanges[1].response.content == mock.tape.exchanges[1].response.content


@pytest.mark.parametrize("word", [one for one in WORDS if " " not in one])
def test_recording_takes_any_token(word: str, tmp_path: Path) -> None:
    """Recorded traffic is judged the same, whatever tokens and cookies it holds."""
    replayed: Replay = replayer(tmp_path)
    entries = [status(token=word), start(at=1, token=word), entry(status=401, token="x", at=2)]  # noqa: S106
    for one in entries:
        one["request"]["headers"].append({"name": "Cookie", "value": word})
    plain = [status(), start(at=1), entry(status=401, token="x", at=2)]  # noqa: S106
    made, other = replayed(*entries), replayed(*plain)

    def outcomes(tape: Tape) -> dict[str, tuple[str, int]]:
        verdicts = judge(tape, RULES.values())
        return {rule: (one.outcome, one.observed) for rule, one in verdicts.items()}

    assert outcomes(made.tape) == outcomes(other.tape)
    assert violated(made) == set()


@pytest.mark.parametrize("front_end", ["", "console"])
def test_what_a_server_sends_is_reported_as_it_was(
    front_end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it looks like a setting or a command of ours."""
    monkeypatch.setenv(usage.VARIABLE, front_end)
    words = " ".join([*SETTINGS, "make gate TARGET=x", "make judge HAR=y"])

    def rename(request: ServerRequest, answer: ServerResponse) -> None:
        if request.operation == "status" and answer.status == 200:
            answer.content = json.dumps({"status": words}).encode()

    target = Target(rule=("S1",))
    at = embedded(target.token, Fault("rename", "", "", response=rename))
    done = gate.run(target, fuzzing=False, at=at)
    [verdict] = verdicts.document(Report(run=done))["verdicts"]

    assert verdict["groups"][0]["received"] == json.dumps(words)
    assert words in verdict["first"]
    assert all(words in page for page in pages(done)[:2])


ODD_TARGETS = [
    "/a//b", "/a/./b/../c", "/%7Euser/%2f/%2F", "/x?", "/x?a=b&a=c+d%20e&sig=%2B/=", "/x;v=1,2",
    "/x?q=~!$'()*", "/x?{}",
]  # fmt: skip


@pytest.mark.parametrize("target", ODD_TARGETS)
def test_upload_url_is_sent_as_it_was_issued(target: str) -> None:
    """A signature covers each character of it."""
    tape = Tape("test-token")
    seen: list[bytes] = []

    async def app(scope: Any, _: Any, send: Any) -> None:
        seen.append(scope["raw_path"] + b"?" * bool(scope["query_string"]) + scope["query_string"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    at = in_process(app, VirtualClock())
    with Session(at, tape, "test", Pace(clock=at.clock)) as session:
        sent = session.upload("b", at.base_url + target, b"x", "upload")

    assert seen[0].decode().rstrip("?") == target.rstrip("?")
    assert urlsplit(sent.request.url).path == urlsplit(target).path


def _crash(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError


@pytest.mark.parametrize("place", ["judge", "transport", "tape", "probes", "settings"])
def test_traceback_with_local_variables_shows_no_secret(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As rich, cgitb and pytest's --showlocals write one, wherever the gate crashes."""
    environment = Unshown({
        "CONTRACT_TARGET": "http://127.0.0.1:9", "CONTRACT_TOKEN": f"{SECRET}\n", "PATH": "/bin",
        "CONTRACT_HEADERS": '{"X-Key": "a-key-of-mine"}',
        "CONTRACT_PROXY": "http://me:a-password@127.0.0.1:9",
    })  # fmt: skip
    if place == "settings":
        monkeypatch.setattr("contract_tests.settings.Target", _crash)

    def crash() -> None:
        target = from_environment(environment)
        at = embedded(target.token)
        done = Run(target, at=at)
        if place == "transport":
            monkeypatch.setattr(at.transport, "send", _crash)
        elif place == "tape":
            monkeypatch.setattr(done.tape, "_publish", _crash)
        elif place == "judge":
            monkeypatch.setattr(done.judge, "see", _crash)
            done.tape.subscribe(_crash)
        else:
            monkeypatch.setattr("contract_tests.drivers.scripted.builds.BuildScript.look", _crash)
        gate.drive(done, fuzzing=False)

    with pytest.raises(ZeroDivisionError) as caught:
        crash()
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    shown = "".join(frames.format()).partition("in crash")[2]

    assert "ZeroDivisionError" in shown
    for secret in (SECRET, SECRET[:-1], SECRET.swapcase(), "a-key-of-mine", "a-password"):
        assert secret not in shown


@pytest.mark.parametrize(
    "proxy",
    [
        "socks5://me:p4ss@h", "me:p4ss@h:3128", "http:me:p4ss@h", "socks5://me:p/p4ss@h",
        "http://me:p#p4ss@h", "http//me:p4ss@h", "http://me:p@p4ss@h:99999", "http://p4ss@",
    ],
)  # fmt: skip
def test_invalid_proxy_is_named_without_its_password(proxy: str) -> None:
    """Whatever was meant as a URL."""
    with pytest.raises(GateError) as caught:
        SETTINGS["PROXY"].parse(proxy)

    assert "<secret>@" in str(caught.value)
    assert "p4ss" not in str(caught.value)
    assert "p4ss" not in Target(url="http://x", proxy=proxy).repeat(RULES["P1"])


def test_nothing_that_holds_secrets_is_pickled() -> None:
    """A pickle would hold them in clear."""
    done = gate.run(Target(token=SECRET, rule=("P1",)), fuzzing=False)

    for one in (done.tape, done.tape.exchanges[0], done.tape.exchanges[0].request, done):
        with pytest.raises((TypeError, pickle.PicklingError)):
            pickle.dumps(one)


@pytest.mark.parametrize("word", [SECRET, "completedAt-of-mine"])
def test_nothing_that_is_written_shows_a_secret(word: str) -> None:
    """In whatever form and place a server repeats the token, a header, a query, a cookie."""
    secrets = [word, "a-key/of+mine&no-one's"]  # and the query of the first upload

    def echo(request: ServerRequest, answer: ServerResponse) -> None:
        if request.operation == "initiate" and answer.status == 201:
            secrets[2:] = secrets[2:] or [urlsplit(json.loads(answer.content)["upload_url"]).query]
        if request.operation == "status" and answer.status == 200 and len(secrets) == 3:
            token, header, query = [[form(one) for form in FORMS.values()] for one in secrets]
            answer.headers.append((b"set-cookie", f"sid={word}".encode()))
            answer.headers.append((b"location", f"/x?{quote(word)}".encode()))
            body = {"id": word, "imageName": token, "errorMessage": header, "createdAt": query}
            answer.content = json.dumps(body).encode()

    announced: list[str] = []
    at = embedded(word, Fault("echo", "", "", response=echo))
    done = Run(Target(token=word, headers={"X-Key": secrets[1]}), at=at)
    done.judge.announce = lambda one: announced.append(terminal.announcement(done, one))
    gate.drive(done, fuzzing=False)
    lines = [line for line, _ in conclusion.lines(Report(run=done))]
    notes = [note for _, _, note in ci_gate.notes(verdicts.document(Report(run=done)))]
    shown = [*announced, *lines, *pages(done), *notes, repr(done)]

    assert len(secrets[2]) >= SHORTEST
    assert {done.verdicts[one].outcome for one in ("P6", "T1")} == {"violated"}
    assert len(announced) == sum(len(one.groups) for one in done.judge.violated)
    for form, secret in itertools.product(FORMS.values(), secrets):
        assert not [one for one in shown if form(secret).strip('…." ') in one]


def test_ci_hides_the_token_that_the_gate_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret of CI may end with a line break, which is no part of it; nor are headers shown."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    command = "echo it is $CONTRACT_TOKEN and a-key-of-mine at http://me:p4ss@x/; exit 3; :"
    code = ci_gate.main({
        "CONTRACT_TOKEN": "token-of-the-job\n", "CONTRACT_HEADERS": "X-Key: a-key-of-mine",
        "CONTRACT_TARGET": "http://127.0.0.1:9", "GATE_COMMAND": command,
        "GATE_REPORTS": str(tmp_path), "PATH": os.environ["PATH"],
    })  # fmt: skip
    shown = capsys.readouterr().out + (tmp_path / "server.log").read_text()

    assert code == 4
    assert shown.count("it is <token> and <secret> at http://<secret>@x/") == 2
    assert not [one for one in ("token-of", "key-of", "p4ss") if one in shown]


@pytest.mark.parametrize(
    ("ended", "levels"), [("complete", []), ("cut", ["warning"]), ("interrupted", [])]
)
def test_ci_annotates_what_was_cut(ended: str, levels: list[str]) -> None:
    """With the reasons; an interrupt is an error of the job by itself."""
    verdicts = {"verdicts": [], "ended": ended, "reasons": ["MAX_BUILDS=1"], "problem": None}
    notes = [*ci_gate.notes(verdicts)]

    assert [level for level, _, _ in notes] == levels
    assert all(text == "MAX_BUILDS=1" for _, _, text in notes)
