"""Installing genre models and choosing the one that composes."""

import hashlib
import logging
import uuid
from pathlib import Path

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import User
from accounts.owners import Owner
from generator.engine.bundles import read_bundle
from generator.engine.controls import compose_request
from generator.engine.manifest import Manifest, parse_manifest
from generator.errors import GenreModelInUse, NoPreviousModel
from generator.models import Activation, Genre, GenreModel
from generator.services.drafts import draft_of
from generator.services.judging import claimed_key, judge
from library import services as library
from library.models import Piece

logger = logging.getLogger(__name__)

EXAMPLE_SECONDS = 30.0
EXAMPLE_SEED = 20


def genre_model_installed(*, path: Path) -> GenreModel | None:
    """The model that this very file was installed as before; decided by its checksum alone."""
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None  # reading it again says why
    return GenreModel.objects.select_related("genre").filter(sha256=digest).first()


def genre_model_import(*, path: Path, activate: bool = False, user: User | None = None) -> tuple[GenreModel, bool]:
    """Installs a bundle file as the next version of its genre. A bundle that is installed already stays one.

    The bundle is read, not tried: `generator.services.bundle_checks` does that with one that comes from elsewhere.

    Returns the model and whether it is new. Raises BundleError for a bundle that is not sound.
    """
    bundle = read_bundle(path)
    manifest = bundle.manifest
    # The file first: a crash leaves a file too many, never a model without its bundle. Trying again replaces it, and
    # so mends a stored bundle that was damaged or lost.
    name = default_storage.save(f"bundles/{manifest.genre}/{bundle.sha256}.bundle", ContentFile(path.read_bytes()))
    with transaction.atomic():
        model = GenreModel.objects.filter(sha256=bundle.sha256).first()
        is_new = model is None
        if model is None:
            genre = _genre_of(manifest)
            newest = genre.models.aggregate(newest=Max("version"))["newest"] or 0
            model = GenreModel(
                genre=genre,
                version=newest + 1,
                name=manifest.name,
                sha256=bundle.sha256,
                bundle=name,
                manifest=manifest.as_dict(),
            )
            model.full_clean()
            model.save()
        if activate:
            genre_model_activate(genre_model=model, user=user)
    return model, is_new


def _genre_of(manifest: Manifest) -> Genre:
    """The genre's row, locked; a genre that is new comes last on the page."""
    last = Genre.objects.aggregate(last=Max("position"))["last"]
    position = 0 if last is None else last + 1
    Genre.objects.get_or_create(slug=manifest.genre, defaults={"name": manifest.genre_name, "position": position})
    return Genre.objects.select_for_update().get(slug=manifest.genre)


def genre_model_activate(*, genre_model: GenreModel, user: User | None = None) -> None:
    """Makes it the model that composes its genre from now on. Workers follow within seconds."""
    with transaction.atomic():
        genre = Genre.objects.select_for_update().get(pk=genre_model.genre_id)
        if genre.active_model_id != genre_model.pk:
            Activation.objects.create(genre=genre, genre_model=genre_model, activated_by=user)
        _set_active(genre, genre_model)
    genre_model.refresh_from_db()
    logger.info("%s now composes %s.", genre_model.name, genre.name)


def previous_model(genre: Genre) -> GenreModel | None:
    """What the genre composed with before its active model; None where nothing is left of that."""
    activation = _previous_activation(genre)
    return activation.genre_model if activation else None


def genre_roll_back(*, genre: Genre) -> GenreModel:
    """Lets the model compose again that did before the active one, and returns it. Done again, it goes back further.

    Raises:
        NoPreviousModel: there is none.
    """
    with transaction.atomic():
        genre = Genre.objects.select_for_update().get(pk=genre.pk)
        previous = _previous_activation(genre)
        if previous is None:
            raise NoPreviousModel(f"{genre.name} has no earlier model to roll back to.")
        newer = genre.activations.filter(undone_at=None).exclude(pk=previous.pk)
        newer.filter(activated_at__gte=previous.activated_at).update(undone_at=timezone.now())
        _set_active(genre, previous.genre_model)
    logger.info("%s composes %s again.", previous.genre_model.name, genre.name)
    return previous.genre_model


def genre_take_off(*, genre: Genre) -> None:
    """Nothing composes the genre any more, and no page offers it, until a model of it is activated or returned to."""
    Genre.objects.filter(pk=genre.pk).update(active_model=None)
    logger.info("%s is off the page.", genre.name)


def _previous_activation(genre: Genre) -> Activation | None:
    history = genre.activations.filter(undone_at=None).select_related("genre_model")
    return history.exclude(genre_model=genre.active_model_id).order_by("-activated_at", "-pk").first()


def _set_active(genre: Genre, model: GenreModel) -> None:
    genre.active_model = model
    genre.save(update_fields=["active_model"])
    GenreModel.objects.filter(pk=model.pk).update(status=GenreModel.Status.READY, activated_at=timezone.now())


def genre_model_delete(*, genre_model: GenreModel) -> None:
    """Removes a model that does not compose. Pieces that it composed keep their facts.

    Raises:
        GenreModelInUse: it composes its genre.
    """
    with transaction.atomic():
        genre = Genre.objects.select_for_update().get(pk=genre_model.genre_id)
        if genre.active_model_id == genre_model.pk:
            raise GenreModelInUse(in_use_sentence(genre_model))
        name = str(genre_model.bundle.name or "")
        genre_model.delete()
    # The row first: a crash leaves a file too many, never a model without its bundle.
    if name:
        default_storage.delete(name)


def in_use_sentence(genre_model: GenreModel) -> str:
    return (
        f"{genre_model.genre.name} uses {genre_model.name} right now. Activate another "
        f"{genre_model.genre.name} model first, then delete this one."
    )


def example_ensure(*, genre_model: GenreModel) -> tuple[Piece, bool]:
    """The piece that a visitor can hear before composing anything, composed by this model now if there is none yet.

    It replaces examples that other models of the genre composed. Returns the piece and whether it is new.
    """
    piece_id = uuid.uuid5(uuid.NAMESPACE_OID, f"example {genre_model.sha256}")
    found = Piece.objects.examples().filter(pk=piece_id).first()
    if found is not None:
        return found, False
    from generator.composers import composers

    manifest = parse_manifest(genre_model.manifest)
    length = manifest.controls.length
    seconds = min(max(EXAMPLE_SECONDS, length.min_seconds), length.max_seconds)
    loaded = composers.load(genre_model)
    request = compose_request(manifest, seed=EXAMPLE_SEED, length_seconds=seconds)
    composition = loaded.composer.compose(request)
    facts = judge(loaded, request, composition).facts
    title_key = claimed_key(facts, composition.key)
    draft = draft_of(piece_id, genre_model.genre, loaded, request, composition, title_key=title_key, facts=facts)
    draft.write_file()
    piece = draft.store(Owner(), is_example=True)
    for other in Piece.objects.examples().filter(genre=genre_model.genre.slug).exclude(pk=piece_id):
        library.piece_delete(piece=other)
    return piece, True
