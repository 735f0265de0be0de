"""Public defects of other systems that a rule would have caught, one or two for each rule.

Each is an issue or a pull request on GitHub, summarised in our own words. Some are of systems with
other names for the same thing: a job for a build, ``finishedAt`` for ``completedAt``.
"""

from __future__ import annotations

from typing import NamedTuple


class Defect(NamedTuple):
    """A public report of a defect.

    Attributes:
        repository: Owner and name on GitHub.
        number: Of the issue or pull request.
        what: What happened.

    """

    repository: str
    number: int
    what: str

    @property
    def url(self) -> str:
        """Where it is: GitHub redirects from the issue to the pull request."""
        return f"https://github.com/{self.repository}/issues/{self.number}"


EVIDENCE: dict[str, tuple[Defect, ...]] = {
    "P2": (
        Defect("fastapi/fastapi", 10177, "A request without a bearer token got 403, not 401."),
    ),
    "P3": (
        Defect("typesafe-ai/skills", 1, "An invalid body got 400 where 422 was documented, so that "
               "clients raised another error than the one for validation."),
    ),
    "P4": (
        Defect("caddyserver/caddy", 4561, "An id that does not exist got 500, so that a client "
               "could not decide between creating and updating."),
        Defect("baugarten/node-restful", 81, "An unknown id got 200 with an empty body, an invalid "
               "one 500."),
    ),
    "P5": (
        Defect("rack/rack", 971, "A path with `%00` in it ended in a 500."),
        Defect("caddyserver/caddy", 7008, "So it did in another server, ten years later."),
    ),
    "P6": (
        Defect("hashicorp/nomad-openapi", 86, "Fields that the schema has as lists were null, and "
               "the generated client refused the response."),
    ),
    "P8": (
        Defect("orientechnologies/orientdb", 9207, "A response had `NaN` for a number."),
    ),
    "P10": (
        Defect("sopt-makers/sopt-backend", 240, "A local time taken for UTC made the validity of "
               "presigned URLs negative: no upload worked."),
    ),
    "P11": (
        Defect("aws/aws-sdk-js", 557, "A URL was signed without a content type; an upload that "
               "sent one got 403."),
    ),
    "P12": (
        Defect("jazzband/djangorestframework-simplejwt", 15, "The 401 for an invalid token had no "
               "challenge."),
    ),
    "P13": (
        Defect("NLstn/go-odata", 729, "A 405 came without Allow; a conformance test found it."),
    ),
    "P14": (
        Defect("getsentry/sentry", 7919, "Retry-After was `292.052427053`, which an HTTP library "
               "could not parse."),
        Defect("SpaceTradersAPI/api-docs", 24, "Retry-After was `0.493`, and a generated client "
               "raised an error instead of waiting."),
    ),
    "P15": (
        Defect("koala73/worldmonitor", 5008, "A status was cacheable for a minute; monitors went "
               "on seeing an old one from a CDN."),
    ),
    "S1": (
        Defect("Azure/azure-rest-api-specs", 3111, "A job's state was `Processing`, which the "
               "document did not list, and the generated client failed."),
    ),
    "S3": (
        Defect("argoproj/argo-workflows", 6834, "A workflow had succeeded, and a node of it had "
               "failed."),
        Defect("apache/dolphinscheduler", 16150, "A workflow was a success though a task failed."),
    ),
    "S4": (
        Defect("openshift/origin", 12146, "Builds were Failed without a reason or a message."),
    ),
    "S5": (
        Defect("broadinstitute/cromwell", 2934, "Tasks were Running, their workflow had failed."),
        Defect("kestra-io/kestra", 6331, "A task was RUNNING hours after its execution had been "
               "killed."),
    ),
    "S7": (
        Defect("berty/yolo", 272, "A list of builds had the same entries twice."),
    ),
    "T1": (
        Defect("openshift/origin", 287, "The creation time of deployments was null."),
        Defect("infrahq/infra", 1847, "`created` of a new object was null, beside an `updated`."),
    ),
    "T3": (
        Defect("ctdean/backtick", 18, "`started_at` was set when a job was queued."),
    ),
    "T5": (
        Defect("containerd/nerdctl", 3002, "A container that ran had finished in the year 1."),
        Defect("hyperhq/hyperd", 295, "A pod that had ended had no finish time."),
    ),
    "T6": (
        Defect("tudo-r/BatchJobs", 112, "Jobs were done minutes before they had started."),
        Defect("podman-container-tools/podman", 27282, "A container that had exited had finished "
               "in the year 1: `Exited (0) 292 years ago`."),
    ),
    "T7": (
        Defect("rust-lang/crates.io", 1123, "Times lost their offset; a page showed a release 7 "
               "hours in the future."),
        Defect("CenterForOpenScience/osf.io", 6116, "Times without an offset, which clients may "
               "take for local ones."),
    ),
    "T8": (
        Defect("gbif/occurrence", 57, "Local times had a `Z` appended: one or two hours off."),
    ),
    "L1": (
        Defect("manic-systems/circus", 101, "`pending` was sent after `completed`, and stayed."),
    ),
    "L2": (
        Defect("dbos-inc/dbos-transact-py", 703, "A workflow that was cancelled just before its "
               "end became a success."),
        Defect("alisw/ali-bot", 825, "A rebuild set a result back to pending."),
    ),
    "L4": (
        Defect("ITISFoundation/osparc-simcore", 4231, "`started_at` was null once a job had been "
               "stopped, and `submitted_at` another."),
        Defect("kubernetes/kubernetes", 45943, "The start of a container moved to the year 1 when "
               "it ended."),
    ),
    "L9": (
        Defect("EloGank/lol-php-api", 11, "Concurrent requests got each other's responses."),
    ),
    "L10": (
        Defect("IBM-Cloud/terraform-provider-ibm", 3573, "A GET got 404 a second after the POST "
               "had returned 201."),
    ),
    "L14": (
        Defect("apache/dolphinscheduler", 2356, "A task ran for ever once its worker was gone."),
        Defect("cortexlabs/cortex", 1504, "A job stayed running after its node was taken away."),
    ),
}  # fmt: skip
"""By the id of the rule; a rule may have none."""
