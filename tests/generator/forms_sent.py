"""What a browser without scripts sends of a form: successful controls, as HTML defines them."""

from html.parser import HTMLParser


class _Form(HTMLParser):
    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.form_id = form_id
        self.inside = False
        self.sent: dict[str, list[str]] = {}
        self._select = ""
        self._options: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.inside = named.get("id") == self.form_id
        if not self.inside or "disabled" in named:
            return
        if tag == "input" and named.get("name"):
            kind = named.get("type", "text")
            if kind in ("radio", "checkbox") and "checked" not in named:
                return
            if kind not in ("file", "submit"):
                self._add(named["name"], named.get("value", ""))
        elif tag == "select":
            self._select, self._options = named.get("name", ""), []
        elif tag == "option" and self._select:
            self._options.append((named.get("value", ""), "selected" in named))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False
        elif tag == "select" and self._select:
            chosen = [value for value, is_selected in self._options if is_selected]
            self._add(self._select, (chosen or [self._options[0][0]])[-1])
            self._select = ""

    def _add(self, name: str, value: str) -> None:
        self.sent.setdefault(name, []).append(value)


def sent_by(page: str, form_id: str) -> dict[str, list[str]]:
    """Name → values, for `client.post`."""
    form = _Form(form_id)
    form.feed(page)
    return form.sent
