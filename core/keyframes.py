"""Where decoding can start, by the packets."""

from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice

import av

from core.container import OpenVideo, pictures_of
from core.timeline import REORDERED, Timeline, shown_packets, to_ms


@dataclass(frozen=True)
class KeyFrame:
    """A place where decoding can start."""

    ms: int  # when it is shown
    seek_pts: int  # where to seek for it


def keyframe_before(video: OpenVideo, timeline: Timeline, ms: int) -> KeyFrame | None:
    """The last key frame at or before `ms`, None if seeking does not find it. Moves the container."""
    for back in (0, 2000, 10_000):  # in transport streams a seek finds any packet, not only key frames
        pts = timeline.to_pts(max(0, ms - back))
        try:
            video.container.seek(pts, stream=video.stream)
        except av.FFmpegError:
            return None
        for packet in islice(shown_packets(video), 300):
            if packet.is_keyframe and packet.pts is not None:
                found = to_ms(packet.pts - timeline.start, timeline.unit)
                if timeline.all_key and not _is_key_frame(video, packet):
                    return None
                if found <= ms:
                    return KeyFrame(max(0, found), pts)
                break
    return None


def _is_key_frame(video: OpenVideo, packet: av.Packet) -> bool:
    """Whether decoding from this packet on gives its picture first, and that one is a key frame."""
    with suppress(av.FFmpegError):
        for following in chain([packet], islice(shown_packets(video), 2 * REORDERED)):
            if pictures := pictures_of(video, following):
                return pictures[0].key_frame and pictures[0].pts == packet.pts
    return False
