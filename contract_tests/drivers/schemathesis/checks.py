"""The checks of schemathesis' own: which are on, and why the others are off."""

from __future__ import annotations

from typing import Any

OFF = {
    "not_a_server_error": "P5 judges the same responses",
    "response_schema_conformance": "P6 and the rules of single fields judge the same bodies",
    "missing_required_header": "P2 judges the same requests",
    "positive_data_acceptance": "a server may be stricter than the contract, or want payment",
    "unsupported_method": "P9 judges the same requests, and requires no Allow header",
    "allow_header_conformance": "a server may have operations that this contract lacks",
    "use_after_free": "nothing can be deleted here",
    "object_level_authorization": "a run has one token",
    "ensure_resource_availability": "a start that is not allowed yet may be refused with 404",
    "max_response_time": "no rule limits how long a response takes",
}
"""The checks that are off, and why."""

ON: dict[str, dict[str, Any]] = {
    "status_code_conformance": {},
    "content_type_conformance": {},
    "response_headers_conformance": {},
    # Any refusal will do: its own list lacks 402, 410 and 413.
    "negative_data_rejection": {"expected-statuses": ["4xx", "5xx"]},
    # For the requests that it sends: P2 judges the responses.
    "ignored_auth": {},
}
"""The checks that are on, and how they are set."""
