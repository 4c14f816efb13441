"""What a machine cannot have is a named skip on a laptop; with CI=true only a GPU and a Docker engine may be missing."""

import os

import pytest

MAY_SKIP = {"needs_gpu", "needs_docker"}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    may_skip = any(item.get_closest_marker(name) for name in MAY_SKIP)
    return report if may_skip or hasattr(report, "wasxfail") else fail_if_skipped(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    report = yield
    return fail_if_skipped(report)


def fail_if_skipped(report):
    if report.skipped and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI=true does not allow: {report.longrepr[2]}"
    return report
