"""Static files under names that carry a hash of their content, so that browsers may keep them for a year."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):
    # Rewrites `import ... from "./x.js"` to the hashed name of x.js as well.
    support_js_module_import_aggregation = True
