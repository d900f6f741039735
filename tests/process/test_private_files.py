"""Secrets are made once, and only their user reads them."""

from pathlib import Path

from soma.process.private_files import make_private, open_private, read_or_make, read_or_make_secret, write_private


def test_a_secret_is_made_once_and_is_its_users_alone(tmp_path):
    path = tmp_path / "folder" / "secret"
    secret = read_or_make_secret(path)
    assert len(secret) >= 32
    assert read_or_make_secret(path) == secret
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_of_makers_at_once_the_first_wins_and_all_read_the_same(tmp_path):
    path = tmp_path / "secret"

    def make_while_another_does() -> str:
        return read_or_make(path, lambda: "theirs") and "ours"

    assert read_or_make(path, make_while_another_does) == "theirs"


def test_a_file_is_made_private_and_one_that_is_there_is_left_alone(tmp_path):
    path = tmp_path / "database"
    make_private(path)
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("rows")
    path.chmod(0o640)
    make_private(path)
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("rows", 0o640)


def test_what_is_written_in_place_of_an_open_file_is_private(tmp_path):
    path = tmp_path / "token"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_written_in_place_of_a_readable_file_is_its_users_alone(tmp_path):
    new, old = tmp_path / "new", tmp_path / "old"
    old.write_text("longer than what comes")
    old.chmod(0o644)
    for path in (new, old):
        with open_private(path) as file:
            file.write(b"mine")
        assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"mine", 0o600)
    with open_private(Path("/dev/null")) as file:
        file.write(b"nothing is changed of what is no file")
    assert Path("/dev/null").stat().st_mode & 0o777 != 0o600
