"""The one exception for what somebody outside can act on, and the table of its codes.

The same table serves the command line, the API, the extension and the demo; docs/errors.md is tested against it.
A released code never changes its meaning. Anything that is not a CheckError is a bug.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ErrorKind:
    """What a code means for people and for HTTP clients."""

    message: str  # one sentence: what happened
    next_step: str  # one sentence: what the reader can do
    status: int  # the HTTP status that fits


ERRORS: dict[str, ErrorKind] = {
    # the file
    "file_not_found": ErrorKind("There is no such file.", "Check the path and try again.", 404),
    "not_readable": ErrorKind("The file may not be read.", "Check its permissions and try again.", 403),
    "no_videos": ErrorKind(
        "The folder holds no video or picture.", "Name a folder with videos, or a single file.", 422
    ),
    "not_a_video": ErrorKind(
        "This is not a video or picture.", "Choose a video file such as MP4, WebM, MKV or MOV.", 415
    ),
    "no_video_stream": ErrorKind(
        "The file has no picture track.", "Choose a file that shows a picture, not sound alone.", 422
    ),
    "damaged": ErrorKind("The file is damaged and nothing in it can be read.", "Download or export it again.", 422),
    "unsupported_codec": ErrorKind(
        "This kind of video coding cannot be read.", "Convert it to H.264 in an MP4 file and try again.", 415
    ),
    "too_large": ErrorKind(
        "The file or its picture is larger than the limit.", "Cut or scale it down and try again.", 413
    ),
    "too_long": ErrorKind("The video is longer than the limit.", "Cut out the part in question and try again.", 413),
    # the check
    "unknown_plan": ErrorKind("There is no such sampling plan.", "Choose one of those the help names.", 422),
    "timed_out": ErrorKind("The check took longer than the limit.", "Try again, or try a shorter cut.", 504),
    "cancelled": ErrorKind("The check was cancelled.", "Start it again whenever you like.", 409),
    "out_of_memory": ErrorKind("The video needs more memory than is allowed.", "Scale it down and try again.", 413),
    "disk_full": ErrorKind(
        "There is no room left to write the pictures.", "Free some space, or choose another folder.", 507
    ),
    "not_writable": ErrorKind("The output folder cannot be written.", "Choose another folder.", 403),
    # the model
    "weights_not_found": ErrorKind("The weights were not found.", "Name a folder that holds model.safetensors.", 404),
    "weights_damaged": ErrorKind("The weights do not match their checksum.", "Download them again.", 422),
    "weights_mismatch": ErrorKind(
        "The weights do not fit their configuration.", "Use weights made for this version.", 422
    ),
    "device_unavailable": ErrorKind("That device is not available here.", "Leave --device out, or choose cpu.", 422),
    # the page
    "nothing_chosen": ErrorKind("There is nothing to check yet.", "Choose a file, record one, or paste a link.", 422),
    "links_off": ErrorKind("Links are switched off here.", "Download the video, and choose the file instead.", 422),
    # whatever is left
    "internal": ErrorKind("Something went wrong on our side.", "Please report it with the id of the check.", 500),
}


class CheckError(Exception):
    """A failure somebody outside can act on.

    `code` is a key of ERRORS; `detail` adds what is known about this case (no secrets, no paths of ours).
    """

    def __init__(self, code: str, detail: str = ""):
        self.code = code
        self.detail = detail
        super().__init__(code, detail)

    @property
    def kind(self) -> ErrorKind:
        return ERRORS[self.code]

    @property
    def message(self) -> str:
        """A sentence for people: what happened, and the detail if there is one."""
        return f"{self.kind.message} ({self.detail})" if self.detail else self.kind.message

    @property
    def next_step(self) -> str:
        return self.kind.next_step

    def __str__(self) -> str:
        return f"{self.message} {self.next_step}"

    def to_json(self) -> dict[str, str]:
        return {"code": self.code, "message": self.message, "next_step": self.next_step}
