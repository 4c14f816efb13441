"""What the database holds. All times are Unix seconds."""

import secrets
from typing import Any

from sqlalchemy import JSON, ColumnElement, Float, Index, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ACTIVE = ("fetching", "analyzing")
FINAL = ("done", "failed", "cancelled")
WORKER_LIVES_S = 20  # after its last sign


def new_id() -> str:
    """128 random bits: who knows the id was told it."""
    return secrets.token_hex(16)


class Base(DeclarativeBase):
    # names for every constraint, so that migrations can name them too
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {dict[str, Any]: JSON, list[Any]: JSON, float: Float(53), str: String(200)}


class Check(Base):
    """One check: queued -> fetching -> analyzing -> done | failed | cancelled.

    `fence` grows whenever a worker takes the row; a worker's writes name the fence under which it took the row, so one
    that has lost it writes nothing. `revision` grows with every change that a client can see.
    """

    __tablename__ = "checks"

    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    same: Mapped[str]  # equal for equal videos under equal options
    url: Mapped[str | None] = mapped_column(Text)  # None for an upload
    site: Mapped[str]
    plan: Mapped[str]
    artifacts: Mapped[bool]
    film: Mapped[bool] = mapped_column(default=True)  # with the annotated copy, where there are artifacts
    priority: Mapped[int]
    callback_url: Mapped[str | None] = mapped_column(Text)
    category: Mapped[str | None]

    status: Mapped[str] = mapped_column(default="queued")
    stage: Mapped[str] = mapped_column(default="queued")
    progress: Mapped[float] = mapped_column(default=0.0)
    revision: Mapped[int] = mapped_column(default=1)

    attempt: Mapped[int] = mapped_column(default=0)
    fence: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str | None]
    lease_until: Mapped[float | None]
    cancel: Mapped[bool] = mapped_column(default=False)

    created_at: Mapped[float]
    finished_at: Mapped[float | None]
    expires_at: Mapped[float]

    analysis: Mapped[dict[str, Any] | None]
    actions: Mapped[list[Any] | None]
    error_code: Mapped[str | None]
    error_detail: Mapped[str | None] = mapped_column(Text)
    review: Mapped[str | None]  # held, confirmed, overturned

    __table_args__ = (
        Index("ix_checks_queue", "status", "priority", "created_at"),
        Index("ix_checks_owner", "owner", "created_at", "id"),
        Index("ix_checks_same", "same"),
        Index("ix_checks_review", "review"),
        Index("ix_checks_expiry", "expires_at"),
    )


class Claim(Base):
    """A name that at most one check holds at a time: an owner's Idempotency-Key, or an owner's video."""

    __tablename__ = "claims"

    name: Mapped[str] = mapped_column(primary_key=True)
    check_id: Mapped[str]
    body: Mapped[str]  # digest of the request, for Idempotency-Key
    expires_at: Mapped[float]


class WorkerRow(Base):
    """A worker that says it lives."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[float]
    ready: Mapped[bool]  # always: a worker says that it lives once its model is loaded
    info: Mapped[dict[str, Any]]  # model, degraded

    @classmethod
    def lives(cls, now: float) -> ColumnElement[bool]:
        """A sign from a time to come is one of a clock that has been set right since."""
        return cls.seen_at.between(now - WORKER_LIVES_S, now + WORKER_LIVES_S)


class Tally(Base):
    """A counter that outlives processes and expiry."""

    __tablename__ = "tallies"

    name: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]
    total: Mapped[float]


class ApiKey(Base):
    """The digest of a key; the key itself is shown once and kept nowhere."""

    __tablename__ = "api_keys"

    digest: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    scopes: Mapped[list[Any]]
    created_at: Mapped[float]


class Delivery(Base):
    """A webhook that is owed."""

    __tablename__ = "deliveries"

    id: Mapped[str] = mapped_column(primary_key=True)
    check_id: Mapped[str]
    url: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    attempt: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[float]
    state: Mapped[str] = mapped_column(default="owed")  # owed, delivered, given_up

    __table_args__ = (Index("ix_deliveries_due", "state", "next_at"),)


class Batch(Base):
    """Links submitted together. A link that had been checked before shares that check."""

    __tablename__ = "batches"

    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    created_at: Mapped[float]
    expires_at: Mapped[float]
    check_ids: Mapped[list[Any]]
    refused: Mapped[list[Any]]  # links that became no check, with their errors


class Audit(Base):
    """Who decided what about a held check; never changed, and outlives the check."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    check_id: Mapped[str]
    at: Mapped[float]
    who: Mapped[str]
    decision: Mapped[str]
    note: Mapped[str] = mapped_column(Text)
    verdict: Mapped[str | None]
    probability: Mapped[float | None]

    __table_args__ = (Index("ix_audit_check", "check_id"),)
