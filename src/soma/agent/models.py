"""The agent's tables. The tenant comes first in every key.

Accounts, capsules and conversations are written through Django; turns, iterations and receipts are written by the
log's writer (`storage/`), and only read through Django.
"""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q

from soma.events.ids import new_id


def identifier() -> Any:
    return models.CharField(primary_key=True, max_length=36, default=new_id, editable=False)


def part_identifier() -> Any:
    """Return the field for a part of a turn: the turn's id, a dot, the part. PostgreSQL bounds its length."""
    return models.CharField(primary_key=True, max_length=64, editable=False)


class Role(models.TextChoices):
    OWNER = "owner"
    MEMBER = "member"
    VIEWER = "viewer"


class Tenant(models.Model):
    id = models.SlugField(primary_key=True, max_length=64)
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.id


class User(AbstractUser):
    """A user. Names are unique in a tenant only, so that a refusal reveals no user of another tenant."""

    id = identifier()

    @staticmethod
    def login(tenant_id: str, name: str) -> str:
        return f"{name}@{tenant_id}"

    @property
    def name(self) -> str:
        return self.username.partition("@")[0]


class Membership(models.Model):
    """The role of a user in a tenant."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant", "user"], name="one_membership")]

    def __str__(self) -> str:
        return f"{self.user_id} is {self.role} of {self.tenant_id}"


class Token(models.Model):
    """An opaque bearer token, stored as its SHA-256. With a `role` it may do no more than that role."""

    id = identifier()
    membership = models.ForeignKey(Membership, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    role = models.CharField(max_length=10, choices=Role.choices, null=True)  # noqa: DJ001 - null: whatever its member may
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class Capsule(models.Model):
    """The identity of an agent; its id is `agent_id` on every wire."""

    class Status(models.TextChoices):
        DRAFT = "draft"
        ACTIVE = "active"
        ARCHIVED = "archived"

    id = identifier()
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="capsules")
    name = models.CharField(max_length=100)
    version = models.PositiveIntegerField(default=1)
    description = models.TextField(blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    system_prompt = models.TextField(blank=True)
    personality = models.JSONField(default=dict)
    neuromodulators = models.JSONField(default=dict)
    learning = models.JSONField(default=dict)
    models_allowed = models.JSONField(default=dict)
    capabilities = models.JSONField(default=dict)
    tool_policy = models.JSONField(default=dict)
    memory = models.JSONField(default=dict)
    limits = models.JSONField(default=dict)
    rlm = models.JSONField(default=dict)
    learned_weights = models.JSONField(default=dict)
    neuromodulator_state = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant", "name"], name="one_capsule_a_name")]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class Conversation(models.Model):
    """An exchange of messages, private to its user."""

    id = identifier()
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="conversations")
    user = models.ForeignKey(User, models.CASCADE, related_name="conversations")
    capsule = models.ForeignKey(Capsule, models.PROTECT, related_name="conversations")
    title = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    recent = models.CharField(max_length=36, default=new_id)  # an id of the last change: ids grow though clocks go back
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["tenant", "user", "recent"], name="conversation_newest")]

    def __str__(self) -> str:
        return self.title or str(self.id)


class Turn(models.Model):
    """One user message to its final reply; a worker owns it by a lease."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        COMPLETE = "complete"

    id = identifier()
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="turns")
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="turns")
    user = models.ForeignKey(User, models.CASCADE, related_name="turns")
    state = models.CharField(max_length=10, choices=State.choices)
    content = models.TextField()
    client_message_id = models.CharField(max_length=100, null=True)  # noqa: DJ001 - null leaves the key free
    worker = models.CharField(max_length=36, null=True)  # noqa: DJ001 - null means nobody's
    lease_expires_at = models.FloatField(null=True)
    epoch = models.PositiveBigIntegerField(default=1)
    number = models.PositiveBigIntegerField(default=0)  # in its conversation, from 1, whatever the clock says
    set_aside = models.TextField(null=True)  # noqa: DJ001 - null: it can be read; else why not
    exit_reason = models.CharField(max_length=50, null=True)  # noqa: DJ001 - null while running
    convergence_score = models.FloatField(null=True)
    total_iterations = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "conversation"], condition=Q(state="running"), name="one_running_turn"
            ),
            models.UniqueConstraint(
                fields=["tenant", "conversation", "client_message_id"], name="one_turn_a_client_message"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "conversation", "number"], name="turn_number"),
            models.Index(fields=["tenant", "user", "id"], name="turn_newest"),
            models.Index(
                fields=["tenant", "conversation", "state"],
                condition=Q(state__in=["queued", "running"]),
                name="turn_open",
            ),
            models.Index(fields=["id"], condition=Q(set_aside__isnull=False), name="turn_aside"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Message(models.Model):
    id = part_identifier()
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="messages")
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="messages")
    turn_id = models.CharField(max_length=36)
    turn_number = models.PositiveBigIntegerField(default=0)
    role = models.CharField(max_length=10)
    parts = models.JSONField()
    token_count = models.PositiveIntegerField(default=0)
    latency_ms = models.FloatField(null=True)
    model = models.CharField(max_length=200, blank=True)
    answer_iteration = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["tenant", "conversation", "turn_number"], name="message_number")]

    def __str__(self) -> str:
        return str(self.id)


class Iteration(models.Model):
    """One model call and the tools it asked for: the whole record, for trace, metrics and replay."""

    id = part_identifier()
    tenant_id = models.CharField(max_length=64)
    turn_id = models.CharField(max_length=36)
    conversation_id = models.CharField(max_length=36)
    iteration_number = models.PositiveIntegerField()
    state = models.CharField(max_length=20)
    content = models.TextField()
    model = models.CharField(max_length=200)
    confidence_raw = models.FloatField(null=True)
    confidence = models.FloatField(null=True)
    success_factor = models.FloatField(null=True)
    tool_utility = models.FloatField(null=True)
    convergence_score = models.FloatField(null=True)
    exit_reason = models.CharField(max_length=50, null=True)  # noqa: DJ001 - null while running
    prompt_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    latency_ms = models.FloatField(default=0)
    tool_calls = models.JSONField(default=list)
    tool_results = models.JSONField(default=list)
    verdicts = models.JSONField(default=list)
    lanes = models.JSONField(default=dict)
    weights_before = models.JSONField(default=dict)
    weights_after = models.JSONField(default=dict)
    weight_deltas = models.JSONField(default=dict)
    neuromodulators_before = models.JSONField(default=dict)
    neuromodulators_after = models.JSONField(default=dict)
    reward = models.FloatField(null=True)
    reward_terms = models.JSONField(default=dict)
    salience = models.FloatField(null=True)
    learning_rate = models.FloatField(null=True)
    gated = models.BooleanField(default=False)
    brain_version = models.BigIntegerField(null=True)
    metadata = models.JSONField(default=dict)
    started_at = models.DateTimeField()
    completed_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "rlm_iterations"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "turn_id", "iteration_number"], name="one_iteration_a_number")
        ]
        indexes: ClassVar = [
            models.Index(fields=["conversation_id", "created_at"], name="iteration_order"),
            models.Index(fields=["convergence_score"], name="iteration_score"),
        ]

    def __str__(self) -> str:
        return f"{self.turn_id}:{self.iteration_number}"


class Receipt(models.Model):
    """The one-row summary of a turn; `chain_head` is the hash with which its log must end."""

    turn_id = models.CharField(primary_key=True, max_length=36)
    tenant_id = models.CharField(max_length=64)
    conversation_id = models.CharField(max_length=36)
    capsule = models.CharField(max_length=36)
    capsule_version = models.PositiveIntegerField()
    aiq_predicted = models.FloatField(null=True)
    aiq_observed = models.FloatField(null=True)
    confidence = models.FloatField(null=True)
    lanes = models.JSONField(default=dict)
    level = models.CharField(max_length=2)
    path = models.CharField(max_length=10)
    iterates = models.BooleanField(default=True)
    tool_k = models.PositiveIntegerField()
    iterations = models.PositiveIntegerField()
    exit_reason = models.CharField(max_length=50)
    tokens = models.PositiveIntegerField()
    cost = models.FloatField(default=0)
    latency_ms = models.FloatField()
    tokenizer = models.CharField(max_length=100)
    chain_head = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["tenant_id", "at"], name="receipt_recent")]

    def __str__(self) -> str:
        return f"receipt of {self.turn_id}"


class Withheld(models.Model):
    """A turn that speaks of forgotten memories: people may read it, models may not, nothing of it is remembered."""

    turn_id = models.CharField(primary_key=True, max_length=36)
    tenant_id = models.CharField(max_length=64)
    conversation_id = models.CharField(max_length=36)
    receipt_id = models.CharField(max_length=36)
    at = models.CharField(max_length=40)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["tenant_id", "conversation_id"], name="withheld_in")]

    def __str__(self) -> str:
        return str(self.turn_id)


class ForgottenMemory(models.Model):
    """The id of a forgotten memory: a turn that has seen it and goes on does not show it again."""

    memory_id = models.CharField(primary_key=True, max_length=36)
    tenant_id = models.CharField(max_length=64)
    receipt_id = models.CharField(max_length=36)
    at = models.CharField(max_length=40)

    def __str__(self) -> str:
        return str(self.memory_id)
