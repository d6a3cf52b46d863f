"""`manage.py check_library`: rows whose file is gone, files that no row names."""

from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from library import consistency


class Command(BaseCommand):
    help = (
        "Lists rows without their stored file and stored files without a row. Changes nothing unless you pass --mend. "
        "Files newer than an hour are ignored. The exit status is 1 if anything is wrong."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--mend",
            action="store_true",
            help="remove files without a row; move pieces without a file to the trash; forget missing audio "
            "files, primers and exports",
        )
        parser.add_argument("--sizes", action="store_true", help="also show the size of each folder")
        parser.add_argument(
            "--dry-run", action="store_true", help="with --mend: show what would be done, but do nothing"
        )
        parser.add_argument(
            "--everything",
            action="store_true",
            help="with --mend: go ahead even if a large part of the files is missing",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = consistency.check()
            self._print(report, mends=options["mend"])
            if options["sizes"]:
                self._print_sizes(report)
            if options["mend"] and not options["dry_run"]:
                mended = consistency.mend(report, everything=options["everything"])
                self.stdout.write(f"Mended {mended} of {len(report.missing) + len(report.unnamed)}.")
                report = consistency.check()
        except consistency.TooMuchMissing as error:
            raise CommandError(f"{error} Nothing was changed. If it is really lost, pass --everything.") from error
        except OSError as error:
            raise CommandError(f"The storage is not responding: {error}. Try again later.") from error
        if not report.is_clean:
            raise CommandError(
                f"{len(report.missing)} rows without a file, {len(report.unnamed)} files without a row."
                + ("" if options["mend"] else " Run it with --mend to fix what can be fixed.")
            )

    def _print(self, report: consistency.Report, *, mends: bool) -> None:
        for row in report.missing:
            cure = row.cure or "needs manual repair"
            self.stdout.write(f"{row} → {cure}" if mends else str(row))
        for found in report.unnamed:
            size = f"{found.size_bytes} bytes, {found.modified_at:%Y-%m-%d}"
            self.stdout.write(f"{found.name}: no row refers to it ({size}){' → removed' if mends else ''}")
        for folder, count in sorted(report.foreign.items()):
            self.stdout.write(f"{folder}: {count} files that do not belong to the site; left alone")
        self.stdout.write(f"Checked {report.rows} rows and {report.objects} files.")

    def _print_sizes(self, report: consistency.Report) -> None:
        for folder, size in sorted(report.sizes.items()):
            mean = size.bytes / size.files / 1e3
            self.stdout.write(f"{folder}: {size.files} files, {size.bytes / 1e6:.1f} MB, {mean:.1f} kB each")
