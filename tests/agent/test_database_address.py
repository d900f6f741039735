"""Django reaches the database that the log's own connections reach: one address, read by libpq's rules."""

import pytest

from soma.agent.django_settings import database


@pytest.mark.parametrize(
    ("url", "name", "options"),
    [
        ("postgresql:///soma?host=/run/postgresql", "soma", {"host": "/run/postgresql"}),
        (
            "postgresql://ann:p%40ss@db.example:6432/so%20ma?sslmode=verify-full&sslrootcert=/etc/ca.pem",
            "so ma",
            {
                "user": "ann", "password": "p@ss", "host": "db.example", "port": "6432",
                "sslmode": "verify-full", "sslrootcert": "/etc/ca.pem",
            },
        ),
        ("postgres://one,two/soma?target_session_attrs=read-write", "soma", {
            "host": "one,two", "port": ",", "target_session_attrs": "read-write",  # a port a host, each the usual one
        }),
        ("postgresql://[::1]/soma", "soma", {"host": "::1"}),
    ],
)  # fmt: skip
def test_every_part_of_an_address_counts(url, name, options):
    described = database(url)
    assert (described["NAME"], described["OPTIONS"]) == (name, options)
