"""How soon a running, busy worker composes with a newly activated model."""

import tempfile
import time
from dataclasses import replace
from pathlib import Path

from bench.figures import BenchError, Figure, Report, Spread, arguments, as_script, say
from bench.scratch_site import ScratchSite
from bench.visitor import Visitor
from generator.engine.bundles import read_bundle, write_bundle
from musicgen_site.management.commands.run import web_command, worker_command

ABOUT = """\
One running worker and two models of one genre (the same network under two names), activated alternately while a piece
of two minutes is being composed. The clock starts when the activation is stored and stops when the worker's log says
the new model is loaded. The piece must not fail, and the new model must compose the next one."""

# Prints the system clock once the activation is stored, so this process's start-up does not count.
ACTIVATE = """
import sys, time
from generator.models import GenreModel
from generator.services import genre_model_activate
genre_model_activate(genre_model=GenreModel.objects.get(name=sys.argv[1]))
print(time.monotonic(), flush=True)
"""


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("bench.measure_follow")
    runs = 1 if options.quick else 9
    followed = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        models = two_models(options.bundle, Path(folder))
        site = ScratchSite(Path(folder), *models.values())
        names = list(models)
        with site.process(*web_command(site.port)) as web:
            site.wait_until(site.health, web, "the web process answers")
            visitor = Visitor(site.url)
            with site.process(*worker_command()) as worker:
                site.wait_until(lambda: site.health().get("worker") == "ok", worker, "the worker beats")
                for run in range(runs):
                    # The last one imported is active at first.
                    name = names[run % 2]
                    say(f"activation {run + 1} of {runs}")
                    before = site.log_text().count(loaded := f"Loaded {name} on")
                    began = time.monotonic()
                    generation = visitor.ask_for(120)
                    activated = float(site.python(ACTIVATE, name))
                    site.wait_until(
                        lambda: site.log_text().count(loaded) > before,  # noqa: B023  called at once
                        worker,
                        "the new model is loaded",
                    )
                    followed.append(time.monotonic() - activated)
                    visitor.watch(generation, began)
                    visitor.watch(generation := visitor.ask_for(15), time.monotonic())
                    piece = visitor.get_json(f"{generation}notes/?after=0")["takes"][0]["piece"]
                    # The file says what composed it.
                    if name.encode() not in visitor.get(piece["midi_url"]):
                        raise BenchError(f"The first piece after the activation was not composed by {name}.")
    report.add(
        Figure(
            key="worker-follows",
            title="Model activated → loaded by a running worker",
            unit="s wall",
            value=Spread.of(followed),
            target=10.0,
        )
    )


def two_models(bundle: Path, folder: Path) -> dict[str, Path]:
    """The bundle under two names, by name."""
    whole = read_bundle(bundle)
    models = {}
    for name in ("follow-1", "follow-2"):
        models[name] = folder / f"{name}.bundle"
        write_bundle(models[name], replace(whole.manifest, name=name), whole.weights, whole.step_function)
    return models


if __name__ == "__main__":
    as_script(main)
