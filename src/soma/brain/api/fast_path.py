"""The fast path: a request of a known path goes straight to its endpoint, everything else through FastAPI.

Routing, middleware and telemetry of the framework took half of the time of a small request. What an endpoint is, what
it raises and how that is answered is declared there all the same.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from soma.brain.errors import BrainRefused

Endpoint = Callable[[Request], Awaitable[Response]]


class FastPath:
    """Calls endpoints without the framework; refuses a body of more than `most` bytes before it is read whole."""

    def __init__(self, app: FastAPI, *, most: int) -> None:
        self._app = app
        self._most = most
        self._endpoints: dict[tuple[str, str], Endpoint] = {
            (method, route.path): route.endpoint
            for route in app.routes
            if isinstance(route, APIRoute) and not route.param_convertors
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        receive = self._bound(receive)
        scope["app"] = self._app
        endpoint = self._endpoints.get((scope["method"], scope["path"].removeprefix(scope.get("root_path", ""))))
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await endpoint(request)
        except Exception as error:
            handler = self._handler(error)
            await handler(request, error)(scope, receive, send)
            if handler is self._app.exception_handlers[Exception]:
                raise  # for the server to log
        else:
            await response(scope, receive, send)

    def _handler(self, error: Exception) -> Callable[[Request, Exception], Any]:
        handlers = self._app.exception_handlers
        return next(handlers[kind] for kind in type(error).__mro__ if kind in handlers)

    def _bound(self, receive: Receive) -> Receive:
        size = 0

        async def receive_bounded() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self._most:
                raise BrainRefused("body_too_large", f"the body must be at most {self._most:,} bytes", None, 413)
            return message

        return receive_bounded
