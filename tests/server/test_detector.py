"""One check with the detector and the weights that ship, end to end."""

import pytest

from tests.server.conftest import served
from tests.site import make_clip


@pytest.mark.slow
def test_the_shipped_detector_judges_and_draws_an_uploaded_clip(tmp_path):
    (tmp_path / "clip").mkdir()
    clip = make_clip(tmp_path / "clip")["clip.mp4"]
    with served(tmp_path / "data", ("all",), UNMASK_DETECTOR="core.detector:Detector") as server:
        check = server.wait(server.upload(clip, artifacts="true").json()["id"], 180)
        assert check["status"] == "done", check["error"]
        assert check["analysis"]["coverage"]["faces_found"] == 1
        drawn = server.get(f"/v1/checks/{check['id']}/artifacts/timeline.png")
        assert drawn.content.startswith(b"\x89PNG")
        assert {"timeline.png", "key-frames.png", "annotated.mp4", "report.html"} <= set(check["artifacts"])
        report = server.get(f"/v1/checks/{check['id']}/artifacts/report.html").text
        assert "an uploaded file" in report and "data:image/jpeg;base64," in report
        assert str(tmp_path) not in report  # no path of the server's
        assert check["analysis"]["model"]["sha256"] == server.get("/v1/info").json()["model"]["sha256"]
