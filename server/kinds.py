"""What kinds of settings there are: each reads the text of an UNMASK_* variable, or raises ValueError."""

import base64
import binascii
import re
from ipaddress import ip_address

from kombu import Connection
from limits import parse_many
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from core.errors import CheckError
from core.fetch.sites import split
from core.settings import such_as

CENTURY_S = 100 * 365 * 24 * 3600.0


def rate(text: str) -> str:
    """As it is, where the limiter can read it: what it cannot, it would not limit at all."""
    parse_many(text)
    return text


def port(text: str) -> int:
    """Raises ValueError, where binding to it would raise an OverflowError."""
    number = int(text)
    if not 0 <= number < 65536:
        raise ValueError
    return number


def list_of_words(text: str) -> list[str]:
    return text.replace(",", " ").split()


@such_as("unmask.example.org, unmask.example.org:8443")
def list_of_hosts(text: str) -> tuple[str, ...]:
    return tuple(map(host, list_of_words(text)))


@such_as("tube.example.org")
def list_of_hosts_without_ports(text: str) -> tuple[str, ...]:
    hosts = list_of_hosts(text)
    if any(re.search(r":\d+$", name) for name in hosts):
        raise ValueError
    return hosts


@such_as("media.example.org, media.example.org:8443 or *")
def list_of_media_hosts(text: str) -> tuple[str, ...]:
    return tuple("*" if word == "*" else host(word) for word in list_of_words(text))


@such_as("https://page.example.org")
def list_of_origins(text: str) -> tuple[str, ...]:
    return tuple(map(origin, list_of_words(text)))


def host(text: str) -> str:
    """As `core.fetch.sites` has that of a link, and browsers have it: in lower-case ASCII, without the usual ports.
    Raises ValueError where there is more than a host and a port."""
    _scheme, name, port = place(f"http://{text}")
    return name if port in (None, 443) else f"{name}:{port}"


def origin(text: str) -> str:
    """As browsers send it. Raises ValueError where there is more than a scheme, a host and a port."""
    text = text.rstrip("/")
    if re.fullmatch(r"[a-z-]+-extension://[\w-]+", text):
        return text
    scheme, name, port = place(text)
    return f"{scheme}://{name}" if port is None else f"{scheme}://{name}:{port}"


def place(link: str) -> tuple[str, str, int | None]:
    """Scheme, host and port (None: the usual one) of a link that has nothing else. Raises ValueError."""
    try:
        scheme, name, port, rest = split(link)
    except CheckError:
        raise ValueError from None
    if rest != "/":
        raise ValueError
    return scheme, f"[{name}]" if ":" in name else name, port


@such_as("10.0.0.1:9000")
def list_of_addresses_with_ports(text: str) -> tuple[str, ...]:
    """As the egress guard writes them. Raises ValueError, as a name would let nothing pass and nobody would be told."""
    places = [place.rpartition(":") for place in list_of_words(text)]
    return tuple(f"{ip_address(address.strip('[]'))}:{port(last)}" for address, _, last in places)


def number(text: str) -> int:
    """None or more. Raises ValueError."""
    if (number := int(text)) < 0:
        raise ValueError
    return number


def count(text: str) -> int:
    """At least one. Raises ValueError."""
    if (number := int(text)) < 1:
        raise ValueError
    return number


def time(text: str) -> float:
    """Seconds, of which a date can be made. Raises ValueError."""
    if not 0 <= (seconds := float(text)) <= CENTURY_S:
        raise ValueError
    return seconds


def time_of_a_second_or_more(text: str) -> float:
    """Raises ValueError."""
    if (seconds := time(text)) < 1:
        raise ValueError
    return seconds


@such_as("postgresql://name:pass%40word@host/database")
def database_address(text: str) -> str:
    """With the driver that we have. Raises ValueError: also for an @ in a password, which makes a part of it the host's."""
    text = re.sub("^postgres(ql)?://", "postgresql+psycopg://", text)
    try:
        url = make_url(text)
    except ArgumentError:
        raise ValueError from None
    if url.drivername.partition("+")[0] not in ("sqlite", "postgresql") or "@" in (url.host or ""):
        raise ValueError
    return text


@such_as("redis://:password@host:6379/0")
def broker_address(text: str) -> str:
    """As it is, where Celery knows what to make of it. Raises ValueError."""
    try:
        Connection(text).transport_cls  # noqa: B018
    except KeyError:
        raise ValueError from None
    if "://" not in text:
        raise ValueError
    return text


def webhook_secret(text: str) -> str:
    """As it is. Raises ValueError."""
    secret_bytes(text)
    return text


def secret_bytes(secret: str) -> bytes:
    """Raises ValueError for one that is not "whsec_" and at least 24 bytes in base64."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith("whsec_") or len(key) < 24:
        raise ValueError("a webhook secret is whsec_ and at least 24 bytes in base64")
    return key
