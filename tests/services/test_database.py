"""PostgreSQL through psycopg2, with the settings of the site."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

from tests.services.production import Answer, Browser, Production

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


ASK_FOR_LOCKS = """
import json, threading, django
django.setup()
from django.db import connection, transaction
from accounts.owners import Owner
from generator import quota

def count():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted")
        return cursor.fetchone()[0]

def passes(owner):
    found = []
    def ask():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '200ms'")
            try:
                quota.quota_lock(owner)
                found.append(True)
            except Exception as error:
                found.append(False)
                transaction.set_rollback(True)
        connection.close()
    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return found[0]

alice = Owner(guest_key="alice", client_address="192.0.2.1")
said = {}
with transaction.atomic():
    quota.quota_lock(alice)
    said["held"] = count()
    said["same_guest"] = passes(Owner(guest_key="alice", client_address="198.51.100.7"))
    said["same_address"] = passes(Owner(guest_key="bob", client_address="192.0.2.1"))
    said["other"] = passes(Owner(guest_key="bob", client_address="198.51.100.7"))
said["after"] = count()
print(json.dumps(said))
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


def test_of_many_requests_at_once_only_as_many_pass_as_there_is_room(guest: Browser) -> None:
    """Each transaction of PostgreSQL sees what others have committed, so without a lock all find the same room."""
    first = guest.ask_for_music(15, "makes the guest")
    assert first.status == 201
    begin = threading.Barrier(8)

    def ask(number: int) -> Answer:
        begin.wait()
        return guest.ask_for_music(15, f"at once {number}")

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(8)))
    assert sorted(answer.status for answer in answers) == [201, 201, *[429] * 6], [one.body for one in answers]
    for answer in (first, *answers):
        if answer.status == 201:
            cancelled = guest.post(f"/api/v1/generations/{answer.json['id']}/cancel/", {})
            assert cancelled.json["status"] == "cancelled", "no other test shall find a job of this one"


def test_limits_are_asked_under_a_lock(production: Production) -> None:
    """The lock goes with its transaction, and whoever shares a limit waits for it."""
    said = json.loads(production.python("-c", ASK_FOR_LOCKS).splitlines()[-1])
    assert said == {"held": 2, "same_guest": False, "same_address": False, "other": True, "after": 0}
