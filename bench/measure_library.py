"""The library on PostgreSQL with 10,000, 100,000 and 1,000,000 pieces: list, search, filter and piece page."""

import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from bench.figures import BenchError, Figure, Report, Spread, arguments, as_script, say
from tests.services.servers import PostgreSQL

ABOUT = """\
A separate PostgreSQL server (default settings, 128 MB of shared buffers, fsync off) with 10,000 members. Library sizes
follow Zipf's law, flattened at the head (member r, counted from 0, gets a share of 1 / (r + 10); fixed seed): of a
million pieces the largest library holds 13,801, the median one 29 and the smallest 6; of 10,000 pieces the largest
holds 128, and two thirds of the members have none. Each visit goes to the owner of a randomly drawn piece, so a library
is visited in proportion to its size: the libraries that cost most are visited most, and the p95 of list and table is
that of full pages (24 pieces, 50 in a table) at every size. Searches and filters still find few rows at 10,000 pieces;
"rows" is the number shown on a page, at the median and the p95. Each figure covers a whole page, rendered in this
process without a web server: middleware, session, queries, template. The targets for the p95 are 50 ms at a million
pieces and 1.5 times the value at 10,000. CPU is that of this process plus PostgreSQL's for it, and is more meaningful
on a busy machine. The first three visitors do not count: code is warm, most rows are not."""

MEMBERS = 10_000
SIZES = (10_000, 100_000, 1_000_000)
WORDS = 2_000
# Library sizes follow Zipf's law, flattened at its head (Mandelbrot): a few have very many pieces.
RANK_OFFSET = 10
# A member visits a few pages in turn, so no page is measured in isolation.
VISITS = 200
P95_MS, P95_GROWTH = 50.0, 1.5

FILL_MEMBERS = """
INSERT INTO accounts_user
    (password, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined)
SELECT '!', false, 'member' || n, '', '', '', false, true, now() FROM generate_series(1, %(members)s) AS n
"""

# %(first)s and %(last)s are numbers of pieces; everything about a piece follows from random() under a fixed seed.
FILL_PIECES = """
INSERT INTO library_piece ({columns})
SELECT {values} FROM (
    SELECT n, random() AS a, random() AS b, random() AS c, random() AS d, random() AS e
    FROM generate_series(%(first)s, %(last)s) AS n
) AS one
"""
PIECE: dict[str, str] = {
    "id": "gen_random_uuid()",
    # The member of rank r, from 0, gets about 1 / (r + 10) of what the sum of these is.
    "owner_id": f"1 + %(owner)s + floor({RANK_OFFSET} * power(({MEMBERS} + {RANK_OFFSET}) / {RANK_OFFSET}.0, a)"
    f" - {RANK_OFFSET})::int",
    "guest_key": "''",
    "title": f"initcap('word' || floor({WORDS} * b)::int || ' word' || floor({WORDS} * c)::int)",
    "comment": "''",
    "search_text": f"' word' || floor({WORDS} * b)::int || ' word' || floor({WORDS} * c)::int",
    "is_favourite": "d < 0.1",
    "rating": "CASE WHEN e < 0.1 THEN -1 WHEN e < 0.3 THEN 1 ELSE 0 END",
    "genre": "(array['piano', 'drums', 'rock', 'electronic'])[1 + floor(4 * b)::int]",
    "genre_name": "(array['Piano', 'Drums', 'Rock', 'Electronic'])[1 + floor(4 * b)::int]",
    "ensemble": "(array['grand-piano', 'kit', 'trio', 'band'])[1 + floor(4 * b)::int]",
    "ensemble_name": "(array['Grand piano', 'Kit', 'Trio', 'Band'])[1 + floor(4 * b)::int]",
    "style": "(array['', 'funk', 'jazz', 'rock'])[1 + floor(4 * c)::int]",
    "style_name": "(array['', 'Funk', 'Jazz', 'Rock'])[1 + floor(4 * c)::int]",
    "voices": """'[{"name": "Piano", "program": 0, "is_drum": false}]'::jsonb""",
    "length_seconds": "15 + 165 * d",
    "notes_count": "100 + floor(1000 * d)::int",
    "qpm": "60 + 120 * e",
    "key": "(array['', 'C major', 'A minor', 'F# minor'])[1 + floor(4 * d)::int]",
    "metre": "'4/4'",
    "bars": "8 + floor(80 * d)::int",
    "roll": "%(roll)s::jsonb",
    "params": """'{"length_seconds": 60}'::jsonb""",
    "facts": "'{}'::jsonb",
    "seed": "n",
    "temperature": "1.0",
    "top_p": "0.95",
    "bundle_name": "'piano-3'",
    "bundle_sha256": "md5(n::text) || md5(n::text)",
    "runtime": "'litert'",
    "midi": "'pieces/' || n || '.mid'",
    "size_bytes": "4000",
    "file_sha256": "md5(n::text) || md5((-n)::text)",
    "file_name": "''",
    "is_example": "false",
    "is_draft": "c < 0.2",
    "kind": "'new'",
    "created_at": "now() - 365 * c * interval '1 day'",
    "expires_at": "CASE WHEN c < 0.2 THEN now() + interval '30 days' END",
    "trashed_at": "CASE WHEN e > 0.97 THEN now() - d * interval '20 days' END",
    "version": "1",
}
FILL_TAGS = """
INSERT INTO library_tag (owner_id, name)
SELECT id, 'tag' || t FROM accounts_user, generate_series(1, 5) AS t WHERE username LIKE 'member%%'
"""
TAG_PIECES = """
INSERT INTO library_piece_tags (piece_id, tag_id)
SELECT p.id, t.id FROM library_piece p
JOIN library_tag t ON t.owner_id = p.owner_id AND t.name = 'tag' || (1 + p.seed %% 5)
WHERE p.seed BETWEEN %(first)s AND %(last)s AND p.seed %% 3 = 0
"""


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("bench.measure_library")
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    folder.chmod(0o755)
    try:
        server = PostgreSQL(folder)
        try:
            os.environ["TEST_DATABASE_URL"] = server.create_database("music")
            os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
            measure(report, SIZES[:1] if options.quick else SIZES, 20 if options.quick else VISITS)
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(report: Report, sizes: tuple[int, ...], visits: int) -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    # As a web process begins.
    from musicgen_site import wsgi  # noqa: F401

    run_sql(FILL_MEMBERS, members=MEMBERS)
    ((owner,),) = select("SELECT min(id) - 1 FROM accounts_user WHERE username LIKE 'member%'")
    run_sql(FILL_TAGS)
    first_p95: dict[str, tuple[float, float]] = {}
    filled = 0
    for size in sizes:
        began = time.monotonic()
        fill(filled, size, owner)
        say(f"{size} pieces, the last {size - filled} filled in within {time.monotonic() - began:.0f} s")
        filled = size
        say(libraries())
        for name, pages in Visitors(visits).visit().items():
            p95, cpu = p95_of([one.wall for one in pages]), p95_of([one.cpu for one in pages])
            at_first = first_p95.setdefault(name, (p95, cpu))
            growth = (p95 / at_first[0], cpu / at_first[1])
            report.add(figure_of(name, size, pages, growth, is_largest=size == SIZES[-1]))


def libraries() -> str:
    """Their sizes, as a sentence."""
    ((members, most, median, least),) = select(
        "SELECT count(*) FILTER (WHERE n > 0), max(n), percentile_disc(0.5) WITHIN GROUP (ORDER BY n), min(n) FROM "
        "(SELECT count(p.id) AS n FROM accounts_user u LEFT JOIN library_piece p ON p.owner_id = u.id GROUP BY u.id) l"
    )
    return (
        f"{members} members have pieces: the largest library holds {most}, the middle one {median}, the least {least}"
    )


def p95_of(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def figure_of(name: str, size: int, pages: "list[Page]", growth: tuple[float, float], *, is_largest: bool) -> Figure:
    walls, cpus, rows = [one.wall for one in pages], [one.cpu for one in pages], [one.rows for one in pages]
    return Figure(
        key=f"library-{name.replace(', ', '-').replace(' ', '-')}-{size}",
        title=f"{name}, {size:,} pieces: p95",
        unit="ms wall",
        value=Spread.of([p95_of(walls)]),
        beside={
            "ms p50": Spread.of([statistics.median(walls)]),
            "ms CPU p95": Spread.of([p95_of(cpus)]),
            "ms CPU p50": Spread.of([statistics.median(cpus)]),
        },
        target=P95_MS if is_largest else None,
        facts={
            "pages": len(pages),
            "rows": f"{statistics.median(rows):g}, at most {p95_of([float(count) for count in rows]):g} on 95 in 100",
            "times the p95 at 10,000 pieces": f"{growth[0]:.2f}, its CPU {growth[1]:.2f}"
            + (f" (target {P95_GROWTH})" if is_largest else ""),
        },
    )


def fill(first: int, last: int, owner: int) -> None:
    roll = [[place * 2 % 240, place * 7 % 32, 3] for place in range(120)]
    columns = ", ".join(f'"{name}"' for name in PIECE)
    statement = FILL_PIECES.format(columns=columns, values=", ".join(PIECE.values()))
    run_sql("SELECT setseed(0.5)")
    # Rebuilding indexes in one go costs a fraction of updating them row by row.
    indexes = select(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'library_piece' AND indexdef NOT LIKE '%UNIQUE%'"
    )
    for name, _ in indexes:
        run_sql(f'DROP INDEX "{name}"')
    for start in range(first, last, 50_000):
        part = {"first": start + 1, "last": min(last, start + 50_000)}
        run_sql(statement, owner=owner, roll=str(roll), **part)
        run_sql(TAG_PIECES, **part)
        if sys.stderr.isatty():
            print(f"\r    {part['last']} of {last}", end="", file=sys.stderr, flush=True)
    for _, definition in indexes:
        run_sql(definition)
    run_sql("VACUUM ANALYZE")


def run_sql(statement: str, **values: Any) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)


def select(statement: str) -> list[tuple[Any, ...]]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def database_cpu_ms() -> float:
    """CPU time of PostgreSQL's backend for our connection; 0 where the system does not report it (only Linux does)."""
    ((pid,),) = select("SELECT pg_backend_pid()")
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6
    except OSError:
        return 0.0


class Page(NamedTuple):
    """One that was asked for: milliseconds, and how many pieces it shows."""

    wall: float
    cpu: float
    rows: int


class Visitors:
    """Members with pieces, each with pages to ask for."""

    def __init__(self, visits: int) -> None:
        from accounts.models import User
        from library.models import Piece

        draw = random.Random(1)  # the same visitors in every run
        ((size,),) = select("SELECT count(*) FROM library_piece")
        seeds = [draw.randint(1, size) for _ in range(visits)]
        found = Piece.objects.filter(seed__in=seeds, trashed_at=None)
        self._pieces = list(found.only("pk", "owner_id", "search_text", "genre"))
        draw.shuffle(self._pieces)
        self._users = User.objects.in_bulk({piece.owner_id for piece in self._pieces if piece.owner_id})

    def visit(self) -> dict[str, list[Page]]:
        """Fetchers by page name."""
        from django.test import Client

        pages: dict[str, list[Page]] = {}
        for number, piece in enumerate(self._pieces):
            client = Client(headers={"host": "localhost"})
            assert piece.owner_id is not None
            client.force_login(
                self._users[piece.owner_id], backend="allauth.account.auth_backends.AuthenticationBackend"
            )
            word = piece.search_text.split()[0]
            for name, path in {
                "list": "/library/",
                "list, as a table": "/library/?view=table&sort=title",
                "search": f"/library/?q={word}",
                "search, the beginning of a word": f"/library/?q={word[:-1]}",
                "filter": f"/library/?genre={piece.genre}&qpm_min=80&qpm_max=140&state=kept&sort=longest",
                "filter, by tag": "/library/?tag=tag2&rating=1",
                "piece page": f"/pieces/{piece.pk}/",
            }.items():
                page = asked(client, path)
                if number >= 3:
                    pages.setdefault(name, []).append(page)
        return pages


def asked(client: Any, path: str) -> Page:
    database, cpu, wall = database_cpu_ms(), time.process_time(), time.perf_counter()
    response = client.get(path)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if response.status_code != 200:
        raise BenchError(f"{path} answered {response.status_code}.")
    rows = response.content.count(b"data-play-item")
    return Page(wall * 1000, cpu * 1000 + database_cpu_ms() - database, rows)


if __name__ == "__main__":
    as_script(main)
