"""Tags: made when a piece gets them, gone when no piece has them any more."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Lower

from accounts.models import User
from library.models import MAX_TAG, Piece, Tag
from library.services.bulk import ids_of
from library.texts import clean_name
from library.words import search_text_of

if TYPE_CHECKING:
    from library.querysets import PieceQuerySet

MAX_TAGS_A_PIECE = 30
MAX_TAGS = 1000


def owner_lock(user: User) -> None:
    """Lets changes to one member's tags pass one after another until the transaction ends: a tag that one of them
    has just put on a piece must not be removed by another that saw it unused."""
    User.objects.select_for_update(no_key=True).only("pk").get(pk=user.pk)


def piece_tag(*, piece: Piece, add: Iterable[str] = (), remove: Iterable[str] = ()) -> Piece:
    """Puts tags on a member's piece, or takes them off; upper and lower case are one. Raises ValidationError under
    `tags`."""
    if piece.owner is None:
        raise ValidationError({"tags": "Sign up to tag pieces."})
    pieces_tag(pieces=Piece.objects.filter(pk=piece.pk), user=piece.owner, names=add, remove=remove)
    piece.refresh_from_db()
    return piece


def pieces_tag(*, pieces: "PieceQuerySet", user: User, names: Iterable[str] = (), remove: Iterable[str] = ()) -> int:
    """The same for many pieces of one member, in one transaction; others' among them are left out. Returns how many
    pieces that were."""
    wanted, unwanted = tag_names(names), {name.casefold() for name in tag_names(remove)}
    with transaction.atomic():
        owner_lock(user)
        own = Piece.objects.filter(owner=user)
        ids = ids_of(own.filter(pk__in=ids_of(pieces)))
        added = tags_ensure(user, wanted)
        links = Piece.tags.through
        links.objects.bulk_create(
            [links(piece_id=pk, tag_id=tag.pk) for pk in ids for tag in added], ignore_conflicts=True, batch_size=1000
        )
        if unwanted:
            gone = [tag.pk for tag in Tag.objects.filter(owner=user) if tag.name.casefold() in unwanted]
            links.objects.filter(piece_id__in=ids, tag_id__in=gone).delete()
        _write_words(ids)
        tags_forget_unused(user)
    return len(ids)


def piece_tags_set(*, piece: Piece, user: User, names: Iterable[str]) -> None:
    """These tags of its owner and no others. Called while `owner_lock` holds; the caller writes search_text."""
    piece.tags.set(tags_ensure(user, tag_names(names)))
    tags_forget_unused(user)


def tag_names(names: Iterable[str]) -> list[str]:
    """Names as they are kept, each once. Raises ValidationError under `tags`."""
    found: dict[str, str] = {}
    for name in names:
        line = clean_name(name, "tags", sentence="A tag needs a letter or a digit.", at_most=MAX_TAG)
        if "," in line:
            raise ValidationError({"tags": "A tag can't contain a comma."})
        found.setdefault(line.casefold(), line)
    if len(found) > MAX_TAGS_A_PIECE:
        raise ValidationError({"tags": f"A piece can have up to {MAX_TAGS_A_PIECE} tags."})
    return list(found.values())


def tags_ensure(user: User, names: Sequence[str]) -> list[Tag]:
    """The member's tags of these names, made where there are none; a tag keeps the case in which it was first
    written."""
    if not names:
        return []
    known = {tag.name.casefold(): tag for tag in Tag.objects.filter(owner=user)}
    new = [name for name in names if name.casefold() not in known]
    if len(known) + len(new) > MAX_TAGS:
        raise ValidationError({"tags": f"You can have up to {MAX_TAGS:,} tags."})
    for name in new:
        tag = Tag(owner=user, name=name)
        tag.full_clean(validate_unique=False, validate_constraints=False)
        # Databases have ideas of their own about what is one letter in two cases.
        same = Tag.objects.annotate(lower=Lower("name")).filter(owner=user, lower=Lower(Value(name))).first()
        if same is None:
            tag.save()
        known[name.casefold()] = same or tag
    return [known[name.casefold()] for name in names]


def tags_forget_unused(user: User) -> None:
    """Removes tags that are on no piece. Called while `owner_lock` holds."""
    Tag.objects.filter(owner=user, pieces=None).delete()


def _write_words(ids: Sequence[UUID]) -> None:
    """The words by which these pieces are found, after their tags have changed."""
    names: dict[UUID, list[str]] = defaultdict(list)
    links: QuerySet = Piece.tags.through.objects.filter(piece_id__in=ids).order_by("tag__name")
    for piece_id, name in links.values_list("piece_id", "tag__name"):
        names[piece_id].append(name)
    if any(len(of_piece) > MAX_TAGS_A_PIECE for of_piece in names.values()):
        raise ValidationError({"tags": f"A piece can have up to {MAX_TAGS_A_PIECE} tags."})
    pieces = list(Piece.objects.filter(pk__in=ids).only("pk", "title", "comment"))
    for piece in pieces:
        piece.search_text = search_text_of([piece.title, *names[piece.pk], piece.comment])
    Piece.objects.bulk_update(pieces, ["search_text"], batch_size=200)
    Piece.objects.filter(pk__in=ids).update(version=F("version") + 1)
