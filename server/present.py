"""Rows as the JSON that clients see."""

from datetime import UTC, datetime

from core.errors import CheckError
from server.config import Config
from server.tables import Check


def when(at: float | None) -> str | None:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds") if at is not None else None


def check_json(check: Check, config: Config) -> dict:
    """A `CheckView`."""
    error = CheckError(check.error_code, check.error_detail or "").to_json() if check.error_code else None
    return {
        "id": check.id,
        "status": check.status,
        "stage": check.stage,
        "progress": round(check.progress, 4),
        "revision": check.revision,
        "url": check.url,
        "site": check.site,
        "plan": check.plan,
        "category": check.category,
        "created_at": when(check.created_at),
        "finished_at": when(check.finished_at),
        "expires_at": when(check.expires_at),
        "analysis": check.analysis,
        "actions": check.actions,
        "review": check.review,
        "error": error,
        "artifacts": artifact_names(check, config) if check.artifacts and check.status == "done" else [],
    }


def artifact_names(check: Check, config: Config) -> list[str]:
    """Files alone: a link, which only a decoder that was taken over makes, may lead to what the web side can read."""
    folder = config.artifacts(check.id, check.fence)
    if folder.is_symlink() or folder.parent.is_symlink():
        return []
    files = (file for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
    return sorted(str(file.relative_to(folder)) for file in files)
