"""Faults of concurrency: no effect on one client, who waits for each response.

The gate's script sends one request at a time, so these are not in its catalogue: ``make load``
finds them.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from .base import Server, ServerRequest, ServerResponse, fault

WORK = 0.002
"""Seconds that a request takes, in which others come."""


async def _status_of_another(request: ServerRequest, server: Server) -> ServerResponse:
    """Keep what is asked for where the other requests keep it too, as a shared handler does."""
    if request.operation != "status":
        return await server.respond(request)
    shared = server.memory["shared"]
    shared["path"] = request.path
    await asyncio.sleep(WORK)
    return await server.respond(replace(request, path=shared["path"]))


async def _id_of_another(request: ServerRequest, server: Server) -> ServerResponse:
    """Answer initiates that are there at once by one build, as a cache that joins requests does."""
    if request.operation != "initiate" or not request.is_authorized:
        return await server.respond(request)
    flight = server.memory["flight"]
    if "response" in flight:
        return await asyncio.shield(flight["response"])
    flight["response"] = asyncio.get_running_loop().create_future()
    await asyncio.sleep(WORK)
    response = await server.respond(request)
    flight.pop("response").set_result(response)
    return response


FAULTS = [
    fault("status-mixed-under-load", "L9",
          "statuses that are asked for at once may be of another build",
          also="L3 L5", around=_status_of_another),
    fault("id-mixed-under-load", "L9", "builds that are initiated at once share one id",
          also="L3", around=_id_of_another),
]  # fmt: skip
