import resource
from contextlib import contextmanager

import pytest


@pytest.fixture
def file_size_limit():
    """Let no file grow beyond a number of bytes: a full disk that needs no privileges."""

    @contextmanager
    def limit(limit_bytes):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limit
