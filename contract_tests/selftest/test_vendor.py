"""The client can be copied into any project, and an edited copy is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts import vendor


def test_copy_works_from_wherever_it_lies(tmp_path: Path) -> None:
    """The copy imports under another package, and checks as untouched."""
    assert vendor.main(["copy", str(tmp_path / "app/third_party")]) == vendor.DONE
    (tmp_path / "app/__init__.py").touch()
    (tmp_path / "app/third_party/__init__.py").touch()
    code = (
        "from app.third_party.prime_image_builds.api.images import start_image_build as s; s.sync"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)  # noqa: S603

    assert vendor.main(["check", str(tmp_path / "app/third_party")]) == vendor.DONE


def test_edits_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An edited, a missing and an added file are named, and not overwritten unasked."""
    vendor.main(["copy", str(tmp_path)])
    package = tmp_path / vendor.PACKAGE
    (package / "client.py").write_text("# mine\n")
    (package / "errors.py").unlink()
    (package / "own.py").touch()
    capsys.readouterr()

    assert vendor.main(["check", str(tmp_path)]) == vendor.EDITED
    assert capsys.readouterr().out.splitlines()[1:-1] == [
        "edited    client.py",
        "missing   errors.py",
        "orphaned  own.py",
    ]
    assert vendor.main(["copy", str(tmp_path)]) == vendor.BROKEN
    assert (package / "client.py").read_text() == "# mine\n"
    assert vendor.main(["copy", str(tmp_path), "--force"]) == vendor.DONE
    assert vendor.main(["check", str(tmp_path)]) == vendor.DONE


@pytest.mark.parametrize("manifest", [None, "", "[]", '{"files": {}}'])
def test_no_copy_is_broken(
    tmp_path: Path, manifest: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that holds no readable copy is an error, with its mend."""
    if manifest is not None:
        (tmp_path / vendor.PACKAGE).mkdir()
        (tmp_path / vendor.PACKAGE / vendor.MANIFEST).write_text(manifest)

    assert vendor.main(["check", str(tmp_path)]) == vendor.BROKEN
    assert "fix: vendor the client anew" in capsys.readouterr().err
