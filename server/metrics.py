"""Prometheus' view. Everything is counted in the database, so any web process tells the whole truth after any restart."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from sqlalchemy import func, select

from server.database import Database
from server.queue import Queue
from server.tables import ACTIVE, Check, Tally

COUNTERS = {
    "verdicts": ("unmask_verdicts", "Finished checks by verdict", "verdict"),
    "failures": ("unmask_failures", "Checks that ended with an error, by code", "code"),
}
SUMMARIES = {
    "stage_seconds": ("unmask_stage_seconds", "Seconds a check spends in each stage of its analysis", "stage"),
    "pass_crops": (
        "unmask_pass_crops",
        "Crops in one pass through a network that checks share, by how many of them took part",
        "checks",
    ),
    "check_seconds": ("unmask_check_seconds", "Seconds from submission to the end, by how it ended", "status"),
}


class Numbers:
    """A collector: asked at every scrape."""

    def __init__(self, database: Database, queue: Queue):
        self.database = database
        self.queue = queue

    def collect(self) -> Iterator[Metric]:
        with self.database.read() as session:
            by_status = (
                select(Check.status, func.count()).where(Check.status.in_(("queued", *ACTIVE))).group_by(Check.status)
            )
            counts = dict(session.execute(by_status).all())
            tallies = list(session.scalars(select(Tally)))
        depth = GaugeMetricFamily("unmask_checks", "Checks that have not ended, by status", labels=["status"])
        for status in ("queued", *ACTIVE):
            depth.add_metric([status], counts.get(status, 0))
        yield depth
        yield GaugeMetricFamily("unmask_workers", "Workers with a loaded model", len(self.queue.workers()))
        for name, (metric, help_text, label) in COUNTERS.items():
            family = CounterMetricFamily(metric, help_text, labels=[label])
            for tally in tallies:
                if tally.name == name:
                    family.add_metric([tally.label], tally.count)
            yield family
        for name, (metric, help_text, label) in SUMMARIES.items():
            family = SummaryMetricFamily(metric, help_text, labels=[label])
            for tally in tallies:
                if tally.name == name:
                    family.add_metric([tally.label], tally.count, tally.total)
            yield family
