"""The worker from process start: memory with one model, memory after five jobs, time to its first job."""

import tempfile
import time
from pathlib import Path

from bench.figures import Figure, Report, Spread, arguments, as_script, bundles_beside, say
from bench.scratch_site import ScratchSite, cpu_seconds, rss_mb
from bench.visitor import Visitor
from musicgen_site.management.commands.run import web_command, worker_command

ABOUT = """\
Each run starts two new workers beside a web process that keeps running. The first has nothing to do: its memory is
measured once its model is loaded and it sends heartbeats, and again after five jobs of 15 s. The second starts with a
job of 60 s already queued; the clock starts with the process. Memory is resident memory. A third worker loads every
shipped genre and composes four takes of 15 s in each."""

JOBS = 5
TAKES = 4


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("bench.measure_worker")
    runs, jobs, seconds = (1, 2, 15) if options.quick else (3, JOBS, 60)
    loaded, after_jobs, start_cpu, wishes = [], [], [], []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        site = ScratchSite(Path(folder), options.bundle)
        with site.process(*web_command(site.port)) as web:
            site.wait_until(site.health, web, "the web process answers")
            visitor = Visitor(site.url)
            for run in range(runs):
                say(f"worker {run + 1} of {runs}")
                with site.process(*worker_command()) as worker:
                    site.wait_until(lambda: site.health().get("worker") == "ok", worker, "the worker beats")
                    loaded.append(rss_mb([worker]))
                    start_cpu.append(cpu_seconds([worker]))
                    for _ in range(jobs):
                        visitor.watch(visitor.ask_for(15), time.monotonic())
                    after_jobs.append(rss_mb([worker, *worker.children(recursive=True)]))
                generation = visitor.ask_for(seconds)
                began = time.monotonic()
                with site.process(*worker_command()):
                    wishes.append(visitor.watch(generation, began))
    bundles = bundles_beside(options.bundle)
    with_all, after_takes = zip(*[all_models(bundles) for _ in range(runs)], strict=True)
    report.add(
        Figure(
            key="worker-memory",
            title="Worker with one model loaded",
            unit="MB",
            value=Spread.of(loaded),
            target=300.0,
        )
    )
    report.add(
        Figure(
            key="worker-memory-after-jobs",
            title=f"Worker after {jobs} jobs",
            unit="MB",
            value=Spread.of(after_jobs),
            target=300.0,
            compared_with="worker-memory",
        )
    )
    report.add(
        Figure(
            key="worker-memory-all",
            title=f"Worker with every shipped model loaded ({len(bundles)}), after {TAKES} takes in each genre",
            unit="MB",
            value=Spread.of(after_takes),
            beside={"MB before": Spread.of(with_all)},
            target=500.0,
        )
    )
    report.add(
        Figure(
            key="worker-first-job",
            title=f"Worker start → first job ({seconds} s of music, already queued) stored",
            unit="s wall",
            value=Spread.of([wish.stored_seconds for wish in wishes]),
            beside={
                "s until claimed": Spread.of([wish.claimed_seconds for wish in wishes]),
                "s until first notes": Spread.of([wish.first_notes_seconds for wish in wishes]),
                "s CPU until ready": Spread.of(start_cpu),
            },
            target=6.0,
        )
    )


def all_models(bundles: list[Path]) -> tuple[float, float]:
    """MB of a new worker with all of these loaded: at its first heartbeat, and after several takes in each genre."""
    say(f"a worker with {len(bundles)} models")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        site = ScratchSite(Path(folder), *bundles)
        with site.process(*web_command(site.port)) as web:
            site.wait_until(site.health, web, "the web process answers")
            visitor = Visitor(site.url)
            with site.process(*worker_command()) as worker:
                site.wait_until(lambda: site.health().get("worker") == "ok", worker, "the worker beats")
                loaded = rss_mb([worker])
                for genre in visitor.choices:
                    visitor.watch(visitor.ask_for(15, genre=genre, takes=TAKES), time.monotonic())
                return loaded, rss_mb([worker, *worker.children(recursive=True)])


if __name__ == "__main__":
    as_script(main)
