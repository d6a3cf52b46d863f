"""What can be composed, for templates that no view of the generator renders."""

from django import template

from generator.models import Genre

register = template.Library()


@register.simple_tag
def styles_on_offer() -> list[tuple[str, str]]:
    """(slug, name) of each genre with an active model, as the form of composing lists them."""
    return [(genre.slug, genre.name) for genre in Genre.objects.with_active_model()]
