"""The command line: `python -m core check FILE|FOLDER|LINK...`, `info FILE|LINK` and `example FILE`."""

import argparse
import json
import os
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from core import __version__
from core.analysis import Analysis
from core.errors import CheckError
from core.folders import OutFolders
from core.inputs import files, is_link
from core.settings import check_switches, is_on, proxy_address, read
from core.words import printable
from core.writing import DISK_FULL

Progress = Callable[[int, int, str], None]

STREAMS_AND_STATUS = (  # no docstring, as Python leaves those out under -OO
    "What is asked for goes to stdout, everything about the run to stderr. Exit status of `check`: 0 nothing was flagged, "
    "1 something is likely manipulated, 2 something could not be checked, 130 stopped by Ctrl-C."
)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    if sys.stderr is None:  # closed: the next file that is opened would stand in its place, and be written to
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        sys.stderr = os.fdopen(2, "w")
    top = parser()
    options = top.parse_args(arguments)
    try:
        check_switches(os.environ)
        read(os.environ, "UNMASK_EGRESS_PROXY", proxy_address, None)
    except ValueError as error:
        top.error(str(error))
    try:
        with as_check_error():
            return options.run(options)
    except CheckError as error:
        print(printable(str(error)), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped. Nothing was left half-written.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, `head` for one, has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser("python -m core", description="Does a video show signs that a face was manipulated?")
    top.add_argument("--version", action="version", version=f"unmask {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    check = commands.add_parser("check", help="look for signs of manipulation", epilog=STREAMS_AND_STATUS)
    check.add_argument(
        "paths", nargs="+", metavar="FILE|FOLDER|LINK", help="videos or pictures, folders of them, or links to posts"
    )
    check.add_argument("--json", action="store_true", help="one line of JSON per file on stdout")
    check.add_argument("--out", type=Path, metavar="DIR", help="write the annotated video, pictures and a report here")
    plan = check.add_mutually_exclusive_group()
    plan.add_argument(
        "--thorough", action="store_true", help="look all through the video, 8 frames a second, not at samples of it"
    )
    plan.add_argument("--fast", action="store_true", help="end as soon as the answer stands firm; may miss later faces")
    plan.add_argument("--plan", default="default", metavar="NAME", help="default, fast, thorough, first100 or mean")
    check.add_argument("--frames", type=positive, metavar="N", help="frames in each window of the plan")
    check.add_argument("--device", help="cpu, cuda or mps; the best there is if left out")
    check.add_argument("--weights", metavar="FOLDER|HUB_ID", help="other weights than the bundled ones")
    check.set_defaults(run=run_check)

    info = commands.add_parser("info", help="say what a file is, without judging it")
    info.add_argument("path", metavar="FILE|LINK")
    info.set_defaults(run=run_info)

    example = commands.add_parser("example", help="make a clip to try a check on, from a public-domain portrait")
    example.add_argument("path", metavar="FILE.mp4", help="a new file to write it to")
    example.set_defaults(run=run_example)
    return top


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def run_check(options: argparse.Namespace) -> int:
    """Check everything named; one bad file does not keep the others from being checked."""
    console = None if options.json else make_console()
    detector = LazyDetector(options)
    folders = OutFolders(options.out)
    came_to: Counter[str | None] = Counter()  # files by verdict, and those that could not be checked
    failed = False
    for name, path, problem in files(options.paths):
        analysis = folder = None
        try:
            if problem:
                raise problem
            with progress_bar(name) as progress, as_check_error(), at_hand(name, path, progress) as (file, link):
                analysis = detector.check(file, progress)
                with folders.of(file, link) as folder:
                    if folder:
                        detector.write_artifacts(file, analysis, folder, progress, link)
        except CheckError as error:
            problem = error
        report(console, name, analysis, folder, problem)
        failed |= problem is not None
        came_to[analysis.verdict if analysis else "failed"] += 1
    if console and came_to.total() > 1:
        from core.terminal import show_summary

        show_summary(console, came_to)
    return 2 if failed else int(came_to["likely_manipulated"] > 0)


def run_info(options: argparse.Namespace) -> int:
    """Say what a file is."""
    from core.provenance import read_provenance
    from core.terminal import show_media
    from core.trial import try_to_open
    from core.video import probe

    with at_hand(options.path, Path(options.path), None) as (path, _):
        try_to_open(path)
        show_media(make_console(), options.path, probe(path), read_provenance(path))
    return 0


def run_example(options: argparse.Namespace) -> int:
    """Write the example clip."""
    from core.example import make_example
    from core.writing import written_whole

    if os.path.lexists(options.path):
        print(f"{printable(options.path)} is there already and stays as it is; choose another name.", file=sys.stderr)
        return 2
    with written_whole(Path(options.path)) as part:
        make_example(part)
    print(f"Wrote {printable(options.path)}. Check it: python -m core check {printable(options.path)}")
    return 0


class LazyDetector:
    """The detector, loaded when the first file is there to be checked, and only once."""

    def __init__(self, options: argparse.Namespace):
        self._options = options
        self._loaded = None
        self._error: CheckError | None = None

    def check(self, path: Path, progress: Progress | None) -> Analysis:
        from core.plan import plan_named
        from core.trial import try_to_open

        options = self._options
        chosen = "thorough" if options.thorough else "fast" if options.fast else options.plan
        plan = plan_named(chosen, options.frames)
        try_to_open(path)
        return self._detector(progress).check(path, plan, progress)

    def write_artifacts(
        self, path: Path, analysis: Analysis, folder: Path, progress: Progress | None, link: str | None
    ) -> None:
        from core.artifacts import write_artifacts
        from core.explain import heat_of

        write_artifacts(path, analysis, folder, heat_of(self._detector(progress).model), progress, link=link)

    def _detector(self, progress: Progress | None):
        from core.detector import Detector

        if self._error:
            raise self._error
        if self._loaded is None:
            if progress:
                progress(0, 1, "load")
            try:
                self._loaded = Detector.load(self._options.weights, self._options.device)
            except CheckError as error:  # it would fail for every file, so it is not tried again
                self._error = error
                raise
        return self._loaded


@contextmanager
def at_hand(name: str, path: Path, progress: Progress | None) -> Iterator[tuple[Path, str | None]]:
    """The file of that name and None; of a link the file behind it, for as long as it is looked at, and the link."""
    if not is_link(name):
        yield path, None
        return
    from core.fetch.links import Links

    def told(done: int, total: int) -> None:
        if progress:
            progress(min(done, total), total, "fetch")

    told(0, 0)  # to find the video takes seconds
    with (
        TemporaryDirectory(prefix="unmask-") as folder,
        closing(Links.from_env(os.environ, litter=Path(folder))) as links,
    ):
        yield links.bring(name, Path(folder), told, lambda: False), name


@contextmanager
def as_check_error() -> Iterator[None]:
    """Whatever else goes wrong inside becomes a CheckError too: people see a sentence, never a traceback."""
    try:
        yield
    except (CheckError, BrokenPipeError):
        raise
    except MemoryError as error:
        raise CheckError("out_of_memory") from error
    except ModuleNotFoundError as error:
        raise CheckError("not_installed", error.name or "") from error
    except Exception as error:
        if getattr(error, "errno", None) in DISK_FULL:
            raise CheckError("disk_full") from error
        if is_on(os.environ, "UNMASK_DEBUG", False):
            traceback.print_exc()
        raise CheckError("internal", "UNMASK_DEBUG=1 shows where") from error


def make_console():
    from rich.console import Console

    class PlainConsole(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # rich would end with 1, which says that something is likely manipulated

    return PlainConsole(highlight=False, markup=False, emoji=False)


def report(console, name: str, analysis: Analysis | None, folder: Path | None, error: CheckError | None) -> None:
    """One file's answer. Both analysis and error are there when the pictures could not be written."""
    if console is None:
        found = {"analysis": analysis.to_json()} if analysis else {}
        failure = {"error": error.to_json()} if error else {}
        print(json.dumps({"path": name, **found, **failure}), flush=True)
        return
    from core.terminal import show, show_error, show_folder

    if analysis:
        show(console, name, analysis)
    if error:
        show_error(console, name, error)
    elif folder:
        show_folder(console, folder)


@contextmanager
def progress_bar(name: str) -> Iterator[Progress | None]:
    """A bar on stderr that vanishes when it is done; none where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    words = {
        "fetch": "fetching",
        "load": "loading the model",
        "open": "opening",
        "look": "looking",
        "judge": "judging",
        "annotate": "drawing",
    }
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task, shown = bar.add_task("", total=1), printable(Path(name).name)
        yield lambda done, total, stage: bar.update(
            task, completed=done, total=max(total, 1), description=f"{shown}: {words.get(stage, stage)}"
        )
