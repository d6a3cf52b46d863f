"""PostgreSQL through psycopg2, with the settings of the site."""

import json

from tests.services.production import Production

ASK = """
import json, django
django.setup()
from django.core.management import call_command
from django.db import connection
from django.db.backends.postgresql.psycopg_any import is_psycopg3
call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)
call_command("migrate", check_unapplied=True, verbosity=0)
with connection.cursor() as cursor:
    cursor.execute("SELECT version()")
    version = cursor.fetchone()[0]
print(json.dumps({
    "vendor": connection.vendor, "version": version, "is_psycopg3": is_psycopg3,
    "driver": type(connection.connection).__module__, "options": connection.settings_dict["OPTIONS"],
}))
"""


def test_migrations_are_complete_and_psycopg2_connects(production: Production) -> None:
    said = json.loads(production.python("-c", ASK).splitlines()[-1])
    assert said["vendor"] == "postgresql"
    assert said["version"].startswith("PostgreSQL ")
    assert not said["is_psycopg3"]
    assert said["driver"].startswith("psycopg2.")


def test_preparing_twice_changes_nothing(production: Production) -> None:
    bucket, pieces = production.names_in_bucket(), production.rows("SELECT count(*) FROM library_piece")
    assert production.python("manage.py", "prepare") == ""
    assert (production.names_in_bucket(), production.rows("SELECT count(*) FROM library_piece")) == (bucket, pieces)


def test_the_rules_of_the_rows_hold_in_postgresql_too(production: Production) -> None:
    tokens = production.rows(
        "SELECT indexdef FROM pg_indexes WHERE tablename = 'generator_generation' AND indexdef LIKE '%%(form_token)%%'"
    )
    assert any("UNIQUE" in definition for (definition,) in tokens), tokens
