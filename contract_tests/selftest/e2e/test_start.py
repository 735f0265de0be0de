"""A server that the gate starts: it is waited for, judged, and stopped with all its children."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ...contract.openapi import PATH
from ...gate import server
from ...gate.server_log import ServerLog
from ...gate.target import Target
from ...problems import Problem
from ..support.ci_job import free_port
from ..support.gate_command import SCRIPTED, TALKATIVE, TOKEN, ends, make_gate, run_module

IGNORES = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
# Each process writes its id; those that are to be stopped need not be its children.
NOTE = "import os, sys, pathlib; pathlib.Path(sys.argv[1], str(os.getpid())).touch()\n"
SERVES = """
from http.server import BaseHTTPRequestHandler, HTTPServer
left = [503] * int(sys.argv[3])
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        print(f"{len(left)} times unready, token {os.environ.get('CONTRACT_TOKEN')}", flush=True)
        self.send_response(left.pop() if left else 404)
        self.end_headers()
    def log_message(self, *_):
        pass
HTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
"""
SLEEPS = "import time; time.sleep(3600)\n"


def script(path: Path, *parts: str) -> Path:
    """Write a program."""
    path.write_text("".join(parts))
    return path


class Programs:
    """A server of one port, programs that it may start, and who runs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.ids = folder, folder / "ids"
        self.ids.mkdir()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.serves = [
            sys.executable, str(script(folder / "serves.py", NOTE, SERVES)), str(self.ids),
            str(self.port), "0",
        ]  # fmt: skip

    def starts(self, child: str) -> list[str]:
        """Return a server that starts another program first, by a line of Python."""
        text = f"import subprocess\nother = [sys.executable, {str(self.folder / 'child.py')!r}]\n"
        path = script(self.folder / "parent.py", NOTE, text, child, "\n", SERVES)
        return [sys.executable, str(path), *self.serves[2:]]

    def child(self, *parts: str) -> None:
        """Write the other program; it is to be called with the folder of the ids."""
        script(self.folder / "child.py", NOTE, *parts, SLEEPS)

    def running(self) -> set[int]:
        """Return the ids of those that run."""
        return {one for one in self.started() if _runs(one)}

    def started(self) -> set[int]:
        """Return the ids of all that were started."""
        return {int(one.name) for one in self.ids.iterdir()}


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Programs]:
    """Yield programs; none of them outlives the test."""
    monkeypatch.setattr(server, "GRACE", 0.5)
    made = Programs(tmp_path)
    yield made
    for one in made.running():
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)


IN_GROUP = "subprocess.Popen([*other, sys.argv[1]])"
DAEMON = "subprocess.Popen([*other, sys.argv[1]], start_new_session=True)"
WAITS = "\nimport time\nwhile len(os.listdir(sys.argv[1])) < 2: time.sleep(0.01)"


@pytest.mark.parametrize("is_stubborn", [False, True], ids=["ends", "ignores SIGTERM"])
@pytest.mark.parametrize(
    "start",
    [
        IN_GROUP,
        pytest.param(DAEMON, marks=pytest.mark.skipif(
            sys.platform != "linux", reason="only Linux shows who left the group")),
    ],
    ids=["child", "daemon"],
)  # fmt: skip
@pytest.mark.parametrize("fails", [False, True], ids=["judged", "failed"])
def test_server_is_stopped_with_its_children(
    programs: Programs, start: str, is_stubborn: bool, fails: bool
) -> None:
    """Also a child that ignores SIGTERM, one that left the group, and after a failure."""
    programs.child(IGNORES if is_stubborn else "")
    command = programs.starts(start + WAITS)
    with (
        contextlib.suppress(ZeroDivisionError),
        server.started(command, programs.url, ServerLog(), os.environ) as ended,
    ):
        during = programs.running()
        assert ended() is None
        if fails:
            raise ZeroDivisionError
    after = programs.running()

    assert len(during) == 2
    assert after == set()
    assert server.status(programs.url) is None


def test_server_that_ignores_sigterm_is_killed(programs: Programs) -> None:
    """After some seconds."""
    path = script(programs.folder / "stubborn.py", IGNORES, NOTE, SERVES)
    command = [sys.executable, str(path), *programs.serves[2:]]
    with server.started(command, programs.url, ServerLog(), os.environ):
        during = programs.running()

    assert len(during) == 1
    assert programs.running() == set()


def test_server_outlives_nobody_who_is_killed(programs: Programs) -> None:
    """Nothing of a gate that gets SIGKILL can stop it; what runs the server does."""
    programs.child(IGNORES)
    run = (
        "import os, sys, time\nfrom contract_tests.gate import server\n"
        "from contract_tests.gate.server_log import ServerLog\nserver.GRACE = 0.5\n"
        "with server.started(sys.argv[2:], sys.argv[1], ServerLog(), os.environ):\n"
        "    print('ready', flush=True)\n    time.sleep(3600)\n"
    )
    gate = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", run, programs.url, *programs.starts(IN_GROUP + WAITS)],
        cwd=PATH.parent, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert gate.stdout is not None
    assert gate.stdout.readline() == "ready\n"
    during = programs.running()
    gate.kill()
    gate.communicate()
    until = time.monotonic() + 60
    while programs.running() and time.monotonic() < until:
        time.sleep(0.05)

    assert len(during) == 2
    assert programs.running() == set()


def test_server_that_is_not_ready_at_first_is_waited_for(programs: Programs) -> None:
    """While it answers 503; what it prints is in its log, without the token."""
    log = ServerLog()
    environment = {**os.environ, "CONTRACT_TOKEN": TOKEN}
    with server.started([*programs.serves[:-1], "3"], programs.url, log, environment):
        pass
    shown = log.tail(lambda text: text.replace(TOKEN, "<token>"))

    assert shown == [f"{left} times unready, token <token>" for left in (3, 2, 1, 0)]


@pytest.mark.parametrize(
    ("command", "code", "last"),
    [
        ("echo one; echo two >&2; exit 3", 3, "two"),
        ("exit 0", 0, ""),
        ("kill -KILL $$", 137, ""),
        ("./no-such-server --port 8000", 127, "no-such-server"),
        ("sleep 3600 & echo back", 0, "back"),
    ],
)
def test_command_that_ends_at_once_is_a_problem(
    programs: Programs, command: str, code: int, last: str
) -> None:
    """With its exit code; its last lines are in the log."""
    log = ServerLog()
    with (
        pytest.raises(Problem, match=rf"\b{code}\b"),
        server.started(server.words(command), programs.url, log, os.environ),
    ):
        pytest.fail("it never ran")

    assert last in log.tail(str)[-1]


@pytest.mark.parametrize("name", ["no-such-folder/serve", "not-executable"])
def test_file_that_cannot_be_run_is_a_problem(programs: Programs, name: str) -> None:
    """The log has the reason."""
    (programs.folder / "not-executable").write_text("x")
    log = ServerLog()
    with (
        pytest.raises(Problem, match=r"\b126\b"),
        server.started([str(programs.folder / name)], programs.url, log, os.environ),
    ):
        pytest.fail("it never ran")

    assert name in log.tail(str)[-1]


def test_port_that_somebody_else_serves_is_a_problem(programs: Programs) -> None:
    """The gate would judge the other server."""
    with server.started(programs.serves, programs.url, ServerLog(), os.environ):
        before = programs.started()
        with (
            pytest.raises(Problem, match="before the command has started"),
            server.started(programs.serves, programs.url, ServerLog(), os.environ),
        ):
            pytest.fail("it never ran")

        assert programs.started() == before


SHELL = ["/bin/sh", "-c"]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("sleep 1", ["sleep", "1"]),
        ("sleep --a='b c' \"d\"", ["sleep", "--a=b c", "d"]),
        ("sleep 1 && x", None),
        ("sleep $PORT", None),
        ("PORT=8000 sleep 1", None),
        ("sleep 1 > out", None),
        ("sleep 1\nsleep 2", None),
        ("~/serve", None),
        ("exec sleep 1", None),
        ("no-such-command", None),
    ],
)
def test_shell_runs_what_only_a_shell_can(command: str, words: list[str] | None) -> None:
    """As make does with a line of a recipe."""
    assert server.words(command) == (words or [*SHELL, command])


def test_server_has_no_setting_of_the_gate() -> None:
    """But its token, and what is anybody's; make has set a variable for each setting."""
    given = {
        "PATH": "/bin", "CONTRACT_TARGET": "http://x", "TARGET": "http://x", "RATE": "mine",
        "CONTRACT_RATE": "5", "MAKEFLAGS": "w", "MAKELEVEL": "1", "PYTHONPYCACHEPREFIX": "x",
        "IMAGE_BUILD_CONTRACT_USAGE": "make", "PORT": "8000", "CONTRACT_TOKEN": "other",
    }  # fmt: skip
    made = Target(url="http://x", token=TOKEN).environment(given)

    assert dict(made) == {
        "PATH": "/bin", "RATE": "mine", "PORT": "8000", "CONTRACT_TOKEN": TOKEN
    }  # fmt: skip
    assert TOKEN not in repr(made)


def reference(port: int, *options: str) -> str:
    """Return the command of a reference server."""
    words = (sys.executable, "-m", "contract_tests", "serve", "--port", str(port), *options)
    return " ".join(words)


@pytest.mark.slow
def test_gate_starts_judges_and_stops_a_server(tmp_path: Path) -> None:
    """The reports have its log, without the token; the failure repeats with the command."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    start = reference(port, "--build-seconds", "0.1", "--fault", "completed-null")
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    (tmp_path / "token").chmod(0o644)
    code, printed = run_module(
        "contract_tests", "gate", f"--junit={tmp_path / 'reports/junit.xml'}",
        TARGET=url, START=start, TOKEN_FILE=str(tmp_path / "token"), SERVER_ONLY="1",
        RULE="T4,T5", MAX_REQUESTS=SCRIPTED,
    )  # fmt: skip
    reports = tmp_path / "reports"
    log = (reports / "server.log").read_text()

    assert code == 1, printed
    assert f"start         {start}\n" in printed
    assert f"token         {tmp_path / 'token'}, which others may read" in printed
    assert f"START='{start}' TARGET={url} TOKEN_FILE={tmp_path / 'token'}" in printed
    assert "<token>" in log
    assert not [one for one in reports.iterdir() if TOKEN in one.read_text()]
    assert ends(reports)[0] == "cut"
    assert server.status(url) is None


def test_failure_to_start_is_in_the_reports(tmp_path: Path) -> None:
    """With the last lines that the server printed, without the token, and code 4."""
    start = "echo it is $CONTRACT_TOKEN; echo and '\\033[31mred'; exit 3"
    code, printed = make_gate(
        f"--junit={tmp_path / 'junit.xml'}", START=start, TOKEN=TOKEN,
        TARGET=f"http://127.0.0.1:{free_port()}",
    )  # fmt: skip
    verdicts = json.loads((tmp_path / "verdicts.json").read_text())
    shown = printed.partition("cannot judge")[2]

    assert code == 4
    assert "ended with exit code 3 before it was ready" in shown
    assert "log: it is <token>" in shown
    assert "\x1b" not in printed
    assert "log: it is <token>" in verdicts["problem"]
    assert (tmp_path / "server.log").read_text().startswith("it is <token>\n")


def test_server_that_ends_during_the_run_is_named(tmp_path: Path) -> None:
    """The gate cannot tell, and the log may show why."""
    program = script(
        tmp_path / "ends.py", NOTE, SERVES.replace("404", "404 if len(ids) < 2 else sys.exit(5)")
    )
    program.write_text(program.read_text().replace("left = ", "ids = []\nleft = ").replace(
        "        print(", "        ids.append(1)\n        if len(ids) > 1:\n"
        "            print('out of luck', flush=True); os._exit(5)\n        print("
    ).replace("def log_message", "do_POST = do_GET\n    def log_message"))  # fmt: skip
    port = free_port()
    code, printed = make_gate(
        START=f"{sys.executable} {program} {tmp_path} {port} 0", TOKEN=TOKEN,
        TARGET=f"http://127.0.0.1:{port}",
    )  # fmt: skip

    assert code == 4, printed
    assert "the server's command ended with exit code 5" in printed
    assert "log: out of luck" in printed


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_to_the_gate_stops_its_server(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM end the run with 2."""
    port = free_port()
    environment = {
        "CONTRACT_TARGET": f"http://127.0.0.1:{port}", "CONTRACT_TOKEN": TOKEN,
        "CONTRACT_START": reference(port, "--build-seconds", "3600"), "CONTRACT_SERVER_ONLY": "1",
    }  # fmt: skip
    gate = subprocess.Popen(  # noqa: S603 (our own command)
        [sys.executable, *TALKATIVE, "gate", f"--junit={tmp_path / 'junit.xml'}"],
        cwd=PATH.parent, env={**os.environ, **environment},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    lines = []
    for line in gate.stdout or ():
        lines.append(line)
        if " requests, " in line and " s, " in line:  # it is in the middle of the run
            gate.send_signal(number)
            break
    printed = "".join(lines) + gate.communicate(timeout=60)[0]
    until = time.monotonic() + 60
    url = environment["CONTRACT_TARGET"]
    while server.status(url) is not None and time.monotonic() < until:
        time.sleep(0.05)

    assert gate.returncode == 2, printed
    assert server.status(url) is None


def test_plan_needs_no_token_and_starts_nothing(tmp_path: Path) -> None:
    """It shows the command."""
    code, printed = make_gate(
        START=f"touch {tmp_path / 'started'}", TARGET="http://127.0.0.1:9", DRY_RUN="1"
    )

    assert code == 0
    assert f"start         touch {tmp_path / 'started'}" in printed
    assert not [*tmp_path.iterdir()]


def _take_the_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    # Tests that run in the background may inherit an ignored SIGINT.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def typed(token: str, tmp_path: Path, **settings: str) -> tuple[int, str]:
    """Run the gate on a terminal and type a token; return the exit code and what is shown."""
    ours, theirs = pty.openpty()
    clean = {name: one for name, one in os.environ.items() if not name.startswith("CONTRACT_")}
    given = {f"CONTRACT_{name}": value for name, value in settings.items()}
    gate = subprocess.Popen(  # noqa: S603 (our own command)
        [sys.executable, "-m", "contract_tests", "gate", f"--junit={tmp_path / 'junit.xml'}"],
        cwd=PATH.parent, env=clean | given, stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True, preexec_fn=_take_the_terminal,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # Linux' end of a terminal
        while select.select([ours], [], [], 60)[0] and (chunk := os.read(ours, 4096)):
            shown += chunk
            if token and b"not shown" in shown:
                os.write(ours, token.encode())
                token = ""
    os.close(ours)
    return gate.wait(60), shown.decode()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("keys", "code", "part"),
    [
        ("a-typed-token\n", 0, "1 rule passed"),
        ("\n", 4, "no token for the target"),
        ("\x04", 4, "no token for the target"),
        ("\x03", 2, "interrupted"),
    ],
    ids=["a token", "empty", "Ctrl-D", "Ctrl-C"],
)
def test_token_is_read_from_a_terminal(keys: str, code: int, part: str, tmp_path: Path) -> None:
    """It is not echoed."""
    port = free_port()
    ended, shown = typed(
        keys, tmp_path, TARGET=f"http://127.0.0.1:{port}", SERVER_ONLY="1",
        START=reference(port, "--build-seconds", "0.1"), RULE="P2", MAX_REQUESTS=SCRIPTED,
    )  # fmt: skip

    assert (ended, part in shown) == (code, True), shown
    assert "a-typed-token" not in shown
