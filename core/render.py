"""Pictures of an analysis: the sheet of key frames and the timeline.

Every function writes its file whole or not at all, and raises CheckError("disk_full") or ("not_writable").
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core import video
from core.analysis import Analysis, FaceResult, KeyFrame
from core.container import Source
from core.crops import CROP_MARGIN, CROP_SIZE, crop
from core.draw import (
    DIM,
    INK,
    LOOKS,
    PAPER,
    band_stretches,
    font,
    headline,
    heat_over,
    most_suspicious,
    number,
    runs,
    short,
)
from core.summary import KEY_FRAMES
from core.words import clock, count, percent, percent_range
from core.writing import written_whole

KEYS_ARE = "These are the highest single frames; the verdict is of all of them together."
MAX_FACES = 6  # on one picture; the rest is named in words

Cut = tuple[KeyFrame, np.ndarray, np.ndarray | None]  # a key frame, its crop (224, 224, 3) uint8, and its heat map


@dataclass(frozen=True)
class Heat:
    """What makes heat maps, and the crops it wants: those that were judged, in the size and margin of the weights."""

    maps: Callable[[np.ndarray], np.ndarray]  # crops (N, size, size, 3) uint8 -> (N, size, size), 0 to 1
    size: int = CROP_SIZE
    margin: float = CROP_MARGIN


@dataclass(frozen=True, eq=False)
class Keys:
    """The key frames of the most suspicious faces: made once, as several pictures show them, and heat maps take longest."""

    by_face: dict[int, list[Cut]]  # by the face's id, in order of time
    has_heat: bool


def key_crops(
    path: Source, faces: list[FaceResult], size: int = CROP_SIZE, margin: float = CROP_MARGIN
) -> dict[int, list[tuple[KeyFrame, np.ndarray]]]:
    """The crops of each face's key frames, in order of time: face id -> [(key frame, (size, size, 3) uint8)]."""
    keys = sorted(((key, face.id) for face in faces for key in face.key_frames), key=lambda k: k[0].t_s)
    times = sorted({key.t_s for key, _ in keys})
    crops: dict[int, list[tuple[KeyFrame, np.ndarray]]] = {face.id: [] for face in faces}
    for frame in video.frames_at(path, times):
        for key, face_id in keys:
            if key.t_s == times[frame.window]:
                box = tuple(edge / frame.scale for edge in key.box)
                crops[face_id].append((key, crop(frame.rgb, box, size, margin)))
    return crops


def with_heat(cut: list[tuple[KeyFrame, np.ndarray]], heat: Heat | None) -> list[Cut]:
    """One face's key frames and crops with the heat map of each, to be shown; None where there is no `heat`."""
    maps = heat.maps(np.stack([picture for _, picture in cut])) if heat and cut else [None] * len(cut)
    return [
        (key, shown(picture), None if one is None else shown(one))
        for (key, picture), one in zip(cut, maps, strict=True)
    ]


def shown(square: np.ndarray) -> np.ndarray:
    """A crop or a heat map in the size of all pictures; most weights judge crops of that size."""
    if len(square) == CROP_SIZE:
        return square
    import cv2

    how = cv2.INTER_AREA if len(square) > CROP_SIZE else cv2.INTER_LINEAR
    return cv2.resize(square, (CROP_SIZE, CROP_SIZE), interpolation=how)


def key_pictures(path: Source, analysis: Analysis, heat: Heat | None = None) -> Keys:
    """Decode and cut out the key frames that pictures show, and make their heat maps if there is `heat`. Raises CheckError."""
    wanted = (heat.size, heat.margin) if heat else ()
    crops = key_crops(path, most_suspicious(analysis.faces, MAX_FACES), *wanted)
    return Keys({face_id: with_heat(cut, heat) for face_id, cut in crops.items()}, heat is not None)


def is_empty(heat: np.ndarray | None) -> bool:
    return heat is not None and float(heat.max()) == 0


def joined(*parts: str, by: str = ", ") -> str:
    """Those that say something."""
    return by.join(filter(None, parts))


def timeline_picture(path: Source, analysis: Analysis, out: Path, keys: Keys) -> None:
    """A PNG of the probability over time: a row for each face with its portrait, its line and the bands behind it."""
    from matplotlib.figure import Figure  # without pyplot, which keeps global state and is not for threads

    faces = most_suspicious(analysis.faces, MAX_FACES)
    portraits = {face_id: cut[0][1] for face_id, cut in keys.by_face.items() if cut}
    height = 1.55 + 1.55 * max(1, len(faces))
    figure = Figure(figsize=(11, height), facecolor=np.array(PAPER) / 255)
    figure.text(0.02, 1 - 0.34 / height, short(path.name), fontsize=13, weight="bold", va="center", parse_math=False)
    figure.text(0.02, 1 - 0.62 / height, headline(analysis), fontsize=11, va="center")
    if not faces:
        figure.text(0.02, 0.4, "No face was judged, so there is no line to draw.", fontsize=12)
    for row, face in enumerate(faces):
        bottom = (height - 0.95 - 1.55 * (row + 1) + 0.35) / height
        if face.id in portraits:
            spot = figure.add_axes((0.02, bottom, 1.15 / 11, 1.15 / height))
            spot.imshow(portraits[face.id])
            spot.axis("off")
        _timeline_row(figure.add_axes((0.38, bottom, 0.6, 1.15 / height)), face, analysis, row == len(faces) - 1)
        look = LOOKS[face.verdict]
        words = f"{look.mark} Face {face.id}\n{look.words}"
        if analysis.model.trained:
            words += f"\n{percent(face.probability)}  ({percent_range(face.interval)})"
        figure.text(0.135, bottom + 0.575 / height, words, fontsize=11, va="center", linespacing=1.5)
    bands = [f"{LOOKS[v].mark} {LOOKS[v].words.lower()}" for _, _, v in reversed(band_stretches(analysis))]
    legend = ["Unmask analysis", *bands, "○ key frame", "no line: not looked at, or no face", *and_more(analysis)]
    lines = ("Single frames go up and down; the verdict is of all of them together.", "     ".join(legend))
    for up, words in zip((0.46, 0.22), lines, strict=True):
        figure.text(0.02, up / height, words, fontsize=9, va="center", color=np.array(DIM) / 255)
    with written_whole(out) as part:
        figure.savefig(part, dpi=110, format="png")


def and_more(analysis: Analysis) -> list[str]:
    """What to say of judged faces that found no room, if there are any."""
    more = analysis.coverage.faces_judged - MAX_FACES
    return [f"and {count(more, 'less suspicious face')}"] if more > 0 else []


def _timeline_row(axes, face: FaceResult, analysis: Analysis, is_last: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    end = max(analysis.media.duration_s, face.last_seen_s, 0.1)
    for start, stop, verdict in band_stretches(analysis):
        look = LOOKS[verdict]
        axes.axhspan(start, stop, color=np.array(look.colour) / 255, alpha=0.3, linewidth=0)
        axes.axhline(start, color="white", linewidth=1.5)
        axes.text(1.008, (start + stop) / 2, look.mark, transform=axes.get_yaxis_transform(), fontsize=9, va="center")
    for moments in runs(face, analysis):
        times, values = [m.t_s for m in moments], [m.probability for m in moments]
        axes.plot(times, values, color=np.array(INK) / 255, linewidth=1.8, marker="o" if len(times) == 1 else None)
    for key in face.key_frames:
        axes.plot(key.t_s, key.probability, marker="o", markersize=7, mfc="none", mec=np.array(INK) / 255, mew=1.4)
    axes.set_xlim(0, end)
    axes.set_ylim(-0.04, 1.04)  # room for a line that lies on the edge
    axes.set_yticks([0, 0.5, 1], ["0", "50%", "100%"], fontsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 3, 6, 10]))  # as clocks count
    axes.xaxis.set_major_formatter(lambda t, _: clock(t, tenths=end < 5))
    axes.tick_params(axis="x", labelsize=8, labelbottom=is_last)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def key_frame_sheet(path: Source, analysis: Analysis, out: Path, keys: Keys) -> None:
    """A PNG of the most suspicious frames of each face, with and without its heat map."""
    from PIL import Image, ImageDraw

    side, gap, left = 264, 12, 24
    faces = [face for face in most_suspicious(analysis.faces, MAX_FACES) if face.key_frames]
    row = (side + gap) * (2 if keys.has_heat else 1) + 84
    width = 2 * left + KEY_FRAMES * (side + gap) - gap
    sheet = Image.new("RGB", (width, 104 + len(faces) * row + 60), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((left, 20), short(path.name), INK, font(22, True))
    draw.text((left, 56), headline(analysis), INK, font(16))
    y = 104
    for face in faces:
        look = LOOKS[face.verdict]
        draw.rectangle((left, y, left + 6, y + 40), look.colour)
        draw.text(
            (left + 16, y - 2),
            joined(f"{look.mark} Face {face.id}: {look.words}", number(face.probability, analysis)),
            INK,
            font(18, True),
        )
        seen = (
            f"seen from {clock(face.first_seen_s)} to {clock(face.last_seen_s)}, {count(face.frames, 'frame')} judged"
        )
        if analysis.media.is_still:
            seen = f"{face.size_px:.0f} pixels"
        draw.text((left + 16, y + 22), seen, INK, font(14))
        for column, (key, picture, one) in enumerate(keys.by_face[face.id]):
            x = left + column * (side + gap)
            sheet.paste(Image.fromarray(picture).resize((side, side)), (x, y + 50))
            if one is not None:
                sheet.paste(Image.fromarray(heat_over(picture, one)).resize((side, side)), (x, y + 50 + side + gap))
            said = joined(number(key.probability, analysis), "no sign stands out" if is_empty(one) else "")
            when = "" if analysis.media.is_still else f"at {clock(key.t_s, True)}"
            draw.text((x, y + row - 34), joined(when, said, by=": "), INK, font(14))
        y += row
    if not faces:
        draw.text((left, y), "No face was judged, so there are no key frames.", INK, font(16))
    note = (
        ["Bright: where in this frame the signs are strongest. Each map has its own scale."]
        if keys.has_heat and faces
        else []
    )
    if faces and not analysis.media.is_still:
        draw.text((left, sheet.height - 54), KEYS_ARE, DIM, font(13))
    draw.text((left, sheet.height - 34), "   ".join(note + and_more(analysis)), DIM, font(13))
    with written_whole(out) as part:
        sheet.save(part, "PNG", optimize=True)
