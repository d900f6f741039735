"""`soma rollback` with two places to go to."""

from click.testing import CliRunner

from soma.cli.main import main


def test_an_iteration_of_a_version_is_refused_before_anything_is_asked():
    ended = CliRunner().invoke(main, ["rollback", "--version", "1", "--iteration", "0", "--yes"], prog_name="soma")
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith("soma: --iteration requires --turn ID")
