"""https through the guard's CONNECT: end to end with the site, checked against a CA, under the same rules and budgets."""

import os
import ssl

import certifi
import pytest
import requests
import trustme

from core.errors import CheckError
from core.fetch.download import Limits, fetch
from core.fetch.egress import Guard
from core.fetch.sites import Allowed, canonicalise
from tests.site import Site

LIMITS = Limits(bytes=2**20, seconds=10)


@pytest.fixture
def trusted(monkeypatch, tmp_path_factory) -> trustme.CA:
    """The one authority that yt-dlp trusts during a test."""
    authority = trustme.CA()
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    monkeypatch.setattr(certifi, "where", lambda: str(path))
    return authority


@pytest.fixture
def make_site():
    """https sites whose certificate is by this authority, for this name."""
    made = []

    def make(authority: trustme.CA, name: str = "127.0.0.1") -> Site:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(tls)
        made.append(Site(tls=tls))
        return made[-1]

    yield make
    for site in made:
        site.shutdown()
        site.server_close()


@pytest.fixture
def bring(tmp_path):
    """Fetch a path of a site, which alone the guard lets pass."""

    def bring(site: Site, path: str):
        with Guard(allow=(site.host,)) as guard:
            way_out = guard.exit(os.urandom(4).hex(), LIMITS.bytes, LIMITS.seconds)
            link = canonicalise(site.url(path), Allowed(media=(site.host,)))
            return fetch(link, tmp_path, way_out, LIMITS, allowed=Allowed(media=(site.host,)))

    return bring


def refusal(bring, site: Site, path: str) -> str:
    with pytest.raises(CheckError) as caught:
        bring(site, path)
    return caught.value.code


def test_a_file_over_https_arrives_byte_for_byte(trusted, make_site, clip, bring):
    site = make_site(trusted)
    site.pages["/clip.mp4"] = ("video/mp4", clip["clip.mp4"])
    assert bring(site, "/clip.mp4").path.read_bytes() == clip["clip.mp4"]


def test_a_stream_over_https_becomes_one_file_that_decodes(trusted, make_site, clip, bring):
    import av

    site = make_site(trusted)
    for name, content in clip.items():
        kind = "application/vnd.apple.mpegurl" if name.endswith(".m3u8") else "video/mp2t"
        site.pages[f"/{name}"] = (kind, content)
    with av.open(str(bring(site, "/hls.m3u8").path)) as container:
        assert len(list(container.decode(video=0))) == 10


@pytest.mark.parametrize("name", ["localhost", "other.example"])
def test_a_certificate_for_another_name_is_not_believed(trusted, make_site, bring, name):
    site = make_site(trusted, name)
    assert refusal(bring, site, "/clip.mp4") == "network"
    assert site.hits == []


def test_a_certificate_of_an_unknown_authority_is_not_believed(trusted, make_site, bring):
    site = make_site(trustme.CA())
    assert refusal(bring, site, "/clip.mp4") == "network"
    assert site.hits == []


@pytest.mark.slow
@pytest.mark.parametrize("how", ["redirect", "og:video", "hls"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
def test_nothing_said_under_https_leads_to_the_forbidden_server(trusted, make_site, bring, how, host):
    site, forbidden = make_site(trusted), make_site(trusted)
    connections = []
    forbidden.process_request = lambda request, address: connections.append(address)
    inner = f"https://{host}:{forbidden.server_port}/secret.mp4"
    site.pages["/start"] = {
        "redirect": lambda handler: handler.redirect(inner),
        "og:video": ("text/html", f'<html><head><meta property="og:video" content="{inner}"></head></html>'.encode()),
        "hls": ("application/vnd.apple.mpegurl", f"#EXTM3U\n#EXTINF:1,\n{inner}\n#EXT-X-ENDLIST\n".encode()),
    }[how]
    assert refusal(bring, site, "/start") == "blocked_address"
    assert (connections, forbidden.hits) == ([], [])


def test_what_arrives_under_https_counts_towards_the_budget(trusted, make_site, bring):
    site = make_site(trusted)

    def endless(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "video/mp4")
        handler.end_headers()
        handler.close_connection = True
        while True:
            handler.wfile.write(b"\0" * 2**16)

    site.pages["/endless.mp4"] = endless
    assert refusal(bring, site, "/endless.mp4") == "too_large"


def test_a_tunnel_that_speaks_no_tls_ends_as_a_failure_of_the_network(trusted, site, bring):
    site.scheme = "https"
    assert refusal(bring, site, "/clip.mp4") == "network"


def test_a_tunnel_to_an_internal_address_is_refused_before_a_connection(trusted, make_site):
    forbidden = make_site(trusted)
    with Guard() as guard, requests.Session() as session:
        session.trust_env = False
        proxy = guard.exit("job", 2**20, 10).proxy
        with pytest.raises(requests.exceptions.ProxyError, match="403"):
            session.get(forbidden.url("/"), proxies={"https": proxy}, verify=certifi.where(), timeout=10)
    assert forbidden.hits == []
