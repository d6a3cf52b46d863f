"""Where a form leads when it is done: back to the page that held it."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme

MAX_ADDRESS = 2000


def back(request: HttpRequest, default: str, *args: object) -> HttpResponse:
    """To the address in the field `next` where that is one of ours, else to the page `default`."""
    address = request.POST.get("next", "")
    ours = len(address) <= MAX_ADDRESS and url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return HttpResponseRedirect(address if ours else resolve_url(default, *args))
