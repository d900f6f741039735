"""Signed checkpoints: a learner's whole state at a version, with the end of its chain, under this brain's Ed25519 key.

Whoever trusts the key can begin a replay or a rollback at the checkpoint, and needs nothing from before it.
"""

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from soma.brain.core.state import LearnerState
from soma.brain.settings import BrainSettings
from soma.events.chain import Head
from soma.events.facts.learning import LearningCheckpointed
from soma.process.private_files import read_or_make

KEY_FILE = "brain-signing-key"  # in the data folder


class Signer:
    """The key that signs; `believed` are the public keys whose checkpoints may begin a replay: its own and others."""

    def __init__(self, key: Ed25519PrivateKey, *, also_believed: Iterable[str] = ()) -> None:
        self._key = key
        self.public_key = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
        self.believed = frozenset({self.public_key, *also_believed})

    @classmethod
    def of(cls, settings: BrainSettings) -> "Signer":
        """Load the key of the data folder, and believe the keys that the settings name as well."""
        return cls.load(settings.data_dir / KEY_FILE, also_believed=settings.believed_keys.split())

    @classmethod
    def load(cls, path: Path, *, also_believed: Iterable[str] = ()) -> "Signer":
        """Load the key in `path`; it is made at first use, readable by its owner only."""
        pem = read_or_make(path, _new_key)
        key = load_pem_private_key(pem.encode(), None)
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError(f"{path} holds no Ed25519 key")
        return cls(key, also_believed=also_believed)

    @classmethod
    def believed_keys(cls, settings: BrainSettings) -> frozenset[str]:
        """Like `of(settings).believed`, but makes no key where there is none: for commands that only read."""
        there = (settings.data_dir / KEY_FILE).exists()
        return cls.of(settings).believed if there else frozenset(settings.believed_keys.split())

    def checkpoint(self, tenant_id: str, agent_id: str, state: LearnerState, head: Head) -> LearningCheckpointed:
        """Sign `state` with `head`, the end of the learner's chain when it had come to that state."""
        fact = LearningCheckpointed(
            agent_id=agent_id,
            learner_version=state.version,
            chain_seq=head.seq,
            chain_hash=head.hash,
            state=state.to_json(),
            state_hash=state.state_hash(),
            public_key=self.public_key,
            signature="",
        )
        return msgspec.structs.replace(fact, signature=self._key.sign(_signed_content(tenant_id, fact)).hex())


def is_signed(tenant_id: str, fact: LearningCheckpointed) -> bool:
    """Return whether the key that it names signed it, and its state has the hash that it names.

    Whether that key is believed is for the caller to decide.
    """
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(fact.public_key))
        key.verify(bytes.fromhex(fact.signature), _signed_content(tenant_id, fact))
    except (InvalidSignature, ValueError):
        return False
    state: LearnerState = LearnerState.from_json(fact.state)
    return state.state_hash() == fact.state_hash


def _signed_content(tenant_id: str, fact: LearningCheckpointed) -> bytes:
    named = [
        tenant_id, fact.agent_id, fact.learner_version, fact.chain_seq, fact.chain_hash,
        sha256(fact.state.encode()).hexdigest(), fact.state_hash, fact.public_key,
    ]  # fmt: skip
    return msgspec.json.encode(named)


def _new_key() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
