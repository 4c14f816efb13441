"""What a check looks at: the files and links that are named, and the videos and pictures in folders that are named."""

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from core.errors import CheckError
from core.folders import WRITTEN, report_in

# what a folder is searched for; a file that is named is looked at whatever it is called
VIDEOS = ".mp4 .m4v .mov .qt .webm .mkv .avi .mpg .mpeg .vob .ts .mts .m2ts .3gp .3g2 .wmv .asf .flv .ogv"
PICTURES = (
    ".jpg .jpeg .jfif .png .apng .webp .avif .heic .heif .gif .bmp .tif .tiff"  # HEIC to be told that it cannot be
)
LINK_WITHOUT_SCHEME = re.compile(r"[a-z]+://|www\.|[\w-]+\.(com|org|net|tv|be|it|io)/", re.IGNORECASE)
ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)

Found = tuple[str, Path, CheckError | None]  # name as given, path, what is wrong with it already


def files(paths: list[str]) -> Iterator[Found]:
    """Each file or link that is named and each file in a folder that is named, once, however many names lead to it."""
    seen = set()
    for given in paths:
        for name, path, problem in named(given):
            if problem is None:
                real = os.path.realpath(path)
                if real in seen:
                    continue
                seen.add(real)
            yield name, path, problem


def is_link(given: str) -> bool:
    return given.lower().startswith(("http://", "https://"))


def named(given: str) -> Iterator[Found]:
    """What one argument stands for."""
    path = Path(given)
    if not given:  # which Path takes for the folder we are in; a variable of the shell that is not set is as likely
        yield given, path, CheckError("file_not_found", "its name is empty")
    elif is_link(given):
        yield given, path, None
    elif os.path.isdir(path):  # Path.is_dir raises where a name is too long
        yield from inside(given)
    else:  # asked here, as to load the model before it is said takes seconds
        problem = problem_with(path)
        if problem and LINK_WITHOUT_SCHEME.match(given):
            problem = CheckError("bad_link", "or there is no such file")
        yield given, path, problem


def inside(given: str) -> Iterator[Found]:
    """The videos and pictures in a folder, and what of it may not be read.

    Left out are hidden files and folders, and what an earlier run wrote. Links to other folders are not followed.
    """
    found: list[str] = []
    closed: list[OSError] = []
    ours = False
    for folder, below, names in os.walk(given, onerror=closed.append):
        below[:] = [name for name in below if not name.startswith(".")]
        # of those alone, lest a report hide what else lies there
        if "report.json" in names and report_in(Path(folder)):
            ours = True
            below[:], names = (sorted(set(there) - WRITTEN) for there in (below, names))
        found += (os.path.join(folder, name) for name in names if is_video_name(Path(name)))
    problems = ((name, Path(name), problem_with(Path(name))) for name in sorted(found, key=Path))
    kept = [one for one in problems if is_kept(*one[1:])]
    if not kept and not closed:
        yield given, Path(given), CheckError("no_videos", "what an earlier check wrote is left out" if ours else "")
    for error in closed:
        where = error.filename or given  # it has none where a folder can be opened and not be read
        yield where, Path(where), CheckError("not_readable")
    yield from kept


def is_video_name(path: Path) -> bool:
    return path.suffix.lower() in f"{VIDEOS} {PICTURES}".split() and not path.name.startswith(".")


def is_kept(path: Path, problem: CheckError | None) -> bool:
    """Not a link to nowhere, a pipe or the like."""
    return problem.code == "not_readable" if problem else os.path.isfile(path)


def problem_with(path: Path) -> CheckError | None:
    """Why a file cannot be reached, if so."""
    try:
        os.stat(path)
    except OSError as error:
        return CheckError("file_not_found" if error.errno in ABSENT else "not_readable", path.name)
    return None
