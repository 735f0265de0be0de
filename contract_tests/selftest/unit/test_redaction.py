"""What is secret, and how it is found: in any case, encoded, cut, among many others."""

from __future__ import annotations

import base64
import itertools
import json
import sys

import pytest

from ...redaction import Redaction, is_secret_header
from ...tape.tape import Tape
from ..support.recordings import API
from ..support.secret_forms import FORMS, SECRET, WORDS


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
    """The labels are not secrets, whatever the secrets are."""
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


@pytest.mark.parametrize(
    ("name", "value", "are_secret", "secret"),
    [
        ("Authorization", "Bearer of-a-later-answer", False, "of-a-later-answer"),
        ("Set-Cookie", "sid=of-a-later-answer; Path=/", False, "of-a-later-answer"),
        ("X-Api-Key", "of-a-later-answer", False, "of-a-later-answer"),
        ("X-Team", "of-a-later-answer", True, "of-a-later-answer"),
        ("X-Team", "short", True, "short"),
    ],
)
def test_what_was_shown_before_a_secret_came_is_hidden_after_it(
    name: str, value: str, are_secret: bool, secret: str
) -> None:
    """No text is kept as it was shown before, whatever its length."""
    redaction = Redaction()
    texts = [f"X-Team: {secret} {'.' * size}" for size in (1, 500, 2**16)]
    assert [redaction(text) for text in texts] == texts

    redaction.learn_headers([(name, value)], are_secret=are_secret)

    assert all(secret not in redaction(text) for text in texts)


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


@pytest.mark.slow
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
