from django.urls import path

from generator import history_views, views

app_name = "generator"

urlpatterns = [
    path("", views.compose, name="compose"),
    path("generations/", history_views.generations, name="generations"),
    path("generations/<uuid:pk>/retry/", history_views.retry, name="generation-retry"),
    path("generations/<uuid:pk>/delete/", history_views.delete, name="generation-delete"),
    path("generations/<uuid:pk>/", views.generation, name="generation"),
    path("generations/<uuid:pk>/result/", views.generation_result, name="generation-result"),
    path("generations/<uuid:pk>/cancel/", views.generation_cancel_view, name="generation-cancel"),
    path("pieces/<uuid:pk>/more/", views.compose_from, name="compose-from"),
    path("help/garageband/", views.help_garageband, name="help-garageband"),
]
