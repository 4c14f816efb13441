"""What an operator sees who starts a server that cannot start, or of which a part is killed."""

import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from core.errors import CheckError
from core.fetch.download import Limits
from core.fetch.sites import Allowed
from server.auth import Keys
from server.config import Config, from_env
from server.database import Database
from tests.server.conftest import ROOT, Running, wait_for
from tests.server.standin import video


def say(*words: str, **settings: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "server", *words]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True)


@pytest.mark.slow
def test_a_key_can_be_changed_while_it_is_used(tmp_path):
    settings = {"UNMASK_DATA": str(tmp_path)}
    old, new, other = (say("keys", "add", name, **settings).stdout.strip() for name in ("ann", "ann", "bob"))
    assert say("keys", "remove", "ann", "--old", **settings).stdout == "1 removed\n"
    assert [say("keys", "remove", "anne", *old, **settings).returncode for old in ([], ["--old"])] == [1, 0]
    keys = Keys(Database(from_env(settings).database))
    assert [keys.find(f"Bearer {key}").owner for key in (new, other)] == ["ann", "bob"]
    with pytest.raises(CheckError, match="key"):
        keys.find(f"Bearer {old}")
    keys.database.close()


@pytest.mark.slow
def test_a_database_that_cannot_be_meant_is_told_in_a_sentence():
    done = say("keys", "list", UNMASK_DATABASE_URL="mysql://unmask@127.0.0.1/unmask")
    assert done.returncode == 2
    assert "UNMASK_DATABASE_URL is not a database address such as postgresql://" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_setting_that_nothing_reads_is_named_at_the_start(tmp_path):
    done = say("keys", "list", UNMASK_DATA=str(tmp_path), UNMASK_KEEP="60")
    assert done.returncode == 0
    assert "nothing reads UNMASK_KEEP: is UNMASK_KEEP_S meant?" in done.stderr


@pytest.mark.slow
def test_a_data_folder_that_cannot_be_made_is_told_in_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    done = say("web", UNMASK_DATA=str(tmp_path / "file" / "data"))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_database_of_a_newer_version_is_told_in_a_sentence(config):
    database = Database(config.database)
    database.migrate()
    database.close()
    with sqlite3.connect(config.data / "unmask.sqlite3") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    done = say("keys", "list", UNMASK_DATA=str(config.data))
    assert done.returncode == 2
    told = "Cannot start: This database was last used by a newer Unmask: use that version or restore your backup.\n"
    assert done.stderr == told


@pytest.mark.slow
def test_a_database_that_cannot_be_opened_is_told_at_once_and_where_it_is(tmp_path):
    (tmp_path / "unmask.sqlite3").mkdir()
    done = say("keys", "list", UNMASK_DATA=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr == (
        f"Cannot start: the database says: unable to open database file. Look at the folder {tmp_path} (UNMASK_DATA).\n"
    )


@pytest.mark.slow
def test_a_model_that_ends_its_process_is_told_in_a_sentence(tmp_path):
    done = say("worker", UNMASK_DATA=str(tmp_path), UNMASK_DETECTOR="tests.server.nowhere:Detector")
    assert done.returncode == 2
    assert "Cannot start: the process that loads the model ended" in done.stderr
    assert "server.children" not in done.stderr


SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
GIVEN = {
    "UNMASK_DATA": "/srv/unmask",
    "UNMASK_DATABASE_URL": "postgresql://unmask@db/unmask",
    "UNMASK_BROKER_URL": "redis://broker/0",
    "UNMASK_HOST": "0.0.0.0",
    "UNMASK_PORT": "8001",
    "UNMASK_HOSTS": "a.example, b.example",
    "UNMASK_ORIGINS": "https://page.example",
    "UNMASK_THREADS": "2",
    "UNMASK_PROXIES": "3",
    "UNMASK_RATE": "4 per minute",
    "UNMASK_READ_RATE": "5 per minute",
    "UNMASK_MAX_QUEUE": "6",
    "UNMASK_UPLOAD_BYTES": "7",
    "UNMASK_KEEP_S": "8.5",
    "UNMASK_DEDUPE_S": "9",
    "UNMASK_CHECKS": "10",
    "UNMASK_SHARED_NETWORK": "1",
    "UNMASK_DETECTOR": "a.module:Detector",
    "UNMASK_WEIGHTS": "some/weights",
    "UNMASK_DEVICE": "cuda",
    "UNMASK_CHECK_S": "11",
    "UNMASK_MEMORY_MIB": "12",
    "UNMASK_LEASE_S": "13",
    "UNMASK_ATTEMPTS": "14",
    "UNMASK_FETCH_BYTES": "15",
    "UNMASK_FETCH_DURATION_S": "16",
    "UNMASK_FETCH_S": "17",
    "UNMASK_MEDIA_HOSTS": "media.example",
    "UNMASK_PEERTUBE_HOSTS": "tube.example",
    "UNMASK_MASTODON_HOSTS": "social.example",
    "UNMASK_GUARD_ALLOW": "10.0.0.1:9000",
    "UNMASK_EGRESS_PROXY": "http://proxy:3128",
    "UNMASK_POLICY": "policy.yaml",
    "UNMASK_DEMO": "1",
    "UNMASK_WEBHOOK_SECRET": SECRET,
}


def test_every_setting_comes_from_its_variable():
    config = from_env(GIVEN)
    assert config == Config(
        data=Path("/srv/unmask"),
        database_url="postgresql+psycopg://unmask@db/unmask",
        broker_url="redis://broker/0",
        host="0.0.0.0",
        port=8001,
        hosts=("a.example", "b.example"),
        origins=("https://page.example",),
        threads=2,
        proxies=3,
        rate="4 per minute",
        read_rate="5 per minute",
        max_queue=6,
        upload_bytes=7,
        keep_s=8.5,
        dedupe_s=9,
        checks=10,
        shared_network=True,
        detector="a.module:Detector",
        weights="some/weights",
        device="cuda",
        check_s=11,
        memory=12 * 2**20,
        lease_s=13,
        attempts=14,
        fetch=Limits(bytes=15, duration_s=16, seconds=17),
        allowed=Allowed(media=("media.example",), peertube=("tube.example",), mastodon=("social.example",)),
        guard_allow=("10.0.0.1:9000",),
        egress_proxy="http://proxy:3128",
        policy=Path("policy.yaml"),
        demo=True,
        webhook_secret=SECRET,
    )
    assert not [field.name for field in fields(Config) if getattr(config, field.name) == getattr(Config(), field.name)]


def test_a_variable_that_is_empty_is_as_good_as_none():
    assert from_env(dict.fromkeys(GIVEN, "")) == Config()


def test_the_least_that_can_be_meant_is_taken():
    config = from_env({"UNMASK_THREADS": "1", "UNMASK_MAX_QUEUE": "0", "UNMASK_DEDUPE_S": "0"})
    assert (config.threads, config.max_queue, config.dedupe_s) == (1, 0, 0)


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False), ("10.0.0.1", False)],
)
def test_who_listens_on_this_machine_alone_needs_no_key(host, is_loopback):
    assert Config(host=host).on_loopback == is_loopback


@pytest.mark.parametrize("name", ["UNMASK_CHECKS", "UNMASK_THREADS", "UNMASK_ATTEMPTS"])
def test_none_is_no_number_of_workers(name):
    with pytest.raises(ValueError, match=name):
        from_env({name: "0"})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("UNMASK_PORT", "99999"),
        ("UNMASK_PORT", "-1"),
        ("UNMASK_PROXIES", "-1"),
        ("UNMASK_MAX_QUEUE", "-1"),
        ("UNMASK_UPLOAD_BYTES", "0"),
        ("UNMASK_MEMORY_MIB", "-5"),
        ("UNMASK_DEMO", "maybe"),
        ("UNMASK_DEMO_LINKS", "maybe"),
        ("UNMASK_CHECK_S", "0"),
        ("UNMASK_KEEP_S", "0"),
        ("UNMASK_LEASE_S", "0.5"),
        ("UNMASK_FETCH_S", "0"),
        ("UNMASK_FETCH_DURATION_S", "0"),
        ("UNMASK_HOSTS", "https://unmask.example.org"),
        ("UNMASK_HOSTS", "*"),
        ("UNMASK_ORIGINS", "https://news.example.org/page"),
        ("UNMASK_ORIGINS", "news.example.org"),
        ("UNMASK_MEDIA_HOSTS", "https://media.example.org"),
        ("UNMASK_MEDIA_HOSTS", "media.example.org/clips"),
        ("UNMASK_PEERTUBE_HOSTS", "tube.example.org:8443"),
        ("UNMASK_GUARD_ALLOW", "minio.internal:9000"),
        ("UNMASK_GUARD_ALLOW", "10.0.0.1"),
    ],
)
def test_a_setting_that_nobody_can_mean_is_named(name, text):
    with pytest.raises(ValueError, match=f"{name} is not a .*: {text}"):
        from_env({name: text})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("UNMASK_BROKER_URL", "redis://:a/b+c==@127.0.0.1:6379/0"),  # as openssl rand -base64 gives them
        ("UNMASK_BROKER_URL", "kafka-ish://broker"),
        ("UNMASK_BROKER_URL", "our-redis"),
        ("UNMASK_WEBHOOK_SECRET", "whsec_short"),
        ("UNMASK_EGRESS_PROXY", "foo"),
        ("UNMASK_EGRESS_PROXY", "__noproxy__"),
        ("UNMASK_EGRESS_PROXY", "socks5://proxy:1080"),  # callbacks and short links would go nowhere
        ("UNMASK_EGRESS_PROXY", "http://ann:1/2@proxy:3128"),
        ("UNMASK_DATABASE_URL", "nonsense"),
        ("UNMASK_DATABASE_URL", "postgresql://unmask:pass@word@db/unmask"),
        ("UNMASK_DATABASE_URL", "postgresql://unmask:a@db:secret/unmask"),
    ],
)
def test_a_secret_that_nobody_can_mean_is_named_and_not_shown(name, text):
    with pytest.raises(ValueError, match=name) as told:
        from_env({name: text})
    assert text not in str(told.value)


def test_a_proxy_of_blanks_is_not_taken_for_none():
    with pytest.raises(ValueError, match="UNMASK_EGRESS_PROXY is not a proxy address"):
        from_env({"UNMASK_EGRESS_PROXY": " "})


def test_hosts_and_origins_are_read_as_browsers_and_links_have_them():
    config = from_env(
        {
            "UNMASK_HOSTS": "Unmask.example.org, [FD00::1]:8443 m\u00fcnchen.example",
            "UNMASK_ORIGINS": "https://News.example.org/ http://page.example:8080 moz-extension://ab-1/",
            "UNMASK_MEDIA_HOSTS": "Media.example.org:443, media.example.org:8443, *",
            "UNMASK_PEERTUBE_HOSTS": "Tube.example.org",
        }
    )
    assert config.hosts == ("unmask.example.org", "[fd00::1]:8443", "xn--mnchen-3ya.example")
    assert config.origins == ("https://news.example.org", "http://page.example:8080", "moz-extension://ab-1")
    assert config.allowed.media == ("media.example.org", "media.example.org:8443", "*")
    assert config.allowed.peertube == ("tube.example.org",)


@pytest.mark.parametrize("text", ["http://ann:p%40ss@proxy:3128", "https://proxy.example.org/"])
def test_a_proxy_of_the_operators_is_taken_as_it_is(text):
    assert from_env({"UNMASK_EGRESS_PROXY": text}).egress_proxy == text


def test_a_database_is_named_as_other_programs_name_it():
    assert from_env({"UNMASK_DATABASE_URL": "postgres://a:b@db/c"}).database == "postgresql+psycopg://a:b@db/c"


def test_addresses_that_the_guard_lets_pass_are_read_as_it_writes_them():
    assert from_env({"UNMASK_GUARD_ALLOW": "10.0.0.1:9000, [FD00::1]:80"}).guard_allow == (
        "10.0.0.1:9000",
        "fd00::1:80",
    )


@pytest.mark.parametrize("text", ["inf", "nan", "-1", "1e13"])
def test_a_time_that_makes_no_date_is_refused(text):
    with pytest.raises(ValueError, match="UNMASK_KEEP_S"):
        from_env({"UNMASK_KEEP_S": text})


def family(process: subprocess.Popen) -> list[int]:
    """A process and those it started, and those they started."""
    pids = [process.pid]
    for pid in pids:
        pids += map(int, subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split())
    return pids


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL])
def test_a_server_whose_terminal_is_closed_or_whose_parent_is_killed_leaves_nothing_behind(tmp_path, number):
    server = Running(tmp_path / "data")
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup
    pids = []
    try:
        both = server.start("all")
        server.until_ready()
        pids = family(both)
        for pid in pids if number == signal.SIGHUP else [both.pid]:
            os.kill(pid, number)
        wait_for(lambda: both.poll() is not None, 60, server.log)
        wait_for(lambda: not any(map(lives, pids)), 20, server.log)
        assert "Traceback" not in server.log.read_text()
    finally:
        signal.signal(signal.SIGHUP, before)
        server.stop()
        for pid in filter(lives, pids):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
def test_a_server_under_nohup_outlives_its_terminal(tmp_path):
    server = Running(tmp_path / "data")
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # those that are started inherit it
    try:
        both = server.start("all")
        server.until_ready()
        pids = family(both)
        for pid in pids:
            os.kill(pid, signal.SIGHUP)
        assert server.wait(server.upload(video("fine")).json()["id"])["status"] == "done"
        assert family(both) == pids
    finally:
        signal.signal(signal.SIGHUP, before)
        server.stop()


@pytest.mark.slow
def test_a_server_whose_worker_is_killed_ends_and_says_that_something_was_wrong(tmp_path):
    server = Running(tmp_path / "data")
    try:
        both = server.start("all")
        ask = ["pgrep", "-P", str(both.pid), "-f", "server worker"]

        def found() -> list[str]:
            return subprocess.run(ask, capture_output=True, text=True).stdout.split()

        wait_for(found, 60, server.log)
        os.kill(int(found()[0]), signal.SIGKILL)
        assert both.wait(60) == 128 + signal.SIGKILL
    finally:
        server.stop()
