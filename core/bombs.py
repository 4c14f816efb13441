"""Small files that would take very much memory or time: told before FFmpeg opens them, as then it is too late."""

import os
import re
from typing import BinaryIO

PACKED = 2**20  # bytes of packed text and colour profiles in a PNG; what is real has a few thousand
PACKED_IN_FILM = PACKED // 16  # in each of its pictures, as several are held at once
SCANS = 200  # of a JPEG, each of which may go over the whole picture; encoders make about ten
JPEG_BYTES = 2**27  # are looked through in a tenth of a second

SOS, EOI = 0xDA, 0xD9
SKIPPED = {0xC4, 0xDB, *range(0xE0, 0xF0), 0xFE}  # DHT, DQT, APPn, COM: may hold what looks like markers
SOF = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
MARKER = re.compile(rb"\xff[\xc0-\xcf\xd8-\xfe]")  # what FFmpeg takes for one; all but those that restart a scan


def look_into_png(file: BinaryIO) -> tuple[int, bool]:
    """How many bytes of packed text and profiles it has, and whether it is animated.

    Of the former FFmpeg unpacks and keeps all, and each byte may become a thousand.
    """
    packed, kinds = 0, []
    file.seek(8)
    while packed <= PACKED and len(head := file.read(8)) == 8:
        size, kind = int.from_bytes(head[:4], "big"), head[4:]
        packed += size if kind in (b"zTXt", b"iCCP") else 0
        kinds += [kind] if kind in (b"acTL", b"IDAT") and kind not in kinds else []
        file.seek(size + 4, os.SEEK_CUR)
    return packed, kinds[:1] == [b"acTL"]  # behind the first picture it says nothing


def count_scans(file: BinaryIO) -> int:
    """How many scans a JPEG has up to its end, as far as that matters; hidden pictures may follow it.

    More than SCANS where that end lies beyond JPEG_BYTES. Goes where FFmpeg goes, which heeds no end before the picture has
    begun, and no segment that reaches beyond the file.
    """
    data, at, scans, has_begun = file.read(JPEG_BYTES), 0, 0, False
    while scans <= SCANS and (found := MARKER.search(data, at)):
        kind, at = data[found.end() - 1], found.end()
        scans += kind == SOS
        has_begun |= kind in SOF
        if kind == EOI and has_begun and scans:
            return scans
        behind = at + int.from_bytes(data[at : at + 2], "big")
        if kind in SKIPPED and behind <= len(data):
            at = behind
    return scans if len(data) < JPEG_BYTES else SCANS + 1
