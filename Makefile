# The commands of this project. `make run` and `make test` work on a fresh machine with Python, git and make.

# The first Python on this machine that fits (scripts/bootstrap.py says so too); else python3, to be told what is wrong.
ifndef PYTHON
PYTHON := $(shell for name in python3 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$name && exit; \
	done; command -v python3)
endif
# Starting takes half as long where compiled modules may be kept.
export PYTHONDONTWRITEBYTECODE :=

IN := .venv/bin/python
SOURCES := .
NO_PYTHON := Python 3.11, 3.12 or 3.13 is needed. Install it, for example with: sudo apt install python3 python3-venv

.PHONY: help run test setup setup-dev chromium lint format types migrations-check pytest pytest-production check-slow bench bench-magenta backup restore lock audit admin

help:  ## list the targets
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 20

run: setup  ## run the site on http://localhost:8000, web and worker (another port: PORT=8001 make run)
	@$(IN) manage.py prepare
	@exec $(IN) manage.py run

test: setup-dev chromium lint types migrations-check pytest  ## run lint, types, migrations and every test

setup:
	@test -n "$(PYTHON)" || { echo "$(NO_PYTHON)"; exit 1; }
	@$(PYTHON) scripts/bootstrap.py

setup-dev:
	@test -n "$(PYTHON)" || { echo "$(NO_PYTHON)"; exit 1; }
	@$(PYTHON) scripts/bootstrap.py --dev

chromium:
	@$(IN) scripts/chromium.py

lint: setup-dev  ## check with ruff: rules and format
	@echo "==> ruff"
	@$(IN) -m ruff check $(SOURCES)
	@$(IN) -m ruff format --check $(SOURCES)

format: setup-dev  ## fix what ruff can fix
	@$(IN) -m ruff check --fix $(SOURCES)
	@$(IN) -m ruff format $(SOURCES)

types: setup-dev  ## check types with mypy
	@echo "==> mypy"
	@$(IN) -m mypy $(SOURCES)

migrations-check: setup-dev
	@echo "==> migrations"
	@DJANGO_SETTINGS_MODULE=tests.settings $(IN) manage.py makemigrations --check --dry-run

# Two processes, each with a folder and a database of its own; a file of tests stays in one of them.
PYTEST := -m pytest -n $(or $(JOBS),2) --dist loadgroup --durations=10
# What speaks to a database and to the storage, and so runs on both kinds of them.
DJANGO_TESTS := tests/accounts tests/library tests/generator tests/site
# Processes with databases of their own, which are SQLite's whatever the tests run on.
NOT_AGAIN := --ignore tests/site/test_backups.py --ignore tests/site/test_supervisor.py

pytest: setup-dev  ## run every test on SQLite and local files, then the apps' on PostgreSQL and S3 (JOBS=1: one process)
	@echo "==> tests"
	@$(IN) $(PYTEST)
	@$(MAKE) --no-print-directory pytest-production

pytest-production: setup-dev
	@echo "==> tests on PostgreSQL and S3"
	@$(IN) -m tests.services.on_production $(IN) $(PYTEST) $(NOT_AGAIN) $(DJANGO_TESTS)

check-slow: setup-dev  ## test damaged MIDI files for ten minutes, too slow for `make test`
	@echo "==> damaged MIDI files"
	@$(IN) -m tests.fuzz_midi --minutes 10

bench: setup-dev chromium  ## run all benchmarks, print a JSON line per figure and write docs/benchmarks.md (BENCH="--quick" to try)
	@$(IN) -m bench $(BENCH)

bench-magenta: setup-dev  ## compare with Magenta's own generator; installs Magenta into .venv-magenta
	@$(IN) -m bench --only magenta $(BENCH)

backup: setup  ## back up database and stored files to backups/music-TIME.tar (another file: TO=file.tar)
	@$(IN) manage.py backup $(TO)

restore: setup  ## restore a backup: make restore FROM=file.tar (stop the site first; REPLACE=1 if it already has pieces)
	@test -n "$(FROM)" || { echo "Name the backup: make restore FROM=backups/music-....tar"; exit 1; }
	@$(IN) manage.py restore $(FROM) $(if $(REPLACE),--replace)

# Versions that are pinned stay; `make lock UPGRADE=1` takes the newest that the lists allow.
LOCK := -m uv pip compile --quiet --universal --python-version 3.11 --no-annotate --no-header --generate-hashes $(if $(UPGRADE),--upgrade)

lock: setup-dev  ## pin every version and hash: requirements*.in → requirements*.txt, for every platform
	@$(IN) $(LOCK) requirements.in -o requirements.txt
	@mkdir -p .cache
	@sed 's/^tensorflow-cpu==/tensorflow[and-cuda]==/' requirements.in > .cache/requirements-gpu.in
	@$(IN) $(LOCK) -c requirements.txt .cache/requirements-gpu.in -o requirements-gpu.txt
	@$(IN) $(LOCK) requirements-dev.in -o requirements-dev.txt
	@$(IN) $(LOCK) --no-deps requirements-nodeps.in -o requirements-nodeps.txt
	@$(IN) $(LOCK) requirements-uv.in -o requirements-uv.txt

audit: setup-dev  ## look up known vulnerabilities of every package (needs access to pypi.org)
	@$(IN) -m scripts.audit

admin: setup  ## create an admin account for /admin/
	@$(IN) manage.py migrate --verbosity 0
	@$(IN) manage.py createsuperuser
