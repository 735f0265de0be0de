"""The usual fix of a server or a client that violates a rule: one or two sentences for each."""

from __future__ import annotations

FIXES: dict[str, str] = {
    "P1": "Give the route its documented status code (initiate returns 201, the rest 200), and let "
    "the framework write the JSON.",
    "P2": "Check the token before anything else, on every route, and compare it whole and in "
    "constant time. A missing header is 401, not 403.",
    "P3": "Validate the body against its schema before anything is stored or started, and return "
    "422 with `errors`.",
    "P4": "Return 404 where the build is not found, whatever the form of the id.",
    "P5": "Find the exception in the server's log; what a client sends must end in a 4xx.",
    "P6": "Serialise responses from the schema, not from rows of the database: the keys are those "
    "of the contract, `createdAt` and not `created_at`. With a 422, return "
    '`{"errors": [{"param": …, "details": …}]}`.',
    "P7": "Give `context_uploaded` its default, true, where the body is read.",
    "P8": "Write JSON with a JSON library, in UTF-8 without BOM, and with `allow_nan=False`.",
    "P9": "Remove the route, or the method, that the contract does not have.",
    "P10": "Return the whole presigned URL and the seconds that it is signed for.",
    "P11": "Sign the URL for PUT with `application/octet-stream`, for as long as `expires_in` "
    "says. A 401 or 403 means that the signature does not match, or that the upload wants a token, "
    "which it must not. For a 5xx, see the log of the storage.",
    "P12": "Send `WWW-Authenticate: Bearer` with each 401.",
    "P13": "Let the router answer a known path with an unknown method: it knows what to put into "
    "`Allow`.",
    "P14": "Send whole seconds, or a date as `email.utils.format_datetime(when, usegmt=True)` "
    "writes it.",
    "P15": "Send `Cache-Control: no-store` with a status.",
    "P16": "Validate requests by the schema of the contract: each optional key with all of its "
    "values, and null where it has that type.",
    "S1": "Map the backend's own states to the documented ones in one place; a new state needs a "
    "new contract first.",
    "S2": "Map states and types of artifacts where those of groups are mapped.",
    "S3": "Compute the status of a group from its artifacts when it is read, and store none.",
    "S4": "Write the message in the transaction that sets FAILED, and clear it nowhere else.",
    "S5": "Cancel what still runs when a group ends, and store that it ended.",
    "S6": "Set COMPLETED after the image is pushed and its path is stored, in one transaction.",
    "S7": "Make (group, type, id) unique in the database; a retry updates the row that is there.",
    "S8": "Let a build that has finished win over a cancellation that comes late.",
    "T1": "Set createdAt by the server at the insert, not null, and write it with `isoformat()`, "
    "under that name: `created_at` is another key.",
    "T2": "Write null where the time is not known yet, and a date-time otherwise; no empty text, "
    "no epoch.",
    "T3": "Set startedAt where the status becomes BUILDING, not at the insert.",
    "T4": "Set startedAt in the transaction that sets BUILDING.",
    "T5": "Set completedAt in the transaction that sets a terminal status, on every way there: "
    "failure, cancellation and time-outs too.",
    "T6": "Take all times from one clock, in UTC: `datetime.now(UTC)`.",
    "T7": "Use `datetime.now(UTC)` instead of `datetime.utcnow()`, and a column with time zone.",
    "T8": "Take the time from `datetime.now(UTC)` at the insert; a local time marked as UTC is off "
    "by hours.",
    "T9": "Compute the times of a group from those of its artifacts: first start and last end.",
    "T10": "Set completedAt when the build ends, not from a time that the worker noted before.",
    "L1": "Change a status only by a guarded update: `… WHERE status IN (the earlier ones)`.",
    "L2": "Refuse updates of rows that have ended; a late message of a worker is dropped.",
    "L3": "Return what initiate was given from the build's own row, and write each createdAt once, "
    "at the insert.",
    "L4": "Write each time once: `… WHERE completed_at IS NULL`.",
    "L5": "Return the id that initiate issued, not that of a row or of a job.",
    "L6": "Commit the new status before start returns, and read status from the same place.",
    "L7": "Return the build as it is, or 409, where it is started already.",
    "L8": "Look whether the context is there before the build begins.",
    "L9": "Look up builds by their id, never by name and tag, and make ids unique.",
    "L10": "Insert the build before initiate returns, and read from the primary database. If it "
    "was there before: a delete removes the one tag of its path, and no build of another.",
    "L11": "Return 409, or the waiting build, for `context_uploaded: false`.",
    "L12": "Apply the visibility that was requested to the build, not only to a new tag; without "
    "one, or with INHERIT, a new tag is PRIVATE.",
    "L13": "Give each initiate a row of its own; never update the row of an earlier build.",
    "L14": "End builds whose worker is gone: a sweep that sets FAILED after a time-out.",
    "C7": "Upload with a request of its own, not with the session whose headers have the token.",
    "C8": "Retry a POST only where nothing was sent (the connection was refused) or after a 429; "
    "look at the status before a start is sent again.",
    "C9": "Sleep 10 s between two polls. Begin with less if builds may be quick, and let it grow.",
    "C10": "Stop at COMPLETED, FAILED and CANCELLED alike; an unknown status has not ended.",
}
"""By the id of the rule."""
