"""When the pictures of a video are shown, found out from its packets: what a file says of its duration may be wrong."""

import heapq
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np

from core.container import OpenVideo, read_packets
from core.errors import CheckError

MAX_MS = 7 * 24 * 3600 * 1000  # a week: no video, but a mistake
MAX_RATE = 1000  # pictures a second
MAX_GAP_S = 300  # seconds that a picture is shown, on average; a slide may stay for minutes
BROADCAST = ("mpegts", "mpeg")  # parts put one after another keep their own times here,
MAX_JUMP_S = 10  # and so may go on from any other time
REORDERED = 16  # no codec in use stores a picture further out of order
HEAD_PACKETS = 40  # enough for those
HELD_MS = 2000  # a picture that stays for longer, as a slide does, is no more to look at
LOOPED = 100_000  # packets that may be more than the file has room for: an index can name the same ones again
QUICK_BYTES = 2**28  # are read through in a quarter of a second


@dataclass(frozen=True)
class Timeline:
    """The clock of one video."""

    start: int  # the first picture's time, in units of `unit`
    unit: Fraction  # seconds
    last_ms: int  # when the last picture is shown, the first being at 0
    step_ms: float  # how long a picture is shown, on average, but for those that are held
    hold_ms: float  # how long the last one is
    by_number: bool  # pictures are placed by their number: the file has no times, or none that make sense
    doubtful: bool  # they make no sense
    is_still: bool
    is_short: bool  # the file promises more than it holds
    # ms, from and to, of pictures that stay for more than HELD_MS; of what was read
    held: tuple[tuple[int, int], ...] = ()
    all_key: bool = False  # all its pictures are called key frames, as careless writers do: to be seen, not believed

    @property
    def fps(self) -> float:
        return 0.0 if self.is_still else 1000 / self.step_ms

    @property
    def duration_ms(self) -> float:
        return 0 if self.is_still else self.last_ms + self.hold_ms

    @property
    def until_ms(self) -> float:
        """Until when there is something to look at: a last picture that is held for long is seen like any other."""
        return self.last_ms + max(0.0, self.hold_ms - self.step_ms)

    @property
    def moving_ms(self) -> float:
        """`until_ms` on a clock on which no picture stays for more than HELD_MS."""
        return self.until_ms - sum(end - begin - HELD_MS for begin, end in self.held)

    def shown_ms(self, moving_ms: np.ndarray) -> np.ndarray:
        """Times on that clock, (N,) float64, as times of the video."""
        held = np.array(self.held, np.float64).reshape(-1, 2)
        left_out = np.cumsum(held[:, 1] - held[:, 0] - HELD_MS)
        over = np.searchsorted(held[:, 1] - left_out, moving_ms, side="right")  # how many are over by then
        return moving_ms + np.concatenate([[0.0], left_out])[over]

    def ms_of(self, picture: av.VideoFrame, number: int) -> int:
        """When a picture is shown; `number` is its place among all."""
        if self.by_number or picture.pts is None:
            return _round(Fraction(self.step_ms) * number)
        return to_ms(picture.pts - self.start, self.unit)

    def number_at(self, ms: int) -> int:
        """The place among all of the picture that is shown then, by the rate."""
        held_ms = sum(end - begin - self.step_ms for begin, end in self.held if end <= ms)
        return 0 if self.is_still else round((ms - held_ms) / self.step_ms)

    def to_pts(self, ms: int) -> int:
        """The latest time of the file that rounds to `ms` or less."""
        return self.start + int((ms + Fraction(1, 2)) / 1000 / self.unit)


def to_ms(ticks: int, unit: Fraction) -> int:
    """Ticks of `unit` seconds as milliseconds, halves rounded up, as FFmpeg does when it writes Matroska."""
    return (2000 * ticks * unit.numerator + unit.denominator) // (2 * unit.denominator)  # quicker than with fractions


def _round(value: Fraction) -> int:
    return int((value + Fraction(1, 2)) // 1)


@dataclass(frozen=True)
class _Seen:
    """What some packets say: how many there are, the earliest and the latest time, and how long the latest is shown.

    keys: how many of them are called key frames. jumps: times go back, or on by more than they may. gaps: times of two
    pictures that are far from each other.
    """

    count: int
    keys: int
    first: int | None
    last: int | None
    held: int | None
    jumps: bool
    gaps: tuple[tuple[int, int], ...] = ()


def read_timeline(video: OpenVideo) -> Timeline:
    """Find the first and the last picture's time from the packets at both ends, or from all where those make no sense.

    Leaves the container at no particular place. Raises CheckError("damaged") if there are no packets.
    """
    stream = video.stream
    unit = stream.time_base or Fraction(1, 1000)
    if video.is_picture:
        return Timeline(0, unit, 0, 40.0, 40.0, by_number=True, doubtful=False, is_still=True, is_short=False)
    is_whole = _is_read_whole(video)
    packets = shown_packets(video) if is_whole else islice(shown_packets(video), HEAD_PACKETS)
    head = _look(packets, MAX_JUMP_S / unit if video.format in BROADCAST else float("inf"), HELD_MS / 1000 / unit)
    if head.count == 0:
        raise CheckError("damaged", "it holds no pictures")
    # AVI has no times, only the order of storage, and FFmpeg makes wrong ones of it where pictures are stored out of order
    unordered = video.format == "avi" and stream.codec_context.has_b_frames
    if is_whole or head.count < HEAD_PACKETS:
        seen, count = head, head.count
    else:
        # the number that the file declares counts pictures that an edit list hides; good enough to see nonsense
        seen, count = replace(_look_at_tail(video, unit), count=0, first=head.first), stream.frames or None
        if unordered or not _plausible(seen, count, unit):
            seen = _look_at_all(video)
            seen = seen if seen.count > head.count else head  # a file that cannot be rewound
            count = seen.count
    trusted = _plausible(seen, count, unit) and not seen.jumps
    by_number = unordered or not trusted
    step_ms = _step_ms((seen if seen.count else head) if trusted else None, unit, stream.average_rate)
    hold_ms = step_ms if by_number else _hold_ms(seen, unit, step_ms)
    last_ms = _round(Fraction(step_ms) * (count - 1)) if by_number else to_ms(seen.last - seen.first, unit)
    held = [] if by_number else [tuple(to_ms(pts - seen.first, unit) for pts in gap) for gap in seen.gaps]
    if hold_ms - step_ms > HELD_MS:
        held.append((last_ms, last_ms + round(hold_ms - step_ms)))
    return Timeline(
        start=seen.first or 0,
        unit=unit,
        last_ms=last_ms,
        step_ms=step_ms,
        hold_ms=hold_ms,
        by_number=by_number,
        doubtful=not trusted,
        is_still=count == 1,
        is_short=video.is_cut or (trusted and _ends_before_declared(video, seen, last_ms + hold_ms)),
        held=tuple(held),
        all_key=head.keys == head.count and not stream.codec_context.codec.intra_only,
    )


def shown_packets(video: OpenVideo) -> Iterator[av.Packet]:
    """Packets of pictures that are shown, from here on. Raises CheckError("damaged") where there cannot be as many."""
    most = LOOPED + video.size // 4
    for count, packet in enumerate(read_packets(video)):
        if count > most:
            raise CheckError("damaged", "more pictures than bytes")
        if packet.size and not packet.is_discard:
            yield packet


def _look(packets: Iterator[av.Packet], furthest: float = float("inf"), longest: float = float("inf")) -> _Seen:
    """furthest: how far times may go on from one packet to the next. longest: from one picture to the next, before it is
    a gap."""
    count, keys, first, last, held = 0, 0, None, None, None
    recent: deque[int] = deque()
    reached, jumps = None, False  # what all that follow must be later than
    in_order, gaps, shown = [], [], None  # a heap of the latest times, as pictures are stored out of order

    def show(pts: int) -> None:
        nonlocal shown
        if shown is not None and pts - shown > longest:
            gaps.append((shown, pts))
        shown = pts if shown is None else max(shown, pts)

    for packet in packets:
        count += 1
        keys += packet.is_keyframe
        if (pts := packet.pts) is None:
            continue
        jumps |= (reached is not None and pts < reached) or (last is not None and pts - last > furthest)
        first = pts if first is None else min(first, pts)
        if last is None or pts >= last:
            last, held = pts, packet.duration
        recent.append(pts)
        if len(recent) > REORDERED:
            reached = max(recent.popleft(), reached or first)
        heapq.heappush(in_order, pts)
        if len(in_order) > REORDERED:
            show(heapq.heappop(in_order))
    for pts in sorted(in_order):
        show(pts)
    return _Seen(count, keys, first, last, held, jumps, tuple(gaps))


def _is_read_whole(video: OpenVideo) -> bool:
    """Only all packets show that times go back or start anew, and all that follows would be left out.

    A file whose pieces are still to come would have to come whole.
    """
    if not isinstance(video.source, Path):
        return False
    return video.format in BROADCAST or video.source.stat().st_size <= QUICK_BYTES


def _look_at_tail(video: OpenVideo, unit: Fraction) -> _Seen:
    """The packets from the last key frame on; all the rest where seeking is impossible."""
    _try_seek(video, int(MAX_MS / 1000 / unit))
    tail = _look(shown_packets(video))
    if tail.last is not None and tail.count < HEAD_PACKETS:
        # transport streams find the very last packet, and one before it may be shown later
        _try_seek(video, tail.last - int(3 / unit))
        again = _look(shown_packets(video))
        if again.last is not None and again.last > tail.last:
            return again
    return tail


def _look_at_all(video: OpenVideo) -> _Seen:
    if video.stream.start_time is not None:
        _try_seek(video, video.stream.start_time)
    return _look(shown_packets(video))


def _try_seek(video: OpenVideo, pts: int) -> None:
    """A failure leaves the container where it is, and reading on does as well."""
    with suppress(av.FFmpegError):
        video.container.seek(pts, stream=video.stream)


def _plausible(seen: _Seen, count: int | None, unit: Fraction) -> bool:
    if count == 1:
        return seen.first is not None
    if seen.first is None or seen.last is None or seen.last <= seen.first:
        return False
    span_ms = to_ms(seen.last - seen.first, unit)
    if not 0 < span_ms <= MAX_MS:
        return False
    return count is None or 1 / MAX_GAP_S <= 1000 * (count - 1) / span_ms <= MAX_RATE


def _step_ms(seen: _Seen | None, unit: Fraction, rate: Fraction | None) -> float:
    """Mean time between pictures, gaps left out where there is more: as declared where the packets do not speak against it."""
    declared = float(1000 / rate) if rate else 0.0
    if seen is None:
        return declared if 1000 / 240 <= declared <= 1000 else 40.0
    gaps = seen.gaps if len(seen.gaps) < seen.count - 1 else ()
    span = seen.last - seen.first - sum(end - begin for begin, end in gaps)
    counted = float(span * unit * 1000 / max(1, seen.count - 1 - len(gaps)))
    return declared if counted / 2 < declared < counted * 2 else max(counted, 1000 / MAX_RATE)


def _hold_ms(seen: _Seen, unit: Fraction, step_ms: float) -> float:
    """How long the last picture is shown: as long as the others unless the file says quite another time."""
    held = float((seen.held or 0) * unit * 1000)
    return step_ms if step_ms / 2 <= held <= step_ms * 2 or not 0 < held <= 1000 * MAX_GAP_S else held


def _ends_before_declared(video: OpenVideo, seen: _Seen, length_ms: float) -> bool:
    stream = video.stream
    # where no picture comes early, FFmpeg lends the track the beginning and length of the whole file
    is_own = stream.start_time is None or abs(seen.first - stream.start_time) * (stream.time_base or 0) < 1
    if is_own and stream.duration is not None and stream.time_base is not None and video.format != "asf":
        # a last picture may be held for a while
        return length_ms * 1.02 + 500 < stream.duration * stream.time_base * 1000
    # of sound as well, or estimated from the rate; Matroska counts it from 0, wherever the first picture is
    declared_ms = (video.container.duration or 0) / 1000
    until_ms = to_ms(seen.first, stream.time_base or Fraction(1, 1000)) + length_ms

    def is_short(ms: float) -> bool:
        return ms * 1.1 + 2000 < declared_ms

    return is_short(until_ms) and is_short(_sound_until_ms(video, seen))


def _sound_until_ms(video: OpenVideo, seen: _Seen) -> int:
    """When the last sound ends, 0 where there is none: of a screen, pictures end where nothing moves any more."""
    until_ms, tracks = 0, video.container.streams.audio
    for pts in (seen.last, seen.first) if tracks else ():  # in FLV, seeking need not find the last
        _try_seek(video, pts)
        with suppress(av.FFmpegError, IndexError):  # as in `read_packets`
            for packet in video.container.demux(tracks):
                if packet.pts is not None:
                    until_ms = max(until_ms, to_ms(packet.pts + (packet.duration or 0), packet.time_base))
        if until_ms:
            break
    return until_ms
