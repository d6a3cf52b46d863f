"""Mails that anybody can ask for by typing an address: few a day, and sent after the answer.

Who asks for a code or a reset for an address learns nothing of whether it has an account: the mail server is greeted
before the answer, whether there will be a mail or not, and what is sent is sent after it.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache as once
from smtplib import SMTPException

from allauth.core.exceptions import ImmediateHttpResponse
from django.core.cache import cache
from django.core.mail import EmailMessage, get_connection
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from accounts.api_limits import count
from accounts.guests import client_address, client_network
from accounts.page_limits import too_many_attempts

logger = logging.getLogger(__name__)

CODES = ("account/email/login_code", "account/email/password_reset_code", "account/email/password_reset_key")
CONFIRMATIONS = ("account/email/email_confirmation", "account/email/email_confirmation_signup")
UNKNOWN = "account/email/unknown_account"
ASKED_FOR = (*CODES, *CONFIRMATIONS, UNKNOWN)

DAY_SECONDS = 24 * 3600
# Of one address; and of one address, asked for by one household, so that one stranger cannot use up all of them.
A_DAY, A_DAY_BY_ONE = 20, 8


def mail_send(request: HttpRequest, message: EmailMessage, *, is_unknown: bool) -> None:
    """Sends a mail that was asked for, after the answer.

    An address without an account gets its mail once a day, and nobody can tell that from the answer. Raises OSError or
    SMTPException where the server is away now; ImmediateHttpResponse (429) after too many in a day, whether the address
    has an account or not.
    """
    connection = get_connection()
    connection.open()
    (email,) = (to.lower() for to in message.to)
    wanted = [message]
    over = _seconds_until_allowed(request, email)
    # Written down of every address: that takes time too.
    is_first = cache.add(f"mails:asked:{_hashed(email)}", 1, timeout=DAY_SECONDS)
    if over or (is_unknown and not is_first):
        wanted = []

    def deliver() -> None:
        try:
            connection.send_messages(wanted)
        except (OSError, SMTPException):
            logger.exception("An email could not be sent.")
        finally:
            connection.close()

    later(deliver)
    if over:
        raise ImmediateHttpResponse(too_many_attempts(request, wait=over))


def _seconds_until_allowed(request: HttpRequest, email: str) -> int:
    """Counts one mail more; 0 while there are not too many."""
    day, into = divmod(int(time.time()), DAY_SECONDS)
    of_one = _hashed(f"{email} {client_network(client_address(request))}")
    # One's own limit first: who has reached it uses up nobody else's.
    is_allowed = count(f"mails:{of_one}:{day}", seconds=DAY_SECONDS) <= A_DAY_BY_ONE
    is_allowed = is_allowed and count(f"mails:{_hashed(email)}:{day}", seconds=DAY_SECONDS) <= A_DAY
    return 0 if is_allowed else DAY_SECONDS - into


def later(act: Callable[[], None]) -> None:
    _threads().submit(act)


@once
def _threads() -> ThreadPoolExecutor:
    """Made when they are needed: none of them lives before a web process forks. What waits is sent before it ends."""
    return ThreadPoolExecutor(2, thread_name_prefix="mail")


def _hashed(text: str) -> str:
    return salted_hmac("accounts.mails", text, algorithm="sha256").hexdigest()
