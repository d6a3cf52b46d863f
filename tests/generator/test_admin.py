"""The administration pages open and their actions go through the services."""

import html
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.test import Client

from accounts.models import User
from generator import services
from generator.errors import GenreModelInUse
from generator.models import Activation, Generation, Genre, GenreModel
from library.models import Piece
from tests import factories
from tests.manifests import band_manifest
from tests.stored import is_stored

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client, carol: Any) -> Client:
    client.force_login(carol)
    return client


def text_of(response: Any) -> str:
    return " ".join(html.unescape(response.content.decode()).split())


def look_only(user: User, *codenames: str) -> None:
    user.is_staff = True
    user.save()
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))


@pytest.mark.parametrize(
    "page",
    [
        *("accounts/user", "library/piece", "generator/genre", "generator/genremodel", "generator/generation"),
        *("generator/bundleupload", "generator/workerbeat"),
    ],
)
def test_lists_open(staff: Client, page: str) -> None:
    factories.make_succeeded_generation()
    assert staff.get(f"/admin/{page}/").status_code == 200


def test_each_opens(staff: Client) -> None:
    generation = factories.make_succeeded_generation()
    assert generation.piece
    for page in (
        f"library/piece/{generation.piece.pk}",
        f"generator/generation/{generation.pk}",
        f"generator/genre/{generation.genre.pk}",
        f"generator/genremodel/{generation.genre.active_model_id}",
        f"accounts/user/{User.objects.get().pk}",
    ):
        assert staff.get(f"/admin/{page}/change/").status_code == 200, page


@pytest.mark.parametrize("form", [{"action": "delete_selected"}, {}])
def test_a_piece_is_deleted_with_its_file(staff: Client, form: dict[str, str]) -> None:
    piece = factories.make_piece()
    page = "/admin/library/piece/" if form else f"/admin/library/piece/{piece.pk}/delete/"
    staff.post(page, {**form, "_selected_action": [str(piece.pk)], "post": "yes"})
    assert not Piece.objects.exists()
    assert not is_stored(piece.midi)


def test_members_do_not_get_in(client: Client, alice: Any) -> None:
    client.force_login(alice)
    assert client.get("/admin/generator/genre/").status_code == 302


def activate(client: Client, model: GenreModel) -> Any:
    return client.post(f"/admin/generator/genremodel/{model.pk}/activate/", follow=True)


class TestActivating:
    def test_it_asks_first_and_the_compose_form_follows_at_once(self, staff: Client, client: Client) -> None:
        genre = factories.make_genre()
        other = factories.make_genre_model(genre, manifest=band_manifest("piano-band", genre="piano").as_dict())
        form = {"action": "activate", "_selected_action": [other.pk]}
        question = staff.post("/admin/generator/genremodel/", form, follow=True)
        assert f"Use {other.name} (version {other.version}) for Piano instead of" in text_of(question)
        assert Genre.objects.get().active_model != other
        assert "Full band" not in text_of(client.get("/"))
        assert f"Piano now uses {other.name}." in text_of(activate(staff, other))
        assert Genre.objects.get().active_model == other
        assert "Full band" in text_of(client.get("/"))
        entry = Activation.objects.get()
        assert (entry.genre_model, getattr(entry.activated_by, "username", "")) == (other, "carol")

    def test_only_one_can_be_chosen(self, staff: Client) -> None:
        models = [factories.make_genre_model() for _ in range(2)]
        form = {"action": "activate", "_selected_action": [model.pk for model in models]}
        assert "Select one model" in text_of(staff.post("/admin/generator/genremodel/", form, follow=True))

    def test_who_may_only_look_may_not_activate(self, client: Client, bob: User) -> None:
        model = factories.make_genre_model()
        look_only(bob, "view_genremodel", "view_genre", "change_genre")
        client.force_login(bob)
        page = f"/admin/generator/genremodel/{model.pk}"
        assert "Let it compose" not in text_of(client.get(f"{page}/change/"))
        assert client.get(f"{page}/activate/").status_code == 403
        assert client.post(f"{page}/activate/").status_code == 403
        assert client.post(f"/admin/generator/genre/{model.genre_id}/roll-back/").status_code == 403
        assert Genre.objects.get().active_model is None

    def test_a_model_that_is_gone(self, staff: Client) -> None:
        assert "That model has been deleted." in text_of(
            staff.get("/admin/generator/genremodel/99/activate/", follow=True)
        )


class TestReturning:
    @pytest.fixture
    def three(self) -> list[GenreModel]:
        models = [factories.make_genre_model() for _ in range(3)]
        for model in models:
            services.genre_model_activate(genre_model=model)
        return models

    def roll_back(self, client: Client, genre: Genre) -> str:
        return text_of(client.post(f"/admin/generator/genre/{genre.pk}/roll-back/", follow=True))

    def active(self) -> GenreModel | None:
        return Genre.objects.get().active_model

    def test_it_goes_back_one_model_at_a_time(self, staff: Client, three: list[GenreModel]) -> None:
        first, second, third = three
        page = staff.get(f"/admin/generator/genremodel/{third.pk}/change/")
        assert f"Roll back to {second.name}" in text_of(page)
        question = staff.get(f"/admin/generator/genre/{third.genre_id}/roll-back/")
        assert f"Use {second.name} (version {second.version}) for Piano again?" in text_of(question)
        assert self.active() == third
        assert f"Piano uses {second.name} again." in self.roll_back(staff, third.genre)
        assert self.active() == second
        self.roll_back(staff, third.genre)
        assert self.active() == first
        assert "There is no earlier model to roll back to." in self.roll_back(staff, third.genre)
        assert self.active() == first

    def test_what_was_undone_is_not_returned_to(self, staff: Client, three: list[GenreModel]) -> None:
        first, second, third = three
        self.roll_back(staff, third.genre)
        activate(staff, first)
        self.roll_back(staff, third.genre)
        assert self.active() == second
        history = text_of(staff.get(f"/admin/generator/genre/{third.genre_id}/change/"))
        assert f"{third.name} (version {third.version}) · rolled back" in history

    def test_a_model_that_was_deleted_is_passed_over(self, staff: Client, three: list[GenreModel]) -> None:
        first, second, third = three
        staff.post(f"/admin/generator/genremodel/{second.pk}/delete/", {"post": "yes"})
        self.roll_back(staff, third.genre)
        assert self.active() == first

    def test_activating_twice_is_one_entry(self, three: list[GenreModel]) -> None:
        services.genre_model_activate(genre_model=three[2])
        assert Activation.objects.count() == 3

    def test_a_genre_is_taken_off_the_page_and_brought_back(
        self, staff: Client, client: Client, three: list[GenreModel]
    ) -> None:
        form = {"action": "take_off", "_selected_action": [three[0].genre_id]}
        staff.post("/admin/generator/genre/", form)
        assert self.active() is None
        self.roll_back(staff, three[0].genre)
        assert self.active() == three[2]


class TestDeleting:
    def test_a_model_that_composes_is_refused_in_a_sentence(self, staff: Client) -> None:
        genre = factories.make_genre()
        model = genre.active_model
        assert model is not None
        sentence = f"Piano uses {model.name} right now. Activate another Piano model first"
        page = f"/admin/generator/genremodel/{model.pk}/delete/"
        for response in (staff.get(page, follow=True), staff.post(page, {"post": "yes"}, follow=True)):
            assert sentence in text_of(response)
        form = {"action": "delete_selected", "_selected_action": [model.pk], "post": "yes"}
        assert sentence in text_of(staff.post("/admin/generator/genremodel/", form))
        with pytest.raises(GenreModelInUse, match=sentence):
            services.genre_model_delete(genre_model=model)
        assert GenreModel.objects.filter(pk=model.pk).exists()

    @pytest.mark.parametrize("form", [{"action": "delete_selected"}, {}])
    def test_pieces_keep_their_facts_and_the_bundle_goes(
        self, staff: Client, piano: GenreModel, form: dict[str, str]
    ) -> None:
        generation = factories.make_succeeded_generation(factories.member(User.objects.get()), genre=piano.genre)
        piece = generation.piece
        assert piece is not None
        activate(staff, factories.make_genre_model(piano.genre))
        page = "/admin/generator/genremodel/" if form else f"/admin/generator/genremodel/{piano.pk}/delete/"
        staff.post(page, {**form, "_selected_action": [str(piano.pk)], "post": "yes"})
        assert not GenreModel.objects.filter(pk=piano.pk).exists()
        assert not is_stored(piano.bundle)
        generation.refresh_from_db()
        assert (generation.piece, generation.genre_model) == (piece, None)
        assert staff.get(f"/pieces/{piece.pk}/").status_code == 200

    def test_a_genre_goes_after_its_models(self, staff: Client) -> None:
        model = factories.make_genre_model()
        page = f"/admin/generator/genre/{model.genre_id}/delete/"
        assert "Piano still has models. Delete those first." in text_of(staff.post(page, {"post": "yes"}))
        services.genre_model_delete(genre_model=model)
        staff.post(page, {"post": "yes"})
        assert not Genre.objects.exists()


class TestTheListOfJobs:
    def test_it_is_filtered_searched_and_paged(self, staff: Client, alice: User) -> None:
        mine = factories.make_generation(factories.member(alice), status="failed", error_message="No memory is left.")
        factories.make_generation()
        page = "/admin/generator/generation/"
        for query in ("status=failed", f"q={mine.pk}", "q=alice", "q=memory"):
            found = staff.get(f"{page}?{query}").context["cl"].queryset
            assert list(found) == [mine], query
        assert staff.get(page).context["cl"].list_per_page == 50
        assert list(staff.get(f"{page}?created_at__year=2001").context["cl"].queryset) == []

    def test_nothing_of_a_guest_is_shown(self, staff: Client) -> None:
        generation = factories.make_generation(client_hash="f00d")
        page = text_of(staff.get(f"/admin/generator/generation/{generation.pk}/change/"))
        assert "guest-alice" not in page
        assert "f00d" not in page

    def test_who_may_only_look_cancels_nothing(self, client: Client, bob: User) -> None:
        generation = factories.make_generation()
        look_only(bob, "view_generation")
        client.force_login(bob)
        client.post("/admin/generator/generation/", {"action": "cancel", "_selected_action": [str(generation.pk)]})
        assert Generation.objects.get().status == "queued"


def test_the_first_administrator_is_made_without_questions(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `make admin` runs, as a script calls it."""
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "a-long-enough-one")
    call_command("createsuperuser", interactive=False, username="root", email="root@example.org")
    assert client.login(username="root", password="a-long-enough-one")
    assert client.get("/admin/generator/bundleupload/add/").status_code == 200


def test_a_job_is_cancelled(staff: Client) -> None:
    generation = factories.make_generation()
    staff.post("/admin/generator/generation/", {"action": "cancel", "_selected_action": [str(generation.pk)]})
    assert Generation.objects.get().status == "cancelled"
