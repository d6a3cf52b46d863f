"""Account exports over the API: request, follow, stop and download a zip file of all data."""

from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import exports as services
from accounts.api_base import MemberView
from accounts.api_confirm import ensure_confirmed
from accounts.api_problems import Problem
from accounts.api_schema import with_examples
from accounts.export_views import export_response
from accounts.models import DataExport

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
    """An export of your data, and its progress."""

    share = serializers.FloatField(read_only=True, help_text="How much is done, 0 to 1.")

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
        summary="Your data exports, newest first",
        tags=["exports"],
        responses=ExportSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        return Response(ExportSerializer(DataExport.objects.of(self.member), many=True).data)

    @extend_schema(
        operation_id="exports_create",
        summary="Request everything in your account as a zip file",
        description="Not for personal tokens. A session must confirm it's you first (403 `confirm`). If an export is "
        f"already being prepared, you get that one. The limit is {services.MAX_A_DAY} a day (429).",
        tags=["exports"],
        request=None,
        responses={202: ExportSerializer},
    )
    def post(self, request: Request) -> Response:
        ensure_confirmed(request, back="accounts:exports")
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
        summary="The progress of an export",
        tags=["exports"],
        responses=ExportSerializer,
    )
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(ExportSerializer(self.export(pk)).data)

    @extend_schema(
        operation_id="exports_stop",
        summary="Stop an export",
        description="A finished export stays as it is.",
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
        description="Not for personal tokens: the file also holds the email address and the sessions. A session must "
        "confirm it's you first (403 `confirm`). 409 while the export is being prepared.",
        tags=["exports"],
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, pk: UUID) -> HttpResponseBase:
        export = self.export(pk)
        ensure_confirmed(request, back="accounts:exports")
        if not export.is_finished:
            raise Problem(409, "The export isn't ready yet.", retry_after_seconds=ASK_AGAIN_SECONDS)
        try:
            return export_response(export)
        except FileNotFoundError as error:
            raise Http404 from error
        except OSError as error:
            raise Problem(503, "The file can't be read right now. Try again in a few minutes.") from error
