"""A build from initiate to its end, as an Arazzo workflow for other tools to run.

No document describes the upload: its URL comes from initiate. Arazzo 1.0 has no step without an
operation of a document, so that one has ``x-operation``, as Redocly's Respect reads it.
"""

from __future__ import annotations

from typing import Any

from .api import IMAGES, Api
from .openapi import PATH

Step = dict[str, Any]

SOURCE = "contract"
POLL_SECONDS = 10.0
"""Seconds between two polls of the vendor's clients (observed)."""
CONTEXT = "context.tar.gz"
"""The file that is uploaded, beside the workflow."""


def document(api: Api = IMAGES) -> dict[str, Any]:
    """Return the workflow, as an Arazzo 1.0.1 document beside the contract."""
    info = api.contract.document["info"]
    steps = [_initiate(api), _upload(api), _start(api), _poll(api)]
    return {
        "arazzo": "1.0.1",
        "info": {
            "title": f"{info['title']}: build an image",
            "version": info["version"],
            "summary": "Initiate a build, upload its context, start it, and poll it to its end.",
        },
        "sourceDescriptions": [{"name": SOURCE, "url": PATH.name, "type": "openapi"}],
        "workflows": [
            {
                "workflowId": "build-image",
                "summary": "Build an image.",
                "description": f"Put a gzipped tar archive beside this file, as {CONTEXT}.",
                "inputs": _inputs(api),
                "steps": steps,
                "outputs": {
                    one: f"$steps.{steps[at]['stepId']}.outputs.{one}"
                    for at, one in ((0, api.issued.build_id), (3, api.build.status))
                },
            }
        ],
    }


def _inputs(api: Api) -> dict[str, Any]:
    names = [api.sent.name, api.sent.tag]
    texts = {"token": {"type": "string", "format": "password"}}
    texts |= {name: {"type": "string"} for name in names}
    return {"type": "object", "required": list(texts), "properties": texts}


def _initiate(api: Api) -> Step:
    names, issued = (api.sent.name, api.sent.tag), api.issued
    return _step(
        api, api.initiate,
        body={name: f"$inputs.{name}" for name in names},
        outputs=[issued.build_id, issued.upload_url],
    )  # fmt: skip


def _upload(api: Api) -> Step:
    return {
        "stepId": "upload",
        "description": "Upload the context; the URL is the credential, so it gets no token.",
        "x-operation": {
            "url": f"$steps.{api.initiate}.outputs.{api.issued.upload_url}",
            "method": "put",
        },
        "requestBody": {
            "contentType": "application/octet-stream", "payload": f"$file('./{CONTEXT}')",
        },
        "successCriteria": [
            {"condition": "$statusCode >= 200"}, {"condition": "$statusCode < 300"},
        ],
    }  # fmt: skip


def _start(api: Api) -> Step:
    return _step(api, api.start, body={api.sent.is_uploaded: True}, of_build=True)


def _poll(api: Api) -> Step:
    status = f"$response.body#/{api.build.status}"
    going = [one for one in api.statuses if not api.is_terminal(one)]
    succeeded = [one for one in api.statuses if api.phase(one) == "succeeded"]
    return _step(
        api, api.status, of_build=True, outputs=[api.build.status],
        until=" || ".join(f"{status} == '{one}'" for one in succeeded),
    ) | {
        "onFailure": [
            {
                "name": "poll-again", "type": "retry",
                "retryAfter": POLL_SECONDS, "retryLimit": int(api.ends_within / POLL_SECONDS),
                "criteria": [
                    {"condition": " || ".join(f"{status} == '{one}'" for one in going)},
                ],
            },
            {"name": "it-failed", "type": "end"},
        ]
    }  # fmt: skip


def _step(
    api: Api, operation: str, *, body: dict[str, Any] | None = None, of_build: bool = False,
    outputs: list[str] | None = None, until: str = "",
) -> Step:  # fmt: skip
    found = api.contract.operations[operation]
    parameters = [{"name": "Authorization", "in": "header", "value": "Bearer {$inputs.token}"}]
    if of_build:
        build_id = f"$steps.{api.initiate}.outputs.{api.issued.build_id}"
        parameters.append({"name": api.path_id, "in": "path", "value": build_id})
    criteria = [f"$statusCode == {found.success}", *filter(None, [until])]
    return {
        "stepId": operation,
        "operationId": operation,
        "parameters": parameters,
        **({"requestBody": {"contentType": "application/json", "payload": body}} if body else {}),
        "successCriteria": [{"condition": one} for one in criteria],
        **({"outputs": {one: f"$response.body#/{one}" for one in outputs}} if outputs else {}),
    }
