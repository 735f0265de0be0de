"""Faults that only load finds: no effect on one client, and one on clients that send at once."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from ...gate.target import GateError
from ...reference.app import create_app
from ...reference.faults import FAULTS, UNDER_LOAD
from ...settings import from_environment
from .test_fault_catalogue import BUILD, TOKEN, differs

AUTH = {"Authorization": f"Bearer {TOKEN}"}
NAMED = {"image_name": "web"}


@pytest.mark.parametrize("name", list(UNDER_LOAD))
def test_fault_has_no_effect_on_one_client(name: str) -> None:
    """So it is not in the catalogue of what the script finds."""
    assert name not in FAULTS
    assert differs(UNDER_LOAD[name]) is None


def at_once(fault: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Initiate three builds at once, then ask for all at once: what each client gets."""

    async def all_clients() -> list[tuple[dict[str, Any], dict[str, Any]]]:
        app: Any = UNDER_LOAD[fault].wrap(create_app(token=TOKEN), TOKEN)
        wire = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=wire, base_url="http://t", headers=AUTH) as client:
            bodies = [{**NAMED, "image_tag": tag} for tag in "abc"]
            made = await asyncio.gather(*(client.post(BUILD, json=body) for body in bodies))
            issued = [json.loads(one.content) for one in made]
            asked = (client.get(f"{BUILD}/{one['build_id']}") for one in issued)
            seen = [json.loads(one.content) for one in await asyncio.gather(*asked)]
        return list(zip(issued, seen, strict=True))

    return asyncio.run(all_clients())


def test_ids_are_mixed() -> None:
    """Of builds that are initiated at once."""
    assert len({one["build_id"] for one, _ in at_once("id-mixed-under-load")}) == 1


def test_answers_are_mixed() -> None:
    """Of statuses that are asked for at once."""
    pairs = at_once("status-mixed-under-load")

    assert len({issued["build_id"] for issued, _ in pairs}) == 3
    assert len({seen["id"] for _, seen in pairs}) == 1


def test_gate_refuses_a_fault_that_it_cannot_find() -> None:
    """It would pass a server that is broken on purpose; the fix is the command that finds it."""
    with pytest.raises(GateError, match="shows only under load") as caught:
        from_environment({"CONTRACT_FAULT": "id-mixed-under-load"})

    assert "load" in caught.value.fix
    assert from_environment({"CONTRACT_FAULT": "id-mixed-under-load"}, "load").fault
