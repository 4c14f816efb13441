import asyncio
import base64
import gzip
import http.client
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest
import requests

from core.fetch import guard as guard_module
from core.fetch.guard import Proxy, Refused, Spent, Ticket, is_public, parse_target

NOT_PUBLIC = (
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2001:10::1",
    "2002:7f00:1::",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_addresses_that_are_not_globally_routable_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_stay_public_in_every_form(address):
    assert is_public(address)


def get(url: str, way_out, **more):
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, proxies={"http": way_out.proxy, "https": way_out.proxy}, timeout=10, **more)


def test_a_page_of_an_allowed_address_comes_through_whole(site, guard):
    site.pages["/page"] = ("text/plain", b"hello " * 50_000)
    answer = get(site.url("/page"), guard.exit("job", 10**6, 30))
    assert answer.content == b"hello " * 50_000
    assert answer.headers["Content-Type"] == "text/plain"


def test_what_follows_the_question_mark_of_a_link_is_asked_for(site, guard):
    get(site.url("/page?id=7&b"), guard.exit("job", 10**6, 30))
    assert site.hits == ["/page?id=7&b"]


# what stands for the forbidden server's host in a link; {port} follows
LOOPBACK_FORMS = [
    "127.0.0.1",
    "localhost",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "017700000001",
    "127.1",
    "127.0.1",
    "0",
    "0.0.0.0",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "127.0.0.1.",
    "LOCALHOST",
]


@pytest.mark.slow
@pytest.mark.parametrize("host", LOOPBACK_FORMS)
@pytest.mark.parametrize("how", ["plain", "redirect", "connect"])
def test_no_form_of_an_internal_address_reaches_the_forbidden_server(site, forbidden, guard, host, how):
    target = f"{host}:{forbidden.server_port}"
    way_out = guard.exit("job", 10**6, 30)
    if how == "plain":
        assert get(f"http://{target}/secret", way_out).status_code in (403, 502)
    elif how == "redirect":
        site.pages["/go"] = lambda h: h.redirect(f"http://{target}/secret")
        assert get(site.url("/go"), way_out).status_code in (403, 502)
    else:
        with pytest.raises(requests.exceptions.RequestException):
            get(f"https://{target}/secret", way_out)
    assert forbidden.hits == []
    assert way_out.refused() in ("blocked_address", None)  # None: the resolver does not know this form


@pytest.mark.slow
@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "http://10.0.0.1/",
        "http://192.168.1.1:8080/",
        "http://[fe80::1]/",
        "http://8.8.8.8:22/",
        "http://8.8.8.8:6379/",
    ],
)
def test_metadata_private_and_unusual_ports_are_blocked_before_a_connection(guard, url):
    way_out = guard.exit("job", 10**6, 30)
    answer = get(url, way_out)
    assert (answer.status_code, answer.reason) == (403, "blocked_address")
    assert way_out.refused() == "blocked_address"


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1"])
def test_a_public_address_of_this_very_machine_is_blocked(forbidden, monkeypatch, address):
    async def resolve(host, port):
        return [address]

    monkeypatch.setattr(guard_module, "is_public", lambda address: True)  # as that of a rented server is
    proxy = Proxy(b"secret", resolve=resolve, ports=(forbidden.server_port,))
    with pytest.raises(guard_module.Refused) as refused:
        asyncio.run(proxy._address("own.example", forbidden.server_port))
    assert refused.value.code == "blocked_address"


@pytest.mark.parametrize(
    ("addresses", "port"),
    [
        (["8.8.8.8", "10.0.0.1"], 443),
        (["10.0.0.1", "2606:4700::1111"], 443),
        (["127.0.0.1", "8.8.8.8"], 9000),  # the port passes for the allowed one alone
    ],
)
def test_a_name_of_which_one_address_is_blocked_is_blocked(addresses, port):
    async def resolve(host, port):
        return addresses

    proxy = Proxy(b"secret", frozenset({"127.0.0.1:9000"}), resolve=resolve)
    with pytest.raises(Refused) as refused:
        asyncio.run(proxy._address("mixed.example", port))
    assert refused.value.code == "blocked_address"


def raw(way_out, request: bytes) -> bytes:
    parts = urlsplit(way_out.proxy)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(4096), b""))


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [
        "GET file:///etc/passwd HTTP/1.1",
        "GET ftp://127.0.0.1:{port}/ HTTP/1.1",
        "GET gopher://127.0.0.1:{port}/ HTTP/1.1",
        "GET https://127.0.0.1:{port}/ HTTP/1.1",
        "GET http://user:pass@127.0.0.1:{port}/ HTTP/1.1",
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}",
        "CONNECT 127.0.0.1:{port}",
        "CONNECT 127.0.0.1:{port}/x@y HTTP/1.1",
        "GET http://127.0.0.1:notaport/ HTTP/1.1",
        "GET http:// HTTP/1.1",
        "GET  HTTP/1.1",
        "nonsense",
        "GET http://127.0.0.1:{port}/ HTTP/1.1\r\nX: " + "a" * 70_000,
    ],
)
def test_requests_that_are_not_plain_proxying_are_answered_with_an_error(forbidden, guard, line):
    way_out = guard.exit("raw", 10**6, 30)
    parts = urlsplit(way_out.proxy)
    token = base64.b64encode(f"{parts.username}:{parts.password}".encode()).decode()
    request = f"{line.format(port=forbidden.server_port)}\r\nProxy-Authorization: Basic {token}\r\n\r\n"
    answer = raw(way_out, request.encode())
    assert answer.split(b" ")[1] in (b"403", b"407", b"502")
    assert forbidden.hits == []


@pytest.mark.parametrize("change", ["no ticket", "forged bytes", "other secret", "not base64"])
def test_without_a_good_ticket_nothing_is_served(site, guard, change):
    parts = urlsplit(guard.exit("job", 10**6, 30).proxy)
    name, password = {
        "no ticket": ("", ""),
        "forged bytes": (parts.username.replace("1000000", "9000000"), parts.password),
        "other secret": Ticket("job", 10**6, time.time() + 30).sign(b"guess"),
        "not base64": ("x", "y"),
    }[change]
    proxy = f"http://{name}:{password}@{parts.hostname}:{parts.port}".replace("http://:@", "http://")
    answer = requests.get(site.url("/page"), proxies={"http": proxy}, timeout=10)
    assert answer.status_code == 407
    assert site.hits == []


def test_a_ticket_past_its_time_opens_nothing(site, guard):
    way_out = guard.exit("late", 10**6, -1)
    assert get(site.url("/page"), way_out).status_code == 403
    assert (way_out.refused(), site.hits) == ("timed_out", [])


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "ftp://a.example/x"),
        ("GET", "https://a.example/x"),
        ("GET", "/x"),
        ("GET", "http://user:word@a.example/x"),
        ("CONNECT", "user@a.example:443"),
        ("CONNECT", ":443"),
        ("CONNECT", "a.example:99999"),
    ],
)
def test_only_a_tunnel_or_a_plain_link_without_a_password_is_a_target(method, target):
    with pytest.raises(Refused) as refused:
        parse_target(method, target)
    assert refused.value.code == "bad_link"


def test_a_body_over_the_budget_is_cut_and_the_reason_kept(site, guard):
    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 65536)

    site.pages["/endless"] = endless
    way_out = guard.exit("endless", 300_000, 30)
    assert len(get(site.url("/endless"), way_out).content) <= 300_000
    assert way_out.refused() == "too_large"


def test_the_budget_counts_all_requests_of_a_job_together(site, guard):
    site.pages["/part"] = ("video/mp4", b"x" * 60_000)
    way_out = guard.exit("parts", 150_000, 30)
    assert [len(get(site.url("/part"), way_out).content) for _ in range(2)] == [60_000, 60_000]
    with pytest.raises(requests.exceptions.RequestException):
        get(site.url("/part"), way_out)
    assert way_out.refused() == "too_large"


@pytest.mark.slow
def test_a_body_that_trickles_ends_with_the_jobs_time(site, guard):
    stop = threading.Event()

    def trickle(handler):
        handler.send_response(200)
        handler.end_headers()
        while not stop.wait(0.05):
            handler.wfile.write(b"x")

    site.pages["/slow"] = trickle
    way_out = guard.exit("slow", 10**6, 2)
    try:
        assert get(site.url("/slow"), way_out).content
        assert way_out.refused() == "timed_out"
    finally:
        stop.set()


def through_a_tunnel(site, monkeypatch, talk) -> Spent:
    """Run `talk` with both ends of a tunnel, through a guard that waits half a second for a byte. What it cost."""
    monkeypatch.setattr(guard_module, "IDLE_SECONDS", 0.5)
    proxy = Proxy(b"secret", frozenset({site.host}))
    name, signature = Ticket("kept", 10**6, time.time() + 30).sign(b"secret")
    leave = base64.b64encode(f"{name}:{signature}".encode()).decode()

    async def open_and_talk() -> None:
        async with await asyncio.start_server(proxy.serve, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(f"CONNECT {site.host} HTTP/1.1\r\nProxy-Authorization: Basic {leave}\r\n\r\n".encode())
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
            async with asyncio.timeout(20):
                await talk(reader, writer)
            writer.close()

    asyncio.run(open_and_talk())
    return proxy.spent["kept"]


def test_a_tunnel_that_a_client_keeps_for_later_is_cut_without_blame(site, monkeypatch):
    async def be_silent(reader, writer):
        assert await reader.read() == b""

    assert through_a_tunnel(site, monkeypatch, be_silent).refused is None


def test_a_tunnel_carries_the_next_request_after_an_answer_that_took_long(site, monkeypatch):
    def slowly(handler):
        handler.begin(200, {"Content-Length": "16"})
        for _ in range(16):
            handler.wfile.write(b"x")
            time.sleep(0.05)

    async def ask_twice(reader, writer):
        for page, length in (("/slow", 16), ("/page", 5)):
            writer.write(f"GET {page} HTTP/1.1\r\nHost: {site.host}\r\n\r\n".encode())
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(length)

    site.pages |= {"/slow": slowly, "/page": ("text/plain", b"hello")}
    through_a_tunnel(site, monkeypatch, ask_twice)


def test_what_is_sent_counts_as_well(site, monkeypatch):
    def take(handler):
        handler.rfile.read(100_000)
        handler.begin(200, {"Content-Length": "0"})

    async def send(reader, writer):
        writer.write(f"POST /take HTTP/1.1\r\nHost: {site.host}\r\n\r\n".encode() + b"x" * 100_000)
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")

    site.pages["/take"] = take
    assert through_a_tunnel(site, monkeypatch, send).bytes > 100_000


def test_a_compressed_body_costs_what_it_weighs_on_the_line(site, guard):
    body = gzip.compress(b"\0" * 5_000_000)

    def bomb(handler):
        handler.send_response(200)
        handler.send_header("Content-Encoding", "gzip")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    site.pages["/bomb"] = bomb
    way_out = guard.exit("bomb", len(body) + 2_000, 30)
    assert len(get(site.url("/bomb"), way_out).content) == 5_000_000
    assert way_out.refused() is None


def test_headers_meant_for_the_proxy_do_not_reach_the_site(site, guard):
    seen = {}

    def show(handler):
        seen.update(handler.headers.items())
        handler.send_response(204)
        handler.end_headers()

    site.pages["/show"] = show
    get(site.url("/show"), guard.exit("job", 10**6, 30), headers={"Host": "other.example"})
    assert "Proxy-Authorization" not in seen
    assert seen["Host"] == site.host


def test_the_guard_listens_on_loopback_alone(guard):
    port = urlsplit(guard.exit("job", 10**6, 30).proxy).port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), timeout=2)  # where it would be, if it listened to everybody


def test_a_guard_that_died_is_started_again(site, guard):
    site.pages["/page"] = ("text/plain", b"hello")
    assert get(site.url("/page"), guard.exit("one", 10**6, 30)).status_code == 200
    guard._process.kill()
    guard._process.wait()
    assert get(site.url("/page"), guard.exit("two", 10**6, 30)).status_code == 200


def test_a_kept_connection_is_closed_after_one_answer(site, guard):
    site.pages["/page"] = ("text/plain", b"hello")
    parts = urlsplit(guard.exit("job", 10**6, 30).proxy)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    auth = requests.auth._basic_auth_str(parts.username, parts.password)
    connection.request("GET", site.url("/page"), headers={"Proxy-Authorization": auth, "Connection": "keep-alive"})
    answer = connection.getresponse()
    assert answer.getheader("Connection") == "close"
    connection.close()
