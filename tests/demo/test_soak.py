"""Many checks by one visitor: memory stays flat, and no file outlives the page or the program."""

import os
import subprocess
import sys

import pytest

from tests import media
from tests.demo.conftest import answers, files_in, free_port, waited

pytestmark = pytest.mark.slow
WARM_UP, CHECKS, COMPARED = 20, 80, 20  # the first checks after the warm-up are compared with the last
SIZE = (960, 540)
GROWTH_MIB = 55  # a leak of one decoded frame a check would be 89 between the two
# glibc hands back at once what is freed; else it keeps up to 40 MiB more for later, of a size that changes from run to run
HAND_BACK = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}


def test_many_checks_leave_neither_memory_nor_files_behind(browser, weights, tmp_path):
    clip = media.portrait_clip(tmp_path / "clip.mp4", 1, SIZE)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    port = free_port()
    command = [sys.executable, "-m", "demo", "--port", str(port), "--weights", str(weights)]
    demo = subprocess.Popen(command, env={**os.environ, **HAND_BACK, "TMPDIR": str(scratch)})
    try:
        address = f"http://127.0.0.1:{port}"
        waited(lambda: answers(address) or demo.poll() is not None, 180)
        assert demo.poll() is None
        page = browser.new_page()
        page.set_default_timeout(60_000)
        page.goto(address)
        page.set_input_files("#file input[type=file]", clip)
        page.wait_for_selector("#file >> text=clip")
        used = []
        for _ in range(WARM_UP + CHECKS):
            check_to_the_end(page)
            used.append(resident_mib(demo.pid))

        # the least of many: what is held stays, what the allocator keeps for a while comes and goes by 30 MiB
        assert min(used[-COMPARED:]) - min(used[WARM_UP:][:COMPARED]) < GROWTH_MIB, used
        assert {file.suffix for file in files_in(scratch)} == {".mp4", ".html", ".json"}
        page.close()
        waited(lambda: files_in(scratch) == [])
    finally:
        demo.terminate()
        demo.wait(60)
    assert list(scratch.iterdir()) == []


def check_to_the_end(page):
    """Press the button and wait until the annotated copy of this very check is there."""
    before = page.evaluate("document.querySelector('#copy video')?.src")
    page.click("#check-file")
    page.wait_for_function(
        "before => { const copy = document.querySelector('#copy video'); return copy && copy.src !== before }",
        arg=before,
    )
    page.wait_for_selector("#stop", state="hidden")


def resident_mib(pid):
    return int(subprocess.check_output(["ps", "-o", "rss=", "-p", str(pid)])) / 1024
