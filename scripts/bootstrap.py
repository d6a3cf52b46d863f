#!/usr/bin/env python3
"""Makes .venv and installs into it. Run by `make` with whatever Python the machine has, so: standard library alone,
and a syntax that an old Python can read far enough to say that it is too old.

    bootstrap.py          what the site needs (requirements.txt), and .env with a secret key
    bootstrap.py --dev    what the tests need as well (requirements-dev.txt)
"""

import hashlib
import os
import secrets
import subprocess
import sys
from typing import NoReturn, Sequence  # noqa: UP035  an old Python must come as far as check_python

OLDEST, NEWEST = (3, 11), (3, 13)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")
# Installed without their dependencies; requirements-nodeps.in says why.
NO_DEPS = "requirements-nodeps.txt"
# The installer of everything else.
UV = "requirements-uv.txt"


def say(text: str) -> None:
    print("==> " + text, flush=True)


def dotted(version: Sequence[int]) -> str:
    return ".".join(map(str, version))


def give_up(text: str) -> NoReturn:
    sys.exit("\n" + text)


def check_python() -> None:
    version = sys.version_info[:2]
    if not OLDEST <= version <= NEWEST:
        give_up(
            f"Python {dotted(OLDEST)} to {dotted(NEWEST)} is needed; this is {dotted(version)}. Install one, for "
            "example with `sudo apt install python3.11 python3.11-venv`, and run make with PYTHON=python3.11."
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        give_up(
            f"Python's venv module is missing. Install it with `sudo apt install python{dotted(version)}-venv` "
            "(Fedora: `sudo dnf install python3-pip`) and run make again."
        )


def run(command: Sequence[str], what: str) -> None:
    code = subprocess.call(command, cwd=ROOT)
    if code:
        give_up(f"{what} failed; see the lines above. Fix the cause and run make again: it continues where it stopped.")


def make_venv() -> None:
    if os.path.exists(VENV_PYTHON) and subprocess.call([VENV_PYTHON, "-c", ""], stderr=subprocess.DEVNULL) == 0:
        return
    say(f"Creating .venv with Python {dotted(sys.version_info[:2])}")
    # --clear: an unfinished .venv, or one whose Python was removed, is replaced.
    run([sys.executable, "-m", "venv", "--clear", VENV], "Creating .venv")


def digest(names: Sequence[str]) -> str:
    total = hashlib.sha256()
    for name in names:
        with open(os.path.join(ROOT, name), "rb") as stream:
            total.update(stream.read())
    return total.hexdigest()


def install(names: Sequence[str]) -> None:
    """Installs the requirement files, unless exactly these were installed before."""
    wanted = digest([*names, NO_DEPS, UV])
    stamp = os.path.join(VENV, ".installed-" + "-".join(names))
    if os.path.exists(stamp):
        with open(stamp) as stream:
            if stream.read() == wanted:
                return
    uv = [VENV_PYTHON, "-m", "uv"]
    if subprocess.call([*uv, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        say("Installing uv, which installs the rest quickly")
        pip = [VENV_PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        run([*pip, "--require-hashes", "-r", UV], "Installing uv")
    say(f"Installing {' and '.join(names)} (about 2 GB the first time: a minute or two)")
    # What a package index sends is compared with the hashes that were written when the versions were pinned.
    into = [*uv, "pip", "install", "--python", VENV_PYTHON, "--require-hashes"]
    command = list(into)
    for name in names:
        command += ["-r", name]
    run(command, "Installing the packages")
    run([*into, "--no-deps", "-r", NO_DEPS], "Installing the synthesizer")
    with open(stamp, "w") as stream:
        stream.write(wanted)


def make_env_file() -> None:
    path = os.path.join(ROOT, ".env")
    if os.path.exists(path):
        return
    say("Writing .env with a new secret key")
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as stream:
        stream.write("# Settings of this machine; .env.example lists them all. Keep this file secret.\n")
        stream.write(f"SECRET_KEY={secrets.token_urlsafe(50)}\n")


def main() -> None:
    check_python()
    make_venv()
    if "--dev" in sys.argv[1:]:
        install(["requirements.txt", "requirements-dev.txt"])
    else:
        install(["requirements.txt"])
        make_env_file()


if __name__ == "__main__":
    main()
