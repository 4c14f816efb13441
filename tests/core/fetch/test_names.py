"""What the guard makes of names: each is asked for once, checked whole, and keeps no other one waiting."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from core.fetch.guard import Proxy, Refused, Ticket, run


@contextmanager
def served(proxy: Proxy) -> Iterator[str]:
    """The proxy's address, with a ticket, while it runs in a thread of this process."""
    loop, port = asyncio.new_event_loop(), []
    ready = threading.Event()
    task = loop.create_task(run(proxy, lambda p: (port.append(p), ready.set())))

    def serve():
        asyncio.set_event_loop(loop)
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(task)

    thread = threading.Thread(target=serve)
    thread.start()
    ready.wait(10)
    name, password = Ticket("job", 10**6, time.time() + 60).sign(b"secret")
    try:
        yield f"http://{name}:{password}@127.0.0.1:{port[0]}"
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(10)
        loop.close()


def ask(url: str, proxy: str) -> requests.Response:
    return requests.get(url, proxies={"http": proxy}, timeout=20)


def test_a_name_is_resolved_once_and_connected_to_as_checked(site, forbidden):
    asked = []

    async def resolve(host: str, port: int) -> list[str]:
        """A good address first, and a forbidden one ever after."""
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    site.pages["/page"] = ("text/plain", b"hello")
    link = f"http://turning.example:{site.server_port}/page"
    with served(Proxy(b"secret", frozenset({site.host}), resolve)) as proxy:
        assert ask(link, proxy).text == "hello"
        assert asked == ["turning.example"]
        assert ask(link, proxy).reason == "blocked_address"
    assert len(site.hits) == 1


def test_a_name_with_one_public_and_one_internal_address_is_refused():
    async def resolve(host: str, port: int) -> list[str]:
        return ["8.8.8.8", "127.0.0.1"]

    with pytest.raises(Refused) as caught:
        asyncio.run(Proxy(b"secret", resolve=resolve)._address("mixed.example", 80))
    assert caught.value.code == "blocked_address"


def test_names_whose_servers_do_not_answer_keep_no_other_one_waiting(site, monkeypatch):
    end, waiting, real = threading.Event(), threading.Semaphore(0), socket.getaddrinfo

    def getaddrinfo(host, *rest, **more):
        if host == "slow.example":
            waiting.release()
            end.wait(60)
        return real("127.0.0.1" if host.endswith(".example") else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    site.pages["/page"] = ("text/plain", b"hello")
    with served(Proxy(b"secret", frozenset({site.host}))) as proxy:
        slow = [threading.Thread(target=ask, args=("http://slow.example/", proxy)) for _ in range(40)]
        try:
            for thread in slow:
                thread.start()
            assert all(waiting.acquire(timeout=5) for _ in slow)
            assert ask(f"http://good.example:{site.server_port}/page", proxy).text == "hello"
        finally:
            end.set()
            for thread in slow:
                thread.join(30)
