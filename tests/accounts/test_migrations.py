"""Upgrades of databases that were made before names had one owner in any case."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from accounts.models import User


@pytest.mark.django_db(transaction=True)
def test_names_that_differ_in_case_alone_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    executor = MigrationExecutor(connection)
    try:
        executor.migrate([("accounts", "0001_initial")])
        old = executor.loader.project_state([("accounts", "0001_initial")]).apps.get_model("accounts", "User")
        for name in ("Ada", "ada-2", "ADA", "ada", "Bea"):
            old._base_manager.create(username=name, password="unusable")
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())
    assert list(User.objects.order_by("pk").values_list("username", flat=True)) == [
        "Ada",
        "ada-2",
        "ADA-3",
        "ada-4",
        "Bea",
    ]
    said = capsys.readouterr().out
    assert "'ADA-3'" in said and "'ada-4'" in said and "Bea" not in said
