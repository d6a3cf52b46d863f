"""The counts of attempts without a Redis that holds them."""

import os
import subprocess
import sys

from django.conf import settings
from django.core.cache import cache

from musicgen_site.cache import ForgivingRedisCache

COUNTING = """
import sys
import django
django.setup()
from accounts.api_limits import count
print("ready", flush=True)
sys.stdin.readline()
print(*[count("shared") for _ in range(100)])
"""


def test_processes_count_together() -> None:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", COUNTING],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=settings.BASE_DIR,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    counts = [int(word) for process in processes for word in process.communicate()[0].split()]
    assert sorted(counts) == list(range(1, 201))
    assert cache.get("shared") == 200


def test_a_redis_that_is_away_keeps_nobody_out() -> None:
    cache = ForgivingRedisCache("redis://127.0.0.1:1", {"OPTIONS": {"socket_connect_timeout": 1}})
    assert cache.add("lock", 1) is True
    assert cache.get("history", []) == []
    cache.set("history", [1])
    assert cache.delete("lock") is False
    assert cache.incr("count") == 1
