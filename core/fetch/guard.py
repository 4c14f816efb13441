"""The egress guard: a small forward proxy on loopback through which every byte from outside passes.

It runs in its own process (`Guard` starts it), resolves names itself, refuses every address that is not globally
routable, and connects to the very address it checked; so every redirect, playlist entry and reconnect of whoever uses
it is checked by construction. A caller needs a ticket, which carries the bytes and the seconds its job may use.
"""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

USUAL_PORTS = (80, 443, 8080, 8443)
HEAD_LIMIT = 64 * 1024  # bytes of request or response head
CONNECT_SECONDS = 10
NAMES_AT_ONCE = 128
IDLE_SECONDS = 30  # without a byte from the site
KEEP_ACCOUNT_SECONDS = 60  # after a job's time: its owner may still ask why it was refused
CHUNK = 64 * 1024
HOP_BY_HOP = ("connection", "proxy-connection", "keep-alive", "proxy-authorization", "te", "upgrade")

NAT64 = ipaddress.ip_network("64:ff9b::/96")
# What `is_global` of some Python versions lets pass and no server of the public web has.
NEVER = tuple(
    map(
        ipaddress.ip_network,
        ("192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "2001::/23", "2002::/16", "3fff::/20"),
    )
)

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Resolve = Callable[[str, int], Awaitable[list[str]]]


class Refused(Exception):
    """Why the guard will not serve: a code of core.errors."""

    def __init__(self, code: str):
        self.code = code
        super().__init__(code)


def is_public(address: str) -> bool:
    """Whether an IP address is globally routable, after unpacking the IPv4 address that IPv6 forms may wrap."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if ip.version == 6:
        if ip.ipv4_mapped:
            return is_public(str(ip.ipv4_mapped))
        if ip in NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        if ip not in ipaddress.ip_network("2000::/3"):
            return False
    return ip.is_global and not ip.is_multicast and not any(ip.version == n.version and ip in n for n in NEVER)


def is_own(address: str) -> bool:
    """Whether an address is one of this machine: a way past its firewall, and no site lies there that is asked for."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))  # sends nothing; from here to here goes by one address
            return ipaddress.ip_address(probe.getsockname()[0]) == ipaddress.ip_address(address)
    except OSError:  # no way leads there
        return False


async def resolve(host: str, port: int) -> list[str]:
    """Every address of a host. The C library also reads the decimal, octal and hex forms of IPv4, as browsers do."""
    loop = asyncio.get_running_loop()
    answers = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(answer[4][0] for answer in answers))


@dataclass
class Spent:
    """What a job has used, and the first reason for which it was refused."""

    until: float = 0
    bytes: int = 0
    refused: str | None = None


@dataclass(frozen=True)
class Ticket:
    """Leave for one job: a name, the bytes it may move in both directions, and the end of its time (Unix seconds)."""

    job: str
    bytes: int
    until: float

    def sign(self, secret: bytes) -> tuple[str, str]:
        """User name and password for the proxy."""
        claims = f"{self.job}.{self.bytes}.{int(self.until)}"
        return claims, hmac.new(secret, claims.encode(), hashlib.sha256).hexdigest()

    @classmethod
    def read(cls, authorization: str, secret: bytes) -> "Ticket":
        """Raises Refused where the header is not a ticket of ours."""
        try:
            kind, _, value = authorization.partition(" ")
            claims, _, signature = base64.b64decode(value, validate=True).decode("ascii").partition(":")
            job, limit, until = claims.rsplit(".", 2)
            ticket = cls(job, int(limit), float(until))
        except ValueError:
            raise Refused("unauthorized") from None
        if kind.lower() != "basic" or not hmac.compare_digest(ticket.sign(secret)[1], signature):
            raise Refused("unauthorized")
        return ticket


@dataclass
class Proxy:
    """The proxy itself. `allow` names addresses ("127.0.0.1:8123") that pass although they are not public."""

    secret: bytes
    allow: frozenset[str] = frozenset()
    resolve: Resolve = resolve
    ports: tuple[int, ...] = USUAL_PORTS
    spent: dict[str, Spent] = field(default_factory=dict)

    async def serve(self, client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> None:
        """One client connection carries one request."""
        spent = Spent()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                method, target, headers = await read_head(client_in)
            ticket = Ticket.read(header(headers, "proxy-authorization"), self.secret)
            spent = self._spent(ticket)
            if target == "/spent":
                await reply(client_out, 200, "OK", json.dumps({"bytes": spent.bytes, "refused": spent.refused}))
                return
            far = await self._connect(method, target, ticket)
        except Refused as refusal:
            spent.refused = spent.refused or refusal.code
            await reply(client_out, 407 if refusal.code == "unauthorized" else 403, refusal.code)
        except TimeoutError:
            await reply(client_out, 504, "network")
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            await reply(client_out, 502, "network")
        else:
            await self._relay(method, target, headers, (client_in, client_out), far, ticket, spent)
        finally:
            client_out.close()

    def _spent(self, ticket: Ticket) -> Spent:
        """The account of a ticket's job; those of jobs past their time are closed."""
        now = time.time()
        self.spent = {job: spent for job, spent in self.spent.items() if spent.until > now - KEEP_ACCOUNT_SECONDS}
        return self.spent.setdefault(ticket.job, Spent(ticket.until))

    async def _connect(self, method: str, target: str, ticket: Ticket) -> Streams:
        if ticket.until < time.time():
            raise Refused("timed_out")
        host, port, _path = parse_target(method, target)
        async with asyncio.timeout(CONNECT_SECONDS):
            address = await self._address(host, port)
            return await asyncio.open_connection(address, port, limit=HEAD_LIMIT)

    async def _relay(
        self, method, target, headers, client: Streams, far: Streams, ticket: Ticket, spent: Spent
    ) -> None:
        """Carry the request and its answer. A failure from here on can only be shown by cutting the connection."""
        (client_in, client_out), (far_in, far_out) = client, far
        up = None
        time_left = asyncio.timeout(max(0, ticket.until - time.time()))
        try:
            async with time_left:
                if method == "CONNECT":
                    client_out.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    path = parse_target(method, target)[2]
                    host = [("Host", urlsplit(target).netloc)]
                    far_out.write(head(f"{method} {path} HTTP/1.1", host + without(headers, "host")))
                # while an answer comes a client may be silent for long, and this ends with the answer
                up = asyncio.create_task(pump(client_in, far_out, ticket, spent, idle_s=None))
                if method != "CONNECT":
                    async with asyncio.timeout(IDLE_SECONDS):
                        status, _, far_headers = await read_head(far_in, response=True)
                    client_out.write(head(status, without(far_headers)))
                await pump(far_in, client_out, ticket, spent, IDLE_SECONDS)
        except TimeoutError:
            if time_left.expired():  # else a connection that its client keeps for later was silent for long
                spent.refused = spent.refused or "timed_out"
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass
        finally:
            if up:
                up.cancel()
                await asyncio.gather(up, return_exceptions=True)
            far_out.close()

    async def _address(self, host: str, port: int) -> str:
        """The address to connect to; refused unless every answer for the name is public, of another machine, or allowed."""
        try:
            addresses = await self.resolve(host, port)
        except UnicodeError:
            raise Refused("bad_link") from None
        allowed = [f"{address}:{port}" in self.allow for address in addresses]
        fit = (ok or (is_public(a) and not is_own(a)) for ok, a in zip(allowed, addresses, strict=True))
        if not addresses or not all(fit):
            raise Refused("blocked_address")
        if port not in self.ports and not all(allowed):
            raise Refused("blocked_address")
        # IPv4 first: many hosts have an IPv6 address in DNS and no IPv6 route
        return min(addresses, key=lambda address: ":" in address)


def parse_target(method: str, target: str) -> tuple[str, int, str]:
    """Host, port and path of a proxy request. Raises Refused for anything but CONNECT host:port and http://."""
    try:
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        port = parts.port or (443 if method == "CONNECT" else 80)
    except ValueError:
        raise Refused("bad_link") from None
    if not parts.hostname or "@" in parts.netloc or (method != "CONNECT" and parts.scheme != "http"):
        raise Refused("bad_link")
    return parts.hostname, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


async def read_head(stream: asyncio.StreamReader, response: bool = False) -> tuple[str, str, list[tuple[str, str]]]:
    """Method, target and headers of a request; of a response its status line, "" and headers."""
    lines = (await stream.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])]
    if response:
        return lines[0], "", headers
    method, target, _version = lines[0].split(" ")
    return method, target, headers


def header(headers: list[tuple[str, str]], name: str) -> str:
    return next((value for key, value in headers if key.lower() == name), "")


def without(headers: list[tuple[str, str]], *more: str) -> list[tuple[str, str]]:
    """Headers fit to pass on: those about this one connection are dropped, and so is everything the caller names."""
    return [(name, value) for name, value in headers if name.lower() not in (*HOP_BY_HOP, *more)]


def head(first: str, headers: list[tuple[str, str]]) -> bytes:
    """One request a connection, on both sides: a kept connection would skip the check of the next one."""
    lines = [first, *(f"{name}: {value}" for name, value in headers), "Connection: close"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def pump(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, ticket: Ticket, spent: Spent, idle_s: float | None
) -> None:
    """Copy until the source ends. Going over the ticket's bytes cuts the connection and is remembered.

    Raises TimeoutError after so many seconds without a byte.
    """
    while True:
        async with asyncio.timeout(idle_s):
            chunk = await source.read(CHUNK)
        if not chunk:
            break
        spent.bytes += len(chunk)
        if spent.bytes > ticket.bytes:
            spent.refused = spent.refused or "too_large"
            break
        sink.write(chunk)
        await sink.drain()
    if sink.can_write_eof():
        sink.write_eof()


async def reply(out: asyncio.StreamWriter, status: int, reason: str, body: str = "") -> None:
    """A short answer of our own."""
    try:
        out.write(head(f"HTTP/1.1 {status} {reason}", [("Content-Length", str(len(body)))]) + body.encode())
        await out.drain()
    except OSError:
        pass


async def run(proxy: Proxy, announce: Callable[[int], None]) -> None:
    """Serve on a free loopback port until cancelled."""
    # each name that is asked for holds a thread until its server answers; of the loop's own there are few
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(NAMES_AT_ONCE))
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, limit=HEAD_LIMIT)
    announce(server.sockets[0].getsockname()[1])
    async with server:
        await server.serve_forever()


def main() -> None:
    """Read the configuration from the first line of stdin, print the port, and end when stdin does (with the parent, whose
    litter is then deleted: `Guard.close` ends this process before)."""
    given = json.loads(sys.stdin.readline())
    proxy = Proxy(bytes.fromhex(given["secret"]), frozenset(given["allow"]))

    async def until_stdin_ends() -> None:
        serving = asyncio.create_task(run(proxy, lambda port: print(port, flush=True)))
        await asyncio.to_thread(sys.stdin.read)
        serving.cancel()
        if given.get("litter"):
            shutil.rmtree(given["litter"], ignore_errors=True)
        os._exit(0)  # open connections would keep the loop waiting

    asyncio.run(until_stdin_ends())


if __name__ == "__main__":
    main()
