"""A contract that shares no name with ours: jobs of a printer, with sheets for artifacts."""

from __future__ import annotations

from typing import Any

from ...contract.api import Api, BuildNames, IssueNames, RequestNames
from ...contract.openapi import Contract

_TIME = {"type": "string", "format": "date-time"}
_MAYBE = {"type": ["string", "null"], "format": "date-time"}
_TEXT = {"type": "string"}
_STATE = {"$ref": "#/components/schemas/State"}
_TIMES = {"queued": _TIME, "printing": _MAYBE, "done": _MAYBE}


def _body(schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": schema, "content": content}


def _operation(name: str, success: str, returns: str, takes: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": name,
        "responses": {success: _body(returns), "401": {"description": "no badge"},
                      "422": _body("Complaint")},
    }  # fmt: skip
    return {**found, "requestBody": {"required": True, **_body(takes)}} if takes else found


def _object(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": [*required], "properties": properties}


CONTRACT = Contract({
    "openapi": "3.1.0",
    "info": {"title": "Print jobs", "version": "7"},
    "paths": {
        "/print/jobs": {"post": _operation("queue_job", "202", "Ticket", "Order")},
        "/print/jobs/{job}": {"get": _operation("show_job", "200", "Job")},
        "/print/titles/{title}/{edition}": {"delete": _operation("scrap", "200", "Scrapped")},
        "/print/jobs/{job}/release": {"post": _operation("release_job", "200", "Job", "Release")},
    },
    "components": {"schemas": {
        "State": {
            "type": "string",
            "enum": ["QUEUED", "SPOOLED", "PRINTING", "PRINTED", "JAMMED", "SCRAPPED"],
            "x-phase": {"QUEUED": "waiting", "SPOOLED": "waiting", "PRINTING": "running",
                        "PRINTED": "succeeded", "JAMMED": "failed", "SCRAPPED": "cancelled"},
        },
        "Paper": {"type": "string", "enum": ["A4", "A3"]},
        "Order": _object("title", "edition", title=_TEXT, edition=_TEXT),
        "Ticket": _object("job", "spool", "ttl", job=_TEXT, spool=_TEXT, ttl={"type": "integer"}),
        "Release": _object(spooled={"type": "boolean", "default": True}),
        "Job": _object("ref", "of", "no", "state", "queued", ref=_TEXT, of=_TEXT, no=_TEXT,
                       state=_STATE, **_TIMES, sheets={
                           "type": "array", "items": {"$ref": "#/components/schemas/Sheet"}}),
        "Sheet": _object("ref", "state", "queued", ref=_TEXT, state=_STATE, **_TIMES,
                         jam={"type": ["string", "null"]}, tray={"type": ["string", "null"]},
                         paper={"$ref": "#/components/schemas/Paper"}),
        "Scrapped": _object("done", done={"type": "boolean"}),
        "Complaint": _object("why", why=_TEXT),
    }},
})  # fmt: skip

PRINTS = Api(
    read=lambda: CONTRACT,
    base_path="/print/",
    initiate="queue_job",
    start="release_job",
    status="show_job",
    status_schema="State",
    kind_schema="Paper",
    delete="scrap",
    path_id="job",
    path_name=("title", "edition"),
    image_kind="A4",
    sandbox_kind="A3",
    private="STAFF",
    public="ALL",
    sent=RequestNames(name="title", tag="edition", is_uploaded="spooled", visibility="readers"),
    issued=IssueNames(build_id="job", upload_url="spool", expires_in="ttl", visibility="readers"),
    build=BuildNames(
        id="ref", name="of", tag="no", status="state", created="queued", started="printing",
        completed="done", artifacts="sheets", error="jam", kind="paper", path="tray",
    ),
)  # fmt: skip
