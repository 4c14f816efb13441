"""The detectors that a visitor may choose from: the weights installed with Unmask, by name, each loaded once."""

import os
import threading
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from core.detector import Detector
from core.errors import CheckError
from core.render import Heat

DEFAULT = "default"


@dataclass(frozen=True, eq=False)
class Loaded:
    """A detector, and the heat maps of its encoder."""

    detector: Detector
    heat: Heat


def installed() -> tuple[str, ...]:
    """The names of the weights there are; never a path or an address that somebody typed into a page."""
    from core.pretrained import BUNDLED, WEIGHTS

    return (DEFAULT, *sorted(path.parent.name for path in BUNDLED.glob(f"*/{WEIGHTS}")))


class Detectors:
    """Loads each of the installed weights when first asked for. Safe to call from several threads.

    default: what stands behind the name "default", as for `Detector.load`; for whoever runs the page to say.
    """

    def __init__(self, default: str | Path | None = None):
        self._default = default
        self._loaded: dict[str, Loaded] = {}
        self._lock = threading.Lock()

    def choices(self) -> list[tuple[str, str]]:
        """(what it is, its name) of each of the installed weights."""
        return [(label(name, self.folder(name)), name) for name in installed()]

    def folder(self, name: str) -> Path:
        """Where these weights lie. Raises CheckError."""
        from core.pretrained import find_folder

        return find_folder(self._default if name == DEFAULT else name)

    def get(self, name: str) -> Loaded:
        """Raises CheckError (weights_*)."""
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = load(self._default if name == DEFAULT else name)
            return self._loaded[name]


def label(name: str, folder: Path) -> str:
    """The weights and their head in words."""
    from core.pretrained import CONFIG, read_json

    try:
        info = read_json(folder / CONFIG)
        return f"{name}: {info['name']} {info['version']}, {info['head']['kind']} head"
    except (CheckError, KeyError):
        return f"{name}: not trained yet" if name == DEFAULT else name


def load(weights: str | Path | None) -> Loaded:
    """weights: as for `Detector.load`."""
    from core.explain import heat_of

    detector = Detector.load(weights)
    heat = heat_of(detector.model)
    return Loaded(detector, borrow_gpu(detector, heat) if on_zero_gpu() else heat)


def on_zero_gpu() -> bool:
    """Whether this is a Space that lends a GPU for the length of a call."""
    return bool(os.environ.get("SPACES_ZERO_GPU"))


def borrow_gpu(detector: Detector, heat: Heat) -> Heat:
    """Have the network, and nothing else of a check, run on the GPU that the Space lends. Returns `heat`, which does too.

    Decoding and finding faces need none, and a visitor's share of GPU seconds is small.
    """
    import spaces

    engine = detector.engine
    encode = engine.encode

    @spaces.GPU(duration=30)
    def encode_there(crops: np.ndarray):
        features, logits = encode(crops)
        return features.cpu(), logits  # the call runs in another process, whose GPU memory ends with it

    engine.encode = encode_there
    engine.judge = spaces.GPU(duration=30)(engine.judge)

    @spaces.GPU(duration=30)
    def maps(crops: np.ndarray) -> np.ndarray:
        return heat.maps(crops)

    return replace(heat, maps=maps)
