"""The checks of schemathesis' own that are on."""

from __future__ import annotations

from typing import Any

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
