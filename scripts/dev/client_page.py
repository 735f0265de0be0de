"""Completes the page of the client's API: an extension of griffe, which the generator runs."""

from __future__ import annotations

from typing import Any

import griffe


class ClientPage(griffe.Extension):
    """Shows a default by its value, links the exceptions of a docstring, hides private bases.

    Of a function with overloads, the list of parameters agrees with their signatures.
    """

    def on_function(self, *, func: griffe.Function, **_: Any) -> None:
        """Replace each default that is a constant of the package, or None beside overloads."""
        given = {two.name: two for one in func.overloads or () for two in one.parameters}
        for parameter in func.parameters if given else ():
            parameter.annotation = given[parameter.name].annotation
            parameter.default = given[parameter.name].default
        for one in (func, *(func.overloads or ())):
            for parameter in one.parameters:
                if isinstance(parameter.default, griffe.ExprName):
                    parameter.default = _value(func, parameter.default)

    def on_class(self, *, cls: griffe.Class, **_: Any) -> None:
        """Leave out each base that is private: the reader cannot look it up."""
        cls.bases = [one for one in cls.bases if not str(one).startswith("_")]

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Let each module find the names of the exceptions, which most do not import."""
        for name, one in pkg["errors"].classes.items():
            pkg.set_member(name, griffe.Alias(name, one))


def _value(func: griffe.Function, default: griffe.ExprName) -> griffe.Expr | str | None:
    try:
        found = func.modules_collection[default.canonical_path]
    except KeyError:  # of another package
        return default
    return found.value if found.is_attribute else default
