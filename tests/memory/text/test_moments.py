"""Dates of other programs are understood; what is none is named."""

import json

import pytest

from soma.memory.errors import BadTime
from soma.memory.text.moments import moment_of

DAY = "2017-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2016-12-31T23:59:60Z", DAY),
        ("2016-12-31T23:59:60", DAY),
        ("2016-12-31 23:59:60+00:00", DAY),
        ("20161231T235960Z", DAY),
        ("2017-01-01T05:44:60+05:45", DAY),
        ("2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00.500000+00:00"),
        ("2016-12-31T24:00", DAY),
        ("2016-12-31T24:00:00Z", DAY),
        ("2016-12-31t24:00:00.000+00:00", DAY),
        ("2016-12-31T24:00+01:00", "2016-12-31T23:00:00+00:00"),
        ("20161231T2400Z", DAY),
        (1483228800, DAY),
        (1483228800.5, "2017-01-01T00:00:00.500000+00:00"),
        (1483228800000, DAY),
        (1483228800123456, "2017-01-01T00:00:00.123456+00:00"),
        (1483228800123456789, "2017-01-01T00:00:00.123456+00:00"),
        (0, "1970-01-01T00:00:00+00:00"),
        (-86400, "1969-12-31T00:00:00+00:00"),
        ("1483228800", DAY),
        (" 1483228800.25 ", "2017-01-01T00:00:00.250000+00:00"),
        ("1483228800000", DAY),
        ("20170101000000", DAY),
        ("20170101", DAY),
        ("2017-01-01", DAY),
        ("2017-01-01T01:00+01:00", DAY),
    ],
)
def test_a_moment_is_understood(written, meant):
    assert moment_of(written).isoformat() == meant


@pytest.mark.parametrize(
    "written",
    [
        "",
        "soon",
        "2016-12-31T23:58:60Z",
        "2016-12-31T24:01",
        "2016-12-31T25:00",
        "2016-02-30T24:00",
        1e300,
        "1e9",
    ],
)
def test_what_is_no_moment_is_refused(written):
    with pytest.raises((ValueError, OverflowError)):
        moment_of(written)


async def test_lines_of_other_programs_bring_their_dates(database, memory, alice):
    written = ["2016-12-31T23:59:60Z", "2016-12-31T24:00:00", 1483228800, 1483228800000]
    lines = [json.dumps({"text": f"note {n}", "occurred_at": when}) for n, when in enumerate(written)]
    await memory.import_lines(alice, lines)
    found = (await memory.list(alice)).items
    assert {one.occurred_at for one in found} == {"2017-01-01T00:00:00.000000+00:00"}
    with pytest.raises(BadTime, match=r"line 1.occurred_at"):
        await memory.import_lines(alice, ['{"text": "x", "occurred_at": 1e300}'])
