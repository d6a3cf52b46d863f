"""The counts of attempts without the Redis that holds them."""

from musicgen_site.cache import ForgivingRedisCache


def test_a_redis_that_is_away_keeps_nobody_out() -> None:
    cache = ForgivingRedisCache("redis://127.0.0.1:1", {"OPTIONS": {"socket_connect_timeout": 1}})
    assert cache.add("lock", 1) is True
    assert cache.get("history", []) == []
    cache.set("history", [1])
    assert cache.delete("lock") is False
    assert cache.incr("count") == 1
