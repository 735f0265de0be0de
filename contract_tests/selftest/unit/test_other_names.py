"""The rules take every name from the API of the tape: they check one that shares none with ours."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from ...contract.api import IMAGES, Api
from ...rules import RULES
from ...tape.tape import Tape
from ...verdicts import coverage
from ...verdicts.judge import Judge
from ..support.print_jobs import PRINTS

TOKEN = "a-badge"  # noqa: S105
JOBS = "https://printer.test/office/print/jobs"
TITLE = "https://printer.test/office/print/titles/menu/2"
EPOCH = datetime(2026, 11, 24, 9, 0, 0, tzinfo=UTC)
JSON = {"content-type": "application/json"}
RETURNED = JSON | {"www-authenticate": "Badge", "allow": "GET"}
TIMES = {"queued": "2026-11-24T09:00:00Z", "printing": "2026-11-24T09:00:04Z",
         "done": "2026-11-24T09:00:09Z"}  # fmt: skip


@dataclass
class PrintRequest:
    """One exchange of a history; a test changes one before it is recorded."""

    method: str
    url: str
    status: int
    answer: Any = None
    body: Any = None
    token: str | None = TOKEN
    headers: dict[str, str] = field(default_factory=lambda: {**JSON})


def job(state: str, *, times: int, **more: Any) -> dict[str, Any]:
    """Return job j, with the first of its timestamps."""
    set_ = dict(list(TIMES.items())[:times])
    tray = {"tray": "left"} if state == "PRINTED" else {}
    sheet = {"ref": "s1", "state": state, "paper": "A4", **set_, **tray}
    return {"ref": "j", "of": "menu", "no": "2", "state": state, **set_, "sheets": [sheet], **more}


def history() -> dict[str, PrintRequest]:
    """Return the exchanges of a job that is printed, by what they are."""
    ticket = {"job": "j", "spool": "https://spool.test/j?key=1", "ttl": 60, "readers": "STAFF"}
    second = {"job": "k", "spool": "https://spool.test/k?key=2", "ttl": 60}
    order = {"title": "menu", "edition": "2", "readers": "STAFF"}
    octets = {"content-type": "application/octet-stream"}
    complaint = {"why": "no edition"}
    return {
        "queue": PrintRequest("POST", JOBS, 202, ticket, order),
        "queue another": PrintRequest("POST", JOBS, 202, second, order),
        "bad order": PrintRequest("POST", JOBS, 422, complaint, {"title": "menu"}),
        "show at once": PrintRequest("GET", f"{JOBS}/j", 200, job("QUEUED", times=1)),
        "spool": PrintRequest("PUT", "https://spool.test/j?key=1", 204, token=None, headers=octets),
        "no badge": PrintRequest("POST", f"{JOBS}/j/release", 401, None, {}, token=None),
        "show spooled": PrintRequest("GET", f"{JOBS}/j", 200, job("SPOOLED", times=1)),
        "show still spooled": PrintRequest("GET", f"{JOBS}/j", 200, job("SPOOLED", times=1)),
        "release": PrintRequest("POST", f"{JOBS}/j/release", 200, job("PRINTING", times=2), {}),
        "show": PrintRequest("GET", f"{JOBS}/j", 200, job("PRINTING", times=2)),
        "patch": PrintRequest("PATCH", f"{JOBS}/j", 405, None, {}),
        "scrap without a badge": PrintRequest("DELETE", TITLE, 401, token=None),
        "show after that": PrintRequest("GET", f"{JOBS}/j", 200, job("PRINTING", times=2)),
        "release again": PrintRequest(
            "POST", f"{JOBS}/j/release", 200, job("PRINTING", times=2), {}
        ),
        "show printed": PrintRequest("GET", f"{JOBS}/j", 200, job("PRINTED", times=3)),
        "show once more": PrintRequest("GET", f"{JOBS}/j", 200, job("PRINTED", times=3)),
        "scrap": PrintRequest("DELETE", TITLE, 200, {"done": True}),
        "show what is scrapped": PrintRequest("GET", f"{JOBS}/j", 404),
    }


def judged(requests: dict[str, PrintRequest], api: Api = PRINTS) -> tuple[Tape, Judge]:
    """Record a history, a second for each exchange, and judge it by all rules."""
    tape, judge = Tape(TOKEN, api=api), Judge(RULES.values(), level="advice")
    tape.subscribe(judge.see)
    for second, one in enumerate(requests.values()):
        began = EPOCH + timedelta(seconds=second)
        sent = {**one.headers, **({"authorization": f"Bearer {one.token}"} if one.token else {})}
        tape.record(
            driver="test",
            intent="other names",
            request=(one.method, one.url, sent, b"" if one.body is None else _json(one.body)),
            response=(
                one.status,
                RETURNED | {"date": format_datetime(began, usegmt=True)},
                b"" if one.answer is None else _json(one.answer),
            ),
            at=(began, began + timedelta(seconds=0.5)),
        )
    return tape, judge


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def test_history_without_a_fault_violates_nothing_and_observes_each_group() -> None:
    """A job that is printed, and what must be refused on the way."""
    tape, judge = judged(history())

    observed = {rule for rule, verdict in judge.verdicts.items() if verdict.observed}
    assert [one.rule.id for one in judge.violated] == []
    # What needs a second build to compare with, another end, a limit, an option, or no such build.
    assert set(RULES) - observed == {"P4", "P7", "P14", "P16", "S5", "S8", "L8", "L11", "L13"}
    assert [one.operation for one in tape.exchanges][:3] == ["queue_job"] * 3
    assert {one.build_id for one in tape.exchanges[3:] if not one.deletes} == {"j"}
    assert any(one.succeeded for one in tape.exchanges if one.deletes)
    assert ("group", "PRINTED", 2) in list(
        coverage.table(coverage.observed(tape.exchanges), PRINTS)
    )


@dataclass(frozen=True)
class OneFault:
    """What one exchange has instead of what is right.

    Attributes:
        at: Where the rule reports it.
        status: The status code; None for the right one.
        job: Keys of the answer.
        sheet: Keys of its only sheet.
        also: Rules that it violates by necessity.

    """

    rule: str
    at: str
    exchange: str
    status: int | None = None
    job: dict[str, Any] = field(default_factory=dict)
    sheet: dict[str, Any] = field(default_factory=dict)
    also: tuple[str, ...] = ()

    def put(self, requests: dict[str, PrintRequest]) -> None:
        """Change the exchange."""
        one = requests[self.exchange]
        one.status = self.status or one.status
        if self.job:
            one.answer |= self.job
        if self.sheet:
            one.answer["sheets"][0] |= self.sheet


CODE = "the status code"
FAULTS = [
    OneFault("P1", CODE, "queue", 201),
    OneFault("P2", CODE, "no badge", 404),
    OneFault("P2", CODE, "show after that", 404, also=("L10",)),
    OneFault("P3", CODE, "bad order", 400),
    OneFault("P5", CODE, "patch", 500),
    OneFault("P6", "$.sheets[0].ref", "show once more", sheet={"ref": 7}),
    OneFault("P9", CODE, "patch", 200),
    OneFault("P10", "$.ttl", "queue", job={"ttl": 0}),
    OneFault("P11", CODE, "spool", 403, also=("L8",)),
    OneFault("S1", "$.state", "show once more", job={"state": "WET"}),
    OneFault("S2", "$.sheets[0].paper", "show", sheet={"paper": "A9"}),
    OneFault("S3", "$.sheets[0].state", "show printed",
             sheet={"state": "PRINTING", "done": None}),
    OneFault("S4", "$.sheets[0].jam", "show", sheet={"jam": "paper"}),
    OneFault("S6", "$.sheets[0].tray", "show printed", sheet={"tray": None}),
    OneFault("T1", "$.queued", "show once more", job={"queued": "today"}),
    OneFault("T2", "$.printing", "show", job={"printing": "soon"}),
    OneFault("T3", "$.sheets[0].printing", "show still spooled",
             sheet={"printing": TIMES["printing"]}),
    OneFault("T4", "$.printing", "release", job={"printing": None}),
    OneFault("T5", "$.done", "show printed", job={"done": None}),
    OneFault("T6", "$.done", "show once more", job={"done": "2026-11-24T08:00:00Z"},
             also=("L4", "T9")),
    OneFault("T7", "$.queued", "show", job={"queued": "2026-11-24T09:00:00"}),
    OneFault("T8", "$.queued", "show at once", job={"queued": "2026-11-24T08:00:00Z"},
             also=("L3",)),
    OneFault("T9", "$.done", "show once more", sheet={"done": "2026-11-24T09:00:12Z"},
             also=("L4",)),
    OneFault("L1", "$.state", "show still spooled", job={"state": "QUEUED"}),
    OneFault("L2", "$.state", "show once more", job={"state": "SCRAPPED"}, also=("S8",)),
    OneFault("L3", "$.of", "show once more", job={"of": "poster"}),
    OneFault("L4", "$.sheets", "show once more", job={"sheets": []}),
    OneFault("L5", "$.ref", "show", job={"ref": "k"}),
    OneFault("L6", "$.state", "show", job={"state": "QUEUED"}, also=("T3",)),
    OneFault("L7", "$.printing", "release again", job={"printing": "2026-11-24T09:00:06Z"}),
    OneFault("L9", "$.job", "queue another", job={"job": "j"}),
    OneFault("L10", CODE, "show at once", 404),
    OneFault("L12", "$.readers", "queue", job={"readers": "ALL"}),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: one.rule)
def test_one_fault_violates_its_rule_at_its_place(fault: OneFault) -> None:
    """A name of ours that a rule has of its own would find nothing here."""
    requests = history()
    fault.put(requests)

    _, judge = judged(requests)

    assert {one.rule.id for one in judge.violated} == {fault.rule, *fault.also}
    assert judge.verdicts[fault.rule].violations[0].field == fault.at


def test_no_rule_is_checked_on_traffic_of_another_api() -> None:
    """The same traffic on a tape of this project's API leads to none of its operations."""
    _, judge = judged(history(), IMAGES)

    assert [rule for rule, verdict in judge.verdicts.items() if verdict.observed] == []
