"""`manage.py backup`: database and stored files in one file."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from tqdm import tqdm

from musicgen_site.backups import BackupError, backup
from musicgen_site.private_files import write_privately


class Command(BaseCommand):
    help = "Saves the database and stored files to one tar file while the site keeps running. Back up .env yourself."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, help="default: backups/music-TIME.tar beside manage.py")

    def handle(self, *args: Any, file: Path | None, **options: Any) -> None:
        write_privately()
        target = file or settings.BASE_DIR / "backups" / f"music-{datetime.now(UTC):%Y%m%d-%H%M%S}.tar"
        with tqdm(unit=" files", disable=None, leave=False) as bar:
            try:
                counts = backup(target, on_file=lambda name: advance(bar))
            except BackupError as error:
                raise CommandError(str(error)) from error
            except OSError as error:
                raise CommandError(f"The backup failed: {error}.") from error
        self.stdout.write(f"Saved the database and {counts.files} files ({counts.bytes / 1e6:.1f} MB) to {target}.")


def advance(bar: "tqdm[Any]") -> None:
    bar.update()
