"""Asks the vulnerability database of PyPI about every pinned package (`make audit`).

Exit status 0: nothing but the known exceptions below. 1: something to mend. 2: the database could not be asked, about
some or all packages. No test and no CI step depends on it: an answer may change from one day to the next.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FILES = ("requirements.txt", "requirements-nodeps.txt", "requirements-dev.txt")
SECONDS = 600


@dataclass(frozen=True, slots=True)
class Known:
    """A weakness that is accepted for now, and why. Also in docs/deployment.md."""

    package: str
    name: str
    why: str


KNOWN = (
    Known(
        "diskcache",
        "CVE-2025-69872",
        "it reads its cache with pickle, so anyone who can write to VAR_DIR/cache can run code as the site. Only the "
        "user who runs the site can write there, and with a Redis broker it isn't used. There is no fixed version yet.",
    ),
)


def main() -> int:
    for known in KNOWN:
        print(f"Known exception: {known.package}, {known.name}: {known.why}")
    report, fault = ask()
    status, lines = judge(report, fault)
    print("\n".join(lines))
    return status


def ask() -> tuple[dict[str, Any] | None, str]:
    """The report of pip-audit, or None and the reason why there is none."""
    files = [part for name in FILES for part in ("-r", str(ROOT / name))]
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--format", "json", *files]
    try:
        done = subprocess.run(
            [*command, "--progress-spinner", "off"], capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return None, f"no answer within {SECONDS // 60} minutes"
    try:
        return json.loads(done.stdout), ""
    except ValueError:
        return None, (done.stderr.strip().splitlines() or ["no report"])[-1][:300]


def judge(report: dict[str, Any] | None, fault: str = "") -> tuple[int, list[str]]:
    """Exit status, and what to print."""
    if report is None:
        return 2, [f"Nothing was checked: the vulnerability database can't be reached from here ({fault})."]
    found, seen, skipped = [], 0, 0
    for package in {one["name"]: one for one in report["dependencies"]}.values():
        if "skip_reason" in package:
            skipped += 1
            continue
        seen += 1
        for weakness in package["vulns"]:
            names = {weakness["id"], *weakness.get("aliases", ())}
            if any(known.package == package["name"] and known.name in names for known in KNOWN):
                continue
            fixed = ", ".join(weakness.get("fix_versions", ())) or "no version yet"
            found.append(f"{package['name']} {package['version']}: {', '.join(sorted(names))}; fixed in {fixed}")
    lines = [f"Checked {seen} of {seen + skipped} packages: {len(found)} unknown weaknesses.", *sorted(found)]
    if seen == 0:
        lines = [
            "Nothing was checked: the package index used here has no vulnerability data. Run it where pypi.org is."
        ]
    elif skipped:
        lines.append(f"The database knows nothing of {skipped} packages; they were not checked.")
    return (1 if found else 2 if skipped else 0), lines


if __name__ == "__main__":
    sys.exit(main())
