"""What the annotated copy shows: boxes and labels on the picture, and the timeline strip below it."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

from core.analysis import Analysis
from core.draw import INK, LOOKS, WHITE, Rgb, band_stretches, chance, font, label, most_suspicious, number, runs
from core.faces import Box, overlap
from core.follow import Sight
from core.words import clock

MIN_SIDE, MAX_SIDE = 640, 1920  # of the copy: labels stay legible on small videos, and large ones stay playable
MAX_ROWS = 3  # faces in the strip


class Painter:
    """Draws on the frames of one video."""

    def __init__(self, analysis: Analysis):
        self._analysis = analysis
        width, height = analysis.media.width, analysis.media.height
        longer = max(width, height)
        scale = min(max(1, MIN_SIDE / longer), MAX_SIDE / longer)
        self._scale = scale  # from the upright original to the copy
        self._picture = (max(2, round(width * scale)), max(2, round(height * scale)))
        full = max(320, self._picture[0])  # a very narrow video gets margins, so that the strip can be read
        self._text = min(30, max(11, round(full / 52)))
        self._strip = strip_picture(analysis, full + full % 2, self._text)
        strip_height = self._strip.picture.shape[0]
        tall = self._picture[1] + strip_height
        self.size = (full + full % 2, tall + tall % 2)  # H.264 wants even sides

    def paint(self, rgb: np.ndarray, sights: list[Sight], t_s: float) -> np.ndarray:
        """The frame with boxes and labels, and the strip below it: (H, W, 3) uint8, as large as `size`."""
        import cv2

        width, height = self._picture
        canvas = np.zeros((self.size[1], self.size[0], 3), np.uint8)
        left = (self.size[0] - width) // 2
        shrinks = width < rgb.shape[1]
        picture = cv2.resize(rgb, self._picture, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
        gravest_last = sorted(sights, key=lambda s: s.face.probability or 0 if s.face else -1)
        boxes = [tuple(round(self._scale * edge) for edge in sight.box) for sight in gravest_last]
        for sight, box in zip(gravest_last, boxes, strict=True):  # so that nothing lies over it
            draw_box(picture, box, sight.face.verdict if sight.face else None, max(2, self._text // 7))
        placed: list[Box] = []
        for sight, box in zip(reversed(gravest_last), reversed(boxes), strict=True):  # and it has first choice of room
            others = [other for other in boxes if other is not box]
            put_label(picture, box, sight, self._text, placed, others)
        canvas[:height, left : left + width] = picture
        canvas[height : height + self._strip.picture.shape[0]] = self._strip.at(t_s)
        return canvas


def draw_box(picture: np.ndarray, box: tuple[int, int, int, int], verdict: str | None, thick: int) -> None:
    """A frame around a face, in the line style of its verdict: whole, dashed, thin or dotted."""
    import cv2

    x0, y0, x1, y1 = box
    side = max(8, x1 - x0, y1 - y0)
    dash, gap, width = {
        "likely_manipulated": (side, 0, thick + 1),
        "inconclusive": (max(4, side // 8), max(3, side // 14), thick),
        "no_signs_found": (side, 0, max(1, thick // 2)),
        None: (max(2, thick), max(4, 2 * thick), max(1, thick // 2)),
    }[verdict]
    corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]
    for colour, extra in ((INK, 2), (LOOKS[verdict].colour if verdict else WHITE, 0)):
        for start, end in pairwise(corners):
            length = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
            unit = np.subtract(end, start) / length
            for at in range(0, length, dash + gap):
                a = np.add(start, unit * at).astype(int)
                b = np.add(start, unit * min(at + dash, length)).astype(int)
                cv2.line(picture, a.tolist(), b.tolist(), colour, width + extra, cv2.LINE_AA)


@lru_cache(maxsize=256)
def _label(face_id: int | None, verdict: str | None, size: int, is_short: bool) -> np.ndarray:
    look = LOOKS[verdict]
    colour = look.colour if verdict else WHITE
    if face_id is None:
        return label([(f"{look.mark} ", colour), ("" if is_short else look.words, WHITE)], size)
    words = "" if is_short else f"  {look.words}"
    return label([(f"{look.mark} ", colour), (f"{face_id}" if is_short else f"Face {face_id}{words}", WHITE)], size)


def put_label(
    picture: np.ndarray, box: Box, sight: Sight, size: int, placed: list[Box], others: Sequence[Box] = ()
) -> None:
    """The face's label above its box, or below it; a short one, or none, where there is no room.

    No label covers another (`placed`, to which it is added), and no long one the box of another face (`others`).
    """
    face = sight.face
    height, width = picture.shape[:2]
    for is_short in (False, True):
        plate = _label(face and face.id, face and face.verdict, size, is_short)
        h, w = plate.shape[:2]
        x = min(max(0, (box[0] + box[2] - w) // 2), width - w)
        taken = placed if is_short else [*placed, *others]
        for y in (box[1] - h - 3, box[3] + 3, *([box[1] + 3] if is_short else [])):
            spot = (x, y, x + w, y + h)
            if x >= 0 and 0 <= y <= height - h and not any(overlap(spot, one) for one in taken):
                picture[y : y + h, x : x + w] = plate
                placed.append(spot)
                return


class Strip:
    """The timeline below the picture."""

    def __init__(self, picture: np.ndarray, left: int, right: int, top: int, end_s: float, text: int):
        self.picture = picture
        self._left, self._right, self._top, self._end_s, self._text = left, right, top, end_s, text

    def at(self, t_s: float) -> np.ndarray:
        """The strip with its playhead at t_s."""
        if self._end_s == 0:  # a still has no time
            return self.picture
        picture = self.picture.copy()
        share = min(1.0, t_s / self._end_s)
        x = round(self._left + share * (self._right - self._left))
        picture[self._top :, max(0, x - 1) : x + 2] = WHITE
        time = label([(f"{clock(t_s)} / {clock(self._end_s)}", WHITE)], self._text)
        down = (self._top - time.shape[0]) // 2
        picture[down : down + time.shape[0], -time.shape[1] :] = time
        return picture


def strip_picture(analysis: Analysis, width: int, text: int) -> Strip:
    """Draw the strip once: a title, then for each of the most suspicious faces its line over the bands."""
    from PIL import Image, ImageDraw

    faces = [] if analysis.media.is_still else most_suspicious(analysis.faces, MAX_ROWS)
    head, row, pad, fine = round(1.9 * text), round(3.2 * text), round(0.6 * text), 2  # drawn finer, then shrunk
    height = head + row * len(faces) + pad
    left, right = min(width // 3, round(9.5 * text)), width - pad
    end_s = 0.0 if analysis.media.is_still else max(analysis.media.duration_s, 0.1)
    strip = Image.new("RGB", (fine * width, fine * height), INK)
    draw = ImageDraw.Draw(strip)

    def write(x: int, y: int, said: str, colour: Rgb, bold: bool = False) -> float:
        draw.text((fine * x, fine * y), said, colour, font(fine * text, bold))
        return draw.textlength(said, font(fine * text, bold)) / fine

    def long(said: str) -> float:
        return draw.textlength(said, font(fine * text, True)) / fine

    look, thick = LOOKS[analysis.verdict], max(2, fine * text // 7)
    words = "No face was judged"
    if analysis.verdict:
        words = f"{look.mark} {look.words}, {chance(analysis) if analysis.model.trained else 'untrained weights'}"
    room = width - pad - label([(f"{clock(end_s)} / {clock(end_s)}", WHITE)], text).shape[1]
    title = "Unmask analysis"
    if long(title) + text + long(words) > room:  # a narrow video
        title = ""
        words = words.partition(",")[0] if analysis.model.trained and long(words) > room else words
    x = pad + (write(pad, round(0.35 * text), title, WHITE, True) + text if title else 0)
    write(round(x), round(0.35 * text), words, look.colour if analysis.verdict else WHITE, True)
    for i, face in enumerate(faces):
        top, bottom = head + i * row, head + (i + 1) * row - pad
        for low, high, verdict in band_stretches(analysis) or [(0, 1, None)]:
            shade = tuple(round(0.6 * a + 0.4 * b) for a, b in zip(INK, LOOKS[verdict].colour, strict=True))
            ends = (bottom - high * (bottom - top), bottom - low * (bottom - top))
            draw.rectangle((fine * left, fine * ends[0], fine * right, max(fine * ends[0], fine * ends[1] - 1)), shade)
        for moments in runs(face, analysis):
            points = [
                (
                    fine * (left + min(1.0, m.t_s / end_s) * (right - left)),
                    fine * (bottom - m.probability * (bottom - top)),
                )
                for m in moments
            ]
            draw.line(points, WHITE, thick, joint="curve")
            if len(points) == 1:  # no line, but a dot
                (x, y) = points[0]
                draw.ellipse((x - thick, y - thick, x + thick, y + thick), WHITE)
        look = LOOKS[face.verdict]
        middle = (top + bottom) // 2 - round(0.65 * text)
        write(pad, middle, look.mark, look.colour)
        write(pad + round(1.2 * text), middle, f"Face {face.id}  {number(face.probability, analysis)}", WHITE)
    small = strip.resize((width, height), Image.Resampling.LANCZOS)
    return Strip(np.array(small), left, right, head, end_s, text)
