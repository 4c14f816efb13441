"""Faces linked over time: one track is one person's face between two cuts."""

from dataclasses import dataclass, field

from core.faces import Face


@dataclass
class Track:
    """One face followed through the video."""

    id: int  # 1, 2, ... in the order of appearance
    faces: list[tuple[int, Face]] = field(default_factory=list)  # (position of the frame in the plan, face)
