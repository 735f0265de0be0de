"""Schemathesis: generated traffic, on builds that exist.

On its own it requests builds that do not exist, so its run would be green and empty. So each valid
start and status gets the id of a build that was initiated and uploaded, builds that a link leads
to are uploaded before their start, and the result counts the successes.

Its own checks see the same exchanges as our rules; the result lists what each found.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import schemathesis
from hypothesis.database import ExampleDatabase
from schemathesis.engine import events
from schemathesis.engine.core import Engine
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.engine.run import TESTING_PHASES, Phase, PhaseName, PhaseSkipReason

from ...contract.api import DELETE, INITIATE, START, STATUS
from ...contract.openapi import Operation, contract
from ...tape.exchange import Check
from ..session import BudgetSpent, Session, SessionError
from .checks import ON
from .determinism import undisturbed
from .examples import IN_MEMORY, shared
from .feed import Feed
from .result import MOST_BUILDS, SCENARIOS, STEPS, Result
from .transport import WiredSchema, WireTransport

# Methods that the contract lacks for a path: schemathesis' own, without delete.
UNEXPECTED = ["get", "options", "patch", "post", "put", "query", "trace"]
EXAMPLES = 20
# A status has nothing but its path to vary, and is given a build that is there.
STATUS_EXAMPLES = 4


def run(
    session: Session, feeding: Session, seed: int, *,
    most_builds: int = MOST_BUILDS, links: bool = True,
    database: ExampleDatabase | None = None, found: Callable[[], int] = lambda: 0,
) -> Result:  # fmt: skip
    """Run the coverage, fuzzing and stateful phases.

    ``database`` has what earlier runs found, which is generated first; ``found`` returns how many
    violations there are so far.

    ``feeding`` is the session that makes and uploads builds, at most ``most_builds``. Without
    ``links`` it makes none, and there is no stateful phase.
    An exception of either session ends the run: ``BudgetSpent`` and ``SessionError`` are in the
    result, any other is raised.
    """
    schema = _schema(session, seed, links=links, database=IN_MEMORY if database else "none")
    feed = Feed(feeding, most_builds if links else 0)
    transport = schema.wire_transport = WireTransport(session, feed)
    result = Result(links=dict.fromkeys(_links().values(), 0) if links else {})
    with undisturbed(), shared(database, found):
        stream = _Engine(schema).execute()
        try:
            for event in stream:
                _note(event, result, transport)
                if isinstance(event, events.Interrupted) and transport.ended_by is None:
                    raise KeyboardInterrupt
        finally:
            stream.stop()
            stream.generator.close()
    ended = transport.ended_by
    if ended is not None and not isinstance(ended, BudgetSpent | SessionError):
        raise ended
    result.ended = ended
    return result


class _Engine(Engine):
    """The engine without its phases that send probes past the schema's transport."""

    def get_phase_config(self, phase_name: PhaseName, **settings: Any) -> Phase:
        """Return the configuration of a phase; only testing phases run."""
        if phase_name not in TESTING_PHASES:
            return Phase(phase_name, is_enabled=False, skip_reason=PhaseSkipReason.DISABLED)
        return super().get_phase_config(phase_name, **settings)


def _schema(session: Session, seed: int, *, links: bool = True, database: str) -> WiredSchema:
    document = copy.deepcopy(contract().document)
    # Delete destroys: nothing that is generated is sent to it, so schemathesis does not know of it.
    del document["paths"][contract().operations[DELETE].path]
    config = schemathesis.Config.from_dict(_config(session, seed, links=links, database=database))
    return WiredSchema(raw_schema=document, config=config.projects.get(document))


def _config(session: Session, seed: int, *, links: bool = True, database: str) -> dict[str, Any]:
    return {
        "base-url": session.endpoint.base_url,
        "headers": {
            "Authorization": f"Bearer {session.tape.token}",
            "Accept-Encoding": "gzip, deflate",
        },
        "seed": seed,
        "continue-on-failure": True,
        # A slow server is not a failure of the run, nor is a schema that is hard to generate for.
        "suppress-health-check": ["all"],
        "checks": {
            "enabled": False,
            **{name: {"enabled": True, **how} for name, how in ON.items()},
        },
        "generation": {
            "max-examples": EXAMPLES,
            "database": database,
            "allow-x00": False,
            # A finding is reported as it was first sent: shrinking only costs requests.
            "no-shrink": True,
        },
        "phases": {
            # What the examples are for, the scripted lifecycles do.
            "examples": {"enabled": False},
            # DELETE of a status URL is a delete, and therefore not an unexpected method.
            "coverage": {"enabled": True, "unexpected-methods": UNEXPECTED},
            # The server's error messages must not influence what is sent.
            "fuzzing": {"enabled": True, "error-feedback": {"enabled": False}},
            "stateful": {
                "enabled": links,
                "generation": {"max-examples": SCENARIOS},
                "max-steps": STEPS,
                # The contract has the links; inference would take teamId for a resource.
                "inference": {"algorithms": []},
                "link-calibration": False,
            },
        },
        "operations": [
            {
                "include-operation-id": STATUS,
                "phases": {"fuzzing": {"generation": {"max-examples": STATUS_EXAMPLES}}},
            }
        ],
        "cache": {"enabled": False},
    }


def _links() -> dict[str, str]:
    """Return short names of the contract's links, by the names that schemathesis gives them."""
    operations = contract().operations
    return {
        f"{_label(source)} -> [{status}] {name} -> {_label(operations[link['operationId']])}": (
            f"{_short(source.name)}→{_short(link['operationId'])}"
        )
        for source in operations.values()
        for status, response in source.responses.items()
        for name, link in response.get("links", {}).items()
    }


def _label(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def _short(operation: str) -> str:
    return {INITIATE: "initiate", START: "start", STATUS: "status"}.get(operation, operation)


def _note(event: object, result: Result, transport: WireTransport) -> None:
    """Add an event to the result."""
    if isinstance(event, events.NonFatalError):
        result.problems.append(f"{event.label}: {event.value}")
    elif isinstance(event, events.FatalError):
        result.problems.append(str(event.exception))
    elif isinstance(event, events.ScenarioFinished):
        for walked in _walked(event.recorder):
            result.links[walked] += 1
        result.checks += _checks(event.recorder, transport)


def _walked(recorder: ScenarioRecorder) -> Iterator[str]:
    """Yield the links that a scenario walked: their values were used, and an answer came."""
    for id_, node in recorder.cases.items():
        answered = recorder.find_response(case_id=id_) is not None
        if node.transition is not None and node.is_transition_applied and answered:
            yield _links()[node.transition.id]


def _checks(recorder: ScenarioRecorder, transport: WireTransport) -> Iterator[Check]:
    """Yield what each check found on each response of a scenario."""
    for id_, checks in recorder.checks.items():
        exchange = transport.sent.get(id_)
        if exchange is None or not exchange.is_answered:
            continue
        failures: defaultdict[str, list[str]] = defaultdict(list)
        for check in checks:
            info = check.failure_info
            failures[check.name] += [info.failure.message] if info is not None else []
        yield from (Check(name, exchange, tuple(found)) for name, found in failures.items())
