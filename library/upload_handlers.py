"""Files that a form sends, under the names that they have."""

import html
from typing import Any, cast

from django.core.files.uploadhandler import FileUploadHandler, load_handler
from django.http import HttpRequest, QueryDict
from django.http.multipartparser import MultiPartParser
from django.utils.datastructures import MultiValueDict

from library.texts import JOINERS

HANDLERS = (
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
)


class NamesAsSent(FileUploadHandler):
    """Reads the form with Django's own parser and handlers, and leaves names their joiners (U+200C, U+200D): Django
    takes them for unprintable, but Persian and many Indian languages spell with them."""

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, str],  # noqa: N803  named so by Django
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> tuple[QueryDict, MultiValueDict[str, Any]]:
        request = cast(HttpRequest, self.request)
        handlers = [load_handler(path, request) for path in HANDLERS]
        return cast("tuple[QueryDict, MultiValueDict[str, Any]]", _Parser(META, input_data, handlers, encoding).parse())


class _Parser(MultiPartParser):
    def sanitize_file_name(self, file_name: str) -> str | None:
        """As Django does, but for the joiners."""
        name = html.unescape(file_name).rsplit("/")[-1].rsplit("\\")[-1]
        name = "".join(letter for letter in name if letter.isprintable() or letter in JOINERS)
        return None if name in {"", ".", ".."} else name
