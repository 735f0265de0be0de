"""The environments of the peers, made once below ``.bench``, each with exact versions."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CACHE = ROOT / ".bench"
PATIENCE = 600
HTTPX, MSGSPEC = (f"{name}=={version(name)}" for name in ("httpx", "msgspec"))
PYPERF = "pyperf==2.10.0"
PYDANTIC = "pydantic==2.14.4"


class MissingError(Exception):
    """A peer that cannot be installed here; the text is the reason."""


@dataclass(frozen=True)
class Peer:
    """A client, and what its environment has.

    Attributes:
        title: How tables name it.
        packages: Its packages, with exact versions.
        paths: Folders with code, relative to the root.
        generate: A command that writes code into a folder, which stands for ``{out}``.
        tools: The packages of that command, in an environment of their own.

    """

    title: str
    packages: tuple[str, ...]
    paths: tuple[str, ...] = ()
    generate: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    needs: tuple[str, ...] = field(default=())


PEERS: Mapping[str, Peer] = {
    "ours": Peer("this client", (HTTPX, MSGSPEC), ("generated",)),
    "msgspec": Peer(f"httpx and {MSGSPEC}, by hand", (HTTPX, MSGSPEC)),
    "pydantic": Peer(f"httpx and {PYDANTIC}, by hand", (HTTPX, PYDANTIC)),
    "stock": Peer(
        f"openapi-python-client=={version('openapi-python-client')}, stock templates",
        (HTTPX, "attrs==25.4.0", "python-dateutil==2.9.0.post0"),
        generate=(sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none",
                  "--path", "{contract}", "--output-path", "{out}/stock_client", "--overwrite"),
    ),
    "generator": Peer(
        "openapi-generator==7.26.0 (python)",
        (HTTPX, PYDANTIC, "urllib3==2.7.0", "python-dateutil==2.9.0.post0"),
        generate=("openapi-generator-cli", "generate", "-i", "{contract}", "-g", "python",
                  "-o", "{out}", "--package-name", "og_client"),
        tools=("openapi-generator-cli==7.26.0",), needs=("java",),
    ),
    "vendor": Peer("prime-sandboxes==0.5.1, the vendor's", ("prime-sandboxes==0.5.1",)),
}  # fmt: skip
"""By name; the first is ours, and the second what ratios refer to."""


@dataclass(frozen=True)
class Installed:
    """The Python of an environment, and the folders that it also imports from."""

    python: Path
    paths: tuple[Path, ...]


def install(name: str) -> Installed:
    """Make the environment of a peer, unless there is one. Raises ``MissingError``."""
    peer = PEERS[name]
    if missing := [one for one in peer.needs if shutil.which(one) is None]:
        raise MissingError(f"it needs {', '.join(missing)}")
    python = _environment((*peer.packages, PYPERF))
    paths = [ROOT / path for path in peer.paths]
    if peer.generate:
        out = CACHE / f"code-{name}"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        program, *rest = peer.generate
        if peer.tools:
            program = str(_environment(peer.tools).with_name(program))
        given = {"contract": ROOT / "openapi.yaml", "out": out}
        _run([program, *(one.format(**given) for one in rest)])
        paths.append(out)
    return Installed(python, tuple(paths))


def _environment(packages: tuple[str, ...]) -> Path:
    key = hashlib.sha256(repr((sys.version, packages)).encode()).hexdigest()[:12]
    folder = CACHE / f"venv-{key}"
    if not (folder / "ready").is_file():
        _run([sys.executable, "-m", "venv", "--clear", str(folder)])
        pip = [str(folder / "bin/python"), "-m", "pip", "install", "-q", "--retries", "1"]
        _run([*pip, *packages])
        (folder / "ready").touch()
    return folder / "bin" / "python"


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(  # noqa: S603
            command, cwd=CACHE if CACHE.is_dir() else ROOT, capture_output=True, text=True,
            timeout=PATIENCE, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingError(str(error)) from error
    if done.returncode:
        raise MissingError((done.stderr or done.stdout).strip().rpartition("\n")[2])
