"""What requests may say; the OpenAPI description is made from these."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from core.analysis import Verdict
from core.plan import PLANS
from server import examples

Url = Annotated[str, StringConstraints(min_length=1, max_length=2048)]


def shown(*bodies: dict[str, Any]) -> ConfigDict:
    """Examples in the description."""
    return ConfigDict(json_schema_extra={"examples": list(bodies)})


class Strict(BaseModel):
    """An unknown field is a mistake that the client wants to hear of."""

    model_config = ConfigDict(extra="forbid")


class Options(Strict):
    plan: Literal[tuple(PLANS)] = Field("default", description="Which frames are looked at.")
    artifacts: bool | Literal["pictures"] = Field(
        False,
        description="Also make key frames, heat maps, a timeline, an annotated video and a report (report.html) that stands alone; "
        "`pictures`: all but the video, which takes longer than all the rest.",
    )
    category: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$")] | None = Field(
        None, description="Your own word for what this is; the operator's policy may know it."
    )
    callback_url: Url | None = Field(None, description="Told when the check ends; see Webhooks.")


class CheckRequest(Options):
    """A link to check."""

    url: Url = Field(description="A link to a post or a video on a supported site.")
    priority: Literal["interactive", "bulk"] = "interactive"

    model_config = shown({"url": examples.LINKS[0]})


class UploadOptions(Options):
    """The fields of a form beside its `file`."""

    priority: Literal["interactive", "bulk"] = "interactive"


class BatchRequest(Options):
    """Up to 1,000 links, checked when nothing more urgent waits."""

    urls: list[str] = Field(min_length=1, max_length=1000, description="What is no link we know stands in `refused`.")

    model_config = shown(examples.BATCH_REQUEST)


class ReviewRequest(Strict):
    """A person's decision about a held check."""

    decision: Literal["confirm", "overturn"]
    note: str = Field("", max_length=2000, pattern=r"^[^\x00]*$")  # PostgreSQL stores no NUL

    model_config = shown(examples.REVIEW_REQUEST)


# of docs/analysis.schema.json, which `openapi` puts beside these
AnalysisView = Annotated[dict[str, Any], WithJsonSchema({"$ref": "#/components/schemas/Analysis"})]


class ErrorView(BaseModel):
    code: str
    message: str
    next_step: str


class ActionView(BaseModel):
    action: Literal["allow", "label", "hold", "block"]
    rule: str = Field(description="Its name in the policy; default where none fits, review for a person.")
    decision: Literal["confirmed", "overturned"] | None = Field(None, description="Only of a person's decision.")


class RefusedView(BaseModel):
    url: str
    error: ErrorView


class CheckView(BaseModel):
    """A check as it stands."""

    id: str
    status: Literal["queued", "fetching", "analyzing", "done", "failed", "cancelled"]
    stage: str = Field(description="What is being done: queued, fetch, open, look, judge, draw; at the end the status.")
    progress: float = Field(ge=0, le=1)
    revision: int = Field(description="Grows with every change; the id of the event that told of it.")
    url: str | None = Field(description="The link in canonical form; null for an upload.")
    site: str
    plan: str
    category: str | None
    created_at: str
    finished_at: str | None = Field(
        description="When the answer was found: before `created_at`, where that of another owner's check is given again."
    )
    expires_at: str
    analysis: AnalysisView | None
    actions: list[ActionView] | None = Field(description="What the operator's policy makes of it.")
    review: Literal["held", "confirmed", "overturned"] | None
    error: ErrorView | None
    artifacts: list[str] = Field(description="Names to be had under artifacts/.")

    model_config = shown(examples.QUEUED, examples.DONE, examples.FAILED)


class CheckPage(BaseModel):
    checks: list[CheckView]
    next: str | None = Field(description="The cursor of the next page.")


class BatchView(BaseModel):
    """A batch and its checks, a page at a time."""

    id: str
    created_at: str
    expires_at: str
    counts: dict[str, int] = Field(description="Checks by status.")
    refused: list[RefusedView] = Field(
        description="Links that became no check, each with its error; of long ones the beginning."
    )
    checks: list[CheckView]
    next: str | None

    model_config = shown(examples.BATCH)


class NewBatchView(BatchView):
    """A batch that was just submitted."""

    ids: list[str | None] = Field(
        description="For each of `urls`, in their order, the id of its check; null for one that was refused."
    )

    model_config = shown(examples.NEW_BATCH)


class ToldView(BaseModel):
    id: str
    status: Literal["done", "failed", "cancelled"]
    verdict: Verdict | None
    probability: float | None
    actions: list[ActionView] | None
    error: str | None = Field(description="A code alone.")


class WebhookView(BaseModel):
    """What a callback address is sent."""

    type: Literal["check.done", "check.failed", "check.cancelled", "check.reviewed"]
    timestamp: str = Field(description="When the check ended, or was decided about.")
    data: ToldView


class AuditView(BaseModel):
    check_id: str
    at: str
    who: str
    decision: Literal["confirmed", "overturned"]
    note: str
    verdict: str | None
    probability: float | None


class ReviewPage(BaseModel):
    held: list[CheckView]
    log: list[AuditView]


class Info(BaseModel):
    version: str
    model: dict[str, Any] | None = Field(description="The loaded model; null while no worker lives.")
    sites: list[dict[str, str]]
    plans: list[str]
    limits: dict[str, Any] = Field(
        description="`rate` is that of submissions, `read_rate` that of all other requests, for each key or address."
    )
    needs_key: bool


class Status(BaseModel):
    status: str


class Ready(Status):
    workers: int
    degraded: list[str] = Field(description="What the system did not allow: decoder_has_network.")


class Problem(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    next_step: str
    request_id: str
    errors: list[dict[str, str]] | None = None

    model_config = shown(examples.INVALID, examples.NOT_FOUND)
