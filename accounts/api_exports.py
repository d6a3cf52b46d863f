"""Account exports over the API: request, follow, stop and download a zip file of all data."""

from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import exports as services
from accounts.api_base import MemberView
from accounts.api_problems import Problem
from accounts.api_schema import with_examples
from accounts.export_views import export_response
from accounts.models import ApiToken, DataExport

ASK_AGAIN_SECONDS = 2
WAIT_SECONDS = 24 * 3600


EXAMPLE = {
    "id": "0d4f8a4c-5f5e-4b0e-9a53-2f6a1f0f7a11",
    "status": "running",
    "share": 0.4,
    "message": "",
    "size_bytes": 0,
    "created_at": "2026-11-22T12:00:00Z",
    "expires_at": None,
}


@with_examples(answered=EXAMPLE)
class ExportSerializer(serializers.ModelSerializer):
    """An export of one's data, and how far it is."""

    share = serializers.FloatField(read_only=True, help_text="Of the files that are collected, 0 to 1.")

    class Meta:
        model = DataExport
        fields = ["id", "status", "share", "message", "size_bytes", "created_at", "expires_at"]
        read_only_fields = fields


class ExportView(MemberView):
    def export(self, pk: UUID) -> DataExport:
        return get_object_or_404(DataExport.objects.of(self.member), pk=pk)


class ExportList(ExportView):
    @extend_schema(
        operation_id="exports_list",
        summary="The exports of one's data, the newest first",
        tags=["exports"],
        responses=ExportSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        return Response(ExportSerializer(DataExport.objects.of(self.member), many=True).data)

    @extend_schema(
        operation_id="exports_create",
        summary="Ask for everything of one's account as a zip file",
        description=f"While one is being collected, that one is the answer. At most {services.MAX_A_DAY} a day: 429.",
        tags=["exports"],
        request=None,
        responses={202: ExportSerializer},
    )
    def post(self, request: Request) -> Response:
        try:
            export = services.export_create(user=self.member)
        except ValidationError as error:
            raise Problem(429, error.messages[0], slug="quota", retry_after_seconds=WAIT_SECONDS) from error
        address = request.build_absolute_uri(f"/api/v1/exports/{export.pk}/")
        headers = {"Location": address, "Retry-After": str(ASK_AGAIN_SECONDS)}
        return Response(ExportSerializer(export).data, status=status.HTTP_202_ACCEPTED, headers=headers)


class ExportDetail(ExportView):
    @extend_schema(
        operation_id="exports_read",
        summary="How far an export is",
        tags=["exports"],
        responses=ExportSerializer,
    )
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(ExportSerializer(self.export(pk)).data)

    @extend_schema(
        operation_id="exports_stop",
        summary="Stop an export",
        description="One that is finished stays as it is.",
        tags=["exports"],
        responses={204: None},
    )
    def delete(self, request: Request, pk: UUID) -> Response:
        services.export_stop(export=self.export(pk))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ExportFile(ExportView):
    @extend_schema(
        operation_id="exports_file",
        summary="The zip file of an export",
        description="A token needs both scopes: the file also holds the e-mail address and the sessions. 409 "
        "while it is being collected.",
        tags=["exports"],
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, pk: UUID) -> HttpResponseBase:
        if isinstance(request.auth, ApiToken) and set(ApiToken.Scope.values) - set(request.auth.scopes):
            raise PermissionDenied("An export is for tokens with both scopes, read and write.")
        export = self.export(pk)
        if not export.is_finished:
            raise Problem(409, "It is still being collected.", retry_after_seconds=ASK_AGAIN_SECONDS)
        try:
            return export_response(export)
        except FileNotFoundError as error:
            raise Http404 from error
        except OSError as error:
            raise Problem(503, "The file cannot be read at the moment. Try again in a few minutes.") from error
