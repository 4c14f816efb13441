"""The road from file to Analysis; the only module that knows all the others."""

from collections.abc import Callable
from pathlib import Path

from core.analysis import Analysis
from core.video import Plan

Progress = Callable[[int, int, str], None]  # done, total, stage


class Detector:
    """A loaded model with everything around it. Safe to call from several threads."""

    @classmethod
    def load(cls, weights: str | Path | None = None, device: str | None = None) -> "Detector":
        """weights: None for the bundled ones, a folder, or a Hub id "owner/name@revision". Raises CheckError."""
        raise NotImplementedError

    def check(
        self,
        path: str | Path,
        plan: Plan | str = "default",
        progress: Progress | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> Analysis:
        """Judge one local file. `cancel` is asked between batches; True ends with CheckError("cancelled")."""
        raise NotImplementedError
