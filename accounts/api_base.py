"""What all API endpoints share: authentication, limits, formats and errors."""

import re
from typing import Any

from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from rest_framework.exceptions import (
    APIException,
    NotAuthenticated,
    NotFound,
    ParseError,
    PermissionDenied,
    ValidationError,
)
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from accounts.api_limits import limit_headers
from accounts.api_problems import answer_error
from accounts.models import ApiToken, User

MAX_BODY_BYTES = 64 * 1024


class BodyTooLarge(APIException):
    status_code = 413
    default_detail = f"A request body can be at most {MAX_BODY_BYTES // 1024} kB."


class SmallJSONParser(JSONParser):
    """Rejects large bodies before reading them: Django's own limit does not cover bodies parsed as a stream."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        if int(parser_context["request"].META.get("CONTENT_LENGTH") or 0) > MAX_BODY_BYTES:
            raise BodyTooLarge
        try:
            sent = super().parse(stream, media_type, parser_context)
            if _has_odd(sent):
                raise ValidationError("The request contains characters that can't be stored, such as NUL.")
            return sent
        except RecursionError as error:
            raise ParseError from error


# NUL, and halves of characters (lone surrogates): JSON can name both, and no database takes both.
_ODD = re.compile("[\x00\ud800-\udfff]")


def is_odd(text: str) -> bool:
    return _ODD.search(text) is not None


def _has_odd(sent: Any) -> bool:
    """Whether such a character stands anywhere in what JSON was read to."""
    if isinstance(sent, str):
        return is_odd(sent)
    if isinstance(sent, dict):
        return any(_has_odd(one) for pair in sent.items() for one in pair)
    return isinstance(sent, list) and any(map(_has_odd, sent))


class JsonWhateverIsAccepted(DefaultContentNegotiation):
    """Each response has one format, whatever `Accept` says: `Accept: audio/midi` gets the MIDI file, and errors stay
    problem details."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class TokenMayDoIt(BasePermission):
    """Personal tokens need the scope read to read and write to write. Other callers have no scopes."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.auth, ApiToken):
            return True
        reads = request.method in SAFE_METHODS or view.only_reads
        scope = ApiToken.Scope.READ if reads else ApiToken.Scope.WRITE
        if scope not in request.auth.scopes:
            raise PermissionDenied(f"This token doesn't have the scope {scope}.")
        return True


class MembersOnly(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            raise NotAuthenticated("For members only: sign in, or send a personal token.")
        return True


@method_decorator(never_cache, name="dispatch")
class JsonView(APIView):
    """Base of every API view; open to everyone, including guests."""

    parser_classes = [SmallJSONParser]
    content_negotiation_class = JsonWhateverIsAccepted
    permission_classes = [TokenMayDoIt]
    # For queries too long for a URL: sent by POST, but they change nothing.
    only_reads = False

    def get_exception_handler(self) -> Any:
        return answer_error

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)
        limit_headers(request, answer)
        token = getattr(request, "guest_token", None)
        if token:
            answer["Guest-Token"] = token
        return answer

    def sent(self) -> dict[str, Any]:
        """The request body, which must be a JSON object or a form."""
        if not isinstance(self.request.data, dict):
            raise ParseError
        return self.request.data

    def wanted(self, serializer: type[Serializer[Any]], *, partial: bool = False) -> dict[str, Any]:
        """The validated values of the body. Raises ValidationError."""
        read = serializer(data=self.sent(), partial=partial)
        read.is_valid(raise_exception=True)
        return dict(read.validated_data)


class MemberView(JsonView):
    """An endpoint for members; guests get 401."""

    permission_classes = [TokenMayDoIt, MembersOnly]

    @property
    def member(self) -> User:
        assert isinstance(self.request.user, User)  # noqa: S101  MembersOnly guarantees it; this tells mypy
        return self.request.user


class Missing(JsonView):
    """Unknown API URLs get a JSON 404 too."""

    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound
