"""What a screen shows, native menus and toolbars included: no page's own screenshot holds those.

python screen.py :7 grab target.png    saves all of it
python screen.py :7 find icon.png      prints the middle of that icon as "x y", or nothing
"""

import sys

import numpy as np
from PIL import Image, ImageGrab

TOLERANCE = 12  # of 255: browsers draw icons in their own colour space


def find(screen: np.ndarray, icon: np.ndarray) -> tuple[int, int] | None:
    """Where the upper half of an icon is (a badge may cover the lower one).

    `screen` (H, W, 3) and `icon` (h, w, 4), uint8; only the icon's opaque pixels count.
    """
    height, width = icon.shape[:2]
    top = icon[: height // 2]
    places = np.argwhere(np.ones((screen.shape[0] - height + 1, screen.shape[1] - width + 1), bool))
    for row, column in np.argwhere(top[..., 3] == 255):
        there = screen[places[:, 0] + row, places[:, 1] + column].astype(int)
        places = places[(abs(there - top[row, column, :3]) <= TOLERANCE).all(-1)]
    if not len(places):
        return None
    y, x = places[0]
    return int(x) + width // 2, int(y) + height // 2


if __name__ == "__main__":
    display, what, path = sys.argv[1:]
    shot = ImageGrab.grab(xdisplay=display)
    if what == "grab":
        shot.save(path)
    elif place := find(np.asarray(shot.convert("RGB")), np.asarray(Image.open(path).convert("RGBA"))):
        print(*place)
