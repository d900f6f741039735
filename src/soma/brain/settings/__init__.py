"""Settings of the brain: the only reader of the environment in its process, one frozen, validated object.

`SOMA_*` is how the process runs, `SOMABRAIN_*` what it learns by (`learner.py`). Names of the original plan are
accepted beside ours.
"""

import re
from functools import cached_property
from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from soma.brain.settings.learner import LearnerSettings
from soma.brain.settings.memory import MemorySettings
from soma.events.database import check_address
from soma.process.private_files import read_or_make_secret


def default_data_dir() -> Path:
    return Path.home() / ".local" / "share" / "soma"


def _plan_alias(name: str) -> AliasChoices:
    """Names of a setting that the original plan called `SOMABRAIN_<name>`: that one, and `SOMA_BRAIN_<name>`."""
    return AliasChoices(f"SOMABRAIN_{name}", f"SOMA_BRAIN_{name}")


def _common_alias(name: str) -> AliasChoices:
    """Name of a setting that agent and brain share."""
    return AliasChoices(f"SOMA_{name}")


class BrainSettings(BaseSettings):
    """Everything an operator may set. docs/configuration.md prints names, defaults, bounds and meanings."""

    model_config = SettingsConfigDict(env_prefix="SOMABRAIN_", frozen=True, extra="ignore", populate_by_name=True)

    data_dir: Path = Field(
        default_factory=default_data_dir,
        validation_alias=_common_alias("DATA_DIR"),
        description="Folder of databases, tokens and keys.",
    )
    database_url: str = Field(
        default="",
        validation_alias=_plan_alias("DATABASE_URL"),
        description="Database of brain and memory; empty means brain.sqlite3 in the data folder.",
    )
    host: str = Field(
        default="127.0.0.1", validation_alias=_plan_alias("HOST"), description="Address a brain apart listens on."
    )
    port: int = Field(
        default=9696,
        ge=1,
        le=65535,
        validation_alias=_plan_alias("PORT"),
        description="Port of a brain apart; when it is busy the next free one of ten is taken.",
    )
    service_token: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=_common_alias("SERVICE_TOKEN"),
        description="What callers show the brain; empty means one made at first run in the data folder.",
    )
    max_body_bytes: int = Field(
        default=16_000_000,
        ge=1_000,
        validation_alias=_plan_alias("MAX_BODY_BYTES"),
        description="Largest request body.",
    )
    max_connections: int = Field(
        default=1_000,
        ge=1,
        le=100_000,
        validation_alias=_common_alias("MAX_CONNECTIONS"),
        description="Connections at once; more are refused.",
    )
    head_seconds: float = Field(
        default=10.0,
        gt=0,
        le=600,
        validation_alias=_common_alias("HEAD_SECONDS"),
        description="How long a request's line and headers may take, and a new connection may be silent.",
    )
    body_seconds: float = Field(
        default=120.0,
        gt=0,
        le=3_600,
        validation_alias=_common_alias("BODY_SECONDS"),
        description="How long the body of a request may take to arrive.",
    )
    keep_alive_seconds: int = Field(
        default=80,
        ge=1,
        le=3_600,
        validation_alias=_common_alias("KEEP_ALIVE_SECONDS"),
        description="How long a connection stays open between requests: longer than clients keep it.",
    )
    metrics_tenants: int = Field(
        default=200,
        ge=0,
        le=10_000,
        validation_alias=_common_alias("METRICS_TENANTS"),
        description="Tenants with metric labels of their own; the rest are `other`.",
    )

    top_k: int = Field(
        default=50,
        ge=1,
        le=200,
        validation_alias=_plan_alias("TOP_K"),
        description="Memories a bundle may hold where none is asked.",
    )
    token_budget: int = Field(
        default=2_048,
        ge=16,
        le=1_000_000,
        validation_alias=_plan_alias("TOKEN_BUDGET"),
        description="Tokens a bundle may fill where the caller names none.",
    )
    attention_mass: float = Field(
        default=0.9,
        gt=0,
        le=1,
        validation_alias=_plan_alias("ATTENTION_MASS"),
        description="Share of the attention at which packing stops.",
    )
    checkpoint_every: int = Field(
        default=10_000,
        ge=100,
        le=10_000_000,
        validation_alias=_plan_alias("CHECKPOINT_EVERY"),
        description="Updates of a learner between two signed checkpoints in its log.",
    )
    retention_days: int = Field(
        default=90,
        ge=0,
        le=36_500,
        validation_alias=_plan_alias("RETENTION_DAYS"),
        description="Days after which feedback may go, once a signed checkpoint covers it; 0 keeps it for ever.",
    )
    believed_keys: str = Field(
        default="",
        validation_alias=_plan_alias("BELIEVED_KEYS"),
        description="Public keys (hex, with spaces between) whose checkpoints are believed beside this brain's own.",
    )
    graph_augment_max_additions: int = Field(
        default=8,
        ge=0,
        le=64,
        validation_alias=_plan_alias("GRAPH_AUGMENT_MAX_ADDITIONS"),
        description="Memories that links alone may bring to a recall.",
    )
    bundle_days: int = Field(
        default=30,
        ge=1,
        le=365,
        validation_alias=_plan_alias("BUNDLE_DAYS"),
        description="Days for which feedback on a bundle can still be learned from.",
    )
    lessons_per_day: int = Field(
        default=100,
        ge=0,
        le=1_000_000,
        validation_alias=_plan_alias("LESSONS_PER_DAY"),
        description=(
            "How often one person's word on answers, on memories, and outcomes, citations and credits of their turns, "
            "are learned a day (UTC), each counted by itself; what is beyond is recorded, no more. 0 sets no bound."
        ),
    )
    snapshot_every: int = Field(
        default=50,
        ge=1,
        le=100_000,
        validation_alias=_plan_alias("SNAPSHOT_EVERY"),
        description="Updates of a learner between two stored states; the rest is replayed when it is loaded.",
    )
    waiting_writes: int = Field(
        default=5_000,
        ge=1,
        le=1_000_000,
        validation_alias=_plan_alias("WAITING_WRITES"),
        description="Writes that may wait for their commit; beyond them callers get 429 and come back.",
    )
    waiting_batches: int = Field(
        default=64,
        ge=1,
        le=10_000,
        validation_alias=_plan_alias("WAITING_BATCHES"),
        description="Batches of feedback that may be under way; beyond them callers get 429 and come back.",
    )
    batch_workers: int = Field(
        default=2,
        ge=0,
        le=64,
        validation_alias=_plan_alias("BATCH_WORKERS"),
        description="Processes that learn batches of feedback, started with the first batch; 0 means a thread.",
    )
    working_memory_items: int = Field(
        default=32,
        ge=1,
        le=1_000,
        validation_alias=_plan_alias("WORKING_MEMORY_ITEMS"),
        description="Items that a conversation's working memory holds.",
    )
    working_memory_conversations: int = Field(
        default=2_000,
        ge=1,
        le=1_000_000,
        validation_alias=_plan_alias("WORKING_MEMORY_CONVERSATIONS"),
        description="Conversations whose working memory this process keeps; the least recently used goes first.",
    )
    redis_url: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=AliasChoices("SOMA_REDIS_URL", "SOMABRAIN_REDIS_URL"),
        description="Redis that keeps the working memories for several processes; empty means each its own.",
    )
    redis_seconds: float = Field(
        default=1.0,
        gt=0,
        le=60,
        validation_alias=AliasChoices("SOMA_REDIS_SECONDS", "SOMABRAIN_REDIS_SECONDS"),
        description="How long an answer of Redis may take before it counts as away.",
    )
    ready_seconds: float = Field(
        default=2.0,
        gt=0,
        le=60,
        validation_alias=_plan_alias("READY_SECONDS"),
        description="How long /readyz waits for a dependency before it calls it away.",
    )
    coordinator_seconds: float = Field(
        default=300.0,
        ge=0,
        le=86_400,
        validation_alias=_plan_alias("COORDINATOR_SECONDS"),
        description="Pause between two looks of the coordinator at the learners' scores; 0 turns it off.",
    )
    coordinator_window: int = Field(
        default=12,
        ge=4,
        le=1_000,
        validation_alias=_plan_alias("COORDINATOR_WINDOW"),
        description="Samples of a learner's rolling score that a trend is fitted to.",
    )
    coordinator_step: float = Field(
        default=0.05,
        gt=0,
        le=0.25,
        validation_alias=_plan_alias("COORDINATOR_STEP"),
        description="Largest step of a prior that the coordinator proposes, as a share of the weight's box.",
    )
    experiments_planned: int = Field(
        default=200,
        ge=2,
        le=1_000_000,
        validation_alias=_plan_alias("EXPERIMENTS_PLANNED"),
        description="Subjects an arm that a proposed experiment is planned for.",
    )
    experiments_promote: bool = Field(
        default=True,
        validation_alias=_plan_alias("EXPERIMENTS_PROMOTE"),
        description="The coordinator takes verdicts that are due, promotions included; false leaves them to owners.",
    )
    memory: MemorySettings = Field(default_factory=MemorySettings, description="How memory is kept.")
    learner: LearnerSettings = Field(default_factory=LearnerSettings, description="What the brain learns by.")

    @field_validator("database_url")
    @classmethod
    def _check_database(cls, url: str) -> str:
        return check_address(url)

    @field_validator("believed_keys")
    @classmethod
    def _check_keys(cls, keys: str) -> str:
        """Refuse a malformed key now: it would only be noticed when a checkpoint is not believed."""
        for key in keys.split():
            if not re.fullmatch(r"[0-9a-fA-F]{64}", key):
                raise ValueError(f"a public key has 64 hexadecimal digits, {key!r} has not")
        return keys.lower()

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'brain.sqlite3'}"

    @cached_property
    def token(self) -> str:
        return self.service_token.get_secret_value() or read_or_make_secret(self.data_dir / "service-token")
