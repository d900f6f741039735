"""Django's names, derived from our settings. Nothing else of the product reads them."""

from typing import Any

from soma.agent.settings import settings
from soma.events.database import WAL_PAGES

_settings = settings()


def _database(url: str) -> dict[str, Any]:
    if url.startswith("sqlite:///"):
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": url.removeprefix("sqlite:///"),
            "OPTIONS": {
                # With Django's default of DEFERRED, writers that began by reading fail with "database is locked".
                "transaction_mode": "IMMEDIATE",
                "timeout": 10,
                # The log's writer copies the WAL (`soma.events.wal`): no request should have to.
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
                f"PRAGMA wal_autocheckpoint={WAL_PAGES};",
            },
            "CONN_MAX_AGE": None,
        }
    from urllib.parse import unquote, urlsplit  # noqa: PLC0415 - only a deployment with PostgreSQL comes here

    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.removeprefix("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
    }


SECRET_KEY = _settings.django_secret
DEBUG = False
ALLOWED_HOSTS = ["*"]  # the bearer token is what admits a request; the socket checks its Origin
ROOT_URLCONF = "soma.agent.urls"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "soma.agent"]
AUTH_USER_MODEL = "agent.User"
MIDDLEWARE = ["soma.agent.api.one_error_shape"]
DATABASES = {"default": _database(_settings.database)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
DATA_UPLOAD_MAX_MEMORY_SIZE = _settings.max_body_bytes
LOGGING_CONFIG = None
