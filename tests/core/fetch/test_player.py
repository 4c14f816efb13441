"""YouTube hides its streams behind a program: yt-dlp has it run where it reaches nothing."""

import json

import pytest
from yt_dlp import YoutubeDL
from yt_dlp.extractor.youtube.jsc._builtin.deno import DenoJCP

from core.fetch.download import DEFAULT_LIMITS, _options
from core.fetch.egress import Exit
from core.fetch.sites import canonicalise

TRIES = """
const files = { read: () => Deno.readTextFileSync("/etc/hostname"), written: () => Deno.writeTextFileSync("PATH", "") };
const others = { environment: () => Deno.env.get("HOME"), started: () => new Deno.Command("true").outputSync() };
const told = {};
for (const [name, attempt] of Object.entries({ ...files, ...others })) {
    try { attempt(); told[name] = true; } catch { told[name] = false; }
}
try { await fetch("SITE"); told.network = true; } catch { told.network = false; }
console.log(JSON.stringify(told));
"""


@pytest.fixture
def runs(tmp_path):
    """What yt-dlp has to run YouTube's player with, under our options."""
    link = canonicalise("https://youtu.be/aqz-KE-bpKQ")
    options = _options(link, tmp_path, Exit("http://job:ticket@127.0.0.1:9"), DEFAULT_LIMITS, None, None, None)
    with YoutubeDL(options) as ydl:
        youtube = ydl.get_info_extractor("Youtube")
        youtube.initialize()
        yield next(one for one in youtube._jsc_director.providers.values() if isinstance(one, DenoJCP))


def test_the_player_can_be_run_and_what_is_asked_of_it_is_here_already(runs):
    assert runs.is_available()
    assert runs._lib_script.source.name == "PYPACKAGE"  # nothing is loaded from elsewhere
    assert runs._run_js_runtime("console.log(6 * 7)").strip() == "42"


def test_the_player_reaches_neither_files_nor_network(runs, site, tmp_path):
    program = TRIES.replace("PATH", str(tmp_path / "written")).replace("SITE", site.url("/secret"))
    assert not any(json.loads(runs._run_js_runtime(program)).values())
    assert site.hits == [] and not (tmp_path / "written").exists()
