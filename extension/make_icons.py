"""Draw the icons: a face, one half behind the lattice of a mask. Run it after a change; the PNGs are kept in the tree.

python extension/make_icons.py
"""

from pathlib import Path

from PIL import Image, ImageDraw

SIZES = (16, 32, 48, 128)
SCALE = 8  # drawn large, then averaged down: smooth edges
INDIGO, WHITE, PALE = (59, 91, 219), (255, 255, 255), (145, 167, 255)


def icon(size: int) -> Image.Image:
    """One icon, RGBA, `size` pixels square."""
    unit = size * SCALE / 128  # the drawing's own grid is 128
    picture = Image.new("RGBA", (size * SCALE,) * 2)
    draw = ImageDraw.Draw(picture)

    def box(*edges: float) -> list[float]:
        return [edge * unit for edge in edges]

    draw.rounded_rectangle(box(2, 2, 126, 126), radius=30 * unit, fill=INDIGO)
    face = box(34, 20, 94, 108)
    draw.ellipse(face, fill=PALE)
    draw.pieslice(face, 90, 270, fill=WHITE)  # the open half
    if size >= 48:  # the lattice blurs in small icons
        for y in (42, 64, 86):
            draw.line(box(64, y, 93 if y == 64 else 88, y), fill=INDIGO, width=round(3 * unit))
        draw.line(box(79, 24, 79, 104), fill=INDIGO, width=round(3 * unit))
    draw.line(box(64, 20, 64, 108), fill=INDIGO, width=round(5 * unit))
    draw.ellipse(box(42, 52, 56, 62), fill=INDIGO)  # the eye that shows
    draw.rounded_rectangle(box(72, 52, 86, 62), radius=4 * unit, fill=INDIGO)  # the one that is covered
    return picture.resize((size, size), Image.Resampling.BOX)


if __name__ == "__main__":
    folder = Path(__file__).parent / "icons"
    folder.mkdir(exist_ok=True)
    for size in SIZES:
        icon(size).save(folder / f"{size}.png", optimize=True)
