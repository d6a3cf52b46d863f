"""Static files under names that carry a hash of their content, so that browsers may keep them for a year."""

import os
from collections.abc import Iterator
from typing import Any

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):
    # Rewrites `import ... from "./x.js"` to the hashed name of x.js as well.
    support_js_module_import_aggregation = True

    def __init__(self, **options: Any) -> None:
        # Anybody may read them, such as a proxy that runs as another user, whatever the umask of this process.
        super().__init__(file_permissions_mode=0o644, directory_permissions_mode=0o755, **options)

    def post_process(self, *args: Any, **options: Any) -> Iterator[Any]:
        before = os.umask(0o022)
        try:
            yield from super().post_process(*args, **options)
        finally:
            os.umask(before)
