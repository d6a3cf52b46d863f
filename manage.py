#!/usr/bin/env python
"""Django's command line: `python manage.py COMMAND`."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "musicgen_site.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # Whoever set a wrong value needs its sentence, not the lines of ours that read it.
        sys.exit(f"Invalid settings: {error}")


if __name__ == "__main__":
    main()
