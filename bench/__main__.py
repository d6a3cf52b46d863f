"""Runs the benchmarks one after another, prints their JSON lines and writes docs/benchmarks.md.

python -m bench                              everything, then docs/benchmarks.md
python -m bench --only steps site            some of them; the page does not change
python -m bench --quick                      smoke test of a minute or two; the page does not change
python -m bench --only magenta               comparison with Magenta's generator; replaces that section of the page
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench.figures import QUIET_CORES, add_common_arguments, bundle_path, busy_cores
from bench.machine import facts_of_run
from bench.page import PEER, page_of, peer_of, peer_section, with_peer
from bench.reference import ROOT

SCRIPTS = ("steps", "compose", "takes", "site", "worker", "library", "follow", "browser", "lighthouse")
# Not without being asked: it installs Magenta.
OPTIONAL = ("magenta",)
PAGE = ROOT / "docs" / "benchmarks.md"
LINES = ROOT / ".cache" / "benchmarks.jsonl"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").partition("\n")[0])
    add_common_arguments(parser)
    parser.add_argument(
        "--only",
        nargs="+",
        choices=(*SCRIPTS, *OPTIONAL),
        default=SCRIPTS,
        metavar="NAME",
        help=", ".join((*SCRIPTS, *OPTIONAL)),
    )
    parser.add_argument("--output", type=Path, metavar="FILE.md", help="write the page here, whichever scripts ran")
    options = parser.parse_args()
    bundle = bundle_path(options.bundle)

    run = facts_of_run(bundle)
    busy = run["busy_cores"]
    if busy > QUIET_CORES:
        tell(f"Other work keeps {busy:g} cores busy, so the figures will be worse than on an idle machine.")
    lines: list[dict[str, Any]] = []
    failed: list[str] = []
    began = time.monotonic()
    for name in options.only:
        tell(f"bench.measure_{name}")
        words = [*(["--quick"] if options.quick else []), "--bundle", str(bundle)]
        if not run_script(name, words, lines):
            failed.append(name)
            tell(f"bench.measure_{name} failed; continuing with the others.")
    run |= {"minutes": round((time.monotonic() - began) / 60, 1), "busy_cores_at_end": busy_cores(), "failed": failed}

    LINES.parent.mkdir(exist_ok=True)
    LINES.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in [{"run": run}, *lines]))
    whole = not options.quick and set(options.only) >= set(SCRIPTS)
    output = options.output or (PAGE if whole else None)
    if output:
        write(output, with_peer(page_of(run, [line for line in lines if line["script"] != PEER]), peer_of(old_page())))
    peer = [line for line in lines if line["script"] == PEER]
    if peer and not options.quick and not failed:
        write(output or PAGE, with_peer((output or PAGE).read_text(encoding="utf-8"), peer_section(run, peer)))
    for line in lines:
        if line["meets_target"] is False and not options.quick:
            tell(
                f"{line['title']}: {line['value']['median']:g} {line['unit']} misses its target of {line['target']:g}."
            )
    return 1 if failed else 0


def old_page() -> str:
    return PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""


def write(page: Path, text: str) -> None:
    page.write_text(text, encoding="utf-8")
    tell(f"Wrote {os.path.relpath(page)}.")


def run_script(name: str, words: list[str], lines: list[dict[str, Any]]) -> bool:
    """Whether it succeeded; each line is printed and kept as it arrives."""
    command = [sys.executable, "-m", f"bench.measure_{name}", *words]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            for text in process.stdout:
                print(text, end="", flush=True)
                lines.append(json.loads(text))
        except BaseException:
            # Ctrl-C reaches the script too, which stops its own children first.
            process.wait(timeout=60)
            raise
    return process.returncode == 0


def tell(text: str) -> None:
    print(f"==> {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("Stopped; the page has not changed.")
