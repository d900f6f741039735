"""The policy on actions: one port, and rules in Rego decided in process; deny by default."""

from soma.agent.policy.base import CapsuleFacts, Policy, PolicyInput, ToolFacts, Verdict

__all__ = ["CapsuleFacts", "Policy", "PolicyInput", "ToolFacts", "Verdict"]
