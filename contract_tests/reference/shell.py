"""Foretells how a command of a Dockerfile ends, as far as it can be told without running it."""

from __future__ import annotations

import json
import re
import shlex

# What makes a line more than a list of plain commands; nothing is foretold of such a line.
_BEYOND = re.compile(r"[|&(){}`]|\$\(")
_WORDS_BEYOND = {"if", "for", "while", "until", "case", "function", "!", "trap", "exec"}
_SHELLS = {"sh", "bash", "dash", "ash", "/bin/sh", "/bin/bash", "/bin/dash", "/bin/ash"}
_FLAG = re.compile(r"--[a-z]+(?:=\S*)?\s+")


def fails(command: str) -> bool:
    """Tell whether the command of a RUN is sure to fail, in either form."""
    command = without_flags(command)
    if command.startswith("["):
        words = strings(command)
        if words is not None:
            return _exec_fails(words)
    return line_fails(command)


def script_fails(script: str) -> bool:
    """Tell whether a script is sure to fail: at an ``exit``, or by its last command.

    After ``set -e``, any command will do. A script that says by what it is run is none of a shell.
    """
    strict, status = False, 0
    for raw in [] if script.startswith("#!") else script.splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if re.fullmatch(r"set -[a-z]*e[a-z]*(\s+-o pipefail)?", line):
            strict = True
            continue
        status, ended = _run(line, status)
        if ended or (strict and status):
            break
    return status != 0


def line_fails(line: str) -> bool:
    """Tell whether plain commands, joined by ``&&``, ``||`` and ``;``, are sure to fail."""
    return _run(line, 0)[0] != 0


def without_flags(text: str) -> str:
    """Take the ``--flags`` off the front of an instruction's arguments."""
    text = text.strip()
    while flag := _FLAG.match(text):
        text = text[flag.end() :].lstrip()
    return text


def strings(text: str) -> list[str] | None:
    """Read the JSON form of an instruction, or None if it is none."""
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(words, list) and all(isinstance(word, str) for word in words):
        return words
    return None


def _exec_fails(words: list[str]) -> bool:
    if len(words) >= 3 and words[0] in _SHELLS and re.fullmatch(r"-[a-z]*c", words[1]):
        return line_fails(words[2])
    return words[:1] in (["false"], ["/bin/false"], ["/usr/bin/false"])


def _run(line: str, status: int) -> tuple[int, bool]:
    """Return the status that a line ends with, and whether the shell ends; unknown is success."""
    if _BEYOND.search(line.replace("&&", "").replace("||", "")):
        return 0, False
    try:
        lexer = shlex.shlex(line, posix=False, punctuation_chars=";&|")
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:  # an open quote: what it holds is unknown
        return 0, False
    commands: list[tuple[str, list[str]]] = [(";", [])]
    for word in words:
        if word in ("&&", "||", ";"):
            commands.append((word, []))
        else:
            commands[-1][1].append(word)
    for joint, command in commands:
        if not command or (joint == "&&" and status) or (joint == "||" and not status):
            continue
        if command[0] in _WORDS_BEYOND:
            return 0, False
        if command[0] == "exit":
            return _exit(command[1:], status), True
        status = 1 if command[0] in ("false", "/bin/false", "/usr/bin/false") else 0
    return status, False


def _exit(told: list[str], status: int) -> int:
    if not told:
        return status
    return int(told[0][-9:]) % 256 if re.fullmatch(r"[0-9]{1,9}", told[0]) else 0
