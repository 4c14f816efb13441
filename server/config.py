"""Everything that can be set, read once at the edge from UNMASK_* variables."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from core.fetch.download import Limits
from core.fetch.guard import USUAL_PORTS
from core.fetch.sites import Allowed
from core.settings import check_switches, proxy_address, read, yes_or_no
from server import kinds

MIB = 2**20


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


def from_env(env: Mapping[str, str]) -> Config:
    """Raises ValueError, naming the variable, for a value that cannot be read."""
    check_switches(env)  # those too that are read elsewhere
    value, base = partial(read, env), Config()
    return Config(
        data=Path(env.get("UNMASK_DATA") or base.data),
        database_url=value("UNMASK_DATABASE_URL", kinds.database_address, base.database_url),
        broker_url=value("UNMASK_BROKER_URL", kinds.broker_address, base.broker_url),
        host=env.get("UNMASK_HOST") or base.host,
        port=value("UNMASK_PORT", kinds.port, base.port),
        hosts=value("UNMASK_HOSTS", kinds.list_of_hosts, base.hosts),
        origins=value("UNMASK_ORIGINS", kinds.list_of_origins, base.origins),
        threads=value("UNMASK_THREADS", kinds.count, base.threads),
        proxies=value("UNMASK_PROXIES", kinds.number, base.proxies),
        rate=value("UNMASK_RATE", kinds.rate, base.rate),
        read_rate=value("UNMASK_READ_RATE", kinds.rate, base.read_rate),
        max_queue=value("UNMASK_MAX_QUEUE", kinds.number, base.max_queue),
        upload_bytes=value("UNMASK_UPLOAD_BYTES", kinds.count, base.upload_bytes),
        keep_s=value("UNMASK_KEEP_S", kinds.time_of_a_second_or_more, base.keep_s),
        dedupe_s=value("UNMASK_DEDUPE_S", kinds.time, base.dedupe_s),
        checks=value("UNMASK_CHECKS", kinds.count, base.checks),
        shared_network=value("UNMASK_SHARED_NETWORK", yes_or_no, base.shared_network),
        detector=env.get("UNMASK_DETECTOR") or base.detector,
        weights=env.get("UNMASK_WEIGHTS") or None,
        device=env.get("UNMASK_DEVICE") or None,
        check_s=value("UNMASK_CHECK_S", kinds.time_of_a_second_or_more, base.check_s),
        memory=value("UNMASK_MEMORY_MIB", kinds.count, base.memory // MIB) * MIB,
        lease_s=value("UNMASK_LEASE_S", kinds.time_of_a_second_or_more, base.lease_s),
        attempts=value("UNMASK_ATTEMPTS", kinds.count, base.attempts),
        fetch=Limits(
            bytes=value("UNMASK_FETCH_BYTES", kinds.count, base.fetch.bytes),
            duration_s=value("UNMASK_FETCH_DURATION_S", kinds.time_of_a_second_or_more, base.fetch.duration_s),
            seconds=value("UNMASK_FETCH_S", kinds.time_of_a_second_or_more, base.fetch.seconds),
        ),
        allowed=Allowed(
            media=value("UNMASK_MEDIA_HOSTS", kinds.list_of_media_hosts, base.allowed.media),
            peertube=value("UNMASK_PEERTUBE_HOSTS", kinds.list_of_hosts_without_ports, base.allowed.peertube),
            mastodon=value("UNMASK_MASTODON_HOSTS", kinds.list_of_hosts_without_ports, base.allowed.mastodon),
        ),
        guard_allow=value("UNMASK_GUARD_ALLOW", kinds.list_of_addresses_with_ports, base.guard_allow),
        egress_proxy=value("UNMASK_EGRESS_PROXY", proxy_address, None),
        demo=value("UNMASK_DEMO", yes_or_no, base.demo),
        policy=Path(env["UNMASK_POLICY"]) if env.get("UNMASK_POLICY") else None,
        webhook_secret=value("UNMASK_WEBHOOK_SECRET", kinds.webhook_secret, None),
    )
