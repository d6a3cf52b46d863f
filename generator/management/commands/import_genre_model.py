import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser

from generator import services
from generator.engine.errors import EngineError
from generator.models import GenreModel
from generator.services.bundle_checks import bundle_checked


class Command(BaseCommand):
    help = (
        "Install bundles as new versions of their genres' models. A bundle that was not shipped with the site is "
        "checked first, like an uploaded one; this takes about ten seconds. Of Magenta's own bundles (.mag), "
        "performance_with_dynamics becomes a model for the piano, or for the genre given by --genre."
    )

    _said = ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("bundles", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--activate", action="store_true", help="make it the active model of its genre")
        parser.add_argument(
            "--skip-installed",
            action="store_true",
            help="skip bundles that are already installed, unless their genre has no active model",
        )

        parser.add_argument("--trusted", action="store_true", help="skip the check, for a bundle you made yourself")

        parser.add_argument(
            "--genre", default="piano", help="genre for a .mag file; a new genre gets the piano's instruments"
        )
        parser.add_argument("--genre-name", help="name shown on pages (default: the genre, capitalized)")

    def handle(self, *args: Any, **options: Any) -> None:
        for path in map(Path, options["bundles"]):
            chosen = {name: options[name] for name in ("activate", "skip_installed", "trusted")}
            if path.suffix == ".mag":
                with self._converted(path, options["genre"], options["genre_name"]) as bundle:
                    self._import(bundle, **chosen)
            else:
                self._import(path, **chosen)

    def _import(self, path: Path, *, activate: bool, skip_installed: bool, trusted: bool) -> None:
        try:
            installed = services.genre_model_installed(path=path)
            if skip_installed and installed and installed.genre.active_model_id:
                if installed.genre.active_model_id == installed.pk:
                    self._make_example(installed)  # whoever was stopped while composing it starts again
                return
            if installed or trusted or is_shipped(path):
                model, is_new = services.genre_model_import(path=path, activate=activate)
            else:
                with bundle_checked(path, on_step=self._say_step) as checked:
                    model, is_new = services.genre_model_import(path=checked.path, activate=activate)
        except EngineError as error:
            raise CommandError(f"{path}: {error.message}") from error
        except OSError as error:
            raise CommandError(f"{path} could not be saved: {error.strerror or error}.") from error
        what = "Installed" if is_new else "Already installed:"
        active = ", now active" if activate else ""
        self.stdout.write(f"{what} {model.name} (version {model.version} of {model.genre.name}){active}.")
        if activate:
            self._make_example(model)

    @contextmanager
    def _converted(self, path: Path, genre: str, genre_name: str | None) -> Iterator[Path]:
        """Magenta's bundle converted to ours, in a separate process, because reading it takes TensorFlow."""
        self.stderr.write(f"Converting {path}")
        with tempfile.TemporaryDirectory(prefix="musicgen-mag-") as folder:
            bundle = Path(folder) / f"{path.stem}.bundle"
            environment = os.environ | {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2"}
            command = [sys.executable, "-m", "generator.engine.magenta", str(path.absolute()), str(bundle)]
            command += [f"--genre={genre}", *([f"--genre-name={genre_name}"] if genre_name else [])]
            ended = subprocess.run(
                command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False
            )
            if ended.returncode:
                said = ended.stderr.strip().splitlines() or ["The conversion failed without a message."]
                raise CommandError(f"{path}: {said[-1]}")
            yield bundle

    def _say_step(self, step: str, share: float) -> None:
        if step != self._said:
            self._said = step
            self.stderr.write(f"{share:4.0%}  {step}")

    def _make_example(self, model: GenreModel) -> None:
        try:
            piece, is_new = services.example_ensure(genre_model=model)
        except (EngineError, OSError) as error:
            # The site works without an example, and every other piece would fail for the same reason, with a sentence.
            self.stderr.write(f"No example piece could be composed with {model.name}: {error}")
        else:
            if is_new:
                self.stdout.write(f"Composed an example: {piece.title}.")


def is_shipped(path: Path) -> bool:
    """Whether the file lies where the site's own bundles do."""
    return path.resolve().parent == Path(settings.SHIPPED_BUNDLES_DIR).resolve()
