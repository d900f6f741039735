"""A setting that cannot be is told in one line, and no secret in it."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from soma.brain.settings import BrainSettings
from soma.brain.settings.errors import describe_fault, names_of
from soma.brain.settings.memory import MemorySettings


class Strict(BaseSettings):
    """What the real ones may become: their secrets are looked at, other names are refused."""

    model_config = SettingsConfigDict(env_prefix="STRICT_", extra="forbid")

    key: SecretStr = SecretStr("")
    token: SecretStr = Field(default=SecretStr(""), validation_alias=AliasChoices("STRICT_PASS", "STRICT_TOKEN"))
    url: str = ""

    @field_validator("key", "token", "url")
    @classmethod
    def _none(cls, value: str | SecretStr) -> str | SecretStr:
        if value:
            raise ValueError("none is wanted")
        return value


def fault(make: Callable[..., Any], **given: str) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        make(**given)
    return caught.value


def test_a_setting_is_told_by_the_name_that_the_environment_has_for_it():
    wanted = "must be a whole number"
    assert (
        describe_fault(fault(MemorySettings, index_bytes="x"))
        == f"the setting SOMABRAIN_INDEX_BYTES cannot be 'x': {wanted}"
    )
    assert (
        describe_fault(fault(BrainSettings, SOMABRAIN_PORT="x"))
        == f"the setting SOMABRAIN_PORT cannot be 'x': {wanted}"
    )
    assert names_of(BrainSettings, "port") == ["SOMABRAIN_PORT", "SOMA_BRAIN_PORT"]
    assert names_of(MemorySettings, "index_bytes") == ["SOMABRAIN_INDEX_BYTES"]


@pytest.mark.parametrize("name", ["key", "STRICT_PASS"])
def test_a_secret_is_never_shown(name):
    line = describe_fault(fault(Strict, **{name: "s3cret"}), [Strict])
    shown = "STRICT_KEY" if name == "key" else name
    assert line == f"the setting {shown} cannot be '***': none is wanted"


def test_an_address_is_cut_where_a_password_may_stand():
    line = describe_fault(fault(BrainSettings, SOMABRAIN_DATABASE_URL="mysql://user:s3cret@host/name"))
    assert line.startswith("the setting SOMABRAIN_DATABASE_URL cannot be 'mysql://...': ")
    assert "s3cret" not in line
    line = describe_fault(fault(Strict, url="https://user:s3cret@host"), [Strict])
    assert line == "the setting STRICT_URL cannot be 'https://...': none is wanted"


def test_a_name_that_is_none_is_told_as_it_was_given():
    line = describe_fault(fault(Strict, STRICT_KEi="x"), [Strict])
    assert line == "the setting STRICT_KEi cannot be 'x': unknown field"


def test_of_several_faults_the_first_is_told():
    assert "SOMABRAIN_EMBEDDER " in describe_fault(fault(MemorySettings, index_bytes="x", embedder="x"))
