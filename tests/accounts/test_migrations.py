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


@pytest.mark.django_db(transaction=True)
def test_names_that_are_alike_by_new_rules_keep_their_accounts() -> None:
    """Each signs in by the name it had; the first has the key that new names are compared with."""
    executor = MigrationExecutor(connection)
    try:
        executor.migrate([("accounts", "0003_site_texts")])
        old = executor.loader.project_state([("accounts", "0003_site_texts")]).apps.get_model("accounts", "User")
        for name in ("ana", "\u0430na", "admin", "Bea", "root@example.org"):
            old._base_manager.create(username=name, password="unusable")
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())
    users = list(User.objects.order_by("pk"))
    assert [user.username for user in users] == ["ana", "\u0430na", "admin", "Bea", "root@example.org"]
    assert [user.name_says for user in users[:2]] == ["ana", f"ana#{users[1].pk}"]
    assert all(User.objects.by_name(user.username) == user for user in users)
    # As the release before writes: the new columns stay empty until the clean-up fills them.
    with connection.cursor() as cursor:
        columns = "username, password, is_superuser, first_name, last_name, email, is_staff, is_active, date_joined"
        values = "'Dora', 'unusable', false, '', '', '', false, true, '2026-11-30 12:00:00+00:00'"
        cursor.execute(f"INSERT INTO accounts_user ({columns}) VALUES ({values})")  # noqa: S608
    assert User.objects.by_name("dora") is not None
    executor = MigrationExecutor(connection)
    try:
        executor.migrate([("accounts", "0003_site_texts")])
        assert executor.loader.project_state([("accounts", "0003_site_texts")])
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())
    assert User.objects.filter(name_says=None).count() == 0
