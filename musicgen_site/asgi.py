"""The web process, for a server that speaks ASGI."""

import os

from django.core.asgi import get_asgi_application

from musicgen_site.private_files import write_privately

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "musicgen_site.settings")

write_privately()
application = get_asgi_application()
