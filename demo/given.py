"""How the page takes what it is given, where Gradio's own way would not do."""

from pathlib import Path

import gradio as gr
from gradio import FileData
from gradio_client.utils import is_http_url_like


def sent_only(given: gr.File | gr.Video) -> None:
    """Take no address in place of a file: Gradio would fetch it for anybody, past our guard and whatever its size."""
    move = given.async_move_resource_to_block_cache

    async def move_sent(path: str | Path | None) -> str | None:
        if is_http_url_like(str(path)):
            raise gr.Error("Send the file itself; an address is not fetched here.", print_exception=False)
        return await move(path)

    given.async_move_resource_to_block_cache = move_sent


def on_scale(payload: float | None) -> float:
    """In place of `gr.Slider.preprocess`, to which it is a bug that somebody empties the field or types 150 into it."""
    return min(100, max(0, payload or 0))


def as_dropped(payload) -> str | None:
    """In place of `gr.File.preprocess`, which leaves an empty temporary file behind each time."""
    return payload.path if payload else None


def example_for_programs() -> dict:
    """In place of `gr.File.example_payload`, which is an address; what the page tells programs to send."""
    return FileData(path="clip.mp4").model_dump()
