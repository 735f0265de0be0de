"""``export``: the contract in a form that other tools read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from ..contract import arazzo, strict
from ..escape import as_json, show
from ..nearest import unknown
from .options import Command, among

FORMS: dict[str, Callable[[], dict[str, Any]]] = {
    "strict": strict.document,
    "arazzo": arazzo.document,
}
ABOUT = """Write the contract to standard output, as JSON.

FORM is strict: OpenAPI 3.1 whose schemas hold T3, T4, T5, T7, S3 and a part of S4, so that any
validator rejects a build that is COMPLETED without completedAt. It is arazzo for a build from
initiate to its end, as an Arazzo 1.0.1 workflow beside openapi.yaml.

Exit codes: 0 written, 4 there is no such form.
"""


@click.command(cls=Command, help=ABOUT, short_help="Write the contract for other tools.")
@click.argument("form", metavar="[FORM]", default="", shell_complete=among(FORMS))
def export(form: str) -> None:
    """Write one form, by default the first."""
    name = form or next(iter(FORMS))
    if name not in FORMS:
        raise unknown("form", name, FORMS)
    show(as_json(FORMS[name](), indent=2))
