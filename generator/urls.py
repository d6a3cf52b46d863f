from django.urls import path

from generator import views

app_name = "generator"

urlpatterns = [
    path("", views.compose, name="compose"),
    path("generations/<uuid:pk>/", views.generation, name="generation"),
    path("generations/<uuid:pk>/result/", views.generation_result, name="generation-result"),
    path("generations/<uuid:pk>/cancel/", views.generation_cancel_view, name="generation-cancel"),
    path("pieces/<uuid:pk>/more/", views.compose_from, name="compose-from"),
    path("help/garageband/", views.help_garageband, name="help-garageband"),
]
