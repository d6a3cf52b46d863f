"""Puts the id of the job that a thread works on into every line it logs: of a generation or an export its own, of a
sound file that of its piece and its format, of the check of a bundle "upload-" and its number."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_job: ContextVar[str] = ContextVar("job", default="-")


@contextmanager
def job_logged(job_id: object) -> Iterator[None]:
    token = _job.set(str(job_id))
    try:
        yield
    finally:
        _job.reset(token)


class JobFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.job = _job.get()
        return True
