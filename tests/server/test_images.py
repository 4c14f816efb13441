"""What can be said of the images without an engine to build them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.server.rehearsal import rehearse, rehearse_both
from tests.site import make_clip

ROOT = Path(__file__).parents[2]


def test_the_dockerfile_passes_the_linter():
    hadolint = Path(sys.executable).parent / "hadolint"
    # versions of pip's and Debian's packages stand in the files that are installed from
    ignored = [flag for rule in ("DL3008", "DL3042", "DL4006") for flag in ("--ignore", rule)]
    done = subprocess.run([hadolint, *ignored, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_compose_builds_targets_that_there_are_and_sets_only_known_variables():
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    targets = set(re.findall(r"^FROM \S+ AS (\w+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE))
    built = {name: service for name, service in services.items() if "build" in service}
    assert {service["build"]["target"] for service in built.values()} <= targets
    known = set(re.findall(r'"(UNMASK_[A-Z_]+)"', (ROOT / "server" / "config.py").read_text(encoding="utf-8")))
    assert {name for service in built.values() for name in service["environment"]} <= known


def test_compose_lets_nobody_without_a_password_at_what_the_services_share():
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    for url in ("UNMASK_DATABASE_URL", "UNMASK_BROKER_URL"):
        assert ":${POSTGRES_PASSWORD" in services["worker"]["environment"][url]
    assert services["redis"]["command"][-2:] == ["--requirepass", "${POSTGRES_PASSWORD}"]


@pytest.mark.slow
def test_the_web_side_loads_nothing_that_its_image_leaves_out():
    packages = re.search(r"grep -vE '\^\(([\w|-]+)\)", (ROOT / "Dockerfile").read_text(encoding="utf-8"))[1].split("|")
    modules = {"scikit-image": "skimage", "c2pa-python": "c2pa"}
    left_out = [modules.get(package, package.replace("-", "_")) for package in packages]
    code = f"import sys; sys.modules.update(dict.fromkeys({left_out})); import server.app, server.web"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_steps_of_the_image_for_everything_lead_to_a_server_that_is_ready(tmp_path):
    with rehearse("all", tmp_path, Path(sys.executable)) as server:
        assert server.get("/ready").json()["status"] == "ready"
        assert server.health_check() == 0
    assert server.health_check() == 1


@pytest.mark.slow
def test_the_steps_of_the_web_image_lead_to_a_server_that_is_alive(tmp_path):
    with rehearse("web", tmp_path, Path(sys.executable)) as server:
        assert server.get("/health").json() == {"status": "alive"}
        assert server.health_check() == 0


@pytest.mark.slow
def test_the_steps_of_the_worker_image_lead_to_a_worker_that_ends_a_check_of_the_web_image(tmp_path):
    (tmp_path / "clip").mkdir()
    clip = make_clip(tmp_path / "clip")["clip.mp4"]
    with rehearse_both(tmp_path, Path(sys.executable)) as (web, worker):
        check = web.wait(web.upload(clip).json()["id"])
        assert check["status"] == "done", check["error"]
        assert check["analysis"]["coverage"]["faces_found"] == 1
        [process] = worker.processes
        process.terminate()
        assert process.wait(30) == 0


def test_every_setting_reaches_what_compose_starts():
    documented = set(re.findall(r"`(UNMASK_\w+)`", (ROOT / "docs/server.md").read_text(encoding="utf-8")))
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    # where the volume is, on which port, and what no image holds
    fixed = {"UNMASK_DATA", "UNMASK_PORT", "UNMASK_DEMO", "UNMASK_DETECTOR"}
    assert documented - fixed == set(services["web"]["environment"])
    of_the_web = {"HOST", "HOSTS", "ORIGINS", "PROXIES", "RATE", "READ_RATE", "THREADS"}
    assert documented - fixed - {f"UNMASK_{name}" for name in of_the_web} == set(services["worker"]["environment"])
