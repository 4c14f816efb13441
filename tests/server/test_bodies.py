"""How much of a request is taken in before anybody has said who asks."""

import gzip
import io
import json

import pytest
from gunicorn.http.errors import InvalidChunkSize, NoMoreData


@pytest.mark.parametrize("path", ["/reviews/sign-in", "/reviews", "/v1/checks", "/v1/checks/0/cancel"])
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "application/json"])
def test_a_large_body_that_is_no_upload_is_refused_unread(client, path, kind):
    body = io.BytesIO(b"a&" * 50_000)
    answer = client.post(path, input_stream=body, content_type=kind, content_length=100_000)
    assert answer.status_code in (404, 413, 415)  # no such check, too large, not JSON
    assert body.tell() <= 70_000


@pytest.mark.parametrize("padding", [70_000, 200_000])
def test_a_large_body_sent_in_chunks_is_refused_and_not_cut_off(client, padding):
    body = json.dumps({"url": "https://x.com/NASA/status/1410624005669169154"}).encode() + b" " * padding
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    answer = client.post(
        "/v1/checks", input_stream=io.BytesIO(body), content_type="application/json", environ_overrides=chunked
    )
    assert (answer.status_code, answer.json["code"]) == (413, "too_large")


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=b"])
def test_a_compressed_body_is_told_that_it_may_not_be(client, kind):
    body = gzip.compress(b'{"url": "https://x.com/NASA/status/1410624005669169154"}')
    answer = client.post("/v1/checks", data=body, content_type=kind, headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json["code"]) == (415, "unsupported_media_type")
    assert "uncompressed" in answer.json["detail"]


def test_a_file_is_taken_in_only_where_checks_are_submitted(client, config):
    form = {"csrf": "x", "file": (io.BytesIO(b"\0" * 200_000), "clip.mp4")}
    answer = client.post("/reviews/sign-in", data=form, content_type="multipart/form-data")
    assert (answer.status_code, answer.json["code"]) == (413, "too_large")
    assert list(config.spool.iterdir()) == []


@pytest.mark.slow
def test_a_thousand_links_of_the_longest_kind_are_taken(client):
    links = [f"https://x.com/a/status/{n}?{'a' * 1990}" for n in range(1, 1001)]
    assert client.post("/v1/batches", json={"urls": links}).status_code == 202


def test_a_form_with_letters_that_no_token_has_is_refused(client):
    answer = client.post("/reviews/sign-in", data={"csrf": "ü", "key": "x"})
    assert (answer.status_code, answer.json["code"]) == (403, "foreign_origin")


def test_a_batch_whose_page_cannot_be_shown_is_not_made(client):
    assert client.post("/v1/batches?limit=abc", json={"urls": ["https://x.com/a/status/1"]}).status_code == 422
    assert client.get("/v1/checks").json["checks"] == []


def test_an_empty_file_is_called_what_the_command_line_calls_it(client):
    answer = client.post("/v1/checks", data={"file": (io.BytesIO(b""), "clip.mp4")})
    assert (answer.status_code, answer.json["code"]) == (422, "damaged")


class Broken(io.RawIOBase):
    """What gunicorn hands over for a body whose chunks cannot be read, or end too soon."""

    def __init__(self, error):
        self.error = error

    def readable(self):
        return True

    def readinto(self, _buffer):
        raise self.error


@pytest.mark.parametrize("error", [InvalidChunkSize(b"zz"), NoMoreData()])
@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=b"])
def test_a_body_whose_chunks_are_broken_is_a_bad_request(client, error, kind):
    body = {"wsgi.input": Broken(error), "wsgi.input_terminated": True}
    answer = client.post("/v1/checks", content_type=kind, environ_overrides=body)
    assert (answer.status_code, answer.json["code"]) == (400, "bad_request")
