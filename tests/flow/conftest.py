"""One server for all tests that leave it as they found it; people of their own keep them apart."""

import itertools
from collections.abc import Callable, Iterator

import pytest
from tests.flow.product import Person, Product, start


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/flow" in item.path.as_posix():
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def soma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    product = start(tmp_path_factory.mktemp("soma"))
    yield product
    product.stop()


@pytest.fixture(scope="session")
def _numbers() -> Iterator[int]:
    return itertools.count(1)


@pytest.fixture
def newcomer(soma: Product, _numbers: Iterator[int]) -> Callable[[], Person]:
    """Makes members of the first tenant who have said nothing yet."""
    return lambda: soma.member(f"person-{next(_numbers)}")


@pytest.fixture
def person(newcomer: Callable[[], Person]) -> Person:
    return newcomer()
