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

from accounts.owners import Owner
from generator.engine.bundles import read_bundle
from generator.engine.controls import compose_request
from generator.engine.manifest import parse_manifest
from generator.models import Genre, GenreModel
from generator.services.drafts import draft_of
from generator.services.judging import judge
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


def genre_model_import(*, path: Path, activate: bool = False) -> tuple[GenreModel, bool]:
    """Installs a bundle file as the next version of its genre. A bundle that is installed already stays one.

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
            genre, _ = Genre.objects.get_or_create(slug=manifest.genre, defaults={"name": manifest.genre_name})
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
            genre_model_activate(genre_model=model)
    return model, is_new


def genre_model_activate(*, genre_model: GenreModel) -> None:
    """Makes it the model that composes its genre from now on. Workers follow within seconds."""
    with transaction.atomic():
        genre = genre_model.genre
        genre.active_model = genre_model
        genre.save(update_fields=["active_model"])
        genre_model.status = GenreModel.Status.READY
        genre_model.activated_at = timezone.now()
        genre_model.save(update_fields=["status", "activated_at"])
    logger.info("%s now composes %s.", genre_model.name, genre.name)


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
    draft = draft_of(piece_id, genre_model.genre, loaded, request, composition, facts=facts)
    draft.write_file()
    piece = draft.store(Owner(), is_example=True)
    for other in Piece.objects.examples().filter(genre=genre_model.genre.slug).exclude(pk=piece_id):
        library.piece_delete(piece=other)
    return piece, True
