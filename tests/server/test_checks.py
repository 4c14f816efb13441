"""The whole road with real processes: web, worker, child, queue."""

import json
import os
from pathlib import Path

import pytest
import requests

from tests.server.conftest import wait_for
from tests.server.standin import video

pytestmark = pytest.mark.slow


def test_an_uploaded_file_ends_in_an_analysis(running):
    answer = running.upload(video("fine one"))
    assert answer.status_code == 202
    check = running.wait(answer.json()["id"])
    assert answer.headers["Location"] == f"/v1/checks/{check['id']}"
    assert (check["status"], check["stage"], check["progress"]) == ("done", "done", 1.0)
    assert check["analysis"]["verdict"] == "no_signs_found"
    assert check["error"] is None


def test_the_log_says_how_each_check_ended_and_not_what_was_checked(running):
    fine = running.wait(running.upload(video("fine to log"), "secret-name.mp4").json()["id"])["id"]
    broken = running.wait(running.upload(video("damaged")).json()["id"])["id"]
    log = running.log.read_text()
    assert f"check {fine}: no_signs_found" in log
    assert f"check {broken}: damaged" in log
    assert "secret-name" not in log


def test_other_users_of_the_machine_can_read_nothing_of_it(running):
    check_id = running.upload(video("fine private"), artifacts="true").json()["id"]
    running.wait(check_id)
    data = Path(running.env["UNMASK_DATA"])
    for path in (data, data / "unmask.sqlite3", data / "spool", *data.glob(f"checks/{check_id}/artifacts-*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_the_model_is_loaded_once_and_serves_many_checks(running):
    checks = [running.wait(running.upload(video(f"fine {n}")).json()["id"]) for n in range(3)]
    assert len({check["analysis"]["seconds"]["pid"] for check in checks}) == 1


def test_a_file_that_crashes_the_decoder_is_given_up_and_the_worker_lives(running):
    check = running.wait(running.upload(video("crash")).json()["id"])
    assert (check["status"], check["error"]["code"]) == ("failed", "interrupted")
    assert running.wait(running.upload(video("fine afterwards")).json()["id"])["status"] == "done"


def test_a_file_that_takes_too_much_memory_says_so(running):
    check = running.wait(running.upload(video("memory")).json()["id"])
    assert (check["status"], check["error"]["code"]) == ("failed", "out_of_memory")


def test_a_check_over_its_time_is_ended(running):
    check = running.wait(running.upload(video("hang")).json()["id"])
    assert (check["status"], check["error"]["code"]) == ("failed", "timed_out")


def test_what_the_detector_refuses_is_passed_on(running):
    check = running.wait(running.upload(video("damaged")).json()["id"])
    assert check["error"]["code"] == "damaged"
    assert check["error"]["next_step"]


def test_a_bug_is_answered_as_internal_without_a_traceback(running):
    check = running.wait(running.upload(video("bug")).json()["id"])
    assert check["error"]["code"] == "internal"
    assert "ZeroDivision" not in json.dumps(check)


def test_a_bug_is_logged_without_its_words_which_may_be_a_link(running):
    running.wait(running.upload(video("bug to log")).json()["id"])
    log = running.log.read_text()
    assert "ZeroDivisionError" in log
    assert "secret.example" not in log


def test_a_running_check_shows_progress_and_can_be_cancelled(running):
    check_id = running.upload(video("sleep")).json()["id"]
    wait_for(lambda: running.get(f"/v1/checks/{check_id}").json()["stage"] == "look", 20, running.log)
    assert running.post(f"/v1/checks/{check_id}/cancel").status_code == 200
    check = running.wait(check_id)
    assert (check["status"], check["error"]["code"]) == ("cancelled", "cancelled")


def test_deleting_a_running_check_frees_the_worker_and_leaves_nothing(running):
    check_id = running.upload(video("sleep deleted")).json()["id"]
    wait_for(lambda: running.get(f"/v1/checks/{check_id}").json()["stage"] == "look", 20, running.log)
    assert requests.delete(f"{running.url}/v1/checks/{check_id}", timeout=20).status_code == 204
    assert running.get(f"/v1/checks/{check_id}").status_code == 404
    assert running.wait(running.upload(video("fine after deletion")).json()["id"])["status"] == "done"
    # os.walk, as Path.rglob minds a folder that is deleted meanwhile
    wait_for(lambda: not any(check_id in str(entry) for entry in os.walk(running.env["UNMASK_DATA"])), 10)


def test_an_uploaded_file_is_deleted_when_its_check_ends(running):
    check_id = running.upload(video("fine and gone")).json()["id"]
    running.wait(check_id)
    wait_for(lambda: not list((Path(running.env["UNMASK_DATA"]) / "checks").glob(f"{check_id}/video")), 10)


def test_events_tell_every_state_up_to_the_last(running):
    check_id = running.upload(video("fine to watch")).json()["id"]
    seen = read_events(running, check_id)
    assert [event["event"] for event in seen][-1] == "done"
    numbers = [int(event["id"]) for event in seen]
    assert numbers == sorted(set(numbers))
    assert json.loads(seen[-1]["data"])["analysis"]["verdict"] == "no_signs_found"


def test_a_client_that_comes_back_is_told_only_what_is_new(running):
    check_id = running.upload(video("fine to watch again")).json()["id"]
    last = read_events(running, check_id)[-1]["id"]
    again = running.get(f"/v1/checks/{check_id}/events", headers={"Last-Event-ID": last})
    assert (again.status_code, again.content) == (204, b"")  # by which an EventSource knows not to come again
    assert read_events(running, check_id, {"Last-Event-ID": str(int(last) - 1)})[0]["id"] == last


def read_events(running, check_id: str, headers: dict | None = None) -> list[dict]:
    with running.get(f"/v1/checks/{check_id}/events", headers=headers, stream=True) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        blocks = answer.text.split("\n\n")
    events = [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks if block.startswith("id:")]
    return events


def test_the_decoder_reaches_no_network(running):
    reached = video(f"network 127.0.0.1:{running.port}\0")
    check = running.wait(running.upload(reached).json()["id"])
    assert check["status"] == "failed"


def test_metrics_count_what_happened(running):
    running.wait(running.upload(video("fine to count")).json()["id"])
    text = running.get("/metrics").text
    assert 'unmask_verdicts_total{verdict="no_signs_found"}' in text
    assert 'unmask_checks{status="queued"} 0.0' in text
    assert "unmask_workers 1.0" in text


def test_ready_and_info_know_the_loaded_model(running):
    assert running.get("/ready").json()["workers"] == 1
    assert running.get("/v1/info").json()["model"]["name"] == "stand-in"
