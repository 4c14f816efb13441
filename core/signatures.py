"""What a file begins with, and which format that is; told without a decoder, so that who only receives files loads none."""

HEAD = 1024  # bytes: a transport stream cut amid a packet is told by five packets of 192 in a row

# The first boxes that QuickTime and MP4 files begin with
BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"sidx", b"moof")

# What a file begins with, and FFmpeg's name for it; "audio" for what never has pictures
SIGNATURES = (
    (b"\x1a\x45\xdf\xa3", "matroska"),
    (b"FLV\x01", "flv"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"OggS", "ogg"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (b"\x00\x00\x01\xba", "mpeg"),
    (b"\x00\x00\x01\xb3", "mpegvideo"),
    (b"\xff\xd8\xff", "jpeg_pipe"),
    (b"II*\x00", "tiff_pipe"),
    (b"MM\x00*", "tiff_pipe"),
    (b"ID3", "audio"),
    (b"fLaC", "audio"),
    (b"\xff\xfb", "audio"),  # MP3
    (b"\xff\xf3", "audio"),
    (b"\xff\xf1", "audio"),  # AAC
    (b"\xff\xf9", "audio"),
)
RIFF = {b"AVI ": "avi", b"WEBP": "webp_pipe", b"WAVE": "audio"}


def recognise(head: bytes) -> str | None:
    """FFmpeg's name for the format of a file that begins with `head` (HEAD bytes of it), None if it is none of ours.

    Only the bytes count, never the name: FFmpeg left to guess would take a text that names addresses for a playlist,
    and fetch them.
    """
    if head[4:8] in BOXES and head[0] < 0x20:  # the box's size: no text begins so
        return "mov"
    if head.startswith(b"RIFF"):
        return RIFF.get(head[8:12])
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png_pipe"
    if head.startswith(b"BM") and head[6:10] == bytes(4):
        return "bmp_pipe"
    for size, first in ((188, 0), (192, 4)):  # transport streams: a G at every packet
        if head[first : first + 2 * size + 1 : size] == b"GGG":
            return "mpegts"
        if any(head[cut : cut + 4 * size + 1 : size] == b"GGGGG" for cut in range(size)):  # cut out amid a packet
            return "mpegts"
    return next((name for start, name in SIGNATURES if head.startswith(start)), None)
