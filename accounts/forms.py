"""The forms of accounts, in the site's words and look."""

from datetime import datetime, timedelta
from typing import Any

from allauth.account import forms as allauth_forms
from allauth.mfa.webauthn.internal import auth
from django import forms
from django.utils import timezone

from accounts.models import ApiToken, User
from accounts.names import RULES as NAME_RULES
from accounts.names import TAKEN
from accounts.passwords import RULES as PASSWORD_RULES

WORDS = {
    "username": "Username",
    "login": "Username or email",
    "password": "Password",
    "password1": "Password",
    "password2": "Repeat the new password",
    "email": "Email",
    "code": "Code",
    "oldpassword": "Current password",
}
# Said before anything is typed. A field password1 is a new password, wherever it stands.
HELP = {"username": NAME_RULES, "password1": PASSWORD_RULES}


def dressed(form: forms.BaseForm) -> None:
    """Our words and classes; rules and errors are told to screen readers beside their field."""
    for name, field in form.fields.items():
        # What is shown of a field that was read already is kept apart from the field.
        words = WORDS | ({"password1": "New password"} if "password2" in form.fields else {})
        field.label = form[name].label = words.get(name, field.label or "")
        attrs = field.widget.attrs
        attrs.pop("placeholder", None)
        field.help_text = form[name].help_text = HELP.get(name, "")
        if isinstance(field.widget, forms.CheckboxInput | forms.CheckboxSelectMultiple | forms.RadioSelect):
            continue
        attrs["class"] = "form-control form-control-full"
        described = [f"help-{name}"] if field.help_text else []
        if form.is_bound and form.errors.get(name):
            attrs["aria-invalid"] = "true"
            described.insert(0, f"error-{name}")
        if described:
            attrs["aria-describedby"] = " ".join(described)


class SignUpForm(allauth_forms.SignupForm):
    """A name and a password, nothing else."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name = self.fields["username"]
        # Our own sentences alone (accounts.names).
        name.validators = []
        name.error_messages["required"] = "Enter a username."
        name.widget.attrs |= {"autocapitalize": "none", "spellcheck": "false"}
        self.fields["password1"].widget.attrs["autocomplete"] = "new-password"

    def name_was_taken(self) -> None:
        """Somebody else took the name between our look and our write."""
        self.add_error("username", TAKEN)


class LoginForm(allauth_forms.LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        login = {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        self.fields["login"].widget.attrs |= login
        self.fields["password"].widget.attrs["autocomplete"] = "current-password"

    def user_credentials(self) -> dict[str, Any]:
        """Either a name or an address, so that one password is compared, whichever exists."""
        login = self.cleaned_data["login"]
        user = User.objects.by_name(login)
        by_name = user is not None or "@" not in login
        # As it is stored, so that attempts count together, in whatever way the name is written.
        login = user.username if user else login
        return {"username" if by_name else "email": login, "password": self.cleaned_data["password"]}


class PasswordForm(forms.Form):
    """Asks a member who is signed in for the password once more."""

    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}), strip=False, max_length=1000
    )


class EmailForm(forms.Form):
    email = forms.EmailField(required=False, widget=forms.EmailInput(attrs={"autocomplete": "email"}))

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


class TokenForm(forms.Form):
    """A personal token to be made."""

    LASTING = [("30", "In 30 days"), ("90", "In 90 days"), ("365", "In one year"), ("", "Never")]

    name = forms.CharField(label="Name", max_length=100)
    scopes = forms.MultipleChoiceField(
        label="Permissions", choices=ApiToken.Scope.choices, widget=forms.CheckboxSelectMultiple, initial=["read"]
    )
    days = forms.ChoiceField(label="Expires", choices=LASTING, required=False, initial="90")

    def expires_at(self) -> datetime | None:
        days = self.cleaned_data["days"]
        return timezone.now() + timedelta(days=int(days)) if days else None


class PasskeyForm(forms.Form):
    """A passkey that the browser has made, as JSON, and what its owner calls it."""

    name = forms.CharField(label="Name", max_length=100, initial="My passkey")
    credential = forms.JSONField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_credential(self) -> Any:
        """Raises ValidationError unless it answers the question that was asked in this session."""
        credential = self.cleaned_data["credential"]
        try:
            auth.parse_registration_response(credential)
            auth.complete_registration(credential)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise forms.ValidationError("That isn't a valid passkey. Try again.") from error
        return credential
