"""What is written about pieces, collections and links."""

import re
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import User
from accounts.owners import Owner
from library import services
from library.models import MAX_COMMENT, MAX_TITLE, Collection, Piece

MAX_TAGS_TEXT = 2000


def tag_names(text: str) -> list[str]:
    """Tags as they are written into one field: separated by commas or lines, each once, whatever its case."""
    names = {name.casefold(): name for part in re.split(r"[,\n]", text) if (name := " ".join(part.split()))}
    return list(names.values())


class ServiceForm(forms.Form):
    def add_service_errors(self, error: ValidationError) -> None:
        """What the service refused, beside the fields it is about."""
        by_field = error.error_dict if hasattr(error, "error_dict") else {"": [error]}
        for name, errors in by_field.items():
            self.add_error(name if name in self.fields else None, ValidationError(errors))


class PieceForm(ServiceForm):
    title = forms.CharField(max_length=MAX_TITLE, error_messages={"required": "Enter a title."})
    comment = forms.CharField(max_length=MAX_COMMENT, required=False, widget=forms.Textarea)
    tags = forms.CharField(max_length=MAX_TAGS_TEXT, required=False)
    collections = forms.ModelMultipleChoiceField(Collection.objects.none(), required=False)
    new_collection = forms.CharField(max_length=MAX_TITLE, required=False)

    def __init__(self, *args: Any, owner: Owner, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user: User | None = owner.user
        if owner.user is None:
            for name in ("tags", "collections", "new_collection"):
                del self.fields[name]
        else:
            self.fields["collections"].queryset = Collection.objects.of(owner.user).by_title()  # type: ignore[attr-defined]

    @classmethod
    def of(cls, piece: Piece, owner: Owner) -> "PieceForm":
        initial: dict[str, Any] = {"title": piece.title, "comment": piece.comment}
        if owner.user is not None:
            initial["tags"] = ", ".join(tag.name for tag in piece.tags.all())
            initial["collections"] = list(piece.collections.values_list("pk", flat=True))
        return cls(initial=initial, owner=owner)

    @property
    def chosen_collections(self) -> list[str]:
        return [str(pk) for pk in (self["collections"].value() or [])]

    def save(self, piece: Piece) -> None:
        values = self.cleaned_data
        written: dict[str, Any] = {"title": values["title"], "comment": values["comment"]}
        if self.user is not None:
            written["tags"] = tag_names(values["tags"])
        services.piece_edit(piece=piece, **written)
        if self.user is not None:
            self._collect(self.user, piece)

    def _collect(self, user: User, piece: Piece) -> None:
        this = Piece.objects.filter(pk=piece.pk)
        wanted = set(self.cleaned_data["collections"])
        before = set(Collection.objects.of(user).filter(items__piece=piece))
        for collection in before - wanted:
            services.collection_remove(collection=collection, pieces=this)
        if self.cleaned_data["new_collection"]:
            wanted.add(services.collection_create(user=user, title=self.cleaned_data["new_collection"]))
        for collection in wanted - before:
            services.collection_add(collection=collection, pieces=this)


class CollectionForm(ServiceForm):
    title = forms.CharField(max_length=MAX_TITLE, error_messages={"required": "Enter a name."})
    description = forms.CharField(max_length=MAX_COMMENT, required=False, widget=forms.Textarea)


class ValueForm(forms.Form):
    """A rating: like, dislike, or neither."""

    value = forms.TypedChoiceField(choices=[("1", "Like"), ("-1", "Dislike"), ("0", "Neither")], coerce=int)


class ShareForm(forms.Form):
    """When a link expires."""

    DAYS = (("", "never"), ("1", "in 1 day"), ("7", "in 7 days"), ("30", "in 30 days"))

    days = forms.TypedChoiceField(choices=DAYS, coerce=int, required=False, empty_value=None)

    def expires_at(self) -> datetime | None:
        days = self.cleaned_data["days"]
        return timezone.now() + timedelta(days=days) if days else None
