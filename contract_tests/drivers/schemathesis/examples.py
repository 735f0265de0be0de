"""Hypothesis' example database: what violated a rule is kept, and generated first by the next run.

Hypothesis keeps what makes a test fail, and drops what no longer does. No test fails here: rules
see the exchanges on the tape, and schemathesis goes on. So the choices of a case are kept where a
violation was new; the same entry is dropped once it is replayed without one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import hypothesis
from hypothesis.database import (
    DirectoryBasedExampleDatabase,
    ExampleDatabase,
    choices_to_bytes,
)
from hypothesis.internal.conjecture.engine import ConjectureRunner
from schemathesis.config import ProjectConfig

from ...problems import Problem
from ...redaction import without_user
from ...usage import setting

REDIS = ("redis://", "rediss://", "unix://")
PROBE = b"contract-gate"
IN_MEMORY = ":memory:"
"""A database as schemathesis' configuration can name it; the real one takes its place."""


def opened(where: str) -> ExampleDatabase:
    """Return the database of a folder, or of a URL of Redis. Raises ``Problem`` without access."""
    named = setting("DATABASE", without_user(where))
    try:
        if where.startswith(REDIS):
            from hypothesis.extra.redis import RedisExampleDatabase
            from redis import Redis

            database: ExampleDatabase = RedisExampleDatabase(Redis.from_url(where))
        else:
            database = DirectoryBasedExampleDatabase(where)
        database.save(PROBE, b"")
        if b"" not in [*database.fetch(PROBE)]:  # Hypothesis passes over a folder that it may not
            raise PermissionError
    except ImportError as error:
        fix = "install the package redis beside this one"
        raise Problem(f"{named} needs the package redis", fix) from error
    except Exception as error:
        what = f"{named} cannot be used: {type(error).__name__}"
        raise Problem(what, "name a folder that can be written, or a Redis that runs") from error
    return database


@contextmanager
def shared(database: ExampleDatabase | None, found: Callable[[], int]) -> Iterator[None]:
    """Let what schemathesis generates begin with a database, and keep there what is found.

    ``found`` returns how many violations are known, of whatever kind: a case after which there are
    more is kept.
    """
    if database is None:
        yield
        return
    kept: list[tuple[bytes, bytes]] = []
    run_case, settings_of = ConjectureRunner.test_function, ProjectConfig.get_hypothesis_settings

    def test_function(runner: ConjectureRunner, data: Any) -> None:
        before = found()
        try:
            run_case(runner, data)
        finally:
            if runner.database_key is not None and found() > before:
                kept.append((runner.database_key, choices_to_bytes(data.choices)))

    def get_settings(config: ProjectConfig, **given: Any) -> hypothesis.settings:
        return hypothesis.settings(settings_of(config, **given), database=database)

    try:
        with (
            mock.patch.object(ConjectureRunner, "test_function", test_function),
            mock.patch.object(ProjectConfig, "get_hypothesis_settings", get_settings),
        ):
            yield
    finally:
        for key, choices in kept:  # now, since a replay drops what it has replayed
            database.save(key, choices)
