"""A decoded picture as shown: upright, square pixels, plain RGB."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import av
import numpy as np
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorTrc, Interpolation, VideoReformatter

from core.pool import Pool

MAX_SIDE = 1920  # pixels; larger pictures are scaled down: faces that matter are large in them
HDR = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)
TO_BT709 = {"dst_color_trc": ColorTrc.IEC61966_2_1, "dst_color_primaries": ColorPrimaries.BT709}
UNSPECIFIED = 2  # AVCOL_SPC_UNSPECIFIED
UPRIGHT = (1, 0, 0, 1)
# a, b, c, d for what EXIF calls orientation 1 to 8
EXIF_TURNS = {
    1: UPRIGHT,
    2: (-1, 0, 0, 1),
    3: (-1, 0, 0, -1),
    4: (1, 0, 0, -1),
    5: (0, 1, 1, 0),
    6: (0, 1, -1, 0),
    7: (0, -1, -1, 0),
    8: (0, -1, 1, 0),
}
ROTATIONS = {90: 8, 180: 3, -180: 3, -90: 6}  # degrees counterclockwise as orientations of EXIF


@dataclass(frozen=True)
class Geometry:
    """How the pictures of one video become upright frames."""

    width: int  # pixels of the whole upright picture, before scaling down
    height: int
    swap_axes: bool  # then mirrored left to right, then upside down
    mirror: bool
    flip: bool
    stored: float  # width over height of the picture as it is stored
    fills: bool = False  # pictures of another shape fill the same screen, as their pixels change with it

    @property
    def scale(self) -> float:
        """Whole upright picture = frame * scale, at least 1."""
        return max(1.0, max(self.width, self.height) / MAX_SIDE)


def geometry(
    picture: VideoFrame, aspect: float, exif_orientation: Callable[[], int | None] = lambda: 1, is_png: bool = False
) -> Geometry:
    """picture: the first of a video. aspect: width of a pixel over its height. exif_orientation: asked if need be; None
    where the file is no photograph. is_png: it was coded as PNG."""
    a, b, c, d = _display_matrix(picture, exif_orientation, is_png)
    swap = abs(b) + abs(c) > abs(a) + abs(d)
    width = round(picture.width * aspect) if 0.2 < aspect < 5 else picture.width  # beyond that it is a mistake
    height, stored = picture.height, picture.width / picture.height
    if swap:
        return Geometry(height, max(1, width), True, c < 0, b < 0, stored)
    return Geometry(max(1, width), height, False, a < 0, d < 0, stored)


def _display_matrix(
    picture: VideoFrame, exif_orientation: Callable[[], int | None], is_png: bool
) -> tuple[int, int, int, int]:
    """a, b, c, d of x' = a x + c y, y' = b x + d y (FFmpeg's display matrix), the identity if there is none."""
    # PyAV 18 stumbles over kinds of side data it does not know, such as the EXIF of photographs, and frees the name of a
    # PNG's colour profile, which FFmpeg then frees again: the process dies of it
    if not is_png:
        with suppress(ValueError):
            data = picture.side_data.get(Type.DISPLAYMATRIX)
            matrix = UPRIGHT if data is None else np.frombuffer(data, np.int32)[[0, 1, 3, 4]].tolist()
            return tuple(matrix)
    orientation = exif_orientation()
    if orientation is None:  # of a video PyAV still says how it is turned, if not whether it is mirrored
        orientation = ROTATIONS.get(picture.rotation)
    return EXIF_TURNS.get(orientation, UPRIGHT)


# Setting one up takes 3 s of a processor for HDR. One alone is kept, as it holds some 130 MB.
_converters = Pool(VideoReformatter, most=1)


class Upright:
    """Turns pictures into frames, within `with`. Safe to use in several threads, each with its own."""

    def __init__(self, shape: Geometry):
        self.shape = shape

    def __enter__(self) -> "Upright":
        self._converter = _converters.take()
        return self

    def __exit__(self, *failure: object) -> None:
        _converters.give(self._converter)

    def __call__(self, picture: VideoFrame) -> np.ndarray:
        """(H, W, 3) uint8 RGB. Transparency is dropped, HDR brought to BT.709; a new size amid the video is scaled,
        and gets margins where its shape is another one.

        Raises av.FFmpegError if the picture's format cannot be converted.
        """
        shape = self.shape
        width, height = round(shape.width / shape.scale), round(shape.height / shape.scale)
        if shape.swap_axes:
            width, height = height, width
        width, height = room = max(1, width), max(1, height)
        other = picture.width / picture.height / shape.stored
        turned = (picture.width > picture.height) != (shape.stored > 1)
        if turned or not (shape.fills or 0.98 < other < 1.02):  # stretched, faces would be no faces
            across = other * picture.height * width / height  # in pixels that are as wide as high
            fit = min(width / across, height / picture.height)
            width, height = max(1, round(across * fit)), max(1, round(picture.height * fit))
        shrinks = width < picture.width or height < picture.height
        how = Interpolation.AREA if shrinks else Interpolation.BILINEAR
        target = (picture, width, height, "rgb24")
        try:
            to_bt709 = TO_BT709 if picture.color_trc in HDR else {}
            rgb = self._converter.reformat(*target, interpolation=how, **to_bt709).to_ndarray()
        except av.FFmpegError:  # colours marked as of a kind that no one converts
            picture.colorspace = UNSPECIFIED
            rgb = self._converter.reformat(*target, interpolation=how).to_ndarray()
        if rgb.shape[1::-1] != room:
            left, top = (room[0] - width) // 2, (room[1] - height) // 2
            whole = np.zeros((room[1], room[0], 3), np.uint8)
            whole[top : top + height, left : left + width] = rgb
            rgb = whole
        if shape.swap_axes:
            rgb = rgb.transpose(1, 0, 2)
        if shape.mirror:
            rgb = rgb[:, ::-1]
        if shape.flip:
            rgb = rgb[::-1]
        return np.ascontiguousarray(rgb)
