"""`train_genre_model`: a folder of performances → a bundle. Long, resumable, stopped by Ctrl-C."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from generator.engine.errors import EngineError, TrainingError
from generator.engine.genres import genre_profile
from generator.engine.training import stop_on_signals, train
from generator.engine.training_config import add_arguments, config_from


class Command(BaseCommand):
    help = "Train a genre's network on MIDI files and write a bundle with its model card. Figures as JSON on stdout."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("genre")
        parser.add_argument("--output", type=Path, required=True, metavar="FILE.bundle")
        parser.add_argument("--name", help="the model's own name (default: the genre)")
        parser.add_argument("--genre-name", help="a new genre's name on pages (default: the genre, capitalized)")
        parser.add_argument("--commercial-use", action="store_true", help="all data sets allow commercial use")
        parser.add_argument("--pieces", type=int, default=20, help="pieces to compose and check (default: %(default)s)")
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        genre = options["genre"]
        stop_on_signals()
        try:
            genre_profile(genre, options["like"], options["genre_name"])
            if not options["output"].parent.is_dir():
                # Said now, not after hours of training.
                raise TrainingError(f"Expected an output file in an existing folder; got {options['output']}.")
            config = config_from(argparse.Namespace(**options), Path("checkpoints") / genre)
            config.work_dir.mkdir(parents=True, exist_ok=True)
            train(config)
            self.stdout.write(json.dumps(self._publish(config.work_dir, options)))
        except EngineError as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"{error.filename or 'A file'} could not be used: {error.strerror or error}.") from error
        except KeyboardInterrupt as error:
            raise CommandError("Stopped.") from error

    def _publish(self, work_dir: Path, options: dict[str, Any]) -> dict[str, Any]:
        """Exports in a separate process: it needs Keras on TensorFlow; training may have used another backend."""
        command = [sys.executable, "-m", "generator.engine.publishing", options["genre"]]
        command += ["--checkpoint", str(work_dir / "checkpoint.npz"), "--data", str(options["data"])]
        command += ["--output", str(options["output"]), "--pieces", str(options["pieces"])]
        command += ["--name", options["name"] or options["genre"]]
        for name in ("like", "genre_name"):
            command += [f"--{name.replace('_', '-')}", options[name]] if options[name] else []
        command += ["--commercial-use"] if options["commercial_use"] else []
        # Paths among the options are relative to where the user stands, which need not be the project's folder.
        paths = os.pathsep.join(filter(None, [str(settings.BASE_DIR), os.environ.get("PYTHONPATH", "")]))
        environment = os.environ | {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONPATH": paths}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise CommandError("The bundle could not be written. See the message above.")
        figures: dict[str, Any] = json.loads(done.stdout)
        return figures
