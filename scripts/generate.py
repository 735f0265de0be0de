"""Writes the client from openapi.yaml, or checks whether it is fresh, by the same path."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2

from contract_tests.contract import documents
from contract_tests.escape import line, show
from contract_tests.problems import Exit, Problem
from contract_tests.vendoring import git, swap
from contract_tests.vendoring.vendor_check import sha256
from scripts.contract_lint import problems
from scripts.generation.annotation import annotated

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "prime_image_builds"
MARK = "@generated"
UNTRACKED = "untracked"
REPAIR = "correct openapi.yaml, or support what is new in it in scripts/templates"
TOOLS = ("openapi-python-client", "ruff")


class GenerationError(Problem):
    """Several problems for which the client cannot be generated."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems[0].what, problems[0].fix)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


def make(root: Path, destination: Path) -> None:
    """Make the content of generated/ in an empty folder.

    Raises ``Problem`` if the contract, the generator or the formatter does not allow it.
    """
    contract = _load(root / "openapi.yaml")
    package = destination / PACKAGE
    config = destination / "config.json"
    config.write_text(json.dumps({"package_name_override": PACKAGE, "post_hooks": []}))
    # The generator's YAML loader differs from ours, so it reads JSON.
    given = destination / "openapi.json"
    given.write_text(json.dumps(annotated(contract)), encoding="utf-8")
    _run(
        destination, "openapi_python_client", "generate", "--path", str(given),
        "--meta", "none", "--custom-template-path", str(root / "scripts/templates"),
        "--config", str(config), "--output-path", str(package), "--fail-on-warning",
    )  # fmt: skip
    config.unlink()
    _render_own(root, package, contract)
    (package / "py.typed").write_text(f"# {MARK} by scripts/generate.py; do not edit.\n")
    style: tuple[str, ...] = ("--isolated", "--no-cache", "--quiet", "--line-length", "100")
    style += ("--target-version", "py311")
    _run(destination, "ruff", "check", "--fix-only", "--select", "I,F401,D2,RUF022", *style, ".")
    _run(destination, "ruff", "format", *style, ".")
    _verify(destination, given)
    given.unlink()
    (destination / "MANIFEST.json").write_text(_manifest(root, destination, contract))


def _load(path: Path) -> dict[str, Any]:
    try:
        contract = documents.load(path)
    except documents.DocumentError as error:
        raise Problem(str(error), "correct it there") from error
    except OSError as error:
        raise Problem(f"{path}: {error.strerror}", "restore it") from error
    if found := problems(contract):
        raise GenerationError([one.problem for one in found])
    return dict(contract)


def _verify(destination: Path, contract: Path) -> None:
    """Import, use and type-check the fresh client. Raises ``Problem`` if one fails."""
    check = ("-m", "scripts.generation.client_check", str(destination), PACKAGE, str(contract))
    if found := json.loads(_python(destination, "-I", "-W", "error", *check)):
        raise GenerationError([Problem(f"the fresh client: {what}", REPAIR) for what in found])
    # A cache inside the project makes the next check fast.
    strict = ("--strict", f"--config-file={os.devnull}", "--no-error-summary")
    cache = f"--cache-dir={ROOT / '.mypy_cache/generated'}"
    _run(destination, "mypy", *strict, cache, "-p", PACKAGE)


def _run(folder: Path, module: str, *arguments: str) -> None:
    _python(folder, "-m", module, *arguments)


def _python(folder: Path, *arguments: str) -> str:
    """Run this Python without the caller's PATH, settings and working directory."""
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "TMPDIR") if name in os.environ}
    clean = {"PATH": os.defpath, "PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "PYTHONSAFEPATH": "1"}
    done = subprocess.run(  # noqa: S603
        [sys.executable, *arguments],
        cwd=folder, env={**kept, **clean, "HOME": str(folder)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        name = arguments[arguments.index("-m") + 1]
        output = (done.stdout + done.stderr).strip()
        raise Problem(f"{name} failed:", REPAIR, details=output.split("\n"))
    return done.stdout


def _render_own(root: Path, package: Path, contract: dict[str, Any]) -> None:
    """Render the modules of our own templates."""
    templates = root / "scripts/templates"
    # The package of an operation depends on its tag.
    modules = {path.stem: path.parent.name for path in (package / "api").glob("*/*.py")}
    environment = jinja2.Environment(  # noqa: S701 (Python is rendered, not HTML)
        loader=jinja2.FileSystemLoader(templates),
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    for template in sorted((templates / "package").glob("*.jinja")):
        try:
            text = environment.get_template(f"package/{template.name}").render(
                contract=contract, modules=modules
            )
        except (jinja2.TemplateError, LookupError) as error:
            raise Problem(f"{template.name} cannot be rendered: {error}", REPAIR) from error
        (package / template.stem).write_text(text, encoding="utf-8")


def _manifest(root: Path, folder: Path, contract: dict[str, Any]) -> str:
    templates = root / "scripts/templates"
    content = {
        MARK: "by scripts/generate.py from openapi.yaml; do not edit",
        "package": PACKAGE,
        "contract": {
            "version": contract["info"]["version"],
            "sha256": _digest(root / "openapi.yaml"),
        },
        "tools": {tool: version(tool) for tool in TOOLS},
        "templates": {name: _digest(templates / name) for name in files(templates)},
        "files": {name: _digest(folder / name) for name in files(folder)},
    }
    # The mark is on line 1 here, too.
    return json.dumps(content, indent=2).replace("{\n ", "{", 1) + "\n"


def files(folder: Path) -> list[str]:
    """Return the relative names of all files in a folder, without Python's caches."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )


def _digest(path: Path) -> str:
    return sha256(path.read_bytes())


def differences(fresh: Path, present: Path) -> dict[str, str]:
    """Return each file of the present client that differs from the fresh one, with the kind."""
    wanted, found = set(files(fresh)), set(files(present)) if present.is_dir() else set()
    kinds = dict.fromkeys(wanted - found, "missing")
    kinds |= dict.fromkeys(found - wanted, "orphaned")
    for name in wanted & found:
        if (fresh / name).read_bytes() != (present / name).read_bytes():
            kinds[name] = "differs"
    for name in _untracked(present) & set(files(present) if present.is_dir() else ()):
        kinds.setdefault(name, UNTRACKED)
    return dict(sorted(kinds.items()))


def _lines(found: dict[str, str]) -> list[str]:
    return [line(f"{kind:9} generated/{name}") for name, kind in found.items()]


def _untracked(folder: Path) -> set[str]:
    """Return the files of a folder that git does not track; none outside of git."""
    if not folder.is_dir() or not git.is_top(folder.parent):
        return set()
    names = git.output(folder, "ls-files", "--others", "-z") or b""
    return set(filter(None, os.fsdecode(names).split("\0")))


def write(root: Path) -> int:
    """Replace the client in ``generated/`` if it is stale; return the exit code."""
    with _fresh(root) as fresh:
        changed = {
            name: kind
            for name, kind in differences(fresh, root / "generated").items()
            if kind != UNTRACKED
        }
        made_from = _made_from(fresh)
        if changed:
            swap.replace(fresh, root / "generated")
    show("\n".join([*_lines(changed), line(f"generated/ is fresh: {made_from}")]))
    return Exit.OK


def check(root: Path) -> int:
    """Check whether the client in ``generated/`` is fresh; return the exit code."""
    with _fresh(root) as fresh:
        stale, made_from = differences(fresh, root / "generated"), _made_from(fresh)
    if not stale:
        show(line(f"generated/ is fresh: {made_from}"))
        return Exit.OK
    is_changed = set(stale.values()) != {UNTRACKED}
    fix = "run `make generate` and commit" if is_changed else "`git add generated`"
    show(Problem(f"generated/ is stale against {made_from}", fix, details=_lines(stale)))
    return Exit.FOUND


@contextmanager
def _fresh(root: Path) -> Iterator[Path]:
    """Make a client beside the present one."""
    # Beside it, so that a rename can replace it; hidden, so that ruff and mypy ignore it.
    with swap.staging(root, ".generate-") as folder:
        fresh = folder / "generated"
        fresh.mkdir()
        make(root, fresh)
        yield fresh


def _made_from(fresh: Path) -> str:
    manifest = json.loads((fresh / "MANIFEST.json").read_text())
    return f"openapi.yaml {manifest['contract']['version']}"
