from django.urls import path

from library import views

app_name = "library"

urlpatterns = [
    path("recent/", views.recent, name="recent"),
    path("pieces/<uuid:pk>/", views.piece, name="piece"),
    path("pieces/<uuid:pk>/keep/", views.keep, name="piece-keep"),
    path("pieces/<uuid:pk>/midi/", views.piece_midi, name="piece-midi"),
]
