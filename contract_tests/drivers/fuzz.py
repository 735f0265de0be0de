"""Schemathesis: traffic that nobody thought of, fed with real builds, judged by our rules.

Left to itself it asks for builds that do not exist, and its run is green and empty. So each valid
start and status is given a build that was really initiated and uploaded, and the tape counts what
came of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import schemathesis
from schemathesis import engine
from schemathesis.checks import CHECKS
from schemathesis.engine import events
from schemathesis.hooks import GLOBAL_HOOK_DISPATCHER, HookContext

from ..contract import INITIATE, START, STATUS, contract
from .lifecycles import uploaded
from .wire import Wire

DRIVER = "schemathesis"
# Builds made for it, at most; each feeds one start, and any number of status requests.
MOST_BUILDS = 25
EXAMPLES = 12


def run(wire: Wire, seed: int, ignored: set[str]) -> list[str]:
    """Run the coverage and fuzzing phases; return what went wrong with the engine itself.

    ``ignored`` are ids of rules that are known to be violated: they end no test early.
    """
    schema = schemathesis.openapi.from_dict(
        contract().document, config=schemathesis.Config.from_dict(_config(wire, seed))
    )
    recorded = _Recorder(wire, ignored)
    with recorded.listening():
        problems = []
        for event in engine.from_schema(schema).execute():
            if isinstance(event, events.NonFatalError):
                problems.append(f"{event.label}: {event.value}")
            elif isinstance(event, events.FatalError):
                problems.append(str(event.exception))
    return problems


def _config(wire: Wire, seed: int) -> dict[str, Any]:
    return {
        "base-url": wire.base_url,
        "headers": {"Authorization": f"Bearer {wire.tape.token}"},
        "seed": seed,
        "continue-on-failure": True,
        # Only our rules judge: its own checks call undocumented but legal answers failures.
        "checks": {"enabled": False, _Recorder.CHECK: {"enabled": True}},
        "generation": {"max-examples": EXAMPLES, "database": "none", "allow-x00": False},
        "phases": {
            # What the examples are for, the scripted lifecycles do.
            "examples": {"enabled": False},
            "coverage": {"enabled": True},
            "fuzzing": {"enabled": True},
            # Walks links only where it guesses them right; the builds are fed by hand instead.
            "stateful": {"enabled": False},
        },
        "cache": {"enabled": False},
    }


class _Recorder:
    """Feeds builds to cases, and puts each exchange on the tape."""

    CHECK = "contract_rules"

    def __init__(self, wire: Wire, ignored: set[str]) -> None:
        self._wire = wire
        self._ignored = ignored
        self._made = 0
        self._named = 0
        self._broken: dict[str, list[str]] = {}
        self._known: str | None = None

    def before_call(self, _context: HookContext, case: Any, _kwargs: dict[str, Any]) -> None:
        """Give a valid start a fresh build, a valid status a known one, an initiate plain names."""
        operation = case.operation.definition.raw.get("operationId")
        if operation == INITIATE and isinstance(case.body, dict) and _means_well(case, "body"):
            self._named += 1
            if self._named % 2:  # a server may be stricter on names than the contract
                case.body.update(image_name="contract-gate", image_tag="v1")
        if operation not in (START, STATUS) or not _means_well(case, "path"):
            return
        build_id = self._build(fresh=operation == START)
        if build_id is not None:
            case.path_parameters["build_id"] = build_id

    def after_call(self, _context: HookContext, case: Any, response: Any) -> None:
        """Put the exchange on the tape."""
        request = response.request
        content = request.body or b""
        history = self._wire.tape.record(
            driver=DRIVER,
            intent=f"{case.meta.phase.name.value if case.meta else 'generated'} case",
            request=(
                request.method,
                request.url,
                {name: _text(value) for name, value in request.headers.items()},
                content.encode() if isinstance(content, str) else bytes(content),
            ),
            response=(
                response.status_code,
                {name: ", ".join(values) for name, values in response.headers.items()},
                response.content,
            ),
        )
        violations = self._wire.judge.see(history)
        self._broken[case.id] = [
            one.title for one in violations if one.rule.id not in self._ignored
        ]

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen to every call, with our rules as the check, while the context lasts."""

        def contract_rules(_ctx: Any, _response: Any, case: Any) -> None:
            broken = self._broken.get(case.id)
            assert not broken, "\n".join(broken)

        # Feeding a case is a hook that schemathesis has for the whole process only.
        hooks = {"before_call": self.before_call, "after_call": self.after_call}
        for name, hook in hooks.items():
            GLOBAL_HOOK_DISPATCHER.register_hook_with_name(hook, name)
        schemathesis.check(contract_rules)
        try:
            yield
        finally:
            CHECKS.unregister(self.CHECK)
            for hook in hooks.values():
                GLOBAL_HOOK_DISPATCHER.unregister(hook)

    def _build(self, *, fresh: bool) -> str | None:
        if self._made < MOST_BUILDS and (fresh or self._known is None):
            self._made += 1
            issued = uploaded(self._wire, "a build for schemathesis")
            self._known = issued.build_id if issued else self._known
        return self._known


def _means_well(case: Any, part: str) -> bool:
    """Whether a part of a case is not broken on purpose."""
    if case.meta is None:
        return True
    for location, component in case.meta.components.items():
        if location.value == part and component.mode.is_negative:
            return False
    return True


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
