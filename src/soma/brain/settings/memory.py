"""Settings of the memory: which model embeds, how documents are cut, what upkeep may take."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class MemorySettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SOMABRAIN_", frozen=True, extra="ignore", populate_by_name=True)

    embedder: Literal["minilm", "openai", "litellm"] = Field(
        default="minilm",
        description="Who embeds: the bundled model, an address that speaks OpenAI's embeddings, or the extra "
        "`litellm`. Another choice re-embeds in the background: see `soma memory status`.",
    )
    embedder_url: str = Field(
        default="", description="Base address of the embedder, as in http://localhost:11434/v1; empty: the provider's."
    )
    embedder_key: SecretStr = Field(default=SecretStr(""), description="Key of the embedder.")
    embedder_model: str = Field(
        default="", description="The embedder's word for its model; for `litellm` provider first."
    )
    embedder_dimension: int = Field(
        default=0, ge=0, le=8_192, description="Numbers a vector; 0 means what the model gives."
    )
    embedder_former_key: SecretStr = Field(
        default=SecretStr(""), description="Key of the embedder before this one, while its vectors still answer."
    )
    embedder_patience_seconds: float = Field(
        default=8.0, gt=0, le=300, description="How long an embedder behind a network is asked again before it is away."
    )
    index_bytes: int = Field(
        default=2 * 1024**3,
        ge=1_000_000,
        description="Bytes of the tenants' indexes in this process's own memory (mapped files are not counted); "
        "beyond them the least recently used go.",
    )
    sketch_from: int = Field(
        default=150_000,
        ge=1_000,
        description="Memories of one owner from which a question meets short vectors first, and in full the nearest.",
    )
    pgvector_from: int | None = Field(
        default=None,
        ge=0,
        description="Memories of one owner from which the PostgreSQL of `SOMABRAIN_DATABASE_URL` searches their "
        "vectors by pgvector and this process holds none of them; empty: never.",
    )
    document_tokens: int = Field(
        default=160, ge=32, le=2_048, description="Tokens a chunk of a document has at most, its headings included."
    )
    upkeep_seconds: float = Field(default=60.0, gt=0, le=86_400, description="Between two rounds of upkeep.")
    upkeep_share: float = Field(
        default=0.25, gt=0, le=1, description="Share of one core that upkeep may take while it works."
    )
    verify_hours: float = Field(
        default=24.0,
        gt=0,
        le=8_760,
        description="Between two full comparisons of a tenant's projections with texts.",
    )
    consolidation: bool = Field(
        default=True, description="Distil episodes of quiet tenants into summaries that can be undone."
    )
    summariser_url: str = Field(
        default="",
        description="Base address of a chat model (OpenAI's protocol) that writes summaries; empty: extracts.",
    )
    summariser_model: str = Field(default="", description="The summariser's word for its model.")
    summariser_key: SecretStr = Field(default=SecretStr(""), description="Key of the summariser.")
