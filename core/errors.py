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
    "not_readable": ErrorKind("The file or folder may not be read.", "Check its permissions and try again.", 403),
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
    # the link
    "bad_link": ErrorKind("This is not a link to a web page.", "Copy the link again; it starts with https://.", 422),
    "unsupported_site": ErrorKind(
        "Links to this site are not supported.", "Download the video and check the file.", 422
    ),
    "no_video": ErrorKind("There is no video behind this link.", "Open the post itself and copy its link.", 422),
    "login_required": ErrorKind(
        "The video is shown only to people who are signed in.",
        "Unmask never signs in anywhere: download the video and check the file.",
        422,
    ),
    "age_restricted": ErrorKind(
        "The site shows this video only after an age check.", "Download the video and check the file.", 422
    ),
    "bot_check": ErrorKind(
        "The site refuses to answer this machine.", "Try again later, or download the video and check the file.", 502
    ),
    "geo_blocked": ErrorKind(
        "The video is not available in the country it was asked from.", "Download the video and check the file.", 422
    ),
    "live": ErrorKind("This is a live broadcast.", "Wait for the recording and try again.", 422),
    "removed": ErrorKind("The video is gone or never was there.", "Check the link.", 404),
    "drm": ErrorKind("The video is protected against copying.", "It cannot be checked.", 422),
    "site_busy": ErrorKind("The site asks us to slow down.", "Try again in a few minutes.", 503),
    "site_changed": ErrorKind(
        "The site has changed and its videos cannot be found.",
        "Download the video and check the file; who runs Unmask should update yt-dlp.",
        502,
    ),
    "blocked_address": ErrorKind("The link leads to an address that is not public.", "Use a public link.", 422),
    "network": ErrorKind("The site could not be reached.", "Try again in a few minutes.", 502),
    # the check
    "unknown_plan": ErrorKind(
        "There is no such sampling plan.", "Choose one of those that the help, or a server's /v1/info, names.", 422
    ),
    "timed_out": ErrorKind("The check took longer than the limit.", "Try again, or try a shorter cut.", 504),
    "cancelled": ErrorKind("The check was cancelled.", "Start it again whenever you like.", 409),
    "out_of_memory": ErrorKind("The video needs more memory than is allowed.", "Scale it down and try again.", 413),
    "interrupted": ErrorKind(
        "The check was interrupted several times and was given up.", "Convert the video to MP4 and try again.", 500
    ),
    "disk_full": ErrorKind(
        "There is no room left on the disk.",
        "Free some space or choose another folder; of a server, tell who runs it.",
        507,
    ),
    "not_writable": ErrorKind("The output folder cannot be written.", "Choose another folder.", 403),
    # the model
    "weights_not_found": ErrorKind("The weights were not found.", "Name a folder that holds model.safetensors.", 404),
    "weights_damaged": ErrorKind("The weights do not match their checksum.", "Download them again.", 422),
    "weights_mismatch": ErrorKind(
        "The weights do not fit their configuration.", "Use weights made for this version.", 422
    ),
    "device_unavailable": ErrorKind("That device is not available here.", "Leave the device out, or choose cpu.", 422),
    "not_installed": ErrorKind(
        "A package that Unmask needs is not installed in this Python.",
        "Run `make setup`, then use .venv/bin/python in place of python.",
        500,
    ),
    # the page
    "nothing_chosen": ErrorKind("There is nothing to check yet.", "Choose a file, record one, or paste a link.", 422),
    "links_off": ErrorKind("Links are switched off here.", "Download the video, and choose the file instead.", 422),
    "no_place": ErrorKind("Too many others are waiting here.", "Try again in a few minutes.", 503),
    # the API
    "bad_request": ErrorKind("The request is not understood.", "Compare it with the documentation of the API.", 400),
    "invalid": ErrorKind("A field of the request is missing or wrong.", "See `errors` for which.", 422),
    "unauthorized": ErrorKind("An API key is needed.", "Send it as `Authorization: Bearer ...`.", 401),
    "forbidden": ErrorKind("This key may not do that.", "Ask who runs the server for a key with that scope.", 403),
    "foreign_origin": ErrorKind(
        "Web pages other than this server's own may not call it.", "Who runs the server can allow the page.", 403
    ),
    "wrong_host": ErrorKind(
        "The server does not go by this name.", "Use its address, or let who runs it add the name.", 421
    ),
    "not_found": ErrorKind("There is nothing here by that name.", "It may have expired, or the id is wrong.", 404),
    "method_not_allowed": ErrorKind("This address does not take that method.", "See the API's documentation.", 405),
    "file_changed": ErrorKind("The file is not the one that If-Match names.", "Load it from its beginning.", 412),
    "range_not_satisfiable": ErrorKind(
        "The file ends before the range that was asked for.", "Content-Range says how long it is.", 416
    ),
    "unsupported_media_type": ErrorKind("The request body has the wrong type.", "Send JSON or a form.", 415),
    "idempotency_mismatch": ErrorKind(
        "This Idempotency-Key was used for a different request.", "Use a new key for a new request.", 422
    ),
    "conflict": ErrorKind("That cannot be done in the present state.", "Load it again and look.", 409),
    "rate_limited": ErrorKind("Too many requests.", "Wait as long as Retry-After says.", 429),
    "queue_full": ErrorKind("The queue is full.", "Try again when Retry-After has passed.", 503),
    "not_ready": ErrorKind("No worker is ready.", "Wait a moment; start a worker if none runs.", 503),
    # whatever is left
    "internal": ErrorKind(
        "Something went wrong on our side.", "Please report it, with the id of the check if it has one.", 500
    ),
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
