"""Faults of effect: an operation does something else than it should, or nothing, or to another."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from .base import BUILD, DONE, Body, Server, ServerRequest, ServerResponse, empty, fault
from .edits import Change, Edit, EditOfMany, body, both, count, history, later, rows_of, with_status


def _has_begun(group: Body) -> bool:
    return group["startedAt"] is not None


_waits = both(with_status("UPLOADING", "group"), empty)
_forgets = both(with_status("PENDING", "group"), empty)


def _begun(edit: Edit, answers: int) -> EditOfMany:
    """Edit the first responses about a build that has begun."""

    def first(group: Body, seen: Body) -> None:
        if _has_begun(group) and count(seen, "begun") <= answers:
            edit(group)

    return first


def _done_at_once(group: Body, seen: Body) -> None:
    if group["status"] == "BUILDING" and count(seen, "starts") == 1:
        with_status("COMPLETED")(group)


def _again(change: Change) -> Change:
    """Count the starts of a build; make a change once there was a second."""

    def changed(request: ServerRequest, response: ServerResponse) -> None:
        if request.operation == "start" and response.is_success:
            count(request.seen, "starts")
        if request.seen.get("starts", 0) > 1:
            change(request, response)

    return changed


def _note_image(request: ServerRequest, response: ServerResponse) -> None:
    """Note the paths of all images."""
    if request.operation == "initiate" and response.is_success:
        body = request.json()
        path = f"/api/v1/images/{quote(body['image_name'], '')}/{quote(body['image_tag'], '')}"
        request.server.memory["images"][path] = None


def _delete_more(
    is_alike: Callable[[str, str], bool],
) -> Callable[[ServerRequest, Server], Awaitable[ServerResponse]]:
    """Delete each image whose path is like the one that was to be deleted, too."""

    async def delete(request: ServerRequest, server: Server) -> ServerResponse:
        response = await server.respond(request)
        if request.operation == "delete" and response.is_success:
            for path in server.memory["images"]:
                if is_alike(path, request.path.decode()):
                    await server.send(request, "DELETE", path)
        return response

    return delete


def _is_of_name(path: str, deleted: str) -> bool:
    return path.rpartition("/")[0] == deleted.rpartition("/")[0]


async def _delete_newest(request: ServerRequest, server: Server) -> ServerResponse:
    """Delete the image that was initiated last, whatever was to be deleted."""
    if request.operation == "delete" and request.is_authorized and server.memory["images"]:
        return await server.send(request, "DELETE", list(server.memory["images"])[-1])
    return await server.respond(request)


def _elsewhere(request: ServerRequest, response: ServerResponse) -> None:
    if request.operation == "start" and response.is_success:
        response.status, response.content = 303, b""
        response.headers = [(b"location", request.path.removesuffix(b"/start"))]


def _begins_later(group: Body, _: Body) -> None:
    for row in rows_of(group, "all"):
        row["startedAt"] = later(row["startedAt"], milliseconds=2)


def _another_artifact(group: Body, _: Body) -> None:
    for row in group["artifacts"]:
        row["id"] = f"{row['id']}_again"


def _builds_again(*ends: str) -> Change:
    """Return BUILDING twice after a build that has ended is started again."""

    def change(request: ServerRequest, response: ServerResponse) -> None:
        is_about_it = request.operation in ("start", "status") and response.is_success
        is_done = is_about_it and json.loads(response.content)["status"] in ends
        if request.operation == "start" and is_done:
            request.seen["left"] = 2
        if is_done and request.seen.get("left"):
            request.seen["left"] -= 1
            body(with_status("BUILDING"))(request, response)

    return change


def _resets(request: ServerRequest, response: ServerResponse) -> None:
    """Return UPLOADING, once, after a second upload."""
    if request.operation == "upload" and count(request.seen, "uploads") == 2:
        request.seen["is_reset"] = True
    elif request.operation == "status" and request.seen.pop("is_reset", False):
        body(_waits)(request, response)


def _early(*, succeeds: bool) -> Callable[[ServerRequest, Server], Awaitable[ServerResponse]]:
    """Build without a context; the start succeeds or is refused."""

    async def around(request: ServerRequest, server: Server) -> ServerResponse:
        response = await server.respond(request)
        if request.operation == "initiate" and response.is_success:
            issued = json.loads(response.content)
            server.memory[issued["build_id"]]["url"] = _path(issued["upload_url"])
        elif request.operation == "upload":
            request.seen["uploaded"] = True
        elif request.operation == "start" and response.status == 409:
            url = request.seen.get("url")
            if url and "uploaded" not in request.seen and not _says_false(request):
                await server.send(request, "PUT", url, _context(), b"application/octet-stream")
                request.seen["early"] = True
                started = await server.respond(request)
                return started if succeeds else response
        return response

    return around


def _context() -> bytes:
    packed, text = io.BytesIO(), b"FROM scratch\n"
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))
    return gzip.compress(packed.getvalue())


def _path(url: Any) -> str:
    return "/" + str(url).split("/", 3)[3]


def _early_is_done(group: Body, seen: Body) -> None:
    if seen.get("early"):
        with_status("COMPLETED")(group)
        for row in rows_of(group, "all"):
            row["startedAt"] = row["completedAt"] = group["startedAt"]


def _initiated(request: ServerRequest, response: ServerResponse) -> tuple[str, Body] | None:
    """Return the name and tag that were sent to initiate, and its response."""
    if request.operation != "initiate" or not response.is_success:
        return None
    body = request.json()
    return f"{body['image_name']}:{body['image_tag']}", json.loads(response.content)


def _same_id_again(request: ServerRequest, response: ServerResponse) -> None:
    """Return the id of the first build of that name and tag."""
    if initiated := _initiated(request, response):
        name, issued = initiated
        first = request.server.memory["ids"].setdefault(name, issued["build_id"])
        response.content = json.dumps({**issued, "build_id": first}).encode()


async def _same_url_again(request: ServerRequest, server: Server) -> ServerResponse:
    """Return the URL of the first build of that name and tag; it uploads for the newest."""
    newest = server.memory["newest"]
    if request.operation == "upload":
        url = f"{request.path.decode()}?{request.query.decode()}"
        path, _, query = newest.get(url, url).encode().partition(b"?")
        return await server.respond(replace(request, path=path, query=query))
    response = await server.respond(request)
    if initiated := _initiated(request, response):
        name, issued = initiated
        first = server.memory["urls"].setdefault(name, issued["upload_url"])
        newest[_path(first)] = _path(issued["upload_url"])
        response.content = json.dumps({**issued, "upload_url": first}).encode()
    return response


async def _starts_another(request: ServerRequest, server: Server) -> ServerResponse:
    """Start another waiting build, with the first start."""
    waiting = server.memory["waiting"]
    response = await server.respond(request)
    if response.is_success and request.operation == "upload":
        waiting[request.build_id] = True
    if response.is_success and request.operation == "start":
        waiting.pop(request.build_id, None)
        for other in [] if server.memory["once"] else list(waiting)[:1]:
            server.memory["once"][other] = True
            await server.send(request, "POST", f"{BUILD}/{other}/start", b"{}")
    return response


def _returns_another(*keys: str) -> Change:
    """Return another PENDING build in the first status of one that is PENDING."""

    def change(request: ServerRequest, response: ServerResponse) -> None:
        if request.operation != "status" or not response.is_success:
            return
        group, last = json.loads(response.content), request.server.memory["last"]
        if group["status"] != "PENDING" or count(request.seen, "returned") > 1:
            return
        if last:
            other = {key: last[key] for key in keys or last}
            response.content = json.dumps({**group, **other}).encode()
        last.update(group)

    return change


def _artifact_of_another(request: ServerRequest, response: ServerResponse) -> None:
    """List the artifacts of the newest completed build in those that were created before it."""
    if request.operation not in ("start", "status") or not response.is_success:
        return
    group = json.loads(response.content)
    if group["status"] == "COMPLETED":
        newest = request.server.memory["newest"]
        if newest.get("createdAt", "") < group["createdAt"]:
            newest.update(group)
        elif newest["id"] != group["id"]:
            group["artifacts"] += newest["artifacts"]
            response.content = json.dumps(group).encode()


def _not_found(response: ServerResponse) -> None:
    response.status = 404
    response.content = b'{"errors": [{"param": "build_id", "details": "there is no such build"}]}'


def _found_late(request: ServerRequest, response: ServerResponse) -> None:
    if (
        request.operation == "status"
        and response.is_success
        and count(request.seen, "returned") == 1
    ):
        _not_found(response)


def _found_once_uploaded(request: ServerRequest, response: ServerResponse) -> None:
    if request.operation == "status" and b'"PENDING"' in response.content:
        _not_found(response)


def _says_false(request: ServerRequest) -> bool:
    value = request.json()
    is_object = isinstance(value, dict)
    return request.operation == "start" and is_object and value.get("context_uploaded") is False


def _false_starts(request: ServerRequest) -> None:
    if _says_false(request):
        request.content = b"{}"


async def _false_refused_but_started(request: ServerRequest, server: Server) -> ServerResponse:
    response = await server.respond(request)
    if _says_false(request) and response.status == 409:
        await server.respond(replace(request, content=b"{}"))
    return response


async def _upload_starts(request: ServerRequest, server: Server) -> ServerResponse:
    response = await server.respond(request)
    if request.operation == "upload" and response.is_success:
        await server.send(request, "POST", f"{BUILD}/{request.build_id}/start", b"{}")
    return response


def _uploads_refused(status: int) -> Callable[[ServerRequest], ServerResponse | None]:
    return lambda request: (
        ServerResponse(status, [], b"") if request.operation == "upload" else None
    )


def _stored_but_500(request: ServerRequest, response: ServerResponse) -> None:
    if request.operation == "upload" and response.is_success:
        response.status = 500


def _first_upload_404(request: ServerRequest) -> ServerResponse | None:
    """Refuse the first upload of each build: a client would have to know that it can retry."""
    is_first = request.operation == "upload" and count(request.seen, "uploads") == 1
    return ServerResponse(404, [], b"") if is_first else None


def _visible(request: ServerRequest, response: ServerResponse) -> None:
    """Return PUBLIC where PRIVATE was requested."""
    is_issue = request.operation == "initiate" and response.is_success
    if is_issue and request.json().get("visibility") == "PRIVATE":
        issued = json.loads(response.content)
        response.content = json.dumps({**issued, "visibility": "PUBLIC"}).encode()


def _public_by_default(request: ServerRequest, response: ServerResponse) -> None:
    """Return PUBLIC for a tag that is new, where no visibility was requested, or INHERIT."""
    if request.operation != "initiate" or not response.is_success:
        return
    body, seen = request.json(), request.server.memory["tags"]
    is_new = seen.setdefault(f"{body['image_name']}:{body['image_tag']}", response) is response
    if is_new and body.get("visibility", "INHERIT") == "INHERIT":
        issued = json.loads(response.content)
        response.content = json.dumps({**issued, "visibility": "PUBLIC"}).encode()


def _finds(
    is_alike: Callable[[str, str], bool],
) -> Callable[[ServerRequest, Server], Awaitable[ServerResponse]]:
    """Find a build by an id that is like its own, where a status would be 404."""

    async def found(request: ServerRequest, server: Server) -> ServerResponse:
        response = await server.respond(request)
        if request.operation == "initiate" and response.is_success:
            server.memory["issued"][json.loads(response.content)["build_id"]] = None
        if request.operation == "status" and response.status == 404 and request.build_id:
            for issued in server.memory["issued"]:
                if is_alike(issued, request.build_id):
                    path = f"/api/v1/images/build/{quote(issued, '')}"
                    return await server.send(request, "GET", path)
        return response

    return found


def _rebuilt(edit: Edit) -> Change:
    """Edit an ended build once another one of its name and tag is initiated."""

    def change(request: ServerRequest, response: ServerResponse) -> None:
        newest = request.server.memory["newest"]
        if initiated := _initiated(request, response):
            newest[initiated[0]] = initiated[1]["build_id"]
        elif request.operation in ("start", "status") and response.is_success:
            group = json.loads(response.content)
            is_newest = newest.get(f"{group['imageName']}:{group['imageTag']}") == group["id"]
            if group["status"] in DONE and not is_newest:
                edit(group)
                response.content = json.dumps(group).encode()

    return change


def _shows_the_old_one(request: ServerRequest, response: ServerResponse) -> None:
    """Return the status, the times and the artifacts of the ended build until a new one starts."""
    ended = request.server.memory["ended"]
    if request.operation != "status" or not response.is_success:
        return
    group = json.loads(response.content)
    name = f"{group['imageName']}:{group['imageTag']}"
    if group["status"] == "COMPLETED":
        ended[name] = {key: group[key] for key in ("status", "startedAt", "completedAt")}
    elif name in ended and group["startedAt"] is None:
        times = dict.fromkeys(("startedAt", "completedAt"), group["createdAt"])
        response.content = json.dumps({**group, **ended[name], **times}).encode()


def _never_ends(status: str) -> Edit:
    """Return BUILDING for ever instead of an end."""

    def edit(group: Body) -> None:
        rows = [row for row in rows_of(group, "all") if row["status"] == status]
        if group["status"] == status or any(row in rows for row in group["artifacts"]):
            with_status("BUILDING")(group)

    return edit


FAULTS = [
    fault("start-idle", "L6", "start returns BUILDING, and status UPLOADING forever", "L4 L7 L14",
          response=history(_begun(_waits, 10**9), "status")),
    fault("start-delayed", "L6", "start returns BUILDING, and status UPLOADING once", "L4",
          response=history(_begun(_waits, 1), "status")),
    fault("start-forgotten", "L6", "start returns BUILDING, and status PENDING once", "L4",
          response=history(_begun(_forgets, 1), "status")),
    fault("start-done-at-once", "L2", "start returns COMPLETED, and status BUILDING", "L4",
          response=history(_done_at_once, "start")),
    fault("second-start-303", "L7", "a second start is redirected",
          response=_again(_elsewhere)),
    fault("second-start-restarts", "L7", "a second start resets startedAt",
          response=_again(history(_begins_later))),
    fault("second-start-other-artifact", "L7", "a second start replaces the artifact",
          response=_again(history(_another_artifact))),
    fault("second-start-builds-again", "L7", "a start of a completed build builds again",
          response=_builds_again("COMPLETED")),
    fault("second-start-retries", "L7", "a start of a build that failed builds again",
          response=_builds_again("FAILED")),
    fault("early-start-builds", "L8", "a start without an upload builds",
          around=_early(succeeds=True)),
    fault("early-start-409-builds", "L8", "a start without an upload gets 409, and builds",
          around=_early(succeeds=False)),
    fault("early-start-completed", "L8", "a start without an upload is COMPLETED at once",
          around=_early(succeeds=True), response=history(_early_is_done)),
    fault("same-id-again", "L9", "initiate returns the id of an earlier build of the same name",
          response=_same_id_again),
    fault("same-url-again", "L9", "initiate returns the URL of an earlier build of the same name",
          around=_same_url_again),
    fault("start-starts-another", "L9", "the first start also starts another build",
          around=_starts_another),
    fault("status-of-another", "L5", "a status returns the id of another build", "L3",
          response=_returns_another()),
    fault("tag-of-another", "L3", "a status returns the name and tag of another build",
          response=_returns_another("imageName", "imageTag")),
    fault("artifact-of-another", "L9", "a build also lists the artifact of another one",
          response=_artifact_of_another),
    fault("found-by-prefix", "L5", "status finds a build by an id that its own begins with",
          around=_finds(str.startswith)),
    fault("found-by-longer-id", "L5", "status finds a build by an id that begins with its own",
          around=_finds(lambda issued, requested: requested.startswith(issued))),
    fault("found-late", "L10", "the first status of each build is 404", response=_found_late),
    fault("found-once-uploaded", "L10", "status is 404 until the upload",
          response=_found_once_uploaded),
    fault("false-starts", "L11", "context_uploaded: false starts the build", request=_false_starts),
    fault("false-409-but-started", "L11", "context_uploaded: false gets 409, and starts the build",
          around=_false_refused_but_started),
    fault("upload-403", "P11", "each upload gets 403", request=_uploads_refused(403)),
    fault("upload-503", "P11", "each upload gets 503, without Retry-After",
          request=_uploads_refused(503)),
    fault("upload-500-but-stored", "P11", "each upload gets 500, but is stored",
          response=_stored_but_500),
    fault("upload-404-at-first", "P11", "the first upload of each build gets 404",
          request=_first_upload_404),
    fault("upload-resets", "L2", "an upload after the end makes the build wait again", "L4",
          response=_resets),
    fault("upload-starts", "L11", "an upload starts the build", around=_upload_starts),
    fault("delete-every-tag", "L10", "delete takes the other tags of the name too",
          around=_delete_more(_is_of_name), response=_note_image),
    fault("delete-by-prefix", "L10", "delete takes the tags that begin with the deleted one too",
          around=_delete_more(str.startswith), response=_note_image),
    fault("delete-newest", "L10", "delete takes the image that was initiated last",
          around=_delete_newest, response=_note_image),
    fault("private-is-public", "L12", "what was requested to be PRIVATE is PUBLIC",
          response=_visible),
    fault("public-by-default", "L12", "a new tag is PUBLIC where no visibility was requested",
          response=_public_by_default),
    fault("always-public", "L12", "every image is PUBLIC",
          response=body(lambda issued: issued.update(visibility="PUBLIC"), "initiate")),
    fault("rebuild-cancels", "L13", "an ended build is CANCELLED once its image is rebuilt",
          response=_rebuilt(with_status("CANCELLED"))),
    fault("rebuild-moves-times", "L13", "an ended build gets another completedAt by a rebuild",
          response=_rebuilt(lambda group: group.update(
              completedAt=later(group["completedAt"], milliseconds=2)))),
    fault("rebuild-shows-old", "L13", "a rebuild is COMPLETED before it is started",
          response=_shows_the_old_one),
    fault("failing-never-ends", "L14", "a build that would fail is BUILDING for ever",
          response=body(_never_ends("FAILED"))),
    fault("building-never-ends", "L14", "a build that would complete is BUILDING for ever",
          response=body(_never_ends("COMPLETED"))),
]  # fmt: skip
