"""The names of this API, once: what each operation is for, and what its fields are called.

The tape has an ``Api``, and what is on the tape leads to it: rules and verdicts read the names
there. What an API of another name would need is not general on purpose; a test judges one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from .openapi import Contract, contract

INITIATE = "initiate_image_build"
START = "start_image_build"
STATUS = "get_build_status"
DELETE = "delete_image"
OPERATIONS = (INITIATE, START, STATUS, DELETE)


@dataclass(frozen=True)
class RequestNames:
    """Keys of request bodies.

    Attributes:
        name: With ``tag``, the name that initiate gives to what is built.
        team: The team that owns what is built; in a delete, a parameter of the query.
        is_uploaded: In a start: whether the context is uploaded.

    """

    name: str = "image_name"
    tag: str = "image_tag"
    team: str = "teamId"
    is_uploaded: str = "context_uploaded"
    visibility: str = "visibility"


@dataclass(frozen=True)
class IssueNames:
    """Keys of what initiate returns."""

    build_id: str = "build_id"
    upload_url: str = "upload_url"
    expires_in: str = "expires_in"
    visibility: str = "visibility"


@dataclass(frozen=True)
class BuildNames:
    """Keys of a build group; ``id``, ``status``, the times and ``error`` are an artifact's too."""

    id: str = "id"
    name: str = "imageName"
    tag: str = "imageTag"
    status: str = "status"
    created: str = "createdAt"
    started: str = "startedAt"
    completed: str = "completedAt"
    artifacts: str = "artifacts"
    error: str = "errorMessage"
    kind: str = "artifactType"
    path: str = "fullImagePath"

    @property
    def times(self) -> tuple[str, str, str]:
        """The keys of the timestamps, in the order in which they are set."""
        return self.created, self.started, self.completed


class Address(NamedTuple):
    """What a method and a path lead to.

    Attributes:
        operation: The operation, or None if the contract has none for the method.
        template: The path of the contract, whatever the method, or None.
        parameters: The values in the path, percent-decoded.

    """

    operation: str | None
    template: str | None
    parameters: dict[str, str]


@dataclass(frozen=True)
class Api:
    """The names of an API that builds; the defaults are this one's.

    Attributes:
        read: Returns the contract.
        base_path: What each path of the contract begins with. A base URL may have a path before it.
        initiate: The operation that creates a build. Others are named alike.
        status_schema: The schema with all statuses, and the phase of each in ``x-phase``.
        kind_schema: The schema with all artifact types.
        path_id: The path parameter that has a build's id.
        path_name: The path parameters of delete that have a name and a tag.
        image_kind: The type of an artifact that has none.
        sandbox_kind: The type of an artifact that takes longer.
        inherit: The visibility that leaves an image the one it has, and makes a new one private.
        private: The visibility of an image that its owner alone may use.
        public: The visibility of an image that everybody may use.
        ends_within: Seconds that the vendor's clients wait for a started build (observed).
        sandbox_ends_within: The same, where it lists an artifact of ``sandbox_kind``.
        has_deleted: The key of a delete's response that shows whether the image is deleted.
        sent: Keys of request bodies.
        issued: Keys of what initiate returns.
        build: Keys of what start and status return.

    """

    read: Callable[[], Contract] = field(default=contract, repr=False)
    base_path: str = "/api/v1/"
    initiate: str = INITIATE
    start: str = START
    status: str = STATUS
    delete: str = DELETE
    status_schema: str = "ImageBuildStatus"
    kind_schema: str = "ImageArtifactType"
    path_id: str = "build_id"
    path_name: tuple[str, str] = ("image_name", "image_tag")
    image_kind: str = "CONTAINER_IMAGE"
    sandbox_kind: str = "VM_SANDBOX"
    inherit: str = "INHERIT"
    private: str = "PRIVATE"
    public: str = "PUBLIC"
    ends_within: float = 1800.0
    sandbox_ends_within: float = 3000.0
    has_deleted: str = "success"
    sent: RequestNames = RequestNames()
    issued: IssueNames = IssueNames()
    build: BuildNames = BuildNames()

    @property
    def contract(self) -> Contract:
        """The contract, which is read when it is first needed."""
        return self.read()

    @cached_property
    def statuses(self) -> list[str]:
        """The statuses of a build, in the order in which a build has them."""
        return list(self.contract.schema(self.status_schema)["enum"])

    @cached_property
    def kinds(self) -> list[str]:
        """The types of an artifact."""
        return list(self.contract.schema(self.kind_schema)["enum"])

    def phase(self, status: object) -> str | None:
        """Return the phase of a status, or None if the status is unknown.

        A phase is waiting, running, or one of the ends: succeeded, failed, cancelled.
        """
        return self._phases.get(status) if isinstance(status, str) else None

    def rank(self, status: object) -> int | None:
        """Return the position of a status in the life of a build, the same one for all ends.

        None if the status is unknown.
        """
        return self._ranks.get(status) if isinstance(status, str) else None

    @cached_property
    def _phases(self) -> dict[str, str]:
        return dict(self.contract.schema(self.status_schema)["x-phase"])

    @cached_property
    def _ranks(self) -> dict[str, int]:
        ranks = {one: at for at, one in enumerate(self.statuses) if self.phase(one)}
        first_end = min(at for one, at in ranks.items() if self.is_terminal(one))
        return {one: min(at, first_end) for one, at in ranks.items()}

    def is_terminal(self, status: object) -> bool:
        """Whether a build of that status has ended."""
        return self.phase(status) in ("succeeded", "failed", "cancelled")

    def address(self, method: str, path: str) -> Address:
        """Return what a method and a URL's path lead to, under any base path."""
        at = path.find(self.base_path)
        template, parameters = None, dict[str, str]()
        for operation in self.contract.operations.values() if at >= 0 else ():
            found = operation.match(path[at:])
            if found is not None and operation.method == method.upper():
                return Address(operation.name, operation.path, found)
            if found is not None and template is None:
                template, parameters = operation.path, found
        return Address(None, template, parameters)


IMAGES = Api()
"""This API."""
