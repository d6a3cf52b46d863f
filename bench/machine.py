"""Facts about the machine and software behind a run's figures."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from bench.figures import busy_cores
from bench.reference import ROOT
from generator.engine.bundles import read_bundle

PACKAGES = ("ai-edge-litert", "numpy", "Django", "celery", "gunicorn")


def facts_of_run(bundle: Path) -> dict[str, Any]:
    """JSON facts about machine, software, bundle and time. Takes a second, to sample how busy the machine is."""
    opened = read_bundle(bundle)
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="minutes"),
        "load_average": [round(value, 2) for value in os.getloadavg()],
        "busy_cores": busy_cores(),
        "cores": psutil.cpu_count(),
        "allowed_cores": len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else None,
        "processor": processor(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "commit": commit(),
        "bundle": opened.manifest.name,
        "bundle_sha256": opened.sha256,
        "bundle_bytes": bundle.stat().st_size,
    }


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    known = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
    facts = {name.strip(): value.strip() for name, value in known.items()}
    name = facts.get("model name", platform.processor())
    speed = facts.get("cpu MHz")
    extras = [flag for flag in ("avx2", "avx512_vnni", "amx_int8") if flag in facts.get("flags", "").split()]
    return ", ".join([name, *([f"{float(speed) / 1000:.1f} GHz"] if speed else []), *extras])


def commit() -> str:
    """Short hash, with a plus if files differ from it; empty outside a checkout."""
    command = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip()
