"""What the maintenance job does for accounts."""

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef

from accounts.emails import email_changes_expire
from accounts.events import events_expire
from accounts.exports import exports_expire
from accounts.hand_over import hand_overs_finish
from accounts.models import User
from accounts.names import name_keys_fill
from accounts.services import accounts_remove


def accounts_clean_up() -> None:
    """Removes accounts whose time to undo is over, old exports, old activity and the entries of sessions that ended."""
    name_keys_fill(User._base_manager)
    hand_overs_finish()
    exports_expire()
    events_expire()
    email_changes_expire()
    accounts_remove()
    lives = Session.objects.filter(session_key=OuterRef("session_key"))
    UserSession.objects.filter(~Exists(lives)).delete()
