"""What `soma experiments` refuses before it asks the server: one line, and the exit code of a wrong command line."""

import pytest
from click.testing import CliRunner

from soma.cli.main import main


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("create", "e", "--a", "alpha", "nan"), "'nan' is not a finite number"),
        (("create", "e", "--b", "alpha", "-inf"), "'-inf' is not a finite number"),
        (("create", "e", "--b", "alpha", "much"), "'much' is not a valid float"),
        (("record", "e", "s", "nan"), "'nan' is not a finite number"),
        (("create", "x/y"), "'x/y' is not a name of an experiment"),
        (("show", ".."), "'..' is not a name of an experiment"),
        (("decide", ".hidden"), "'.hidden' is not a name of an experiment"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_the_command_line(words, says):
    ended = CliRunner().invoke(main, ["experiments", *words], prog_name="soma")
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr
