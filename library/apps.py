from django.apps import AppConfig


class LibraryConfig(AppConfig):
    name = "library"

    def ready(self) -> None:
        from accounts import registry
        from library import members

        registry.on_hand_over(members.pieces_hand_over)
        registry.on_keep(members.wanted_piece_keep)
        registry.on_account_deleted(members.pieces_of_account_delete)
        registry.exports("library", members.export_files, count=members.export_count)
        registry.measures("stored_bytes", members.stored_bytes)
