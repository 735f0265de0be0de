"""The report as one page of HTML: it opens from disk, and no request leaves it.

Everything that a server sent is escaped where the page is written, and without secrets.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from . import charts, exchanges, findings
from .subject import Subject, of_gate, of_recording

__all__ = ["Subject", "of_gate", "of_recording", "page"]

FOLDER = Path(__file__).parent


def page(subject: Subject) -> str:
    """Return the page."""
    causes = findings.causes(subject)
    style, script = (_text(name) for name in ("page.css", "page.js"))
    return _template().render(
        subject=subject,
        policy=f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}",
        style=Markup(style),  # noqa: S704 (a file of ours)
        script=Markup(script),  # noqa: S704
        causes=causes,
        heading=findings.heading(causes),
        rules=findings.rules(subject),
        calls=findings.calls(subject),
        exchanges=exchanges.shown(subject),
        matrices=charts.matrices(subject),
        timelines=charts.timelines(subject),
        latencies=charts.latencies(subject),
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("page.html.jinja")


@cache
def _text(name: str) -> str:
    return (FOLDER / name).read_text("utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
