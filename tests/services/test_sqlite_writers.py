"""Four web processes and a worker write to one SQLite file, and none is told that it is locked."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from generator.models import Generation, WorkerBeat
from library.models import Piece
from tests.factories import guest
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS, PIECES_EACH = 4, 10
# What a request does: a transaction of several writes, one after the other, as quickly as it can.
WRITE = """
import sys, django
django.setup()
from django.db import transaction
from accounts.owners import Owner
from library.services import pieces_trash, piece_keep
from library.models import Piece
from tests import factories
owner = Owner(guest_key=f"guest-{sys.argv[1]}")
for number in range(int(sys.argv[2])):
    with transaction.atomic():
        factories.make_generation(owner)
        piece = factories.make_piece(owner, is_draft=True)
    piece_keep(piece=piece)
    pieces_trash(pieces=Piece.objects.filter(pk=piece.pk))
"""
BEAT = """
import sys, django
django.setup()
from generator.workers import beat
from generator.services import clean_up, generations_sweep
while True:
    beat()
    generations_sweep()
    clean_up()
"""


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL lets writers write side by side.")
def test_nobody_is_told_that_the_database_is_locked(tmp_path: Path) -> None:
    def start(code: str, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            cwd=settings.BASE_DIR,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    from tests import factories

    factories.make_genre()
    worker = start(BEAT)
    try:
        wait_until(WorkerBeat.objects.exists, what="the worker writes")
        writers = [start(WRITE, str(number), str(PIECES_EACH)) for number in range(WRITERS)]
        for writer in writers:
            _, errors = writer.communicate()
            assert writer.returncode == 0, errors
        assert worker.poll() is None, worker.communicate()[1]
    finally:
        worker.kill()
        worker.communicate()
    for number in range(WRITERS):
        mine = Piece.objects.owned_by(guest(f"guest-{number}"))
        assert mine.exclude(trashed_at=None).count() == PIECES_EACH
    assert Generation.objects.count() == WRITERS * PIECES_EACH
