"""The name of the Django app."""

from django.apps import AppConfig


class AgentConfig(AppConfig):
    name = "soma.agent"
    label = "agent"
