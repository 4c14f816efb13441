"""What a machine cannot have is a named skip on a laptop; with CI=true only a GPU and a Docker engine may be missing."""

import os

import pytest

MAY_SKIP = {"needs_gpu", "needs_docker"}
# Files that take minutes: begun first, so that no process is left alone with one of them at the end.
LONG = {"test_extension.py", "test_act.py", "test_train.py", "test_storm.py", "test_deploy.py"}


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.name not in LONG)


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
