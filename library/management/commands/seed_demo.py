"""`manage.py seed_demo`: a library full of pieces, to look at."""

import random
import secrets
from collections import defaultdict
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.owners import Owner
from library.models import Collection, Piece
from library.services import BULK_AT_MOST, collection_add, collection_create, piece_rate, pieces_tag

MAX_PIECES = 100_000
AT_ONCE = 500


class Command(BaseCommand):
    help = (
        "Fills a member's library with demo pieces from the test factories: all genres, tags, collections, ratings, "
        "drafts, a trash. Creates the member if needed. Running it again adds more."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--pieces", type=int, default=200, metavar="N", help="number of pieces (200)")
        parser.add_argument("--user", default="demo", metavar="NAME", help="username (demo)")
        parser.add_argument("--seed", type=int, default=1, help="random seed (1)")
        parser.add_argument("--yes", action="store_true", help="run even on a public site")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            from tests import demo
        except ImportError as error:
            raise CommandError("The test factories are not installed.") from error
        if settings.SERVES_OTHERS and not options["yes"]:
            raise CommandError("This is a public site (ALLOWED_HOSTS is set). Pass --yes to add demo data anyway.")
        if not 1 <= options["pieces"] <= MAX_PIECES:
            raise CommandError(f"Expected 1 to {MAX_PIECES:,} pieces; got {options['pieces']}.")
        user = self._user(options["user"])
        owner, rng, now = Owner(user=user), random.Random(options["seed"]), timezone.now()
        made: list[Piece] = []
        for first in range(0, options["pieces"], AT_ONCE):
            count = min(AT_ONCE, options["pieces"] - first)
            with transaction.atomic():
                pieces = [demo.demo_piece(owner, rng, now=now) for _ in range(count)]
                for piece in pieces:
                    if piece.rating:
                        piece_rate(piece=piece, person=owner, value=piece.rating)
            made += pieces
            self.stderr.write(f"{len(made)} of {options['pieces']} pieces", ending="\r")
        self._tag(user, made, rng, demo.TAGS)
        self._collect(user, made, rng, demo.COLLECTIONS)
        self.stdout.write(f"{len(made)} pieces in the library of {user.username}.")

    def _user(self, name: str) -> User:
        user = User.objects.by_name(name)
        if user is None:
            password = secrets.token_urlsafe(9)
            user = User.objects.create_user(username=name, password=password)
            self.stdout.write(f"Created member {name} with password {password}")
        return user

    def _tag(self, user: User, pieces: list[Piece], rng: random.Random, names: tuple[str, ...]) -> None:
        tagged: dict[str, list[UUID]] = defaultdict(list)
        for piece in pieces:
            for name in rng.sample(names, rng.choice((0, 0, 1, 1, 2, 3))):
                tagged[name].append(piece.pk)
        for name, ids in tagged.items():
            for first in range(0, len(ids), BULK_AT_MOST):
                chosen = Piece.objects.filter(pk__in=ids[first : first + BULK_AT_MOST])
                pieces_tag(pieces=chosen, user=user, names=[name])

    def _collect(self, user: User, pieces: list[Piece], rng: random.Random, titles: tuple[str, ...]) -> None:
        for title in titles:
            collection = Collection.objects.of(user).filter(title=title).first()
            collection = collection or collection_create(user=user, title=title)
            chosen = rng.sample(pieces, min(len(pieces), rng.randint(5, 40)))
            collection_add(collection=collection, pieces=Piece.objects.filter(pk__in=[piece.pk for piece in chosen]))
