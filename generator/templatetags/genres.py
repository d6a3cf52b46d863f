"""What can be composed, for templates that no view of the generator renders."""

from django import template

from generator.choices import GenreChoice, genre_choices
from generator.reuse import again_url_of_piece
from library.models import Piece

register = template.Library()


@register.simple_tag
def genres_on_offer() -> list[GenreChoice]:
    """The genres with an active model and their types, as the form of composing lists them."""
    return genre_choices()


@register.filter
def again_url(piece: Piece) -> str:
    """The compose page with the settings that a piece was composed with."""
    return again_url_of_piece(piece)
