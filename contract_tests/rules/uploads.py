"""P10 and P11: rules about the upload that initiate issues."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from urllib.parse import urlsplit

from ..tape.exchange import UPLOAD, Credential, Exchange
from ..tape.history import History, is_start
from .base import HELD, LIMITS, Broken, Judgement, Level, exchanges, histories, rule, shown

_ISSUE = "#/components/schemas/BuildImageResponse/properties"
# The status codes that may refuse the content of a context.
_OF_CONTENT = {400, 411, 415, 422}


@rule(
    "P10", Level.SHOULD,
    "Initiate issues a usable upload: upload_url is an absolute http(s) URL, expires_in is "
    "positive, ids are not empty.",
    source=f"{_ISSUE}/upload_url",
    over=exchanges,
    needs_memory=True,
)  # fmt: skip
def issues_an_upload(exchange: Exchange) -> Iterable[Judgement]:
    """Check each success of initiate.

    Source: derived from the descriptions of the fields: a URL to upload to, seconds, an id.

    Not a violation:

    - any host, valid port, path, query, user or fragment of the URL;
    - http where the API has https, and a scheme or host in upper case;
    - a value of another type, which is P6's.
    """
    if not exchange.issued:
        return ()
    names = exchange.api.issued
    return (
        _usable_url(exchange, names.upload_url),
        _positive_seconds(exchange, names.expires_in),
        _named_build(exchange, names.build_id),
    )


@rule(
    "P11", Level.SHOULD,
    "The upload URL accepts the context: the first upload, before expires_in is over, returns 2xx.",
    source=f"{_ISSUE}/upload_url",
    over=histories,
    quotes=("description", "x-observed"),
    needs_memory=True,
)  # fmt: skip
def accepts_the_context(history: History) -> Judgement:
    """Check the first upload of each issued build that is not started.

    Source: observed. The vendor's clients PUT the context to the upload URL, without the token.

    Not a violation:

    - a redirect, 413, 429, a 503 with Retry-After, and no response at all;
    - any response after expires_in, after another upload, or after a start;
    - any response to an upload that is not a PUT, has another media type than
      application/octet-stream, or has a token;
    - in a recording, 400, 411, 415 or 422: the context itself may be why.
    """
    last, issue = history.last, history.issue
    if last.operation != UPLOAD or issue is None or not _as_observed(last):
        return None
    if history.first(_has_tried):
        return None
    if _is_late(issue, last) or 300 <= last.response.status <= 399 or _is_delayed(last):
        return None
    if last.response.status in LIMITS:
        return None
    if not history.is_whole and last.response.status in _OF_CONTENT:
        return None
    if last.response.is_success:
        return HELD
    expected = f"2xx to a PUT with Content-Type: {last.request.media_type}"
    return Broken("the status code", expected, str(last.response.status))


def _usable_url(issue: Exchange, key: str) -> Judgement:
    url = issue.issued.get(key)
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        is_usable = is_usable and url.isprintable() and " " not in url
    except ValueError:
        is_usable = False
    if is_usable:
        return HELD
    return Broken(f"$.{key}", "an absolute http or https URL", shown(url))


def _positive_seconds(issue: Exchange, key: str) -> Judgement:
    seconds = issue.issued.get(key)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    return HELD if seconds > 0 else Broken(f"$.{key}", "above 0", shown(seconds))


def _named_build(issue: Exchange, key: str) -> Judgement:
    build_id = issue.issued.get(key)
    if not isinstance(build_id, str):
        return None
    return HELD if build_id.strip() else Broken(f"$.{key}", "an id", shown(build_id))


def _as_observed(upload: Exchange) -> bool:
    """Whether it is sent as the vendor's clients send it (observed)."""
    return (
        upload.request.method == "PUT"
        and upload.request.media_type == "application/octet-stream"
        and upload.request.credential is Credential.ABSENT
    )


def _has_tried(exchange: Exchange) -> bool:
    return not _is_delayed(exchange) and (exchange.operation == UPLOAD or is_start(exchange))


def _is_delayed(exchange: Exchange) -> bool:
    """Whether the client only has to retry later."""
    status, headers = exchange.response.status, exchange.response.headers
    return status == 429 or (status == 503 and "retry-after" in headers)


def _is_late(issue: Exchange, upload: Exchange) -> bool:
    """Whether the URL may have expired before the upload had ended."""
    seconds = issue.issued.get(issue.api.issued.expires_in)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return False
    try:
        return upload.ended - issue.began >= timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        return False
