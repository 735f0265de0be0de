"""Each fault of a client is caught under the id of its own rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import prime_image_builds.client
import pytest
from prime_image_builds import _json, errors
from prime_image_builds._tolerance import Tolerance
from prime_image_builds.api.images import get_build_status, initiate_image_build, start_image_build
from prime_image_builds.client import AuthenticatedClient

from ...drivers import client as driver
from ...tape.tape import Tape
from ...verdicts.judge import ClientJudge, Outcome

Patch = pytest.MonkeyPatch
MODULES = (initiate_image_build, start_image_build, get_build_status)


def violated() -> set[str]:
    """Run the client driver; return the rules that the client violates."""
    tape, judge = Tape(driver.TOKEN), ClientJudge()
    tape.subscribe(judge.see)
    driver.run(tape)
    return {rule for rule, verdict in judge.verdicts.items() if verdict.outcome is Outcome.VIOLATED}


def no_token(patch: Patch) -> None:
    """Send requests without the token."""
    headers = prime_image_builds.client.Client._set_headers
    patch.setattr(AuthenticatedClient, "_set_headers", headers)


def lost_field(patch: Patch) -> None:
    """Drop imageTag from what is returned."""
    from prime_image_builds.models import BuildStatusResponse

    whole: Callable[[Any], dict[str, Any]] = BuildStatusResponse.to_dict

    def to_dict(self: BuildStatusResponse) -> dict[str, Any]:
        return {key: value for key, value in whole(self).items() if key != "imageTag"}

    patch.setattr(BuildStatusResponse, "to_dict", to_dict)


def no_validation(patch: Patch) -> None:
    """Return whatever JSON comes, as the vendor's own client does."""
    for module in MODULES:
        patch.setattr(module, "decode", lambda response, *_: response.json())


def path_missing(patch: Patch) -> None:
    """Reject an invalid value without its path."""
    patch.setattr(_json, "_path_and_reason", lambda _message: ("$", "is invalid"))


def failures_returned(patch: Patch) -> None:
    """Return None for an error status, as the generator's own templates do."""
    for module in MODULES:
        result = module._result

        def returned(response: httpx.Response, tolerance: Tolerance, result: Any = result) -> Any:
            return result(response, tolerance) if response.status_code in (200, 201) else None

        patch.setattr(module, "_result", returned)


def token_shown(patch: Patch) -> None:
    """Show the token in the client's repr."""
    patch.setattr(AuthenticatedClient, "__repr__", lambda self: f"Client({self.token})")


def open_segment(patch: Patch) -> None:
    """Let a path parameter be more than one segment."""
    for module in (start_image_build, get_build_status):
        patch.setattr(module, "path_segment", lambda _name, value: value)


@pytest.mark.parametrize(
    ("fault", "rules"),
    [
        (no_token, {"C1"}),
        (lost_field, {"C2"}),
        # A body that is not JSON raises json's own error; any other is returned.
        (no_validation, {"C3"}),
        (path_missing, {"C3"}),
        (failures_returned, {"C4"}),
        (token_shown, {"C5"}),
        (open_segment, {"C1", "C6"}),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_fault_is_caught(
    fault: Callable[[Patch], None], rules: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault violates its own rule, and no unrelated one."""
    fault(monkeypatch)

    assert violated() == rules


def test_sound_client_passes() -> None:
    """The generated client violates no rule."""
    assert violated() == set()


@pytest.mark.parametrize("value", ["yesterday", 12345, "2026-01-02T03:04:05"])
def test_invalid_timestamp_is_named_in_the_error(value: object) -> None:
    """A startedAt that is not a date-time is refused, and the error has its path."""
    body = {**driver.example("get_build_status"), "startedAt": value}
    response = httpx.Response(200, json=body)

    with pytest.raises(errors.InvalidResponseError) as caught:
        get_build_status._result(response, Tolerance())

    assert caught.value.path == "$.startedAt"
