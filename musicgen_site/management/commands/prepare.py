"""`manage.py prepare`: everything between an installed checkout and a site that can be served."""

import hashlib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import BaseCommand, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from musicgen_site.private_files import write_privately

# A genre that is installed later comes after those that are there.
GENRES = ["piano", "drums", "rock", "electronic"]


class Command(BaseCommand):
    help = "Migrates the database, installs the shipped bundles and collects static files. Skips what is already done."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        write_privately()
        self.check()
        if has_migrations_to_run():
            self.stdout.write("==> Migrating the database")
            call_command("migrate", interactive=False, verbosity=0)
        self._install_bundles()
        self._collect_static()

    def _install_bundles(self) -> None:
        bundles = sorted(Path(settings.SHIPPED_BUNDLES_DIR).glob("*.bundle"), key=place_on_page)
        if not bundles:
            self.stderr.write(
                "There is no bundle in generator/bundles, so the site can't compose yet. Train one with "
                "`python manage.py train_genre_model piano --data FOLDER --output FILE`, then install it with "
                "`python manage.py import_genre_model FILE --activate`."
            )
            return
        call_command("import_genre_model", *map(str, bundles), activate=True, skip_installed=True)

    def _collect_static(self) -> None:
        stamp = Path(settings.STATIC_ROOT) / ".stamp"
        wanted = static_digest()
        if stamp.is_file() and stamp.read_text() == wanted:
            return
        self.stdout.write("==> Collecting static files")
        call_command("collectstatic", interactive=False, verbosity=0, clear=True)
        stamp.write_text(wanted)


def place_on_page(bundle: Path) -> tuple[int, str]:
    """Sorts shipped bundles in the order in which a site that is new shows their genres."""
    return (GENRES.index(bundle.stem) if bundle.stem in GENRES else len(GENRES), bundle.stem)


def has_migrations_to_run() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def static_digest() -> str:
    """Changes whenever a static file does: its place, size or time."""
    total = hashlib.sha256(str(settings.STORAGES["staticfiles"]).encode())
    for finder in finders.get_finders():
        for path, storage in finder.list([]):
            facts = Path(storage.path(path)).stat()
            total.update(f"{path} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    return total.hexdigest()
