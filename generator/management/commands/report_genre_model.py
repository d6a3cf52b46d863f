"""`report_genre_model`: a bundle and a folder of its genre's files → report.json and report.html."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from generator.engine.errors import EngineError


class Command(BaseCommand):
    help = (
        "Measure a bundle against its genre's files: loss against two baselines, likeness, controls, critic. Writes "
        "report.json and report.html. Targets as JSON on stdout, progress on stderr."
    )
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("bundle", type=Path, metavar="FILE.bundle")
        parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of MIDI files")
        parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for the report")
        parser.add_argument("--pieces", type=int, help="pieces per measurement (default: 100)")
        parser.add_argument("--events", type=int, help="validation events for the losses (default: about 200,000)")
        parser.add_argument("--lstm", type=Path, metavar="CHECKPOINT", help="checkpoint.npz of the LSTM baseline")
        parser.add_argument("--quick", action="store_true", help="only ten pieces per measurement, for a quick test")
        parser.add_argument(
            "--work-dir", type=Path, default=Path("checkpoints/evaluation"), help="folder for cached arrays"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        from dataclasses import replace

        from tqdm import tqdm

        from generator.engine.bundles import read_bundle
        from generator.engine.files import write_whole
        from generator.engine.report import QUICK, Plan, measure
        from generator.engine.report_page import page
        from generator.engine.report_targets import targets_of

        plan = QUICK if options["quick"] else Plan()
        if options["pieces"] is not None:
            if options["pieces"] < 2:
                raise CommandError(f"Expected at least 2 pieces; got {options['pieces']}.")
            plan = replace(plan, pieces=options["pieces"])
        if options["events"] is not None:
            plan = replace(plan, max_events=options["events"])
        output: Path = options["output"]
        try:
            output.mkdir(parents=True, exist_ok=True)
            with tqdm(unit="step", dynamic_ncols=True) as bar:

                def tick(doing: str) -> None:
                    bar.set_description_str(doing)
                    bar.update()

                report = measure(
                    read_bundle(options["bundle"]),
                    options["data"],
                    cache_dir=options["work_dir"] / "cache",
                    plan=plan,
                    lstm=options["lstm"],
                    tick=tick,
                )
            targets = targets_of(report.figures)
            figures = report.figures | {"targets": [target.as_dict() for target in targets]}
            write_whole(output / "report.json", json.dumps(figures, indent=1).encode())
            write_whole(output / "report.html", page(report, targets).encode())
        except EngineError as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"{error.filename or 'A file'} could not be used: {error.strerror or error}.") from error
        except KeyboardInterrupt as error:
            raise CommandError("Stopped. Nothing was written.") from error
        self.stdout.write(json.dumps(figures["targets"]))
