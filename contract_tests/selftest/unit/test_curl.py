"""The curl line of a failure: a shell reads it as what was sent, whatever that was."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ...drivers.scripted import inputs
from ...escape import line
from ...redaction import Redaction
from ...report import curl
from ...tape.exchange import Credential, Exchange
from ...tape.tape import Tape

TOKEN = "pit_Sv7-token/of+this==run"  # noqa: S105
BUILD = "http://api.example/api/v1/images/build"
FAKE = "curl() { for one; do printf '%s\\0' \"$one\"; done; printf '\\0'; cat; }; "
HOSTILE = [
    "web", "it's", '"; touch x; "', "$(touch x)", "`id`", "$HOME", "a\nb", "a\r\nb: c", "\\", "\\n",
    "%s%n", "\t", "\x1b[31m", "\u202eabc", "##[error]x", "::error::x", "@file", "-o", "", " ", "#x",
    "!!", "\N{SNOWMAN}", "a'\n'b", "\\\n", "*", "~", "a\\", "\x7f", "\u2028",
]  # fmt: skip


def exchange(
    content: bytes | None = b"", *, url: str = BUILD, method: str = "POST",
    headers: dict[str, str] | None = None, authorization: str | None = f"Bearer {TOKEN}",
    **more: Any,
) -> tuple[Exchange, Redaction]:  # fmt: skip
    """Return an exchange, and what hides the secrets of its tape."""
    tape = Tape(TOKEN)
    sent = {} if authorization is None else {"authorization": authorization}
    one = tape.record(
        driver="test", intent="test", request=(method, url, {**sent, **(headers or {})}, content),
        response=(200, {}, b""), **more,
    ).last  # fmt: skip
    return one, Redaction(tape)


def as_read(command: str, shell: str = "sh") -> tuple[list[str], bytes]:
    """Return the words and the standard input that a shell gives to curl."""
    run = subprocess.run(  # noqa: S603 (that is what is tested)
        [shell, "-c", FAKE + command], stdin=subprocess.DEVNULL, capture_output=True, check=True,
        env={"PATH": os.environ["PATH"], "CONTRACT_TOKEN": TOKEN, "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    words, _, body = run.stdout.partition(b"\0\0")
    return [one.decode() for one in words.split(b"\0")], body


def sent(words: list[str], body: bytes) -> tuple[bytes, dict[str, str], str, str]:
    """Return what curl would send: body, headers, method and URL."""
    options = dict.fromkeys(("-X", "--data-raw", "--data-binary"), "")
    headers = {}
    rest = iter(words)
    for word in rest:
        if word == "-H":
            name, _, value = next(rest).partition(":")
            headers[name.rstrip(";").lower()] = value.strip(" ")
        elif word in options:
            options[word] = next(rest)
    raw = options["--data-raw"].encode() or (body if options["--data-binary"] == "@-" else b"")
    return raw, headers, options["-X"] or "GET", words[-1]


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_what_it_is(text: str, shell: str) -> None:
    """In a body, a header and a URL: no quote is left, no command run, no line broken."""
    content = f'{{"image_name": "{text}"}}'.encode()
    url = f"{BUILD}/{text}" if text.isprintable() and " " not in text else BUILD
    headers = {"x-name": text if "\n" not in text else "x", "content-type": "application/json"}
    one, hide = exchange(content, url=url, headers=headers)
    command = curl.command(one, hide)
    raw, read, method, address = sent(*as_read(command, shell))

    assert line(command) == command
    assert (raw, method, address) == (content, "POST", url)
    assert read == {
        "authorization": f"Bearer {TOKEN}", "x-name": headers["x-name"].strip(" "),
        "content-type": "application/json",
    }  # fmt: skip
    assert TOKEN not in command


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=60) | st.text(max_size=40).map(lambda one: one.encode("utf-8", "replace"))
)
def test_any_body_is_sent_as_it_was(content: bytes) -> None:
    """Bytes that are not text, and texts of any characters."""
    one, hide = exchange(content, headers={"content-type": "application/json"})
    command = curl.command(one, hide)
    raw, *_ = sent(*as_read(command))

    assert raw == content
    assert line(command) == command


@pytest.mark.parametrize("name", inputs.tokens(TOKEN))
def test_tokens_are_made_from_the_valid_one(name: str) -> None:
    """What the gate sends instead of the token, without the token on the line."""
    value = inputs.tokens(TOKEN)[name]
    one, hide = exchange(authorization=value)
    command = curl.command(one, hide)
    _, headers, *_ = sent(*as_read(command))

    assert headers.get("authorization") == value
    assert TOKEN[:-1] not in command


def test_a_token_of_somebody_else_is_not_shown() -> None:
    """The line has a place for it."""
    one, hide = exchange(authorization="Bearer another-token")

    assert "<token>" in curl.command(one, hide)
    assert "another-token" not in curl.command(one, hide)


def test_a_recording_without_the_token_has_its_variable() -> None:
    """Whatever the recorder wrote for it."""
    one, hide = exchange(authorization="Bearer [Filtered]", credential=Credential.UNKNOWN)

    assert '-H "authorization: Bearer $CONTRACT_TOKEN"' in curl.command(one, hide)


@pytest.mark.parametrize(
    ("method", "url", "options"),
    [
        ("GET", BUILD, []), ("DELETE", BUILD, ["-X", "DELETE"]), ("HEAD", BUILD, ["-I"]),
        ("GET", f"{BUILD}/../x", ["--path-as-is"]), ("GET", f"{BUILD}/{{id}}[1]", ["-g"]),
        ("PUT", f"{BUILD}", ["-X", "PUT"]),
    ],
)  # fmt: skip
def test_options(method: str, url: str, options: list[str]) -> None:
    """Curl changes nothing about the request line."""
    one, hide = exchange(method=method, url=url)
    words, _ = as_read(curl.command(one, hide))

    assert words == ["-sS", *options, "-H", f"authorization: Bearer {TOKEN}", url]


def test_a_body_without_a_type_gets_none() -> None:
    """Curl would call it a form."""
    one, hide = exchange(b"{}")

    assert "-H Content-Type:" in curl.command(one, hide)


def test_what_is_too_large_or_unknown_is_not_shown() -> None:
    """A line to paste has a limit."""
    for content in (b"x" * 3000, None):
        one, hide = exchange(content)

        assert curl.command(one, hide).startswith("not shown: ")


def test_an_upload_has_no_token_and_no_query() -> None:
    """The query of an upload URL is a secret; the context is a file."""
    one, hide = exchange(
        method="PUT", url="http://u.example/u?sig=0123456789", authorization=None, upload_of="b"
    )
    command = curl.command(one, hide)

    assert "-T context.tar.gz" in command
    assert "0123456789" not in command
    assert "authorization" not in command.lower()


def test_an_upload_with_a_token_shows_where_it_is() -> None:
    """It is what C7 is about; the token itself is not shown."""
    one, hide = exchange(method="PUT", url="http://u.example/u", upload_of="b")
    command = curl.command(one, hide)

    assert '-H "authorization: Bearer $CONTRACT_TOKEN"' in command
    assert TOKEN not in command


@pytest.mark.parametrize("text", ["\ud800", "\udcff\ud800", "x" * 100_000, "a\r\nb", "\u202e"])
@pytest.mark.parametrize("place", ["name", "value"])
def test_a_header_of_a_recording_may_be_anything(place: str, text: str) -> None:
    """Its name too: the line is short and printable."""
    headers = {text: "x"} if place == "name" else {"x-a": text}
    shown = curl.command(*exchange(b"", headers=headers))

    assert shown.isprintable()
    assert len(shown) < 2 * curl.MOST
