"""What may be done: one port, a Rego set in process, deny by default."""

from soma.agent.policy.base import CapsuleFacts, Policy, PolicyInput, ToolFacts, Verdict

__all__ = ["CapsuleFacts", "Policy", "PolicyInput", "ToolFacts", "Verdict"]
