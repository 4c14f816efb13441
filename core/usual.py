"""How usual a face is among real ones.

Generators draw what is likely, and rarely what is rare: a hat, a hand before the chin, a grimace. Faces are compared by the
encoder's features; what the main directions of real faces leave unexplained of one is what is unusual in it. How many real
faces have at least as much of that is a p-value as conformal prediction has it (Vovk et al. 2005), if those were not used to
find the directions. `python -m training.usual` makes the file that stands beside the weights.
"""

import hashlib
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True, eq=False)
class Usual:
    """What real faces have in common, by D features of an encoder."""

    mean: np.ndarray  # (D,) float32, of the features' roots, as the two below
    scale: np.ndarray  # (D,) float32
    directions: np.ndarray  # (Q, D) float16 or float32, orthonormal
    left: np.ndarray  # (N,) float32, ascending: what the directions leave of N other real faces

    def __post_init__(self):
        if not self.mean.shape == self.scale.shape == self.directions.shape[1:] or self.left.ndim != 1:
            raise ValueError("the parts of what is usual do not fit one another")
        if not all(np.isfinite(part).all() for part in (self.mean, self.scale, self.directions, self.left)):
            raise ValueError("what is usual holds numbers that are not finite")

    @classmethod
    def fit(cls, faces: np.ndarray, others: np.ndarray, directions: int) -> "Usual":
        """Features (M, D) of real faces to find so many directions in, and (N, D) of those from other sources to compare with."""
        roots = np.sqrt(faces)
        mean, scale = roots.mean(0), roots.std(0) + 1e-6
        main = np.linalg.svd((roots - mean) / scale, full_matrices=False)[2][:directions]
        found = cls(mean, scale, main, np.zeros(0, np.float32))
        return cls(mean, scale, main.astype(np.float16), np.sort(found.unexplained(others)).astype(np.float32))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Usual":
        """Raises ValueError or TypeError where this is no such file."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            return cls(**load(data))
        except SafetensorError as error:
            raise ValueError("not in the safetensors format") from error

    def to_bytes(self) -> bytes:
        from safetensors.numpy import save

        return save(asdict(self))

    @cached_property
    def sha256(self) -> str:
        """Of its file."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def unexplained(self, features: np.ndarray) -> np.ndarray:
        """(..., D) features, none below 0 -> (...): mean square of what is left of them."""
        standard = (np.sqrt(features) - self.mean) / self.scale
        main = self.directions.astype(np.float32)
        return ((standard - standard @ main.T @ main) ** 2).mean(-1)

    def share(self, features: np.ndarray) -> float:
        """Of real faces, how many are at least as unusual as the one with these features (D,): above 0, at most 1."""
        at_least = len(self.left) - int(np.searchsorted(self.left, self.unexplained(features)))
        return (1 + at_least) / (1 + len(self.left))
