"""Django's URLs; the socket, the brain and the process's own pages are split off before (`asgi.py`)."""

from django.urls import path

from soma.agent.api import api
from soma.agent.api.errors import not_found, server_error

urlpatterns = [path("api/v2/", api.urls)]
handler404 = not_found
handler500 = server_error
