"""REST under /api/v2, one router a noun, and the socket. An endpoint checks, asks and answers; it decides nothing."""

from typing import Any

from ninja import NinjaAPI
from ninja.errors import ValidationError as BodyInvalid
from ninja.errors import ValidationErrorContext
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from soma.agent.api import (
    capsules,
    conversations,
    documents,
    experiments,
    feedback,
    learning,
    members,
    memories,
    messages,
    model,
    tokens,
    traces,
    turns,
)
from soma.agent.api.errors import add_error_handlers
from soma.agent.api.openapi import describe_answers
from soma.agent.api.request.body import RequestParser
from soma.agent.api.request.caller import bearer
from soma.agent.api.request.query import check_query


class Api(NinjaAPI):
    def validation_error_from_error_contexts(self, error_contexts: list[ValidationErrorContext[Any]]) -> BodyInvalid:
        """Keep the input of each fault, which Ninja leaves out."""
        refused = super().validation_error_from_error_contexts(error_contexts)
        faults = (fault for context in error_contexts for fault in context.pydantic_validation_error.errors())
        for error, fault in zip(refused.errors, faults, strict=True):
            error["input"] = fault["input"]
        return refused

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """Name an operation as its function."""
        return str(operation.view_func.__name__)

    def get_openapi_schema(self, **given: Any) -> OpenAPISchema:
        """Add to Ninja's document what it cannot know: types of answers, and errors."""
        document = super().get_openapi_schema(**given)
        describe_answers(document)
        return document


api = Api(title="Soma", version="2", urls_namespace="api-v2", auth=bearer, parser=RequestParser(), docs_url=None)
api.add_decorator(check_query)
api.add_router("/chat/conversations", conversations.router, tags=["conversations"])
api.add_router("/chat/conversations", messages.router, tags=["messages"])
api.add_router("/chat/turns", turns.router, tags=["turns"])
api.add_router("/trace", traces.router, tags=["trace"])
api.add_router("/capsules", capsules.router, tags=["capsules"])
api.add_router("/model", model.router, tags=["capsules"])
api.add_router("/feedback", feedback.router, tags=["learning"])
api.add_router("/learning", learning.router, tags=["learning"])
api.add_router("/experiments", experiments.router, tags=["learning"])
api.add_router("/memories/documents", documents.router, tags=["memories"])
api.add_router("/memories", memories.router, tags=["memories"])
api.add_router("", members.router, tags=["accounts"])
api.add_router("", tokens.router, tags=["accounts"])
add_error_handlers(api)
