"""What can be composed, for templates that no view of the generator renders."""

from django import template

from generator.choices import GenreChoice, genre_choices

register = template.Library()


@register.simple_tag
def genres_on_offer() -> list[GenreChoice]:
    """The genres with an active model and their types, as the form of composing lists them."""
    return genre_choices()
