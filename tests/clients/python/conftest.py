"""Fixtures: what stands, and what compares."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
pytest.register_assert_rewrite("harness.compare")

from harness.compare import Comparer  # noqa: E402
from harness.stand import Stand  # noqa: E402


@pytest.fixture(scope="session")
def stand():
    with Stand() as stand:
        yield stand


@pytest.fixture(scope="session")
def compare(stand):
    comparer = Comparer(stand)
    yield comparer
    comparer.close()
