"""The words of the second tab, and the measured figures that came with the weights."""

from pathlib import Path

NO_FIGURES = "No measured figures came with the installed weights, so none are shown."


def about() -> str:
    """Markdown: how it works, what it cannot see, the figures, privacy."""
    from core.pretrained import BUNDLED

    words = (Path(__file__).parent / "about.md").read_text(encoding="utf-8")
    return words.replace("FIGURES", card(BUNDLED) or NO_FIGURES)


def card(weights: Path) -> str | None:
    """The card beside the weights, without its front matter; None where there is none."""
    for name in ("README.md", "CARD.md", "MODEL_CARD.md"):
        if (weights / name).is_file():
            text = (weights / name).read_text(encoding="utf-8")
            return text.split("\n---\n", 1)[-1] if text.startswith("---\n") else text
    return None
