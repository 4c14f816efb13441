"""UNMASK_* variables: which there are, and how one is read. What those of the server mean stands in `server.config`."""

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

NAMES = (
    "UNMASK_ATTEMPTS",
    "UNMASK_BROKER_URL",
    "UNMASK_CHECKS",
    "UNMASK_CHECK_S",
    "UNMASK_DATA",
    "UNMASK_DATABASE_URL",
    "UNMASK_DEBUG",
    "UNMASK_DEDUPE_S",
    "UNMASK_DEMO",
    "UNMASK_DEMO_LINKS",
    "UNMASK_DETECTOR",
    "UNMASK_DEVICE",
    "UNMASK_EGRESS_PROXY",
    "UNMASK_FETCH_BYTES",
    "UNMASK_FETCH_DURATION_S",
    "UNMASK_FETCH_S",
    "UNMASK_GUARD_ALLOW",
    "UNMASK_HOST",
    "UNMASK_HOSTS",
    "UNMASK_KEEP_S",
    "UNMASK_LEASE_S",
    "UNMASK_MASTODON_HOSTS",
    "UNMASK_MAX_QUEUE",
    "UNMASK_MEDIA_HOSTS",
    "UNMASK_MEMORY_MIB",
    "UNMASK_OPENVINO",
    "UNMASK_ORIGINS",
    "UNMASK_PEERTUBE_HOSTS",
    "UNMASK_POLICY",
    "UNMASK_PORT",
    "UNMASK_PROXIES",
    "UNMASK_RATE",
    "UNMASK_READ_RATE",
    "UNMASK_SHARED_NETWORK",
    "UNMASK_STORM",  # the tests'
    "UNMASK_THREADS",
    "UNMASK_UPLOAD_BYTES",
    "UNMASK_WEBHOOK_SECRET",
    "UNMASK_WEIGHTS",
)
SECRETS = ("UNMASK_DATABASE_URL", "UNMASK_BROKER_URL", "UNMASK_EGRESS_PROXY", "UNMASK_WEBHOOK_SECRET")
SWITCHES = ("UNMASK_DEBUG", "UNMASK_DEMO", "UNMASK_DEMO_LINKS", "UNMASK_OPENVINO", "UNMASK_SHARED_NETWORK")
WORDS = dict.fromkeys(("1", "yes", "true", "on"), True) | dict.fromkeys(("0", "no", "false", "off"), False)

Kind = Callable  # text -> value; raises ValueError for what cannot be meant, which is then called by the kind's name


def such_as(example: str) -> Callable[[Kind], Kind]:
    """What to write instead, for whoever wrote something else."""

    def note(kind: Kind) -> Kind:
        kind.example = f" such as {example}"
        return kind

    return note


def read(env: Mapping[str, str], name: str, kind: Kind, default: Any) -> Any:
    """One that is empty is as good as none. Raises ValueError, naming the variable, and with its text unless it is secret."""
    try:
        return kind(env[name]) if env.get(name) else default
    except ValueError:
        what = kind.__name__.replace("_", " ") + getattr(kind, "example", "")
        said = "" if name in SECRETS else f": {env[name]}"
        raise ValueError(f"{name} is not a {what}{said}") from None


@such_as("1 or 0")
def yes_or_no(text: str) -> bool:
    if (word := text.strip().lower()) not in WORDS:
        raise ValueError
    return WORDS[word]


@such_as("http://proxy.example.org:3128")
def proxy_address(text: str) -> str:
    """One that yt-dlp and requests both go through. What they cannot read as a proxy they may pass by, and reach
    everything: "__noproxy__" is yt-dlp's word for that. For SOCKS requests would want one more package."""
    text = text.strip()
    parts = urlsplit(text)
    bare = parts.path in ("", "/") and not parts.query and not parts.fragment and not any(map(str.isspace, text))
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0 or not bare:
        raise ValueError
    return text


def is_on(env: Mapping[str, str], name: str, default: bool) -> bool:
    """Whether a switch is on. One that says neither counts as not set: `check_switches` is there to refuse it."""
    return WORDS.get(env.get(name, "").strip().lower(), default)


def check_switches(env: Mapping[str, str]) -> None:
    """For the start of whatever uses them. Raises ValueError, naming the variable that says neither yes nor no."""
    for name in SWITCHES:
        read(env, name, yes_or_no, None)


def unread(env: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each variable that looks like a setting and that nothing reads."""
    for name in sorted(env):
        if name.startswith("UNMASK_") and name not in NAMES:
            near = get_close_matches(name, NAMES, 1, cutoff=0.8)
            yield f"nothing reads {name}: " + (f"is {near[0]} meant?" if near else "docs/server.md lists the settings")
