"""The report as one page of HTML: it opens from disk, and no request leaves it.

Everything that a server sent is escaped where the page is written, and without secrets.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from . import bodies, charts, differences, exchanges, findings
from .subject import Subject, of_client, of_comparison, of_gate, of_recording

__all__ = ["Subject", "of_client", "of_comparison", "of_gate", "of_recording", "page"]

FOLDER = Path(__file__).parent


def page(subject: Subject) -> str:
    """Return the page."""
    style, script = (_text(name) for name in ("page.css", "page.js"))
    causes, rules = findings.causes(subject), findings.rules(subject)
    shown = exchanges.shown(subject)
    timelines = charts.timelines(subject)
    compared, judged = differences.differences(subject.compared), bodies.bodies(subject.bodies)
    choices = {
        "rule": [one.rule for one in rules] or _each(one.rules for one in judged),
        "outcome": _each([one.outcome] for one in rules),
        "operation": _each([one.operation] for one in shown)
        or _each(one.operations for one in judged),
        "build": [one.build for one in timelines],
        "judges": _each([one.outcome] for one in judged),
        "breaks": _each([one.outcome] for one in compared),
        "kind": _each([one.kind] for one in compared),
    }
    return _template().render(
        subject=subject,
        policy=f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}",
        style=Markup(style),  # noqa: S704 (a file of ours)
        script=Markup(script),  # noqa: S704
        causes=causes,
        heading=findings.heading(causes, len(subject.failures)),
        rules=rules,
        calls=findings.calls(subject),
        choices={name: values for name, values in choices.items() if values},
        differences=compared,
        bodies=judged,
        exchanges=shown,
        matrices=charts.matrices(subject),
        timelines=timelines,
        latencies=charts.latencies(subject),
    )


def _each(found: Iterable[Iterable[str]]) -> list[str]:
    return sorted({one for several in found for one in several})


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
