"""Settings of the agent's process: one frozen, validated object. Only it reads the environment."""

from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from soma.agent.language.moments import server_zone, zone_of
from soma.agent.windows import windows_of
from soma.events.database import checked_address
from soma.process.private_files import kept_secret

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
    port: int = Field(8018, ge=1, le=65535, description="Port; when it is busy the next free one of ten is taken.")
    max_connections: int = Field(1_000, ge=1, le=100_000, description="Connections at once; more are refused.")
    head_seconds: float = Field(
        10.0,
        gt=0,
        le=600,
        description="How long a request's line and headers may take, and a new connection may be silent.",
    )
    body_seconds: float = Field(120.0, gt=0, le=3_600, description="How long the body of a request may take to arrive.")
    keep_alive_seconds: int = Field(
        80,
        ge=1,
        le=3_600,
        description="How long a connection stays open between requests: longer than clients keep it.",
    )
    url: str = Field("", description="Address of the server that the command line talks to; empty means the local one.")
    token: SecretStr = Field(
        SecretStr(""), description="Token that the command line shows; empty means the one in the data folder."
    )
    database_url: str = Field("", description="Agent's database; empty means agent.sqlite3 in the data folder.")
    secret_key: SecretStr = Field(
        SecretStr(""), description="Signs Django's sessions; empty means one made at first run in the data folder."
    )
    token_days: int = Field(
        365,
        ge=0,
        le=36_500,
        description="Days after which a new token ends, and the most that may be asked for; 0 means never. "
        "The operator's own in the data folder does not end.",
    )
    tokens_per_member: int = Field(20, ge=1, le=1_000, description="Tokens that a member may have at once.")
    access_check_seconds: float = Field(
        2.0,
        gt=0,
        le=60,
        description="How often open streams, sockets and turns are checked for a valid token and member.",
    )
    stream_comment_seconds: float = Field(
        15.0, gt=0, le=300, description="Silence of an event stream after which a comment says that it is alive."
    )
    allowed_hosts: str = Field(
        "",
        description="Host names that the server answers to, besides its own, comma-separated; * means any.",
    )
    allowed_origins: str = Field("", description="Origins that may open a WebSocket besides our own, comma-separated.")
    brain_url: str = Field(
        "",
        validation_alias=AliasChoices("SOMABRAIN_URL", "SOMA_BRAIN_URL"),
        description="Address of a brain apart; empty means the brain in this process.",
    )
    service_token: SecretStr = Field(
        SecretStr(""), description="What the agent shows a brain apart; empty means the one in the data folder."
    )

    default_model: str = Field(
        "", description="Model of a turn: `offline`, or `<provider>/<name>`; empty means by the keys that are set."
    )
    openai_base_url: str = Field(
        OPENAI_URL,
        validation_alias=AliasChoices("SOMA_OPENAI_BASE_URL", "OPENAI_BASE_URL"),
        description="Base URL of provider `openai`, or of any server that speaks its protocol (Ollama, vLLM): "
        "http://localhost:11434/v1. Where it is not set, `OPENAI_BASE_URL` says it.",
    )
    openai_api_key: SecretStr = Field(
        SecretStr(""), validation_alias=AliasChoices("OPENAI_API_KEY", "SOMA_OPENAI_API_KEY"), description="Its key."
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
    model_timeout_seconds: float = Field(60.0, gt=0, le=600, description="Longest silence of a model.")
    model_retries: int = Field(2, ge=0, le=10, description="Further tries where a provider is away or busy.")

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
        10, validation_alias=_plan("RLM_MAX_ITERATIONS"), description="Iterations a turn at most."
    )
    min_iterations: Annotated[int, Field(ge=1, le=100)] = Field(
        1, validation_alias=_plan("RLM_MIN_ITERATIONS"), description="Iterations before a turn may converge."
    )
    convergence_threshold: Annotated[float, Field(ge=0, le=1)] = Field(
        0.9, validation_alias=_plan("RLM_CONVERGENCE_THRESHOLD"), description="Score at which a turn has converged."
    )
    refine: Refine = Field("evidence", description="When a draft is revised: off, evidence (new memories) or always.")
    turns_per_user: int = Field(
        16, ge=1, le=100_000, description="Turns of one person under way at once, waiting ones too."
    )
    turns_per_tenant: int = Field(128, ge=1, le=100_000, description="Turns of one tenant under way at once.")
    turn_seconds: float = Field(300.0, gt=0, le=3600, description="Wall clock of a turn.")
    turn_tokens: int = Field(200_000, ge=1_000, description="Tokens a turn may spend.")
    context_tokens: int = Field(
        8_192,
        ge=1_024,
        le=1_000_000,
        description="Tokens that a prompt and its reply have at most; a model with a smaller window has that.",
    )
    model_windows: str = Field(
        "",
        description="Windows of models in tokens where Soma does not know them: `openai/qwen2.5:7b=4096`, "
        "comma-separated. Such a model is taken to hold SOMA_CONTEXT_TOKENS.",
    )
    max_output_tokens: int = Field(
        1_024, ge=16, le=100_000, validate_default=True, description="Tokens kept free for the reply."
    )
    timezone: str = Field(
        "", description="Zone in which a model is told dates and times: `Europe/Berlin`; empty means the machine's."
    )
    tool_k: int = Field(
        8,
        ge=0,
        le=50,
        description="Tools offered to the model, by relevance to the message where there are more; eight, so that the "
        "six shipped ones are the same for every message and a provider's cache hits.",
    )
    max_body_bytes: int = Field(16_000_000, ge=1_000, description="Largest request body.")
    max_message_characters: int = Field(
        200_000, ge=100, description="Longest message; its share of the context may be less."
    )
    document_root: Path | None = Field(
        None,
        description="Folder with a folder for each tenant, by its id, that the document tool may read; "
        "none means `documents` in the data folder.",
    )
    lease_seconds: float = Field(15.0, gt=0, le=300, description="How long a silent worker keeps a turn.")

    @field_validator("url", "brain_url", "openai_base_url")
    @classmethod
    def _web_address(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("an address begins with http:// or https://")
        return url

    @field_validator("default_model")
    @classmethod
    def _without_blanks(cls, name: str) -> str:
        return name.strip()

    @field_validator("openai_base_url")
    @classmethod
    def _or_openai(cls, url: str) -> str:
        return url.rstrip("/") or OPENAI_URL  # set to nothing means not set

    @field_validator("openai_api_key", "openrouter_api_key", "groq_api_key", "anthropic_api_key")
    @classmethod
    def _key(cls, key: SecretStr) -> SecretStr:
        value = key.get_secret_value().strip()  # a line end comes along from a file
        if not (value.isascii() and value.isprintable()):
            raise ValueError("must be printable ASCII characters only: look for a stray line break or quote")
        return SecretStr(value)

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        return checked_address(url)

    @field_validator("token")
    @classmethod
    def _sendable(cls, token: SecretStr) -> SecretStr:
        if not token.get_secret_value().isascii():
            raise ValueError("a token has ASCII characters only; this is none of ours")
        return token

    @field_validator("model_windows")
    @classmethod
    def _known_windows(cls, setting: str) -> str:
        windows_of(setting)
        return setting

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        if name:
            zone_of(name)
        return name

    @field_validator("min_iterations")
    @classmethod
    def _not_above_most(cls, least: int, info: ValidationInfo) -> int:
        if least > (most := info.data.get("max_iterations", least)):
            raise ValueError(f"RLM_MAX_ITERATIONS is {most}")
        return least

    @field_validator("max_output_tokens")
    @classmethod
    def _within_context(cls, output: int, info: ValidationInfo) -> int:
        if output >= (context := info.data.get("context_tokens", output + 1)):
            raise ValueError(f"it leaves nothing of SOMA_CONTEXT_TOKENS, {context}, for the prompt")
        return output

    @field_validator("document_root")
    @classmethod
    def _folder(cls, root: Path | None) -> Path | None:
        if root is not None and not root.is_dir():
            raise ValueError("there is no such folder")
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
        return self.secret_key.get_secret_value() or kept_secret(self.data_dir / "secret-key")

    @cached_property
    def brain_token(self) -> str:
        return self.service_token.get_secret_value() or kept_secret(self.data_dir / "service-token")


@lru_cache
def settings() -> Settings:
    return Settings()
