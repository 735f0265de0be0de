"""Traffic for a server without memory, which answers each request from examples or a schema.

Nothing is uploaded, since its upload URLs lead nowhere, and nothing is waited for, since no build
of it ends. Invalid starts come before valid ones: once a build is started, a server may check that
before the body.
"""

from __future__ import annotations

from ...contract.api import IMAGES
from . import inputs, probes
from .builds import BuildScript, Issued, Step

_STATUS = IMAGES.contract.operations[IMAGES.status]
EXAMPLES = [*_STATUS.responses[str(_STATUS.success)]["content"]["application/json"]["examples"]]
"""The names of the contract's examples of a status, one for each status."""

_STARTS = [{}, {"context_uploaded": True}, {"context_uploaded": False}]


def request_as_documented(script: BuildScript) -> None:
    """Initiate with few and with all keys; request each example of a status, by RFC 7240's Prefer.

    A mock that does not know the preference answers as it always does.
    """
    script.initiate(
        "everything", image_tag=inputs.OWN_TAG, dockerfile_path="Dockerfile",
        platform="linux/amd64", visibility="PRIVATE",
    )  # fmt: skip
    build = script.initiate("only what is required") or Issued("any-build", "")
    script.look(build, "status")
    for name in EXAMPLES:
        headers = {"Prefer": f"example={name}"}
        script.session.send("GET", build.path, f"status, the example {name}", headers=headers)


def start(script: BuildScript) -> None:
    """Start a build with each valid body."""
    build = script.initiate("to be started") or Issued("any-build", "")
    for body in _STARTS:
        script.start(build, f"start with {body}", body)
    script.look(build, "status after the starts")


def delete(script: BuildScript) -> None:
    """Delete an image of the run's own name, with the token and with others."""
    if script.delete(inputs.OWN_TAG, "delete").succeeded:
        for name, authorization in inputs.tokens(script.session.tape.token).items():
            script.delete(inputs.KEPT_TAG, f"delete with {name}", authorization)


STEPS = [
    Step("each operation as documented", 2, 0, 3 + len(EXAMPLES), request_as_documented),
    *probes.COSTLESS, probes.START_BODIES, probes.TOKENS, probes.ABSENT, probes.METHODS,
    Step("starts", 1, 1, 2 + len(_STARTS), start),
    Step("deletes", 0, 0, 1 + len(inputs.tokens("a-token")), delete),
]  # fmt: skip
"""The steps before the generated requests."""

ENDING = [probes.SEGMENTS]
"""The step that a mock may not survive, so that it comes after all others."""
