"""Forms of accounts in templates."""

from django import forms, template
from django.template.defaultfilters import filesizeformat
from django.utils.safestring import SafeString

from accounts.devices import device_name
from accounts.forms import dressed as dress
from accounts.names import RULES as NAME_RULES
from accounts.passwords import RULES as PASSWORD_RULES

register = template.Library()


@register.filter
def dressed(form: forms.BaseForm) -> forms.BaseForm:
    """The form with our words, classes and, where it was sent, its errors tied to their fields."""
    dress(form)
    return form


@register.simple_tag
def sign_up_rules() -> str:
    """What a name and a password have to be, for the short form beside a piece."""
    return f"Username: {NAME_RULES} Password: {PASSWORD_RULES}"


@register.filter
def minutes(seconds: float) -> str:
    """1800 → 30 minutes, 90 → 1.5 minutes; less than a minute in seconds.

    Rounded down, as it is also said of what is left.
    """
    if seconds < 60:
        return f"{seconds:.0f} seconds"
    tenths = int(seconds // 6)
    count = f"{tenths / 10:.1f}" if tenths < 100 and tenths % 10 else f"{tenths // 10:,}"
    return f"{count} minute{'' if count == '1' else 's'}"


@register.filter
def bytes_of(count: int) -> str | SafeString:
    return filesizeformat(count).replace(".0\xa0", "\xa0")


@register.filter
def share_of(used: float, limit: float) -> int:
    """Percent, 0 to 100."""
    return min(100, round(100 * used / limit)) if limit else 100


@register.filter
def browser_of(user_agent: str) -> str:
    """What a person calls it: "Firefox on Windows"."""
    return device_name(user_agent)
