"""The report as JUnit's XML, which CI systems show: one case per rule."""

from __future__ import annotations

import re
from collections import Counter
from xml.etree import ElementTree

from ..gate.result import Report
from .cases import Case, State, cases

# What XML 1.0 cannot hold, even escaped: control characters, surrogates and two others.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ELEMENT = {
    State.FAILED: "failure",
    State.ERROR: "error",
    State.SKIPPED: "skipped",
    State.WAIVED: "skipped",
}


def page(report: Report) -> str:
    """Return the file: a suite for the client and one for the server."""
    root = ElementTree.Element("testsuites", name="contract")
    suites: dict[str, list[Case]] = {}
    for case in cases(report):
        suites.setdefault(case.suite, []).append(case)
    for name, members in suites.items():
        counts = Counter(_ELEMENT.get(case.state) for case in members)
        suite = ElementTree.SubElement(
            root, "testsuite", name=name, tests=str(len(members)),
            failures=str(counts["failure"]), errors=str(counts["error"]),
            skipped=str(counts["skipped"]),
        )  # fmt: skip
        for case in members:
            _add(suite, case)
    ElementTree.indent(root, " ")
    written: bytes = ElementTree.tostring(root, "utf-8", xml_declaration=True)
    return written.decode() + "\n"


def _add(suite: ElementTree.Element, case: Case) -> None:
    made = ElementTree.SubElement(
        suite, "testcase", classname=f"contract.{case.suite}", name=f"{case.id} {case.text}"
    )
    if element := _ELEMENT.get(case.state):
        detail = _legal(case.detail)
        shown = ElementTree.SubElement(made, element, message=detail.partition("\n")[0])
        if element != "skipped":
            shown.text = detail


def _legal(text: str) -> str:
    return _ILLEGAL.sub(lambda found: ascii(found[0])[1:-1], text)
