"""Faults of shape: a body that does not match its schema, or is not strict JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .base import JSON, Body, ServerRequest, ServerResponse, fault, set_header
from .edits import Change, body, drop, put, rename, whole


def _initiate(**values: Any) -> Change:
    return body(lambda issued: issued.update(values), "initiate")


def _without(key: str) -> Change:
    def edit(group: Body) -> None:
        group.pop(key)

    return body(edit, "initiate")


def _artifacts(make: Callable[[list[Body]], Any]) -> Change:
    return body(lambda group: group.update(artifacts=make(group["artifacts"])))


def _invalid(content: Any, media_type: bytes = JSON) -> Change:
    """Give each 422 another body; bytes are sent as they are."""
    content = content if isinstance(content, bytes) else json.dumps(content).encode()

    def change(_: ServerRequest, response: ServerResponse) -> None:
        if response.status == 422:
            response.content = content
            set_header(response.headers, b"content-type", media_type)

    return change


def _pending(edit: Callable[[bytes], bytes]) -> Change:
    """Edit the bytes of each PENDING status; the others stay readable."""

    def change(request: ServerRequest, response: ServerResponse) -> None:
        if request.operation == "status" and b'"PENDING"' in response.content:
            response.content = edit(response.content)

    return change


def _more(what: bytes) -> Change:
    return _pending(lambda content: content.replace(b"{", b"{" + what + b",", 1))


def _refused_no_json(_: ServerRequest, response: ServerResponse) -> None:
    if response.status == 404:
        response.content = b"not found"


_SNAKE = {"imageName": "image_name", "imageTag": "image_tag"}
_CAMEL = {"build_id": "buildId", "upload_url": "uploadUrl", "expires_in": "expiresIn"}

FAULTS = [
    fault("no-image-tag", "P6", "imageTag is left out", response=body(drop("imageTag"))),
    fault("no-image-name", "P6", "imageName is left out", response=body(drop("imageName"))),
    fault("no-id", "P6", "id is left out", response=body(drop("id"))),
    fault("no-status", "P6", "a waiting build has no status",
          response=body(drop("status", when="PENDING UPLOADING"))),
    fault("image-name-null", "P6", "imageName is null",
          response=body(put("imageName", None))),
    fault("image-tag-list", "P6", "imageTag is a list",
          response=body(put("imageTag", lambda row: [row["imageTag"]]))),
    fault("names-snake-case", "P6", "imageName and imageTag are in snake case",
          response=body(rename(_SNAKE))),
    fault("initiate-camel-case", "P6", "the response of initiate is in camel case",
          response=body(rename(_CAMEL), "initiate")),
    fault("no-build-id", "P6", "initiate leaves build_id out", response=_without("build_id")),
    fault("no-upload-url", "P6", "initiate leaves upload_url out", response=_without("upload_url")),
    fault("no-full-image-path", "P6", "initiate leaves fullImagePath out",
          response=_without("fullImagePath")),
    fault("visibility-null", "P6", "the visibility that initiate returns is null",
          response=_initiate(visibility=None)),
    fault("build-id-number", "P6", "build_id is a number", response=_initiate(build_id=7)),
    fault("upload-url-null", "P6", "upload_url is null",
          response=_initiate(upload_url=None)),
    fault("delete-success-text", "P6", "success of a delete is a text",
          response=whole(lambda value: {**value, "success": "true"}, "delete")),
    fault("delete-without-message", "P6", "delete returns no message",
          response=whole(lambda value: {"success": value["success"]}, "delete")),
    fault("expires-in-string", "P6", "expires_in is a string",
          response=_initiate(expires_in="3600")),
    fault("expires-in-fraction", "P6", "expires_in has a fraction",
          response=_initiate(expires_in=3600.5)),
    fault("expires-in-zero", "P10", "expires_in is 0", response=_initiate(expires_in=0)),
    fault("expires-in-negative", "P10", "expires_in is -3600",
          response=_initiate(expires_in=-3600)),
    fault("upload-url-relative", "P10", "upload_url is a path without scheme and host",
          response=body(lambda issued: issued.update(
              upload_url="/" + issued["upload_url"].split("/", 3)[3]), "initiate")),
    fault("upload-url-storage", "P10", "upload_url has the scheme of a storage, s3",
          response=body(lambda issued: issued.update(
              upload_url="s3" + issued["upload_url"].removeprefix("http")), "initiate")),
    fault("artifacts-null", "P6", "artifacts are null where there are none",
          response=_artifacts(lambda rows: rows or None)),
    fault("artifacts-object", "P6", "artifacts are an object, by their ids",
          response=_artifacts(lambda rows: {row["id"]: row for row in rows})),
    fault("artifacts-string", "P6", "artifacts are JSON in a string",
          response=_artifacts(json.dumps)),
    fault("artifact-string", "P6", "an artifact is its id alone",
          response=_artifacts(lambda rows: [row["id"] for row in rows])),
    fault("artifact-no-id", "P6", "an artifact has no id",
          response=body(drop("id", rows="artifacts"))),
    fault("artifact-no-status", "P6", "only the group has a status, its artifacts have none",
          response=body(drop("status", rows="artifacts"))),
    fault("artifact-path-list", "P6", "the fullImagePath of an artifact is a list",
          response=body(put("fullImagePath", lambda row: [row["fullImagePath"]],
                            when="COMPLETED", rows="artifacts"))),
    fault("error-message-object", "P6", "an errorMessage is an object",
          response=body(put("errorMessage", lambda row: {"text": row["errorMessage"]},
                            when="FAILED", rows="artifacts"))),
    fault("group-in-list", "P6", "status returns a list with the group",
          response=whole(lambda group: [group], "status")),
    fault("group-in-data", "P6", "the group is returned under data", "T1",
          response=whole(lambda group: {"data": group}, "start status")),
    fault("start-null", "P6", "start returns null", response=whole(lambda _: None, "start")),
    fault("start-message", "P6", "start returns a message in place of the group", "T1 L7",
          response=whole(lambda _: {"message": "started"}, "start")),
    fault("detail-422", "P6", "a 422 has detail, not errors",
          response=_invalid({"detail": "is not valid"})),
    fault("detail-list-422", "P6", "a 422 has a list of details, not errors", response=_invalid(
        {"detail": [{"loc": ["body"], "msg": "is not valid", "type": "value_error"}]})),
    fault("string-422", "P6", "a 422 is a string", response=_invalid("is not valid")),
    fault("list-422", "P6", "a 422 is an empty list", response=_invalid([])),
    fault("errors-object-422", "P6", "the errors of a 422 are an object",
          response=_invalid({"errors": {"image_name": "is required"}})),
    fault("errors-strings-422", "P6", "the errors of a 422 are strings",
          response=_invalid({"errors": ["image_name is required"]})),
    fault("error-no-param-422", "P6", "an error of a 422 names no param",
          response=_invalid({"errors": [{"details": "is required"}]})),
    fault("error-param-null-422", "P6", "the param of a 422 is null",
          response=_invalid({"errors": [{"param": None, "details": "is required"}]})),
    fault("html-422", "P6", "a 422 is an HTML page",
          response=_invalid(b"<p>invalid</p>", b"text/html")),
    fault("empty-422", "P6", "a 422 has no body", response=_invalid(b"", b"text/plain")),
    fault("json-bom", "P8", "a status starts with a BOM",
          response=_pending(lambda content: b"\xef\xbb\xbf" + content)),
    fault("json-key-twice", "P8", "a status has a duplicate key",
          response=_more(b'"status":"BUILDING"')),
    fault("json-more", "P8", "a status is followed by more text",
          response=_pending(lambda content: content + b"\n{}")),
    fault("json-nan", "P8", "a status has a NaN", response=_more(b'"progress":NaN')),
    fault("json-infinity", "P8", "a status has a -Infinity", response=_more(b'"left":-Infinity')),
    fault("json-latin-1", "P8", "a status is not in UTF-8", response=_more(b'"note":"caf\xe9"')),
    fault("json-utf-16", "P8", "a status is in UTF-16",
          response=_pending(lambda content: content.decode().encode("utf-16"))),
    fault("json-surrogate", "P8", "a status has a lone surrogate",
          response=_more(b'"note":"\\ud83d"')),
    fault("json-truncated", "P8", "a status is truncated",
          response=_pending(lambda content: content[:-1])),
    fault("json-comma", "P8", "a status has a trailing comma",
          response=_pending(lambda content: content[:-1] + b",}")),
    fault("json-empty", "P8", "a status is empty", response=_pending(lambda _: b"")),
    fault("text-404", "P8", "a 404 is plain text, with the content type of JSON",
          response=_refused_no_json),
    fault("latin-1-422", "P8", "a 422 is not in UTF-8",
          response=_invalid(b'{"errors":[{"param":"body","details":"tr\xe8s faux"}]}')),
]  # fmt: skip
