"""Small files that would take very much memory or time: told before FFmpeg opens them, as then it is too late."""

import os
import re
import zlib
from collections.abc import Iterator
from typing import BinaryIO

PACKED = 2**20  # bytes of packed text and colour profiles in a PNG; what is real has a few thousand
PACKED_IN_FILM = PACKED // 16  # in each of its pictures, as several are held at once
SCANS = 200  # of a JPEG, each of which may go over the whole picture; encoders make about ten
JPEG_BYTES = 2**27  # are looked through in a tenth of a second

SOS, EOI = 0xDA, 0xD9
SKIPPED = {0xC4, 0xDB, *range(0xE0, 0xF0), 0xFE}  # DHT, DQT, APPn, COM: may hold what looks like markers
SOF = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
MARKER = re.compile(rb"\xff[\xc0-\xcf\xd8-\xfe]")  # what FFmpeg takes for one; all but those that restart a scan

INDEX_BYTES = 2**26  # of one box of an MP4 or MOV that is no sound or picture; that of a long film has some millions
IMPOSSIBLE = 2**28  # samples; FFmpeg refuses so many by itself, and four letters of a text are more
# sample sizes, edits and fragments, each with the words behind it; none hides another
COUNTS = re.compile(rb"(stsz|stz2|elst|trun)(?=.{4}(.{4})(.{0,4}))", re.DOTALL)
HANDLER = re.compile(rb"hdlr.{8}(vide|soun)", re.DOTALL)
EVERY_ONE_IS_A_TICK = re.compile(rb"stts.{4}\x00{3}\x01.{4}\x00{3}\x01", re.DOTALL)
NO_INDEX, HIDES_ONE = (b"mdat", b"free", b"skip", b"uuid"), (b"mvhd", b"cmov")
TICKS_TOGETHER = 1024  # so many samples of plain sound FFmpeg takes for one


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


def claimed_samples(file: BinaryIO, size: int) -> int:
    """How many samples an MP4 or MOV of so many bytes says it has, each of which takes FFmpeg some 40 bytes. Twelve bytes say so
    of any number, for a whole track or a fragment, and each edit has all of a track's once more.

    IMPOSSIBLE where an index has more than INDEX_BYTES.
    """
    claimed = 0
    for box in _boxes(file, size):
        if len(box) > INDEX_BYTES:
            return IMPOSSIBLE
        for track in box.split(b"trak"):
            counts = {b"stsz": 0, b"stz2": 0, b"elst": 0, b"trun": 0}
            for kind, second, third in COUNTS.findall(track):
                count = int.from_bytes(third if kind in (b"stsz", b"stz2") else second)
                counts[kind] += count if count < IMPOSSIBLE else 0
            samples, edits = counts[b"stsz"] + counts[b"stz2"], min(counts[b"elst"], len(track) // 12)
            if set(HANDLER.findall(track)) == {b"soun"} and EVERY_ONE_IS_A_TICK.search(track):
                samples //= TICKS_TOGETHER
            claimed += samples * max(1, edits) + counts[b"trun"]
    return claimed


def _boxes(file: BinaryIO, size: int) -> Iterator[bytes]:
    """What stands in the outermost boxes that may hold an index, and what is packed in them, up to INDEX_BYTES and one more."""
    at = 0
    while at < size and file.seek(at) == at and len(head := file.read(16)) >= 8:
        length, kind = int.from_bytes(head[:4]), head[4:8]
        length = int.from_bytes(head[8:]) if length == 1 else length or size - at
        if length < 8:
            return
        if kind not in NO_INDEX or head[12:] in HIDES_ONE:
            file.seek(at)
            box = file.read(min(length, INDEX_BYTES + 1))
            yield box
            for packed in re.finditer(b"cmvd....", box, re.DOTALL):
                try:
                    yield zlib.decompressobj().decompress(box[packed.end() :], INDEX_BYTES + 1)
                except zlib.error:
                    continue
        at += length
