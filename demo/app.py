"""The page: what is on it, and what happens when somebody presses a button."""

import ctypes
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr
from gradio.utils import get_upload_folder
from starlette.middleware import Middleware

from core.errors import CheckError
from core.plan import PLANS
from demo import sources, view
from demo.about import about
from demo.detectors import DEFAULT, Detectors
from demo.door import Door
from demo.given import as_dropped, example_for_programs, on_scale, sent_only
from demo.places import Places
from demo.visits import Visit, Visits
from demo.work import Answer, Copy, Source, Step, check

if TYPE_CHECKING:
    from core.fetch.links import Links

HERE = Path(__file__).parent
AT_ONCE = 2  # checks; one more would make all of them slow on the two cores of a small machine
IN_LINE = 20  # more visitors are asked to come back later; each holds one of Gradio's forty threads
REMEMBERED = 200  # pages of which Gradio keeps what they showed, a quarter of a MiB each; by itself it keeps 10,000

# what `launch` and `mount_gradio_app` need to know of the page
LAUNCH = {
    "theme": gr.themes.Base(
        primary_hue="blue", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
    ).set(  # Gradio's own are too pale to be read by everybody: words 4.5 to 1, edges of fields 3 to 1
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        input_border_width="1px",
        input_border_color="*neutral_500",
        input_border_color_dark="*neutral_400",
    ),
    # Gradio names the browser's language, and a screen reader would speak our English by its rules
    "js": "() => { document.documentElement.lang = 'en'; }",
    "css": view.STYLE + (HERE / "static/page.css").read_text(encoding="utf-8"),
    "max_file_size": sources.MAX_BYTES,
    "i18n": gr.I18n(en={"common.complete": "Done"}),  # which Gradio says to screen readers, and has no words for
    "footer_links": ["api"],
    "app_kwargs": {"middleware": [Middleware(Door)]},
    "enable_monitoring": False,  # else anybody sees how often and how long was checked
    "run_history": False,  # else what was asked and answered may be kept, in the browser or in a bucket
    "ssr_mode": False,
    "quiet": True,
}


def build(detectors: Detectors | None = None, links: "Links | None" = None) -> gr.Blocks:
    """The whole page, ready to launch or to mount. links: None where links are switched off."""
    detectors = detectors or Detectors()
    handlers = Handlers(detectors, links, Visits(Path(get_upload_folder())))
    with gr.Blocks(title="Unmask", analytics_enabled=False, delete_cache=(600, 1800)) as page:
        gr.HTML(view.TITLE, elem_id="title")
        with gr.Tabs(overflow_behavior="wrap"):
            with gr.Tab("Check a video"):
                check_tab(handlers)
            with gr.Tab("How it works"):
                gr.Markdown(about(detectors.folder(DEFAULT)), elem_id="about")
        page.unload(handlers.leave)
    page.queue(max_size=IN_LINE)
    page.state_session_capacity = REMEMBERED  # for who mounts it; `launch` is told again
    return page


def check_tab(handlers: "Handlers") -> None:
    """Lay out the tab and wire it up."""
    with gr.Tabs(overflow_behavior="wrap"):
        with gr.Tab("File"):
            file = gr.File(label="A video or picture", show_label=False, height=170, elem_id="file")
            file.preprocess = as_dropped
            file.example_payload = example_for_programs
            check_file = gr.Button("Check this file", variant="primary", elem_id="check-file")
        with gr.Tab("Link"):
            link = gr.Textbox(
                label="A link to a post or a video",
                placeholder="https://",
                info=None if handlers.links else sources.LINKS_OFF,
                interactive=handlers.links is not None,
                elem_id="link",
            )
            check_link = gr.Button("Check this link", variant="primary", interactive=handlers.links is not None)
        with gr.Tab("Camera"):
            camera = gr.Video(
                label="Your camera",
                show_label=False,
                sources=["webcam"],
                include_audio=True,  # taking the sound out, like mirroring, would encode the video anew
                webcam_options=gr.WebcamOptions(mirror=False),
                elem_id="camera",
            )
            check_camera = gr.Button("Check this recording", variant="primary")
        with gr.Tab("Examples"):
            gr.Markdown(view.EXAMPLES)
            with gr.Row():
                untouched = gr.Button("The portrait, untouched", elem_id="untouched")
                blended = gr.Button("Its face blended with itself", elem_id="blended")
    with gr.Accordion("More choices", open=False):
        plan = gr.Dropdown(
            [(view.PLAN_WORDS[name], name) for name in PLANS], value="default", label="How much to look at"
        )
        weights = gr.Dropdown(
            handlers.detectors.choices(),
            value=DEFAULT,
            label="Model",
            info="Which trained model answers.",
        )
        line = gr.Slider(
            0, 100, 0, step=1, label="Your own limit, in %", info=view.LINE_INFO, buttons=[], elem_id="line"
        )
        line.preprocess = on_scale
    stop = gr.Button("Stop", visible=False, size="sm", elem_id="stop")
    status = gr.HTML(
        elem_id="status",
        apply_default_css=False,
        js_on_load=(HERE / "static/status.js").read_text(encoding="utf-8"),
    )
    verdict = gr.HTML(elem_id="verdict", apply_default_css=False)
    above = gr.HTML(elem_id="above", apply_default_css=False)
    copy = gr.HTML(elem_id="copy", apply_default_css=False)
    details = gr.HTML(
        elem_id="details",
        apply_default_css=False,
        js_on_load=(HERE / "static/timeline.js").read_text(encoding="utf-8"),
    )

    outputs = [status, verdict, above, copy, details, stop]
    checks = [
        (check_file, handlers.file, [file, plan, weights]),
        (check_link, handlers.link, [link, plan, weights]),
        (link, handlers.link, [link, plan, weights]),
        (check_camera, handlers.file, [camera, plan, weights]),
        (untouched, handlers.untouched, [plan, weights]),
        (blended, handlers.blended, [plan, weights]),
    ]
    for source, handler, inputs in checks:
        (source.submit if source is link else source.click)(
            handler,
            inputs,
            outputs,
            concurrency_limit=None,  # else Gradio has a line too, before ours
            trigger_mode="multiple",  # by itself it drops what is asked while a check runs, or has only just ended
            show_progress="minimal",
            show_progress_on=status,
            api_visibility="private",
        )
    stop.click(handlers.stop, queue=False, api_visibility="private")
    line.change(
        handlers.line,
        line,
        above,
        queue=False,
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
    )
    for given in (file, camera):
        sent_only(given)
        given.change(handlers.hold, given, queue=False, api_visibility="private")
    # for programs: the same check without the page
    gr.Button(visible=False).click(
        handlers.for_programs,
        [file, plan, weights],
        gr.JSON(visible=False),
        api_name="check",
        concurrency_limit=AT_ONCE,  # so that no program fills our line
    )


class Handlers:
    """What the buttons do."""

    def __init__(self, detectors: Detectors, links: "Links | None", visits: Visits):
        self.detectors, self.links, self._visits = detectors, links, visits
        self._places = Places(AT_ONCE, IN_LINE)

    def file(self, path: str | None, plan: str, weights: str, request: gr.Request) -> Iterator[tuple]:
        if path:
            self._visits.hold(request.session_hash, path)
        yield from self._run(partial(sources.upload, path), plan, weights, request)

    def link(self, url: str | None, plan: str, weights: str, request: gr.Request) -> Iterator[tuple]:
        yield from self._run(partial(self._linked, url), plan, weights, request)

    def untouched(self, plan: str, weights: str, request: gr.Request) -> Iterator[tuple]:
        yield from self._run(partial(sources.example, False), plan, weights, request)

    def blended(self, plan: str, weights: str, request: gr.Request) -> Iterator[tuple]:
        yield from self._run(partial(sources.example, True), plan, weights, request)

    def stop(self, request: gr.Request) -> None:
        self._visits.cancel(request.session_hash)

    def line(self, line: float, request: gr.Request) -> str:
        visit = self._visits.of(request.session_hash)
        visit.line = line / 100
        return view.above(visit.analysis, visit.line)

    def leave(self, request: gr.Request) -> None:
        self._visits.end(request.session_hash)

    def hold(self, path: str | None, request: gr.Request) -> None:
        if path:
            self._visits.hold(request.session_hash, path)

    def for_programs(self, file: str | None, plan: str, weights: str) -> dict:
        """Check one file. Returns {"analysis": ...} or {"error": {"code", "message", "next_step"}}, as the command line
        prints them with --json. plan: default, fast, thorough, first100 or mean. weights: default, or another installed name.
        """
        session = f"program-{secrets.token_hex(8)}"  # its own, as a program may ask several things at once
        visit = self._visits.begin(session)
        try:
            if file:
                self._visits.hold(session, file)
            for report in self._check(sources.upload(file), plan, weights, visit):
                if isinstance(report, Answer):
                    return {"analysis": report.analysis.to_json()}
        except CheckError as error:
            return {"error": error.to_json()}
        finally:
            self._visits.end(session)

    def _linked(self, url: str | None) -> Source:
        if self.links is None:
            raise CheckError("links_off")
        return sources.link(self.links, url)

    def _check(self, source: Source, plan: str, weights: str, visit: Visit) -> Iterator[Step | Answer | Copy]:
        load = partial(self.detectors.get, weights)
        return self._places.check(lambda: check(source, load, plan, visit.folder, visit.stop), visit.stop)

    def _run(self, source, plan: str, weights: str, request: gr.Request) -> Iterator[tuple]:
        """What to show in (status, verdict, above, copy, details, stop), again and again until the check is done.

        Each time all of it: Gradio sends only what changed, but keeps a component for every one that is left out.
        """
        visit = self._visits.begin(request.session_hash)
        status, verdict, copy, details, runs = view.busy(Step("fetch", 0)), "", "", "", True
        found, has_ended_well = "", True

        def shown() -> tuple:
            return status, verdict, view.above(visit.analysis, visit.line), copy, details, gr.update(visible=runs)

        yield shown()
        try:
            for report in self._check(source(), plan, weights, visit):
                match report:
                    case Step():
                        status = view.busy(report, found)
                    case Answer():
                        visit.analysis, found = report.analysis, view.told(report.analysis)
                        status = view.busy(Step("annotate", 0), found)
                        verdict, details = view.verdict(report), view.details(report)
                    case Copy():
                        status, copy, runs = view.said(f"{found} The check is finished."), view.copy(report), False
                if self._visits.is_replaced(request.session_hash, visit):
                    break
                yield shown()
        except CheckError as error:
            status, runs, has_ended_well = view.problem(error), False, False
            if error.code == "cancelled":  # as the page says then
                self._visits.empty(visit)
        visit.stop.set()  # there is nothing left to stop, also where it never began
        # what the page's next check shows stays; without this Gradio would repeat what was shown last
        last = (gr.skip(),) * 6 if self._visits.is_replaced(request.session_hash, visit) else shown()
        if has_ended_well:  # and what a line says that was drawn meanwhile
            last = (*last[:2], gr.skip(), *last[3:])
        yield last


def serve(host: str | None = None, port: int | None = None, weights: str | None = None) -> None:
    """Load the weights and serve the page until stopped. weights: as for `Detector.load`. Raises CheckError."""
    page = page_of(weights, load=True)
    page.launch(server_name=host, server_port=port, state_session_capacity=REMEMBERED, **LAUNCH)


def page_of(weights: str | None, load: bool) -> gr.Blocks:
    """The page as the environment has it, in a process that holds on to little memory; `load` the weights, or do so with
    the first check. Raises CheckError."""
    share_heaps()  # before the network starts its threads
    detectors = Detectors(weights)
    if load:
        detectors.get(DEFAULT)
    return build(detectors, sources.links_from(dict(os.environ)))


def share_heaps() -> None:
    """Two heaps for all threads, where the C library is glibc. Else each thread has one of its own, and the frames that
    one check freed stay with its thread: 400 MiB more after fifty checks."""
    m_arena_max = -8  # malloc.h
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").mallopt(m_arena_max, 2)
