"""Django's settings, derived from ours. Only Django reads them."""

from typing import Any

from soma.agent.settings import settings
from soma.events.database import WAL_PAGES

_settings = settings()


def database(url: str) -> dict[str, Any]:
    """Return Django's description of the database at `url`."""
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
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415 - only a deployment with PostgreSQL has the driver

    options = conninfo_to_dict(url)  # as libpq reads it for the log's own connections: `?host=` and `?sslmode=` count
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": options.pop("dbname", ""),
        "OPTIONS": options,
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
    }


SECRET_KEY = _settings.django_secret
DEBUG = False
ALLOWED_HOSTS = ["*"]  # the bearer token is what admits a request; the socket checks its Origin
ROOT_URLCONF = "soma.agent.urls"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "soma.agent"]
AUTH_USER_MODEL = "agent.User"
MIDDLEWARE = ["soma.agent.api.errors.one_error_shape"]
DATABASES = {"default": database(_settings.database)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
DATA_UPLOAD_MAX_MEMORY_SIZE = _settings.max_body_bytes
LOGGING_CONFIG = None
