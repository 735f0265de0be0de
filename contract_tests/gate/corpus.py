"""What each judge makes of each body of the corpus: the schema, the rules, the generated client.

They share no code, so that a mistake of one is seen where the others disagree with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..contract.openapi import Contract, contract
from ..drivers.client import BASE, TOKEN
from ..payloads import Payload, load
from ..rules import RULES, Broken, Level, Rule
from ..tape.call import Call
from ..tape.exchange import NOT_JSON, Message
from ..tape.tape import Tape

# They are about the request, and about the build that was asked for.
_OF_REQUESTS = ("P3", "L5")


@dataclass(frozen=True)
class Judged:
    """A body, and what the judges make of it.

    Attributes:
        invalid: Where and why the schema refuses it, or an empty text.
        broken: The rules that it breaks, each with how.
        calls: What the client did that was answered with it, by sync and async calls.

    """

    payload: Payload
    invalid: str
    broken: tuple[tuple[Rule[Any], Broken], ...]
    calls: tuple[Call, ...]

    @property
    def is_refused_by_rules(self) -> bool:
        """Whether it breaks a rule of level MUST: what a SHOULD rule finds, a client returns."""
        return any(rule.level is Level.MUST for rule, _ in self.broken)

    @property
    def opinions(self) -> set[bool]:
        """Whether it is refused, by the corpus and each judge: one value where they agree."""
        of_client = {call.raised is not None for call in self.calls}
        judges = {bool(self.invalid), self.is_refused_by_rules}
        return {self.payload.is_refused} | judges | of_client

    @property
    def is_agreed(self) -> bool:
        """Whether the corpus and all judges agree."""
        return len(self.opinions) == 1


def judged(calls: Iterable[Call], payloads: Iterable[Payload] | None = None) -> list[Judged]:
    """Return what the judges make of payloads, by default of the corpus.

    ``calls`` are those of a client, each with the title of its payload as its intent.
    """
    by_title: dict[str, list[Call]] = {}
    for call in calls:
        by_title.setdefault(call.intent, []).append(call)
    return [
        Judged(one, _invalid(one, contract()), _broken(one), tuple(by_title.get(one.title, ())))
        for one in (load() if payloads is None else payloads)
    ]


def _invalid(payload: Payload, by: Contract) -> str:
    message = Message({"content-type": payload.media_type}, payload.content)
    if message.media_type != "application/json":
        return f"$: not application/json but {message.media_type or 'no content type'}"
    if message.json is NOT_JSON:
        return "$: not strict JSON"
    operation = by.operations[payload.operation]
    schema = by.response_schema(operation, operation.success)
    errors = by.errors(schema, message.json) if schema else []
    return f"{errors[0].at}: {errors[0].what}" if errors else ""


def _broken(payload: Payload) -> tuple[tuple[Rule[Any], Broken], ...]:
    operation = contract().operations[payload.operation]
    path = operation.path.format(build_id="bld_1", image_name="web", image_tag="v1")
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    history = Tape(TOKEN).record(
        driver="payloads", intent=payload.title,
        request=(operation.method, f"{BASE}{path}", headers, b"{}"),
        response=(operation.success, {"content-type": payload.media_type}, payload.content),
    )  # fmt: skip
    found = (
        (
            rule,
            next((one for one in rule.apply(rule.over(history)) if isinstance(one, Broken)), None),
        )
        for rule in RULES.values()
        if rule.id not in _OF_REQUESTS
    )
    return tuple((rule, broken) for rule, broken in found if broken)
