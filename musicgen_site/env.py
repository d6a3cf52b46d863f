"""Reads settings from the environment and fails loudly, with a sentence, on a value that makes no sense.

The real environment wins over the file `.env` beside manage.py, which `make run` writes.
"""

import os
import re
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE_WORDS = {"1", "true", "yes", "on"}
FALSE_WORDS = {"0", "false", "no", "off"}


def load_file(path: Path) -> None:
    """Puts the NAME=value lines of a file into the environment; a name that is already set stays as it is."""
    if not path.is_file():
        return
    for number, raw_line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        line = raw_line.strip()
        if not line or line.startswith("#"):
            continue
        name, separator, value = line.partition("=")
        if not separator or not name.strip().isidentifier():
            raise ImproperlyConfigured(f"{path.name}, line {number}: expected NAME=value. Received: {line!r}.")
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        os.environ.setdefault(name.strip(), value)


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def flag(name: str, default: bool) -> bool:
    value = text(name).lower()
    if not value:
        return default
    if value in TRUE_WORDS:
        return True
    if value in FALSE_WORDS:
        return False
    raise ImproperlyConfigured(f"{name} must be one of 1, 0, true, false, yes, no, on, off. Received: {value!r}.")


def number(name: str, default: float, *, minimum: float, maximum: float) -> float:
    """A number between two bounds, both inclusive."""
    value = text(name)
    if not value:
        return default
    try:
        result = float(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a number. Received: {value!r}.") from None
    if not minimum <= result <= maximum:
        raise ImproperlyConfigured(f"{name} must be from {minimum:g} to {maximum:g}. Received: {value!r}.")
    return result


def integer(name: str, default: int, *, minimum: int, maximum: int) -> int:
    """A whole number between two bounds, both inclusive."""
    result = number(name, default, minimum=minimum, maximum=maximum)
    if result != int(result):
        raise ImproperlyConfigured(f"{name} must be a whole number. Received: {text(name)!r}.")
    return int(result)


def choice(name: str, options: Iterable[str], default: str) -> str:
    value = text(name, default)
    known = list(options)
    if value not in known:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(known)}. Received: {value!r}.")
    return value


def listing(name: str, default: Iterable[str]) -> list[str]:
    """Values separated by commas."""
    value = text(name)
    return [part.strip() for part in value.split(",") if part.strip()] if value else list(default)


def origin(name: str, default: str) -> str:
    """The address of a site as browsers send it in `Origin`: https://music.example.org, with a port where it is not the
    usual one. A path, or anything else that would have to be in every address of ours, is refused."""
    value = text(name, default)
    wanted = f"{name} must be an address without anything after the host, such as https://music.example.org."
    try:
        parts = urlsplit(value)
        scheme, host, port = parts.scheme.lower(), parts.hostname or "", parts.port
    except ValueError as error:
        raise ImproperlyConfigured(f"{wanted} Received: {value!r} ({error}).") from None
    if scheme not in ("http", "https") or not host:
        raise ImproperlyConfigured(f"{wanted} Received: {value!r}.")
    if parts.username is not None or parts.password is not None:
        raise ImproperlyConfigured(f"{wanted} Remove the username or password from it.")
    extra = parts.path.strip("/") or parts.query or parts.fragment or ("?" if value[-1] in "?#" else "")
    if extra:
        raise ImproperlyConfigured(
            f"{wanted} The site always answers at the root of its host, so give it a host of its own. "
            f"Received: {value!r}."
        )
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", host) and ":" not in host:
        raise ImproperlyConfigured(
            f"{wanted} A host has only the letters a to z, digits, dots and hyphens; write an international name "
            f"in its xn-- form. Received: {host!r}."
        )
    shown = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}[scheme]
    return f"{scheme}://{shown}" if port in (None, usual) else f"{scheme}://{shown}:{port}"


def hosts(name: str, default: Iterable[str]) -> list[str]:
    """Names of hosts as Django compares them with the header Host: no scheme, no port, no path."""
    found = listing(name, default)
    for host in found:
        is_ip6 = host.startswith("[") and host.endswith("]")
        if host != "*" and not is_ip6 and not re.fullmatch(r"\.?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", host):
            raise ImproperlyConfigured(
                f"{name} must hold host names separated by commas, such as music.example.org, without https:// and "
                f"without a port. Received: {host!r}."
            )
    return found


def contact(name: str) -> str:
    """An address of mail, or of a page with a form, as a URI; empty where there is none."""
    value = text(name)
    if re.fullmatch(r"[^@\s:/]+@[^@\s:/]+", value):
        return f"mailto:{value}"
    if not value or re.fullmatch(r"(mailto:[^@\s]+@[^@\s]+|https://\S+|tel:\S+)", value):
        return value
    raise ImproperlyConfigured(
        f"{name} must be an email address or an https:// address, such as security@example.org. Received: {value!r}."
    )


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """Addresses and networks separated by commas, such as 127.0.0.1, 10.0.0.0/8, fd00::/8."""
    try:
        return [ip_network(part) for part in listing(name, [])]
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{name} must hold addresses or networks, such as 10.0.0.0/8. Received: {text(name)!r} ({error})."
        ) from None


def folder(name: str, default: Path) -> Path:
    return Path(text(name)).expanduser().resolve() if text(name) else default


def database(name: str, default_file: Path) -> dict[str, Any]:
    """Django's settings for `sqlite:////a/file` or `postgresql://user:password@host:port/name?sslmode=require`."""
    value = text(name, f"sqlite:///{quote(str(default_file))}")
    parts = urlsplit(value)
    if parts.scheme == "sqlite":
        file = unquote(parts.path)[1:] if parts.path.startswith("/") else ""
        if not file:
            raise ImproperlyConfigured(f"{name}: add the path of a file, as in sqlite:////var/lib/music.sqlite3.")
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": file,
            # Write transactions take the write lock when they begin, so web and worker wait for each other (20 s)
            # instead of failing half way; WAL lets readers go on meanwhile.
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
        }
    if parts.scheme in ("postgres", "postgresql"):
        database_name = unquote(parts.path).strip("/")
        if not database_name:
            raise ImproperlyConfigured(
                f"{name}: expected postgresql://user:password@host:port/name; the name is missing."
            )
        try:
            port = parts.port
        except ValueError:
            raise ImproperlyConfigured(f"{name}: the port must be a number from 0 to 65535.") from None
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": database_name,
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": str(port or ""),
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": dict(parse_qsl(parts.query)),
        }
    raise ImproperlyConfigured(f"{name} must start with sqlite:// or postgresql://. Received: {parts.scheme!r}.")


def mail(name: str) -> dict[str, Any]:
    """Django's settings for `smtp://user:password@host:587`, `smtps://…:465`, `console:` or `file:///a/folder`.

    Nothing where the variable is empty. smtp begins in the clear and turns to TLS, unless it says `?tls=0`.
    """
    value = text(name)
    if not value:
        return {}
    parts = urlsplit(value)
    if parts.scheme == "console":
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    if parts.scheme == "file" and parts.path.startswith("/"):
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "EMAIL_FILE_PATH": unquote(parts.path),
        }
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ImproperlyConfigured(
            f"{name} must look like smtp://user:password@host:587 or smtps://user:password@host:465. "
            f"Received: {parts.scheme!r}."
        )
    try:
        port = parts.port
    except ValueError:
        raise ImproperlyConfigured(f"{name}: the port must be a number from 0 to 65535.") from None
    implicit = parts.scheme == "smtps"
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port or (465 if implicit else 587),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": implicit,
        "EMAIL_USE_TLS": not implicit and dict(parse_qsl(parts.query)).get("tls", "1") != "0",
    }
