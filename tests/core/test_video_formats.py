"""Every codec, container and kind of picture that PyAV can encode here."""

import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
import pytest
from av.stream import Disposition
from av.video.reformatter import VideoReformatter
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import core.picture
from core.picture import Upright, geometry
from core.plan import PLANS
from core.pool import Pool
from core.video import Frame, frames, frames_at, probe
from tests.media import grey_clip, grey_number, greys, remux, write_clip

# file name, codec, pixel format
VIDEOS = [
    ("a.mp4", "libx264", "yuv420p"),
    ("a.mov", "libx264", "yuv420p"),
    ("a.mkv", "libx264", "yuv420p"),
    ("a.ts", "libx264", "yuv420p"),
    ("a.m2ts", "libx264", "yuv420p"),
    ("a.flv", "libx264", "yuv420p"),
    ("a.avi", "libx264", "yuv420p"),
    ("hevc.mp4", "libx265", "yuv420p"),
    ("hevc.mkv", "libx265", "yuv420p"),
    ("vp8.webm", "libvpx", "yuv420p"),
    ("vp8.ogv", "libvpx", "yuv420p"),
    ("vp9.webm", "libvpx-vp9", "yuv420p"),
    ("vp9.mp4", "libvpx-vp9", "yuv420p"),
    ("av1.mp4", "libsvtav1", "yuv420p"),
    ("av1.webm", "libsvtav1", "yuv420p"),
    ("mpeg4.avi", "mpeg4", "yuv420p"),
    ("mpeg4.mp4", "mpeg4", "yuv420p"),
    ("mpeg2.mpg", "mpeg2video", "yuv420p"),
    ("mpeg2.ts", "mpeg2video", "yuv420p"),
    ("mpeg2.m2v", "mpeg2video", "yuv420p"),
    ("wmv2.wmv", "wmv2", "yuv420p"),
    ("mjpeg.avi", "mjpeg", "yuvj420p"),
    ("prores.mov", "prores_ks", "yuv422p10le"),
    ("qtrle.mov", "qtrle", "rgb24"),
    ("ffv1.mkv", "ffv1", "yuv420p"),
    ("a.gif", "gif", "rgb8"),
    ("a.apng", "apng", "rgb24"),
    # pixel formats
    ("grey.mp4", "libx264", "gray"),
    ("444.mp4", "libx264", "yuv444p"),
    ("10bit.mp4", "libx264", "yuv420p10le"),
    ("10bit-hevc.mp4", "libx265", "yuv420p10le"),
    ("12bit-hevc.mkv", "libx265", "yuv422p12le"),
    ("alpha.webm", "libvpx-vp9", "yuva420p"),
    ("alpha.mov", "qtrle", "argb"),
    ("grey16.mkv", "ffv1", "gray16le"),
    ("rgb16.mkv", "ffv1", "rgb48le"),
    ("palette.avi", "rawvideo", "bgr24"),
]


@pytest.mark.parametrize(("name", "codec", "pix_fmt"), VIDEOS, ids=[name for name, _, _ in VIDEOS])
def test_frames_come_as_rgb_at_their_times(tmp_path, name, codec, pix_fmt):
    if codec not in av.codecs_available:
        pytest.skip(f"this PyAV has no encoder {codec}")
    options = {"color_range": "pc"} if pix_fmt == "gray" else None
    clip = grey_clip(tmp_path / name, 24, (64, 48), codec=codec, pix_fmt=pix_fmt, fps=25, options=options)
    warnings = []
    found = list(frames(clip, PLANS["thorough"], warnings))
    assert len(found) >= 7
    for frame in found:
        assert (frame.rgb.shape, frame.rgb.dtype) == ((48, 64, 3), np.uint8)
        # a GIF's palette has few greys, and the writer of program streams leaves a gap after the first picture
        tolerance = {"a.gif": 3, "mpeg2.mpg": 1.3}.get(name, 0.6)
        assert (frame.rgb.mean() - 16) / 4 == pytest.approx(frame.t_s * 25, abs=tolerance)
    assert warnings == []
    media = probe(clip)
    assert (media.width, media.height) == (64, 48)
    assert media.duration_s == pytest.approx(0.96, abs=0.09)


PICTURES = [
    ("a.jpg", "mjpeg", "yuvj420p"),
    ("a.png", "png", "rgb24"),
    ("a.bmp", "bmp", "bgr24"),
    ("a.tiff", "tiff", "rgb24"),
]


@pytest.mark.parametrize(("name", "codec", "pix_fmt"), PICTURES, ids=[name for name, _, _ in PICTURES])
def test_a_picture_is_a_video_of_one_frame(tmp_path, name, codec, pix_fmt):
    path = write_clip(tmp_path / name, quarters(1), codec=codec, pix_fmt=pix_fmt, container="image2")
    assert [corners(frame) for frame in look(path)] == ["RGBW"]
    media = probe(path)
    assert (media.is_still, media.duration_s, media.width, media.height) == (True, 0, 64, 48)


@pytest.mark.parametrize(
    ("name", "codec", "container"), [("a.webp", "libwebp", "webp"), ("a.avif", "libsvtav1", "avif")]
)
def test_webp_and_avif_are_pictures_too(tmp_path, name, codec, container):
    path = write_clip(tmp_path / name, quarters(1), codec=codec, container=container)
    assert [corners(frame) for frame in look(path)] == ["RGBW"]
    assert probe(path).is_still


@pytest.mark.slow
@pytest.mark.parametrize("name", ["photo.png", "film.png", "film.mov"])
def test_a_png_with_a_colour_profile_ends_no_process(tmp_path, name):
    pictures = [Image.fromarray(picture) for picture in greys(3)]
    rest = {"save_all": True, "append_images": pictures[1:], "duration": 200} if name == "film.png" else {}
    pictures[0].save(tmp_path / "a.png", icc_profile=bytes(500), **rest)
    (tmp_path / "a.png").rename(tmp_path / name)
    if name == "film.mov":
        (tmp_path / name).rename(tmp_path / "photo.png")
        remux(tmp_path / "photo.png", tmp_path / name)
    look = f"import gc; from core.video import probe; probe({str(tmp_path / name)!r}); gc.collect()"
    assert subprocess.run([sys.executable, "-c", look]).returncode == 0


def test_an_animated_png_is_told_from_a_picture_whatever_else_it_holds(tmp_path):
    pictures = [Image.fromarray(picture) for picture in greys(3)]
    rest = {"save_all": True, "append_images": pictures[1:], "duration": 200}
    pictures[0].save(tmp_path / "film.png", icc_profile=np.random.default_rng(0).bytes(2000), **rest)
    assert (tmp_path / "film.png").read_bytes().index(b"acTL") > 1024
    assert not probe(tmp_path / "film.png").is_still
    words = PngInfo()
    words.add_text("note", "acTL")
    pictures[0].save(tmp_path / "picture.png", pnginfo=words)
    assert probe(tmp_path / "picture.png").is_still


@pytest.mark.parametrize("colours", ["RGB", "RGBA"])
def test_an_animated_avif_is_a_video_of_one_track_whatever_it_keeps_beside_it(tmp_path, colours):
    """The first picture by itself, and what is transparent."""
    first, *others = (Image.fromarray(picture).convert(colours) for picture in greys(24))
    if colours == "RGBA":
        first.putpixel((0, 0), (0, 0, 0, 0))  # else none is kept
    first.save(tmp_path / "a.avif", save_all=True, append_images=others, duration=40)
    warnings = []
    found = frames(tmp_path / "a.avif", PLANS["default"], warnings)
    assert [grey_number(frame.rgb) for frame in found] == [0, 6, 12, 18]
    assert warnings == []
    assert not probe(tmp_path / "a.avif").is_still


ORIENTATIONS = {1: "RGBW", 2: "GRWB", 3: "WBGR", 4: "BWRG", 5: "RBGW", 6: "BRWG", 7: "WGBR", 8: "GWRB"}


@pytest.mark.parametrize("name", ["photo.jpg", "photo.png", "photo.webp", "photo.tiff", "photo.avif"])
def test_a_photograph_is_turned_and_mirrored_as_its_exif_says(tmp_path, name):
    from PIL import Image

    for orientation, expected in ORIENTATIONS.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(next(quarters(1))).save(tmp_path / name, exif=exif, quality=95)
        (frame,) = look(tmp_path / name)
        shape = (64, 48, 3) if orientation >= 5 else (48, 64, 3)
        assert (orientation, corners(frame), frame.rgb.shape) == (orientation, expected, shape)
        media = probe(tmp_path / name)
        assert (media.height, media.width) == shape[:2]


XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>"""


@pytest.mark.parametrize("has_exif", [False, True])
@pytest.mark.parametrize("name", ["photo.jpg", "photo.png", "photo.webp", "photo.tiff"])
def test_a_photograph_is_not_turned_by_what_its_xmp_says(tmp_path, name, has_exif):
    """No viewer turns it either: they heed EXIF."""
    exif, words = Image.Exif(), PngInfo()
    words.add_itxt("XML:com.adobe.xmp", XMP)
    if has_exif:
        exif[0x010F] = "a maker"
    more = {"tiffinfo": {700: XMP.encode()}} if name == "photo.tiff" else {"exif": exif, "xmp": XMP.encode()}
    Image.fromarray(next(quarters(1))).save(tmp_path / name, pnginfo=words, quality=95, **more)
    with Image.open(tmp_path / name) as picture:
        assert picture.getexif()[0x0112] == 6
    assert [corners(frame) for frame in look(tmp_path / name)] == ["RGBW"]


@pytest.mark.parametrize(
    ("rotation", "mirror", "expected"),
    [
        (0, False, "RGBW"),
        (90, False, "GWRB"),
        (180, False, "WBGR"),
        (270, False, "BRWG"),
        (0, True, "GRWB"),
        (90, True, "WGBR"),
        (180, True, "BWRG"),
        (270, True, "RBGW"),
    ],
)
def test_video_rotated_in_metadata_gives_upright_frames(tmp_path, rotation, mirror, expected):
    clip = write_clip(tmp_path / "turned.mp4", quarters(8), rotation=rotation, mirror=mirror)
    shape = (64, 48, 3) if rotation in (90, 270) else (48, 64, 3)
    assert {(corners(frame), frame.rgb.shape) for frame in look(clip)} == {(expected, shape)}
    media = probe(clip)
    assert (media.height, media.width) == shape[:2]


def together(path, *tracks):
    """A file of the picture tracks of these clips; each track is (clip, disposition)."""
    with av.open(str(path), "w") as out:
        for clip, disposition in tracks:
            with av.open(str(clip)) as given:
                stream = out.add_stream_from_template(given.streams.video[0])
                stream.disposition = disposition
        for index, (clip, _) in enumerate(tracks):
            with av.open(str(clip)) as given:
                for packet in given.demux(video=0):
                    if packet.size:
                        packet.stream = out.streams[index]
                        out.mux(packet)
    return path


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
@pytest.mark.parametrize(("others", "shape"), [(Disposition(0), (48, 64, 3)), (Disposition.default, (96, 128, 3))])
def test_of_several_tracks_the_one_that_players_show_is_looked_at_and_the_others_are_named(
    tmp_path, ending, others, shape
):
    """The one marked as default, of several such the largest."""
    small, large = grey_clip(tmp_path / "small.mp4", 24, (64, 48)), grey_clip(tmp_path / "large.mp4", 24, (128, 96))
    tracks = (small, Disposition.default), (large, others)
    both = together(tmp_path / f"both.{ending}", *(tracks if others else tracks[::-1]))
    warnings = []
    assert {frame.rgb.shape for frame in frames(both, PLANS["default"], warnings)} == {shape}
    assert [one.code for one in warnings] == ["further_tracks"]


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
@pytest.mark.parametrize("few", [1, 2])
@pytest.mark.parametrize("marks", [(0, 0), (1, 1), (1, 0)])
def test_a_track_of_a_few_pictures_hides_no_film_however_large_or_marked_it_is(tmp_path, ending, few, marks):
    film, still = grey_clip(tmp_path / "film.mp4", 60), grey_clip(tmp_path / "few.mp4", few, (128, 96))
    of_still, of_film = (Disposition.default if mark else Disposition(0) for mark in marks)
    both = together(tmp_path / f"both.{ending}", (still, of_still), (film, of_film))
    assert {frame.rgb.shape for frame in look(both)} == {(48, 64, 3)}
    assert not probe(both).is_still


def test_a_cover_is_neither_looked_at_nor_named_as_a_further_track(tmp_path):
    film = grey_clip(tmp_path / "film.mp4", 24)
    cover = grey_clip(tmp_path / "cover.png", 1, (320, 320), codec="png", pix_fmt="rgb24", container="image2")
    path = together(tmp_path / "a.mp4", (cover, Disposition.attached_pic), (film, Disposition(0)))
    warnings = []
    assert {frame.rgb.shape for frame in frames(path, PLANS["default"], warnings)} == {(48, 64, 3)}
    assert warnings == []


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_video_of_photographs_is_turned_as_their_exif_says(tmp_path, orientation):
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(next(quarters(1))).save(tmp_path / "a.jpg", exif=exif, quality=95)
    with av.open(str(tmp_path / "a.mov"), "w") as out:
        stream = out.add_stream("mjpeg", rate=10, width=64, height=48, pix_fmt="yuvj420p")
        for i in range(8):
            packet = av.Packet((tmp_path / "a.jpg").read_bytes())
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, i, i, Fraction(1, 10)
            out.mux(packet)
    assert {corners(frame) for frame in look(tmp_path / "a.mov")} == {ORIENTATIONS[orientation]}


def test_odd_sizes_keep_every_pixel(tmp_path):
    clip = write_clip(tmp_path / "odd.mp4", quarters(8, (65, 47)), pix_fmt="yuv444p")
    assert look(clip)[0].rgb.shape == (47, 65, 3)
    assert corners(look(clip)[0]) == "RGBW"


def test_pixels_that_are_not_square_are_made_square(tmp_path):
    clip = write_clip(tmp_path / "pal.mp4", quarters(8, (72, 56)), aspect=Fraction(16, 11))
    assert look(clip)[0].rgb.shape == (56, 105, 3)
    assert (probe(clip).width, probe(clip).height) == (105, 56)


def test_pixels_of_an_absurd_shape_are_taken_for_square(tmp_path):
    clip = write_clip(tmp_path / "wide.mp4", quarters(8), aspect=Fraction(8))
    assert look(clip)[0].rgb.shape == (48, 64, 3)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.apng", "a.tiff", "a.gif"])
def test_a_density_for_print_does_not_stretch_a_picture(tmp_path, name):
    pictures = [Image.fromarray(picture) for picture in quarters(3)]
    more = {"save_all": True, "append_images": pictures[1:], "duration": 100} if name in ("a.apng", "a.gif") else {}
    pictures[0].save(tmp_path / name, format="PNG" if name == "a.apng" else None, dpi=(40, 160), **more)
    if name == "a.gif":
        data = bytearray((tmp_path / name).read_bytes())
        data[12] = 1  # a pixel's width over its height, less 15 in 64ths
        (tmp_path / name).write_bytes(data)
    with av.open(str(tmp_path / name)) as container:
        assert not 0.3 < container.streams.video[0].sample_aspect_ratio < 3
    assert {frame.rgb.shape for frame in look(tmp_path / name)} == {(48, 64, 3)}
    assert (probe(tmp_path / name).width, probe(tmp_path / name).height) == (64, 48)


def test_of_a_photograph_with_another_behind_it_the_first_is_looked_at(tmp_path):
    """As telephones keep a second view, or one for depth."""
    photo, behind = (Image.new("RGB", (64, 48), colour) for colour in ("red", "blue"))
    photo.save(tmp_path / "a.mpo", "MPO", save_all=True, append_images=[behind])
    (tmp_path / "a.mpo").rename(tmp_path / "a.jpg")
    (frame,) = frames(tmp_path / "a.jpg", PLANS["first100"], [])
    assert frame.rgb[20, 20].argmax() == 0


@pytest.mark.slow
def test_large_frames_are_scaled_down_and_say_by_how_much(tmp_path):
    clip = write_clip(tmp_path / "4k.mp4", quarters(3, (3840, 2160)), rotation=90)
    (frame, *_) = look(clip)
    assert frame.rgb.shape == (1920, 1080, 3)
    assert frame.scale == 2
    assert corners(frame) == "GWRB"
    assert (probe(clip).width, probe(clip).height) == (2160, 3840)


@pytest.mark.slow
def test_eight_k_is_read(tmp_path):
    clip = write_clip(tmp_path / "8k.mp4", quarters(1, (7680, 4320)), options={"preset": "ultrafast"})
    (frame,) = look(clip)
    assert (frame.rgb.shape, frame.scale) == ((1080, 1920, 3), 4)


@pytest.mark.slow
def test_hdr_comes_as_ordinary_brightness(tmp_path):
    """A grey of 100 candela per square metre, half of an ordinary screen's white, coded for 10,000."""

    def luma(frame):
        return av.VideoFrame.from_ndarray(np.full((48, 64), 509, np.uint16), format="gray10le").reformat(
            format="yuv420p10le", dst_color_range="MPEG", src_color_range="MPEG"
        )

    tags = {"color_trc": "smpte2084", "color_primaries": "bt2020", "colorspace": "bt2020nc", "color_range": "tv"}
    clip = write_clip(
        tmp_path / "hdr.mp4", greys(3), codec="libx265", pix_fmt="yuv420p10le", options=tags, prepare=luma
    )
    level = look(clip)[0].rgb.mean()
    assert 160 < level < 220  # read as if it were no HDR it would be 130


def test_what_was_set_up_for_one_video_serves_the_next(tmp_path, monkeypatch):
    """For HDR it takes seconds."""
    made = []
    monkeypatch.setattr(core.picture, "_converters", Pool(lambda: made.append(VideoReformatter()) or made[-1]))
    clip = grey_clip(tmp_path / "clip.mp4", 10)
    assert [frame.rgb.tobytes() for frame in look(clip)] == [frame.rgb.tobytes() for frame in look(clip)]
    assert [frame.t_s for frame in frames_at(clip, [0.1])] == [0.1]
    assert len(made) == 1


@pytest.mark.parametrize(("colorspace", "transfer"), [(3, 1), (14, 16), (10, 18), (0, 16)])
def test_colours_of_a_kind_that_no_one_converts_do_not_lose_the_picture(colorspace, transfer):
    picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 128, np.uint8)).reformat(format="yuv420p10le")
    picture.colorspace, picture.color_trc, picture.color_primaries = colorspace, transfer, 3
    with Upright(geometry(picture, 1)) as upright:
        assert 100 < upright(picture).mean() < 150


@pytest.mark.parametrize("sizes", [((64, 48), (128, 96)), ((128, 96), (64, 48))])
def test_a_new_size_amid_the_video_does_not_change_the_frames_size(tmp_path, sizes):
    """All have that of the larger pictures, where these are the first or most: as of a call, whose beginning is small."""
    one = write_clip(tmp_path / "one.ts", quarters(10, sizes[0]))
    times, often = [1 + i / 30 for i in range(50)], {"g": "5"}
    other = write_clip(tmp_path / "other.ts", quarters(50, sizes[1]), times=times, options=often)
    both = tmp_path / "both.ts"
    both.write_bytes(one.read_bytes() + other.read_bytes())
    found = [*frames(both, PLANS["first100"], []), *frames_at(both, [0.1])]
    assert {frame.rgb.shape for frame in found} == {(96, 128, 3)}
    assert len(found) > 50 and {corners(frame) for frame in found} == {"RGBW"}
    assert (probe(both).width, probe(both).height) == (128, 96)


def look(path) -> list[Frame]:
    return list(frames(path, PLANS["default"], []))


def quarters(count: int, size: tuple[int, int] = (64, 48)):
    """Pictures red and green above, blue and white below."""
    width, height = size
    picture = np.full((height, width, 3), 255, np.uint8)
    picture[: height // 2, : width // 2] = (255, 0, 0)
    picture[: height // 2, width // 2 :] = (0, 255, 0)
    picture[height // 2 :, : width // 2] = (0, 0, 255)
    return (picture for _ in range(count))


def corners(frame: Frame) -> str:
    """The colours of the four quarters, row by row."""
    colours = {"R": (255, 0, 0), "G": (0, 255, 0), "B": (0, 0, 255), "W": (255, 255, 255)}
    height, width = frame.rgb.shape[:2]
    points = [frame.rgb[y, x] for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    return "".join(min(colours, key=lambda c: np.abs(np.subtract(colours[c], p.astype(int))).sum()) for p in points)


def test_a_video_that_is_turned_midway_is_not_stretched(tmp_path):
    lying, standing = (
        write_clip(tmp_path / f"{w}.ts", [np.full((h, w, 3), 200, np.uint8)] * 50, fps=25)
        for w, h in ((64, 48), (48, 64))
    )
    (tmp_path / "a.ts").write_bytes(lying.read_bytes() + standing.read_bytes())
    later = [frame.rgb for frame in frames(tmp_path / "a.ts", PLANS["thorough"], []) if frame.t_s > 2]
    later += [frame.rgb for frame in frames_at(tmp_path / "a.ts", [3.0])]
    for rgb in later:
        assert rgb.shape == (48, 64, 3)
        assert rgb[:, 16:48].min() > 150 and rgb[:, :12].max() < 50 and rgb[:, 52:].max() < 50
    assert len(later) > 4


def test_a_picture_of_another_shape_amid_the_video_is_not_stretched(tmp_path):
    """As a call's recording changes between the shapes of two cameras."""
    clip = tmp_path / "call.webm"
    with av.open(str(clip), "w") as out:
        stream = None
        for start, count, width in ((0, 15, 64), (15, 25, 96)):
            codec = av.CodecContext.create("libvpx", "w")
            codec.width, codec.height, codec.pix_fmt, codec.time_base = width, 48, "yuv420p", Fraction(1, 10)
            if stream is None:
                stream = out.add_stream("libvpx", 10)
                stream.width, stream.height, stream.pix_fmt = width, 48, "yuv420p"
            grey = av.VideoFrame.from_ndarray(np.full((48, width, 3), 200, np.uint8)).reformat(format="yuv420p")
            for i in range(count):
                grey.pts = i
                for packet in (*codec.encode(grey), *(codec.encode(None) if i == count - 1 else ())):
                    later = av.Packet(bytes(packet))
                    later.pts = later.dts = start + packet.pts
                    later.time_base, later.stream, later.is_keyframe = Fraction(1, 10), stream, packet.is_keyframe
                    out.mux(later)
    narrow, wide = (frame.rgb for frame in frames_at(clip, [0.5, 3.0]))
    assert narrow.shape == wide.shape == (48, 96, 3)
    assert wide.min() > 150
    assert narrow[:, 18:78].min() > 150 and narrow[:, :14].max() < 50 and narrow[:, 82:].max() < 50


@pytest.mark.parametrize("sizes", [((72, 48), (128, 72)), ((128, 72), (72, 48))])
def test_pixels_that_change_their_shape_with_the_size_fill_the_same_screen(tmp_path, sizes):
    """As broadcasts do between their old pictures and those in high definition."""
    parts = []
    for number, (width, height) in enumerate(sizes):
        aspect = Fraction(16 * height, 9 * width)
        pixels = round(height / 2 / aspect)
        picture = np.zeros((height, width, 3), np.uint8)
        picture[height // 4 : height // 4 + height // 2, width // 4 : width // 4 + pixels] = 220  # a square when shown
        part = tmp_path / f"{number}.ts"
        times = [2 * number + i / 25 for i in range(50)]
        write_clip(part, [picture] * 50, times=times, aspect=aspect, options={"g": "5"})
        parts.append(part.read_bytes())
    (tmp_path / "both.ts").write_bytes(b"".join(parts))
    for frame in frames_at(tmp_path / "both.ts", [1.0, 3.0]):
        rows, columns = np.nonzero(frame.rgb[..., 0] > 110)
        assert np.ptp(columns) == pytest.approx(np.ptp(rows), abs=4) and np.ptp(rows) > 15
