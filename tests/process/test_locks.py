"""A lock is held by one process at a time, and others see it."""

import os

import pytest

from soma.process.locks import FileInUse, FileLock, is_locked


def test_a_second_lock_is_refused_with_the_process_that_holds_the_first(tmp_path):
    path = tmp_path / "lock"
    with FileLock(path), pytest.raises(FileInUse, match=f"process {os.getpid()}"):
        FileLock(path)
    FileLock(path).release()


def test_a_lock_can_be_seen_while_it_is_held(tmp_path):
    path = tmp_path / "lock"
    assert not is_locked(path)
    lock = FileLock(path)
    assert is_locked(path)
    lock.release()
    lock.release()
    assert not is_locked(path)
