"""The files of a check: listed, sent, and no way out of their folder."""

import pytest

from tests.server.asking import services, upload
from tests.server.standin import result, video


def test_pictures_without_the_annotated_copy_are_another_wish(app, client):
    check_id = upload(client, video("pictures"), artifacts="pictures").json["id"]
    assert upload(client, video("pictures"), artifacts="pictures").json["id"] == check_id
    assert upload(client, video("pictures"), artifacts="true").json["id"] != check_id
    check = services(app).queue.take("test")
    assert (check.artifacts, check.film) == (True, False)
    assert upload(client, video("pictures"), artifacts="films").status_code == 422


@pytest.fixture
def drawn(app, client, config):
    """A finished check with a report."""
    check_id = upload(client, video("drawn"), artifacts="true").json["id"]
    check = services(app).queue.take("test")
    folder = config.artifacts(check_id, check.fence)
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("<script>alert(1)</script>")
    services(app).queue.done(check, result("no_signs_found", 0.1).to_json(), None, None)
    return check_id


def test_drawn_files_are_listed_and_sent_so_that_no_browser_runs_them(client, drawn):
    assert client.get(f"/v1/checks/{drawn}").json["artifacts"] == ["report.html"]
    answer = client.get(f"/v1/checks/{drawn}/artifacts/report.html")
    assert answer.text == "<script>alert(1)</script>"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert client.get(f"/v1/checks/{drawn}/artifacts/report.html", headers={"Range": "bytes=0-7"}).text == "<script>"


def test_a_range_behind_the_end_of_a_file_is_told_how_long_it_is(client, drawn):
    answer = client.get(f"/v1/checks/{drawn}/artifacts/report.html", headers={"Range": "bytes=100-"})
    assert (answer.status_code, answer.json["code"]) == (416, "range_not_satisfiable")
    assert answer.headers["Content-Range"] == "bytes */25"


def test_who_goes_on_with_another_file_is_told_so(client, drawn):
    path = f"/v1/checks/{drawn}/artifacts/report.html"
    answer = client.get(path, headers={"If-Match": '"of another"', "Range": "bytes=0-7"})
    assert (answer.status_code, answer.content_type) == (412, "application/problem+json")
    assert answer.json["code"] == "file_changed"
    same = client.get(path, headers={"If-Match": client.get(path).headers["ETag"], "Range": "bytes=0-7"})
    assert (same.status_code, same.text) == (206, "<script>")


def test_who_has_the_file_is_told_so_also_when_asking_for_a_range(client, drawn):
    path = f"/v1/checks/{drawn}/artifacts/report.html"
    known = client.get(path).headers["ETag"]
    assert client.get(path, headers={"If-None-Match": known, "Range": "bytes=0-7"}).status_code == 304


@pytest.mark.parametrize("given", ["lines=0-1", "bytes=0-1,3-4", "bytes=5-2", "rubbish"])
def test_a_range_that_is_not_served_is_ignored(client, drawn, given):
    answer = client.get(f"/v1/checks/{drawn}/artifacts/report.html", headers={"Range": given})
    assert (answer.status_code, answer.text) == (200, "<script>alert(1)</script>")


@pytest.mark.parametrize(
    "name",
    ["../source", "..%2fsource", "%2e%2e/%2e%2e/unmask.sqlite3", "....//x", "nothing.png", ".", "%00", "report.html/"],
)
def test_no_name_leads_out_of_the_folder(client, drawn, name):
    answer = client.get(f"/v1/checks/{drawn}/artifacts/{name}")
    assert answer.status_code in (404, 405)
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("linked", ["a file", "the folder"])
def test_no_link_among_what_was_drawn_leads_out_of_the_folder(client, config, drawn, tmp_path, linked):
    (tmp_path / "secret.txt").write_text("of the web process")
    folder = next(config.folder(drawn).glob("artifacts-*"))
    if linked == "a file":
        (folder / "secret.txt").symlink_to(tmp_path / "secret.txt")
    else:
        folder.rename(folder.with_name("drawn"))
        folder.symlink_to(tmp_path)
    assert "secret.txt" not in client.get(f"/v1/checks/{drawn}").json["artifacts"]
    assert client.get(f"/v1/checks/{drawn}/artifacts/secret.txt").status_code == 404
