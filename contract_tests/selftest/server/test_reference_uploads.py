"""The reference server: uploads, and what deletes their builds."""

from __future__ import annotations

import re
import tracemalloc
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from ...contract.openapi import contract
from ...drivers.scripted.inputs import GOOD, context
from ..support.reference_server import AUTH, BUILD, NAMED, OCTETS, Served, refusal


def test_upload_by_length_and_in_chunks(served: Served) -> None:
    """Both ways to send a body are taken; the second upload replaces the first."""
    url, content = served.upload_url(), context(GOOD)
    by_length = served.client.put(url, content=context("RUNN"), headers=OCTETS)
    in_chunks = served.client.put(url, content=iter([content[:9], content[9:]]), headers=OCTETS)
    path = f"{BUILD}/{urlsplit(url).path.rpartition('/')[2]}"
    served.client.post(f"{path}/start", json={}, headers=AUTH)
    again = served.client.put(url, content=content, headers=OCTETS)
    served.moved.append(timedelta(seconds=1))
    ended = served.client.get(path, headers=AUTH).json()

    assert (by_length.status_code, in_chunks.status_code) == (204, 204)
    assert refusal(again) == (409, "build_id")
    assert ended["status"] == "COMPLETED"


def test_delete_removes_every_build_of_a_name_and_tag(served: Served) -> None:
    """With the token only; other tags stay, and a second delete finds nothing."""
    ids = [served.client.post(BUILD, json=NAMED, headers=AUTH).json()["build_id"] for _ in "ab"]
    other = served.client.post(BUILD, json={**NAMED, "image_tag": "v2"}, headers=AUTH).json()
    url = served.upload_url()
    image = "/api/v1/images/web/v1"

    denied = served.client.delete(image)
    kept = served.client.get(f"{BUILD}/{ids[0]}", headers=AUTH)
    deleted = served.client.delete(image, headers=AUTH, params={"teamId": "team_1"})
    again = served.client.delete(image, headers=AUTH)
    gone = [served.client.get(f"{BUILD}/{one}", headers=AUTH) for one in ids]

    assert (denied.status_code, denied.content, kept.status_code) == (401, b"", 200)
    assert (deleted.status_code, deleted.json()["success"]) == (200, True)
    schema = {"$ref": "#/components/schemas/DeleteImageResponse"}
    assert contract().errors(schema, deleted.json()) == []
    assert refusal(again) == (404, "image_name")
    assert [refusal(one) for one in gone] == [(404, "build_id")] * 2
    assert served.client.get(f"{BUILD}/{other['build_id']}", headers=AUTH).status_code == 200
    late = served.client.put(url, content=context(GOOD), headers=OCTETS)
    assert refusal(late) == (404, "build_id")


def test_delete_of_a_status_url_is_a_delete_of_the_image_build(served: Served) -> None:
    """The two templates match one URL: the method tells them apart."""
    named = {"image_name": "build", "image_tag": "x"}
    build = served.client.post(BUILD, json=named, headers=AUTH).json()["build_id"]

    absent = served.client.delete(f"{BUILD}/{build}", headers=AUTH)
    deleted = served.client.delete(f"{BUILD}/x", headers=AUTH)

    assert refusal(absent) == (404, "image_name")
    assert deleted.json() == {"success": True, "message": "build:x is deleted"}
    assert refusal(served.client.get(f"{BUILD}/{build}", headers=AUTH)) == (404, "build_id")


def test_upload_url_is_signed_and_expires(served: Served) -> None:
    """Another signature, another build or a later time will not do; nor another method or type."""
    url, other, content = served.upload_url(), served.upload_url(), context(GOOD)
    put = served.client.put
    forged = re.sub("signature=.", "signature=\N{SNOWMAN}", url)
    swapped = urlsplit(other)._replace(query=urlsplit(url).query).geturl()
    longer = re.sub(r"expires=\d+", "expires=99999999999", url)

    for altered in (forged, swapped, longer, url.partition("?")[0]):
        assert refusal(put(altered, content=content, headers=OCTETS)) == (403, "signature")
    json_type = {"Content-Type": "application/json"}
    assert refusal(put(url, content=content, headers=json_type)) == (415, "Content-Type")
    assert refusal(served.client.post(url, content=content, headers=OCTETS)) == (405, "path")
    served.moved.append(timedelta(seconds=3700))
    assert refusal(put(url, content=content, headers=OCTETS)) == (403, "expires")


def test_what_is_no_context_is_refused(served: Served) -> None:
    """The refusal has the reason, small or large; the build still accepts a valid context."""
    url = served.upload_url()
    small = served.client.put(url, content=b"no archive", headers=OCTETS)
    large = served.client.put(url, content=b"no archive" * 2**20, headers=OCTETS)
    sound = served.client.put(url, content=context(GOOD), headers=OCTETS)

    assert [refusal(small), refusal(large)] == [(400, "body")] * 2
    assert "not a gzipped tar" in small.json()["errors"][0]["details"]
    assert sound.status_code == 204


def test_size_is_bound(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body past the limit is refused, with or without a Content-Length, with the reason."""
    monkeypatch.setattr("contract_tests.reference.context.MOST_BYTES", 2**20)
    url = served.upload_url()
    sized = served.client.put(url, content=b"x" * 2**23, headers=OCTETS)
    chunked = served.client.put(url, content=iter([b"x" * 2**20] * 8), headers=OCTETS)
    body = served.client.post(
        BUILD, content=b" " * 2**22, headers={**AUTH, "Content-Type": "application/json"}
    )
    unread = served.client.post(f"{BUILD}/nowhere/at/all", content=b" " * 2**22)

    assert [refusal(one) for one in (sized, chunked, body)] == [(413, "body")] * 3
    assert refusal(unread) == (404, "path")


def test_a_large_context_is_not_held_in_memory(served: Served) -> None:
    """A body of 24 MiB goes to a file as it comes."""
    url = served.upload_url()
    chunk = b"\x1f" * 2**20
    tracemalloc.start()
    try:
        answer = served.client.put(url, content=iter([chunk] * 24), headers=OCTETS)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert refusal(answer) == (400, "body")
    assert peak < 16 * 2**20
