"""What migrations do to rows that exist."""

from importlib import import_module

import pytest
from django.apps import apps

from tests import factories

pytestmark = pytest.mark.django_db


def test_pieces_get_the_params_of_the_job_that_made_them() -> None:
    made = factories.make_succeeded_generation(params={"ensemble": "grand-piano", "length_seconds": 30.0})
    other = factories.make_piece(params={"ensemble": "choir"})
    import_module("generator.migrations.0003_params_of_pieces").copy_params(apps, None)
    assert made.piece is not None
    made.piece.refresh_from_db()
    other.refresh_from_db()
    assert made.piece.params == {"ensemble": "grand-piano", "length_seconds": 30.0}
    assert other.params == {"ensemble": "choir"}
