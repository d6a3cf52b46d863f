"""`manage.py restore`: database and stored files back from a backup."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command
from tqdm import tqdm

from musicgen_site.backups import BackupError, restore
from musicgen_site.management.commands.backup import advance
from musicgen_site.management.commands.run import take_lock
from musicgen_site.private_files import write_privately


class Command(BaseCommand):
    help = "Restores what `manage.py backup` saved and migrates an older database. Stop the site first."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--replace", action="store_true", help="overwrite a site that has pieces or members")

    def handle(self, *args: Any, file: Path, replace: bool, **options: Any) -> None:
        write_privately()
        # `make run` on this machine must not write meanwhile; of other machines we cannot know.
        lock = take_lock(Path(settings.VAR_DIR) / "run.lock")
        try:
            with tqdm(unit=" files", disable=None, leave=False) as bar:
                counts = restore(file, replace=replace, on_file=lambda name: advance(bar))
            call_command("migrate", interactive=False, verbosity=0)
        except BackupError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"The restore failed: {error}. Run it again.") from error
        finally:
            lock.close()
        self.stdout.write(
            f"Restored the database and {counts.files} files. `python manage.py check_library` checks that they match."
        )
