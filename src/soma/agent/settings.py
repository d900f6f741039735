"""Settings of the agent's process: one frozen, validated object. Only it reads the environment."""

from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from soma.agent.language.moments import server_zone, zone_of
from soma.agent.windows import windows_of
from soma.events.database import check_address
from soma.process.private_files import read_or_make_secret

Refine = Literal["off", "evidence", "always"]

OPENAI_URL = "https://api.openai.com/v1"
LOCK_FILE = "lock"  # in the data folder, held by the process that works there


def default_data_dir() -> Path:
    return Path.home() / ".local" / "share" / "soma"


def _plan(name: str) -> AliasChoices:
    """A setting that the original plan named `SA01_<name>`; `SOMA_<name>` is the same."""
    return AliasChoices(f"SA01_{name}", f"SOMA_{name}")


class Settings(BaseSettings):
    """Settings of the operator. Names, defaults, bounds and meanings are printed in docs/configuration.md."""

    model_config = SettingsConfigDict(env_prefix="SOMA_", frozen=True, extra="ignore", populate_by_name=True)

    data_dir: Path = Field(default_factory=default_data_dir, description="Folder of databases, tokens and keys.")
    host: str = Field("127.0.0.1", description="Address that the server listens on.")
    port: int = Field(8018, ge=1, le=65535, description="Port; where it is busy, the next free one of ten is used.")
    max_connections: int = Field(1_000, ge=1, le=100_000, description="Most connections at once; more are refused.")
    head_seconds: float = Field(
        10.0,
        gt=0,
        le=600,
        description="Seconds that a request's line and headers may take, and that a new connection may be silent.",
    )
    body_seconds: float = Field(
        120.0, gt=0, le=3_600, description="Seconds that the body of a request may take to arrive."
    )
    keep_alive_seconds: int = Field(
        80,
        ge=1,
        le=3_600,
        description="Seconds that a connection stays open between requests: longer than clients keep it.",
    )
    url: str = Field("", description="Address of the server that the command line talks to; empty means the local one.")
    token: SecretStr = Field(
        SecretStr(""), description="Token of the command line; empty means the one in the data folder."
    )
    database_url: str = Field(
        "", description="URL of the agent's database; empty means agent.sqlite3 in the data folder."
    )
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="Key that signs Django's sessions; empty means one that the first run makes in the data folder.",
    )
    token_days: int = Field(
        365,
        ge=0,
        le=36_500,
        description="Days after which a new token ends, and the most that may be asked for; 0 means never. "
        "The operator's own token in the data folder does not end.",
    )
    tokens_per_member: int = Field(20, ge=1, le=1_000, description="Most tokens of a member at once.")
    access_check_seconds: float = Field(
        2.0,
        gt=0,
        le=60,
        description="Seconds between checks that open streams, sockets and turns have a valid token and member.",
    )
    stream_comment_seconds: float = Field(
        15.0,
        gt=0,
        le=300,
        description="Seconds of silence after which an event stream sends a comment, so that it is not closed.",
    )
    allowed_hosts: str = Field(
        "",
        description="Further host names that the server answers to, comma-separated; * means any.",
    )
    allowed_origins: str = Field("", description="Further origins that may open a WebSocket, comma-separated.")
    brain_url: str = Field(
        "",
        validation_alias=AliasChoices("SOMABRAIN_URL", "SOMA_BRAIN_URL"),
        description="Address of a brain in another process; empty means the brain in this one.",
    )
    service_token: SecretStr = Field(
        SecretStr(""),
        description="Token of the agent for a brain in another process; empty means the one in the data folder.",
    )

    default_model: str = Field(
        "",
        description="Model of a turn: `offline`, or `<provider>/<name>`; empty means by the keys that are set.",
    )
    openai_base_url: str = Field(
        OPENAI_URL,
        validation_alias=AliasChoices("SOMA_OPENAI_BASE_URL", "OPENAI_BASE_URL"),
        description="Base URL of provider `openai`, or of any server that speaks its protocol (Ollama, vLLM): "
        "http://localhost:11434/v1. Where it is not set, `OPENAI_BASE_URL` is used.",
    )
    openai_api_key: SecretStr = Field(
        SecretStr(""),
        validation_alias=AliasChoices("OPENAI_API_KEY", "SOMA_OPENAI_API_KEY"),
        description="Key of provider `openai`.",
    )
    openrouter_api_key: SecretStr = Field(
        SecretStr(""),
        validation_alias=AliasChoices("OPENROUTER_API_KEY", "SOMA_OPENROUTER_API_KEY"),
        description="Key of provider `openrouter`.",
    )
    groq_api_key: SecretStr = Field(
        SecretStr(""),
        validation_alias=AliasChoices("GROQ_API_KEY", "SOMA_GROQ_API_KEY"),
        description="Key of provider `groq`.",
    )
    anthropic_api_key: SecretStr = Field(
        SecretStr(""),
        validation_alias=AliasChoices("ANTHROPIC_API_KEY", "SOMA_ANTHROPIC_API_KEY"),
        description="Key of provider `anthropic`; used with the extra `litellm` installed.",
    )
    model_timeout_seconds: float = Field(60.0, gt=0, le=600, description="Longest silence of a model, in seconds.")
    model_retries: int = Field(2, ge=0, le=10, description="Retries where a provider is away or busy.")

    enable_rlm: bool = Field(
        True, validation_alias=_plan("ENABLE_RLM"), description="Iterate; false means one model call without tools."
    )
    enable_single_shot: bool = Field(
        False, validation_alias=_plan("ENABLE_SINGLE_SHOT"), description="The same as ENABLE_RLM false."
    )
    rlm_rollout_percent: int = Field(
        100, ge=0, le=100, description="Share of conversations, by hash, that iterate; the others are single shots."
    )
    max_iterations: Annotated[int, Field(ge=1, le=100)] = Field(
        10, validation_alias=_plan("RLM_MAX_ITERATIONS"), description="Most iterations of a turn."
    )
    min_iterations: Annotated[int, Field(ge=1, le=100)] = Field(
        1,
        validation_alias=_plan("RLM_MIN_ITERATIONS"),
        description="Iterations that a turn has at least, before it may converge.",
    )
    convergence_threshold: Annotated[float, Field(ge=0, le=1)] = Field(
        0.9, validation_alias=_plan("RLM_CONVERGENCE_THRESHOLD"), description="Score at which a turn has converged."
    )
    refine: Refine = Field("evidence", description="When a draft is revised: off, evidence (new memories) or always.")
    turns_per_user: int = Field(
        16, ge=1, le=100_000, description="Most turns of one user under way at once, queued ones included."
    )
    turns_per_tenant: int = Field(
        128, ge=1, le=100_000, description="Most turns of one tenant under way at once, queued ones included."
    )
    turn_seconds: float = Field(300.0, gt=0, le=3600, description="Most seconds of a turn.")
    turn_tokens: int = Field(200_000, ge=1_000, description="Most tokens of a turn.")
    context_tokens: int = Field(
        8_192,
        ge=1_024,
        le=1_000_000,
        description="Most tokens of a prompt and its reply; a model with a smaller window has fewer.",
    )
    model_windows: str = Field(
        "",
        description="Windows of models in tokens that Soma does not know: `openai/qwen2.5:7b=4096`, comma-separated. "
        "Without an entry, an unknown model is taken to hold SOMA_CONTEXT_TOKENS.",
    )
    max_output_tokens: int = Field(
        1_024, ge=16, le=100_000, validate_default=True, description="Tokens kept free for the reply."
    )
    timezone: str = Field(
        "", description="Time zone of dates and times in prompts: `Europe/Berlin`; empty means the machine's."
    )
    tool_k: int = Field(
        8,
        ge=0,
        le=50,
        description="Most tools offered to the model; of more, the most relevant to the message. Eight, so "
        "that the six that come with Soma are the same for every message, and a provider's cache hits.",
    )
    max_body_bytes: int = Field(16_000_000, ge=1_000, description="Largest request body, in bytes.")
    max_message_characters: int = Field(
        200_000, ge=100, description="Longest message, in characters; its share of the context may be less."
    )
    document_root: Path | None = Field(
        None,
        description="Folder that holds a folder for each tenant, by its id, that the document tool may read; "
        "not set means `documents` in the data folder.",
    )
    lease_seconds: float = Field(
        15.0, gt=0, le=300, description="Seconds after which a turn of a silent worker is taken over."
    )

    @field_validator("url", "brain_url", "openai_base_url")
    @classmethod
    def _check_address(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return url

    @field_validator("default_model")
    @classmethod
    def _strip(cls, name: str) -> str:
        return name.strip()

    @field_validator("openai_base_url")
    @classmethod
    def _default_to_openai(cls, url: str) -> str:
        return url.rstrip("/") or OPENAI_URL  # empty means not set

    @field_validator("openai_api_key", "openrouter_api_key", "groq_api_key", "anthropic_api_key")
    @classmethod
    def _check_key(cls, key: SecretStr) -> SecretStr:
        value = key.get_secret_value().strip()  # of a file it may have a line end
        if not (value.isascii() and value.isprintable()):
            raise ValueError("must be printable ASCII characters only: look for a stray line break or quote")
        return SecretStr(value)

    @field_validator("database_url")
    @classmethod
    def _check_database(cls, url: str) -> str:
        return check_address(url)

    @field_validator("token")
    @classmethod
    def _check_token(cls, token: SecretStr) -> SecretStr:
        if not token.get_secret_value().isascii():
            raise ValueError("must be ASCII characters only")
        return token

    @field_validator("model_windows")
    @classmethod
    def _check_windows(cls, setting: str) -> str:
        windows_of(setting)
        return setting

    @field_validator("timezone")
    @classmethod
    def _check_zone(cls, name: str) -> str:
        if name:
            zone_of(name)
        return name

    @field_validator("min_iterations")
    @classmethod
    def _check_least(cls, least: int, info: ValidationInfo) -> int:
        if least > (most := info.data.get("max_iterations", least)):
            raise ValueError(f"must be at most RLM_MAX_ITERATIONS, {most}")
        return least

    @field_validator("max_output_tokens")
    @classmethod
    def _check_output(cls, output: int, info: ValidationInfo) -> int:
        if output >= (context := info.data.get("context_tokens", output + 1)):
            raise ValueError(f"must be less than SOMA_CONTEXT_TOKENS, {context}")
        return output

    @field_validator("document_root")
    @classmethod
    def _check_folder(cls, root: Path | None) -> Path | None:
        if root is not None and not root.is_dir():
            raise ValueError("no such folder")
        return root

    @property
    def single_shot(self) -> bool:
        return self.enable_single_shot or not self.enable_rlm

    @cached_property
    def zone(self) -> str:
        return self.timezone or server_zone()

    @property
    def documents(self) -> Path:
        return self.document_root or self.data_dir / "documents"

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'agent.sqlite3'}"

    @cached_property
    def django_secret(self) -> str:
        return self.secret_key.get_secret_value() or read_or_make_secret(self.data_dir / "secret-key")

    @cached_property
    def brain_token(self) -> str:
        return self.service_token.get_secret_value() or read_or_make_secret(self.data_dir / "service-token")


@lru_cache
def settings() -> Settings:
    return Settings()
