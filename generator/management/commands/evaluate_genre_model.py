"""`evaluate_genre_model`: a bundle and a folder of performances → held-out figures as JSON."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from generator.engine.errors import EngineError


class Command(BaseCommand):
    help = "Measure a bundle on the validation files of a folder. JSON on stdout, progress on stderr."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("bundle", type=Path, metavar="FILE.bundle")
        parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of MIDI files")
        parser.add_argument(
            "--work-dir", type=Path, default=Path("checkpoints/evaluation"), help="folder for cached arrays"
        )
        parser.add_argument("--events", type=int, help="read about this many events instead of all")
        parser.add_argument(
            "--pieces", type=int, default=20, help="pieces to compose and check; 0 for none (default: %(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        from generator.engine.bundles import read_bundle
        from generator.engine.evaluation import evaluate_bundle

        try:
            figures = evaluate_bundle(
                read_bundle(options["bundle"]),
                options["data"],
                cache_dir=options["work_dir"] / "cache",
                max_events=options["events"],
                num_pieces=options["pieces"],
            )
        except EngineError as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"{error.filename or 'A file'} could not be used: {error.strerror or error}.") from error
        except KeyboardInterrupt as error:
            raise CommandError("Stopped.") from error
        self.stdout.write(json.dumps(figures))
