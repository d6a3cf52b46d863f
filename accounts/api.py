"""The caller's identity and quota."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api_base import JsonView
from accounts.api_guests import guest_token_new
from accounts.api_schema import with_examples
from accounts.models import ApiToken
from accounts.owners import owner_of
from accounts.quotas import quota_of, usage_of


class AllowanceSerializer(serializers.Serializer):
    """What you have used, and your limit."""

    used = serializers.FloatField()
    limit = serializers.FloatField()


class QuotaSerializer(serializers.Serializer):
    seconds_this_hour = AllowanceSerializer(help_text="Seconds of music; each take counts.")
    stored_bytes = AllowanceSerializer()
    running_jobs = AllowanceSerializer(help_text="Jobs waiting or running at the same time.")


class TokenSerializer(serializers.ModelSerializer):
    """The token of this request, without its secret."""

    scopes = serializers.ListField(child=serializers.ChoiceField(choices=ApiToken.Scope.choices))

    class Meta:
        model = ApiToken
        fields = ["name", "prefix", "scopes", "created_at", "expires_at"]
        read_only_fields = fields


EXAMPLE = {
    "role": "member",
    "username": "alice",
    "quota": {
        "seconds_this_hour": {"used": 60, "limit": 7200},
        "stored_bytes": {"used": 20480, "limit": 1048576000},
        "running_jobs": {"used": 1, "limit": 3},
    },
    "token": None,
}


@with_examples(answered=EXAMPLE)
class MeSerializer(serializers.Serializer):
    role = serializers.ChoiceField(choices=["guest", "member", "staff"])
    username = serializers.CharField(allow_null=True, help_text="Null for a guest.")
    quota = QuotaSerializer()
    token = TokenSerializer(allow_null=True, help_text="Null for sessions and guests.")


@with_examples(answered={"guest_token": "gt_zkva3mZZL5L1Ejt_3Csh-rUJNzk10.8WGjZYBjcYPvafKaLC6XEV1"})
class GuestSerializer(serializers.Serializer):
    guest_token = serializers.CharField(help_text="Send it as Authorization: Guest TOKEN.")


class Guest(JsonView):
    """Stores nothing: a guest exists once it has created something."""

    @extend_schema(
        operation_id="guest_begin",
        summary="Get a guest token",
        description="For scripts: get the token before your first request, so a lost response costs you nothing. "
        "Anyone with the token can access everything made with it.",
        tags=["me"],
        request=None,
        responses={201: GuestSerializer},
    )
    def post(self, request: Request) -> Response:
        return Response({"guest_token": guest_token_new()}, status=status.HTTP_201_CREATED)


class Me(JsonView):
    @extend_schema(
        operation_id="me",
        summary="Who you are, your scopes, and your usage",
        tags=["me"],
        responses=MeSerializer,
    )
    def get(self, request: Request) -> Response:
        owner = owner_of(request)
        quota, usage = quota_of(owner), usage_of(owner)
        names = ("stored_bytes", "running_jobs")
        allowances = {name: {"used": getattr(usage, name), "limit": getattr(quota, name)} for name in names}
        allowances["seconds_this_hour"] = {"used": usage.seconds_this_hour, "limit": quota.seconds_per_hour}
        me = {
            "role": quota.role,
            "username": owner.user.get_username() if owner.user else None,
            "quota": allowances,
            "token": request.auth if isinstance(request.auth, ApiToken) else None,
        }
        return Response(MeSerializer(me).data)
