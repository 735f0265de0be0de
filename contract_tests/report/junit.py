"""The report as JUnit's XML, which CI systems show: one case per rule."""

from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree

from ..escape import lines
from ..gate.result import Report
from .cases import Case, State, cases

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
        detail = lines(case.detail)  # what XML cannot hold is not printable either
        shown = ElementTree.SubElement(made, element, message=detail.partition("\n")[0])
        if element != "skipped":
            shown.text = detail
