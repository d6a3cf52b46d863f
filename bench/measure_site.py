"""The running site: from the POST of a request to first notes and stored MIDI file, and the web process's memory."""

import tempfile
import time
from pathlib import Path

from bench.figures import Figure, Report, Spread, arguments, as_script, say
from bench.scratch_site import ScratchSite, cpu_seconds, rss_mb
from bench.visitor import Visitor

ABOUT = """\
Web and worker as `make run` starts them, with SQLite and the folder broker, in a temporary folder with one model; the
worker is warm. A guest POSTs a request to the API and polls for notes every 25 ms (the page: every 0.5 s) until the
piece is stored; the clock starts with the POST. CPU seconds are those of web and worker until then, including the
polling. Memory is resident memory, the sum of gunicorn's arbiter and its worker."""

PAGES = ("/", "/library/", "/help/garageband/", "/api/v1/genres/", "/api/v1/pieces/", "/healthz")


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("bench.measure_site")
    seconds, runs, starts = (15, 2, 1) if options.quick else (60, 9, 3)
    memory, wishes, cpu = [], [], []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        site = ScratchSite(Path(folder), options.bundle)
        for start in range(1, starts + 1):
            with site.running() as processes:
                say(f"memory of the web process, start {start} of {starts}")
                visitor = Visitor(site.url)
                while visitor.requests < 50:
                    visitor.get(PAGES[visitor.requests % len(PAGES)])
                memory.append([rss_mb([one]) for one in processes.web])
                if start < starts:
                    continue
                say(f"{runs} pieces of {seconds} s from POST to stored MIDI")
                for _ in range(runs):
                    used = cpu_seconds(processes.web), cpu_seconds(processes.worker)
                    began = time.monotonic()
                    wishes.append(visitor.watch(visitor.ask_for(seconds), began))
                    cpu.append((cpu_seconds(processes.web) - used[0], cpu_seconds(processes.worker) - used[1]))
                memory_at_end = rss_mb(processes.web)
    report.add(
        Figure(
            key=f"site-piece-{seconds}",
            title=f"POST → MIDI file of a {seconds} s piece stored",
            unit="s wall",
            value=Spread.of([wish.stored_seconds for wish in wishes]),
            beside={
                "s CPU worker": Spread.of([worker for _, worker in cpu]),
                "s CPU web": Spread.of([web for web, _ in cpu]),
            },
            target=4.0,
            facts={"notes": [wish.notes for wish in wishes]},
        )
    )
    report.add(
        Figure(
            key=f"site-first-notes-{seconds}",
            title="POST → first notes in the notes API",
            unit="s wall",
            value=Spread.of([wish.first_notes_seconds for wish in wishes]),
            beside={"s until claimed": Spread.of([wish.claimed_seconds for wish in wishes])},
            target=1.5,
        )
    )
    report.add(
        Figure(
            key="web-memory",
            title="Web process after 50 requests",
            unit="MB",
            value=Spread.of([sum(parts) for parts in memory]),
            beside={
                "MB gunicorn's arbiter": Spread.of([parts[0] for parts in memory]),
                "MB its worker": Spread.of([sum(parts[1:]) for parts in memory]),
            },
            target=130.0,
            facts={f"MB after {visitor.requests} requests": round(memory_at_end, 1)},
        )
    )


if __name__ == "__main__":
    as_script(main)
