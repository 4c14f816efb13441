"""Everything that can be set, read once at the edge from UNMASK_* variables."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from kombu import Connection
from limits import parse_many

from core.fetch.download import Limits
from core.fetch.guard import USUAL_PORTS
from core.fetch.sites import Allowed

MIB = 2**20
CENTURY_S = 100 * 365 * 24 * 3600.0
SECRETS = ("UNMASK_DATABASE_URL", "UNMASK_BROKER_URL", "UNMASK_EGRESS_PROXY", "UNMASK_WEBHOOK_SECRET")


@dataclass(frozen=True)
class Config:
    """Defaults are for one machine with nothing else installed. The name of the variable stands in `from_env`."""

    data: Path = Path("data/server")
    database_url: str = ""  # "" is SQLite in `data`
    broker_url: str = ""  # "" is SQLite in `data`, in a file of its own
    host: str = "127.0.0.1"
    port: int = 8000
    hosts: tuple[str, ...] = ()  # names the server goes by, beyond those of loopback
    origins: tuple[str, ...] = ()  # pages and extensions that may call it from a browser
    threads: int = 16  # of the web server; each event stream holds one
    proxies: int = 0  # trusted reverse proxies in front, for the address of a client

    rate: str = "120 per minute"  # submissions, for each key or address
    read_rate: str = "1200 per minute"  # everything else
    max_queue: int = 1000  # checks waiting; of more, only those of who has less than an equal share of them are let in
    upload_bytes: int = 512 * MIB
    keep_s: float = 24 * 3600  # a check and its files
    dedupe_s: float = 3600  # the same video gives the same check

    checks: int = 1  # at a time, in one worker
    shared_network: bool | None = None  # one for all of them; None where there are several, on a graphics card
    detector: str = "core.detector:Detector"
    weights: str | None = None
    device: str | None = None
    check_s: float = 600
    memory: int = 4096 * MIB  # what one check may use beyond the loaded model
    lease_s: float = 30
    attempts: int = 3
    fetch: Limits = field(default_factory=Limits)
    allowed: Allowed = field(default_factory=Allowed)
    guard_allow: tuple[str, ...] = ()  # "address:port" that the egress guard lets pass although not public
    egress_proxy: str | None = None  # stands in the guard's place

    demo: bool = False  # the demo's page at /demo, on loopback only
    policy: Path | None = None
    webhook_secret: str | None = None  # "whsec_" and base64

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data.absolute()}/unmask.sqlite3"

    @property
    def broker(self) -> str:
        return self.broker_url or f"sqla+sqlite:///{self.data.absolute()}/broker.sqlite3"

    @property
    def on_loopback(self) -> bool:
        return self.host in ("127.0.0.1", "::1", "localhost")

    def may_call(self, port: int | None) -> bool:
        """Whether a callback to this port (None: the usual one) gets past the guard."""
        allowed = [address.rpartition(":")[2] for address in self.guard_allow]
        return port is None or port in USUAL_PORTS or bool(self.egress_proxy) or str(port) in allowed

    @property
    def spool(self) -> Path:
        """Uploads on their way in."""
        return self.data / "spool"

    def folder(self, check_id: str) -> Path:
        """Where the files of one check live; they go with it."""
        return self.data / "checks" / check_id

    def source(self, check_id: str) -> Path:
        """The uploaded file, until the check has ended."""
        return self.folder(check_id) / "video"

    def artifacts(self, check_id: str, fence: int) -> Path:
        """What was drawn by the worker that held this fence; the row's last fence is the one that counts."""
        return self.folder(check_id) / f"artifacts-{fence}"


def rate(text: str) -> str:
    """As it is, where the limiter can read it: what it cannot, it would not limit at all."""
    parse_many(text)
    return text


def zero_or_one(text: str) -> bool:
    return bool(("0", "1").index(text))


def port(text: str) -> int:
    """Raises ValueError, where binding to it would raise an OverflowError."""
    return range(65536).index(int(text))


def list_of_words(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


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


def from_env(env: Mapping[str, str]) -> Config:
    """Raises ValueError, naming the variable, for a value that cannot be read."""

    def words(name: str) -> tuple[str, ...]:
        return list_of_words(env.get(name, ""))

    def value(name: str, kind, default):
        try:
            return kind(env[name]) if env.get(name) else default
        except ValueError:
            what = kind.__name__.replace("_", " ")
            said = "" if name in SECRETS else f": {env[name]}"
            raise ValueError(f"{name} is not a {what}{said}") from None

    base = Config()
    return Config(
        data=Path(env.get("UNMASK_DATA") or base.data),
        database_url=env.get("UNMASK_DATABASE_URL", "").replace("postgresql://", "postgresql+psycopg://", 1),
        broker_url=value("UNMASK_BROKER_URL", broker_address, ""),
        host=env.get("UNMASK_HOST") or base.host,
        port=value("UNMASK_PORT", port, base.port),
        hosts=tuple(host.lower() for host in words("UNMASK_HOSTS")),
        origins=words("UNMASK_ORIGINS"),
        threads=value("UNMASK_THREADS", count, base.threads),
        proxies=value("UNMASK_PROXIES", number, base.proxies),
        rate=value("UNMASK_RATE", rate, base.rate),
        read_rate=value("UNMASK_READ_RATE", rate, base.read_rate),
        max_queue=value("UNMASK_MAX_QUEUE", number, base.max_queue),
        upload_bytes=value("UNMASK_UPLOAD_BYTES", count, base.upload_bytes),
        keep_s=value("UNMASK_KEEP_S", time, base.keep_s),
        dedupe_s=value("UNMASK_DEDUPE_S", time, base.dedupe_s),
        checks=value("UNMASK_CHECKS", count, base.checks),
        shared_network=value("UNMASK_SHARED_NETWORK", zero_or_one, base.shared_network),
        detector=env.get("UNMASK_DETECTOR") or base.detector,
        weights=env.get("UNMASK_WEIGHTS") or None,
        device=env.get("UNMASK_DEVICE") or None,
        check_s=value("UNMASK_CHECK_S", time, base.check_s),
        memory=value("UNMASK_MEMORY_MIB", count, base.memory // MIB) * MIB,
        lease_s=value("UNMASK_LEASE_S", time, base.lease_s),
        attempts=value("UNMASK_ATTEMPTS", count, base.attempts),
        fetch=Limits(
            bytes=value("UNMASK_FETCH_BYTES", count, base.fetch.bytes),
            duration_s=value("UNMASK_FETCH_DURATION_S", time, base.fetch.duration_s),
            seconds=value("UNMASK_FETCH_S", time, base.fetch.seconds),
        ),
        allowed=Allowed(
            media=words("UNMASK_MEDIA_HOSTS"),
            peertube=words("UNMASK_PEERTUBE_HOSTS"),
            mastodon=words("UNMASK_MASTODON_HOSTS"),
        ),
        guard_allow=value("UNMASK_GUARD_ALLOW", list_of_addresses_with_ports, base.guard_allow),
        egress_proxy=env.get("UNMASK_EGRESS_PROXY") or None,
        demo=value("UNMASK_DEMO", zero_or_one, base.demo),
        policy=Path(env["UNMASK_POLICY"]) if env.get("UNMASK_POLICY") else None,
        webhook_secret=value("UNMASK_WEBHOOK_SECRET", webhook_secret, None),
    )
