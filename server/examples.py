"""Bodies as a newcomer meets them, for the OpenAPI description. Tests hold each against its schema and against the server."""

from core.errors import CheckError
from server.problems import problem_json

LINKS = ["https://www.youtube.com/watch?v=aqz-KE-bpKQ", "https://example.org/"]

# of `python -m core example`, as the bundled weights answered, but for its other 22 moments and 2 key frames
REASON = "Nothing that fits manipulation was found: 0 of 24 frames lean towards manipulation."
FOUND = {"verdict": "no_signs_found", "probability": 0.0767, "interval": [0.0187, 0.2409], "reason": REASON}
FACE = {
    "id": 1,
    **FOUND,
    "first_seen_s": 0.08,
    "last_seen_s": 5.84,
    "size_px": 310.0,
    "frames": 24,
    "timeline": [
        {"t_s": 0.08, "probability": 0.0782, "box": [448.0, 102.0, 778.0, 432.0]},
        {"t_s": 0.36, "probability": 0.0376, "box": [440.0, 110.0, 756.0, 426.0]},
    ],
    "key_frames": [{"t_s": 3.32, "frame_index": 83, "box": [499.0, 166.0, 806.0, 473.0], "probability": 0.2486}],
    "signs": [],
    "movement_logit": None,
    "framing_logit": None,
}
ANALYSIS = {
    **FOUND,
    "face_id": 1,
    "faces": [FACE],
    "media": {
        "duration_s": 6.0,
        "width": 1280,
        "height": 720,
        "fps": 25.0,
        "codec": "h264",
        "container": "mp4/mov",
        "has_audio": False,
        "is_still": False,
    },
    "coverage": {
        "plan": "default",
        "windows": 3,
        "frames_examined": 24,
        "frames_with_face": 24,
        "seconds_examined": 5.76,
        "seconds_total": 6.0,
        "faces_found": 1,
        "faces_judged": 1,
        "faces_too_small": 0,
        "faces_too_short": 0,
        "audio": "absent",
    },
    "warnings": [],
    "provenance": {
        "state": "none",
        "signer": None,
        "claim_generator": None,
        "ai_generated": None,
        "summary": "The file carries no Content Credentials, as most do not.",
    },
    "model": {
        "name": "unmask-resnext-lstm",
        "version": "5",
        "sha256": "10b204ad0d2e81755b00d105166a54f2dd9353294e9e0689afc06718d66cd4c5",
        "trained": True,
        "device": "cpu",
        "precision": "fp32",
    },
    "seconds": {"open": 0.08, "decode": 0.09, "faces": 0.43, "tracks": 0.52, "network": 1.72, "provenance": 0.01},
    "bands": [0.1141, 0.7468],
    "schema_version": "1",
}

QUEUED = {
    "id": "3f2b8c6e9d1a4750b6e8f0c2d4a69e71",
    "status": "queued",
    "stage": "queued",
    "progress": 0.0,
    "revision": 1,
    "url": LINKS[0],
    "site": "youtube",
    "plan": "default",
    "category": None,
    "created_at": "2026-11-30T09:15:00.125+00:00",
    "finished_at": None,
    "expires_at": "2026-12-01T09:15:00.125+00:00",
    "analysis": None,
    "actions": None,
    "review": None,
    "error": None,
    "artifacts": [],
}
DONE = {
    **QUEUED,
    "id": "a41d7e0c5b9248f3867d1c3e5f709b28",
    "status": "done",
    "stage": "done",
    "progress": 1.0,
    "revision": 9,
    "url": None,
    "site": "upload",
    "finished_at": "2026-11-30T09:15:03.480+00:00",
    "analysis": ANALYSIS,
    "actions": [{"action": "allow", "rule": "default"}],
    "artifacts": ["annotated.mp4", "heat-maps/face-1-at-3.32s.png", "key-frames.png", "report.html", "timeline.png"],
}
FAILED = {
    **QUEUED,
    "status": "failed",
    "stage": "failed",
    "progress": 0.0,
    "revision": 4,
    "finished_at": "2026-11-30T09:15:02.310+00:00",
    "error": CheckError("no_video").to_json(),
}

BATCH_REQUEST = {"urls": LINKS, "plan": "default"}
BATCH = {
    "id": "c08e5a1f7d3642b99e4b6a2d8f135c70",
    "created_at": QUEUED["created_at"],
    "expires_at": QUEUED["expires_at"],
    "counts": {"queued": 1},
    "refused": [{"url": LINKS[1], "error": CheckError("unsupported_site", "example.org").to_json()}],
    "checks": [QUEUED],
    "next": None,
}
NEW_BATCH = {**BATCH, "ids": [QUEUED["id"], None]}

REVIEW_REQUEST = {"decision": "overturn", "note": "The original is in our archive; only the light changes."}


REQUEST_ID = "7be1c4d2f05a49c8a3d6e9b10f2c8754"
INVALID = problem_json("invalid", request_id=REQUEST_ID, errors=[{"field": "url", "message": "Field required"}])
NOT_FOUND = problem_json("not_found", request_id=REQUEST_ID)
