"""A bounded run of the soundness check, and the proof that it would notice."""

from __future__ import annotations

from typing import Any

import pytest
from prime_image_builds import _json
from prime_image_builds._tolerance import Tolerance

from ... import cli
from ...problems import Exit
from ..support import soundness


@pytest.mark.slow
def test_every_decoder_is_sound() -> None:
    """Accepted means sound, refused means the one exception, and the schema agrees: always."""
    result = soundness.run(10_000, seed=1)

    assert result.is_clean, [*result.unsound, *result.undocumented, *result.disagreed][:5]
    assert set(result.by_decoder) == set(soundness.DECODERS)
    assert 0.05 < result.accepted / result.inputs < 0.95
    # Each option accepts what nothing else does.
    strict, utc, keep, both = (result.by_tolerance[one] for one in soundness.TOLERANCES)
    assert strict == result.accepted
    assert min(utc, keep) > strict + 50
    assert both > max(utc, keep) + 50


def test_the_same_seed_throws_the_same() -> None:
    """A finding can be repeated."""
    assert soundness.run(500, seed=3).accepted == soundness.run(500, seed=3).accepted


def _lenient(content: bytes, model: Any, _: Tolerance) -> Any:
    return _json._decoded(content, model)


def _trusting(content: bytes, model: Any, _: Tolerance) -> Any:
    import json

    return model(**dict.fromkeys(model.__struct_fields__) | json.loads(content)["x"])


@pytest.mark.parametrize(
    ("decoder", "found"),
    [(_lenient, {"undocumented", "disagreed"}), (_trusting, {"undocumented"})],
)
def test_a_worse_decoder_is_noticed(
    decoder: Any, found: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decoder that takes what msgspec takes, or anything, does not pass."""
    monkeypatch.setattr(soundness, "read", decoder)
    result = soundness.run(3_000, seed=1)

    assert {
        kind for kind in ("unsound", "undocumented", "disagreed") if getattr(result, kind)
    } >= found


def test_an_unsound_object_is_noticed() -> None:
    """The type checker looks into artifacts, and at the offset of an instant."""
    import msgspec

    model = soundness.DECODERS["BuildStatusResponse"]
    rows = [row for name, row in soundness._sound() if name == "BuildStatusResponse"]
    sound = next(model.from_dict(row) for row in rows if len(row.get("artifacts", [])) == 2)
    assert soundness.unsound(sound) is None

    replaced = msgspec.structs.replace
    artifacts = sound.artifacts  # type: ignore[attr-defined]
    naive = artifacts[1].created_at.replace(tzinfo=None)
    for invalid in (
        replaced(sound, id=7),
        replaced(sound, status="COMPLETED"),
        replaced(sound, artifacts_or_unset=[]),
        replaced(
            sound, artifacts_or_unset=(artifacts[0], replaced(artifacts[1], created_at=naive))
        ),
    ):
        assert soundness.unsound(invalid) is not None


UTC = Tolerance(naive_timestamps="utc")
KEEP = Tolerance(unknown_statuses="keep")


def _always(tolerance: Tolerance) -> Any:
    return lambda content, model, _: _json.read(content, model, tolerance)


def _in_vain(content: bytes, model: Any, _: Tolerance) -> Any:
    return _json.read(content, model)


def _known(content: bytes, model: Any, tolerance: Tolerance) -> Any:
    """Put a listed status in the place of one that is not, for good."""
    from unittest.mock import patch

    with patch.object(_json, "restored", lambda body, _kept: body):
        return _json.read(content, model, tolerance)


@pytest.mark.parametrize(
    ("decoder", "found"),
    [
        (_always(UTC), {"disagreed"}),
        (_always(KEEP), {"disagreed", "unsound"}),
        (_in_vain, {"disagreed"}),
        (_known, {"unsound"}),
    ],
)
def test_unsound_tolerance_is_detected(
    decoder: Any, found: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decoder that accepts more or less than its options, or changes a value, does not pass."""
    monkeypatch.setattr(soundness, "read", decoder)
    result = soundness.run(1_000, seed=1)

    assert {
        kind for kind in ("unsound", "undocumented", "disagreed") if getattr(result, kind)
    } == found


def main(*words: str) -> int:
    """Run the command; return its exit code."""
    return cli.run(soundness.main, "soundness", [*words])


@pytest.mark.parametrize("inputs", ["0", "-1", "x", "1.5", ""])
def test_run_without_inputs_is_refused(inputs: str) -> None:
    """A run of nothing tests nothing, and must not end with 0."""
    assert main("--inputs", inputs) == Exit.CANNOT_TELL


def test_the_command_tells(capsys: pytest.CaptureFixture[str]) -> None:
    """It prints its seed first, and ends with 0 for a clean run."""
    assert main("--inputs", "200", "--seed", "5") == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "seed 5"
    assert "200 inputs" in lines[-1]


def test_a_finding_ends_with_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the finding is printed."""
    monkeypatch.setattr(soundness, "read", _lenient)

    assert main("--inputs", "3000", "--seed", "1") == 1
    assert "disagreed: " in capsys.readouterr().out
