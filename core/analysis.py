"""The answer: frozen dataclasses, their JSON, and the JSON Schema that docs/analysis.schema.json publishes.

All times are seconds from the start of the video, all boxes pixels of the upright frame (x0, y0, x1, y1), and every
probability is that of manipulation, 0 to 1, calibrated as if half of all videos were manipulated. That was fitted to whole
videos: a single frame's goes further up and down, and is to be compared with other frames only.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Literal

SCHEMA_VERSION = "1"

Verdict = Literal["likely_manipulated", "inconclusive", "no_signs_found"]
Sign = Literal["mouth_alone", "one_picture", "framed"]

VERDICT_WORDS: dict[str, str] = {
    "likely_manipulated": "Likely manipulated",
    "inconclusive": "Inconclusive",
    "no_signs_found": "No signs found",
}
VERDICT_MEANING: dict[str, str] = {
    "likely_manipulated": "A face shows signs that fit manipulation. At this level about 1 real video in 20 is flagged by mistake.",
    "inconclusive": "The signs are too weak to say either way. This is not a sign that the video is real.",
    "no_signs_found": "Nothing that fits manipulation was found. That does not prove the video is real.",
}


@dataclass(frozen=True)
class Media:
    """What the file says of itself."""

    duration_s: float  # 0 for a still
    width: int  # pixels, upright
    height: int
    fps: float  # mean frame rate, 0 where unknown
    codec: str
    container: str
    has_audio: bool
    is_still: bool


@dataclass(frozen=True)
class Moment:
    """One judged frame of one face."""

    t_s: float
    probability: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class KeyFrame:
    """A frame worth showing: the most suspicious moments of a face."""

    t_s: float
    frame_index: int  # in the order of presentation, an estimate where pictures were left out
    box: tuple[float, float, float, float]
    probability: float


@dataclass(frozen=True)
class FaceResult:
    """One person's face, followed through the video (between two cuts)."""

    id: int  # 1, 2, ... in the order of appearance
    verdict: Verdict | None  # None where the face was not judged
    probability: float | None
    interval: tuple[float, float] | None  # 90 %, other windows and another calibration allowed for
    first_seen_s: float
    last_seen_s: float
    size_px: float  # median of the longer side of its box
    frames: int  # judged frames
    timeline: tuple[Moment, ...]
    key_frames: tuple[KeyFrame, ...]
    reason: str  # plain words: why this verdict, or why none
    # what counted beside the network: "mouth_alone", the mouth moves and the rest of the face stands still;
    # "one_picture", the face keeps its texture or its light while it moves, and that says more than the network;
    # "framed", a single picture is cut as face generators cut theirs, and that says more than the network
    signs: tuple[Sign, ...] = ()
    # what its movement says of it: above 0 as in faces animated from one picture; None where that was not compared
    movement_logit: float | None = None
    # of a single square picture, what its frame says: above 0 where it is cut as face generators cut theirs
    framing_logit: float | None = None

    @property
    def other_logit(self) -> float | None:
        """What counts beside the network's logit; None where nothing does."""
        return self.framing_logit if self.movement_logit is None else self.movement_logit


@dataclass(frozen=True)
class Coverage:
    """What was looked at, and what was not."""

    plan: str
    windows: int
    frames_examined: int
    frames_with_face: int
    seconds_examined: float
    seconds_total: float
    faces_found: int
    faces_judged: int
    faces_too_small: int
    faces_too_short: int
    audio: Literal["not_examined", "absent"]


@dataclass(frozen=True)
class Warning:
    """Something uncertain that did not stop the check."""

    code: str
    message: str


@dataclass(frozen=True)
class Provenance:
    """A C2PA manifest found in the file: separate evidence, never part of the probability."""

    state: Literal["valid", "untrusted", "invalid", "none"]
    signer: str | None
    claim_generator: str | None
    ai_generated: bool | None  # whether an assertion says a generator made it
    summary: str


@dataclass(frozen=True)
class ModelInfo:
    """Which model answered, and on what."""

    name: str
    version: str
    sha256: str
    trained: bool
    device: str
    precision: str


@dataclass(frozen=True)
class Analysis:
    """What Unmask found in one video.

    `verdict` and `probability` are those of the most suspicious judged face (`face_id`); both are None when there was
    no face to judge, and `warnings` then says why.
    """

    verdict: Verdict | None
    probability: float | None
    interval: tuple[float, float] | None
    face_id: int | None
    reason: str
    faces: tuple[FaceResult, ...]
    media: Media
    coverage: Coverage
    warnings: tuple[Warning, ...]
    provenance: Provenance | None
    model: ModelInfo
    seconds: dict[str, float] = field(default_factory=dict, compare=False)  # by stage; differs from run to run
    # no_signs_found below the first, likely_manipulated above the second; None where the weights have no bands
    bands: tuple[float, float] | None = None
    schema_version: str = SCHEMA_VERSION

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; `json.dumps` of it is what every interface sends.

        Raises ValueError for a number that is none: JSON has no NaN, and none is an answer.
        """
        return json.loads(json.dumps(dataclasses.asdict(self), allow_nan=False))


def analysis_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `Analysis.to_json()`."""
    from pydantic import TypeAdapter  # only this needs it

    schema = TypeAdapter(Analysis).json_schema()
    for shape in (schema, *schema["$defs"].values()):
        shape["required"] = list(shape["properties"])  # an answer has all fields, also those with a default
    return schema
