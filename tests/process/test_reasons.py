"""Why the system refused is told in words, without numbers of errors."""

import httpx
import pytest

from soma.process.reasons import reason_of


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (FileNotFoundError(2, "No such file or directory", "/proc/x"), "no such file or directory"),
        (httpx.ConnectError("[Errno 111] Connection refused"), "Connection refused"),
        (OSError("the disk is away"), "the disk is away"),
        (ValueError("port is wrong"), "port is wrong"),
    ],
)
def test_a_reason_has_no_number_of_an_error(error, told):
    assert reason_of(error) == told
