"""The brain's HTTP app: its endpoints, and how it answers errors."""

from fastapi import FastAPI

from soma.brain.api.auth import Authenticator
from soma.brain.api.context import add_context
from soma.brain.api.documents import add_documents
from soma.brain.api.errors import add_error_handlers
from soma.brain.api.experiments import add_experiments
from soma.brain.api.health import add_health
from soma.brain.api.learning import add_learning
from soma.brain.api.memory import add_memory
from soma.brain.service import Brain


def create_app(brain: Brain, auth: Authenticator) -> FastAPI:
    app = FastAPI(title="Soma brain", version="1", docs_url=None, redoc_url=None)
    app.state.brain, app.state.auth = brain, auth
    add_error_handlers(app)
    add_context(app, brain)
    add_learning(app, brain)
    add_memory(app, brain)
    add_documents(app, brain)
    add_experiments(app, brain)
    add_health(app, brain, auth)
    return app
