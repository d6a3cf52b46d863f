"""Counts of attempts, shared by all web processes of all machines where there is a Redis (else by those of one)."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.cache.backends.redis import RedisCache

logger = logging.getLogger(__name__)


def _forgiving(method: Callable[..., Any], otherwise: Any) -> Callable[..., Any]:
    @wraps(method)
    def forgiving(self: Any, *args: Any, **kwargs: Any) -> Any:
        from redis.exceptions import RedisError

        try:
            return method(self, *args, **kwargs)
        except (RedisError, OSError):
            logger.warning("Redis is not responding: limits on attempts are not enforced.", exc_info=True)
            return otherwise

    return forgiving


class ForgivingRedisCache(RedisCache):
    """A cache that is empty while Redis is down, so that no one is kept from signing in."""

    add = _forgiving(RedisCache.add, True)
    set = _forgiving(RedisCache.set, None)
    delete = _forgiving(RedisCache.delete, False)
    touch = _forgiving(RedisCache.touch, False)
    has_key = _forgiving(RedisCache.has_key, False)
    incr = _forgiving(RedisCache.incr, 1)

    def get(self, key: Any, default: Any = None, version: Any = None) -> Any:
        return _forgiving(RedisCache.get, default)(self, key, default, version)
