"""Names of files in zips that do not say in which encoding they are."""

import io
import zipfile

import pytest

from library.zip_names import encoding_of, names_of

JAPANESE = [
    *("さくら", "千本桜", "夜に駆ける", "前前前世", "津軽海峡冬景色", "ソナタ 第14番", "01 残酷な天使のテーゼ", "表"),
    *("ﾃｽﾄ", "ラム", "東京", "BGM集", "ドラゴンクエスト/序曲", "TVサイズ", "Let it be（ピアノ）"),
]
WESTERN = [
    *("Für Elise", "Café", "Sérénade", "Größe", "Señorita", "Ménuet", "Ångström", "Français", "É", "Prélude n°1"),
    *("Müller - Ännchen von Tharau", "Fröhliche Weihnacht", "Öde", "âme", "Frühling/Märchen", "Sommeröl", "hôtel"),
]
RUSSIAN = ["Катюша", "Подмосковные вечера", "Тройка", "Маленькой ёлочке", "Чайковский/1 Времена года", "Калинка - ХОР"]


def old_zip(names: list[bytes]) -> zipfile.ZipFile:
    """A zip as older programs write it: the bytes of the names, and no flag that says what they are."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number, _ in enumerate(names):
            archive.writestr("x" * 100 + f"{number:04}", b"")
    data = stream.getvalue()
    for number, name in enumerate(names):
        # In the list and before the file: of the same length, so that nothing moves.
        data = data.replace(b"x" * 100 + b"%04d" % number, name + b"\0" * (104 - len(name)))
    return zipfile.ZipFile(io.BytesIO(data))


@pytest.mark.parametrize("name", [*JAPANESE, *WESTERN, *RUSSIAN, "나비야", "می\u200cخواهم", "🎹"])
def test_utf_8_without_a_flag_is_read_as_such(name: str) -> None:
    assert encoding_of([f"{name}.mid".encode(), b"plain.mid"]) == "utf-8"


@pytest.mark.parametrize("name", JAPANESE)
def test_japanese_names(name: str) -> None:
    assert encoding_of([b"readme.txt", f"{name}.mid".encode("cp932")]) == "cp932"


@pytest.mark.parametrize("name", RUSSIAN)
def test_russian_names(name: str) -> None:
    assert encoding_of([f"{name}.mid".encode("cp866"), b"Track 1.mid"]) == "cp866"


@pytest.mark.parametrize("name", WESTERN)
def test_western_names_stay_what_the_standard_says(name: str) -> None:
    assert encoding_of([f"{name}.mid".encode("cp437")]) == "cp437"


def test_all_names_of_a_zip_are_read_in_one_encoding() -> None:
    """Each alone could be something else: the first is valid in all of them."""
    assert encoding_of([b"a.mid", "ラム.mid".encode("cp932"), "さくら.mid".encode("cp932")]) == "cp932"


def test_bytes_that_are_no_text_are_read_nonetheless() -> None:
    assert encoding_of([bytes(range(128, 256))]) == "cp437"
    assert encoding_of([]) == "utf-8"


def test_flagged_names_are_believed_beside_others() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("Frühling.mid", b"")
        archive.writestr("plain.mid", b"")
    with zipfile.ZipFile(stream) as archive:
        assert list(names_of(archive).values()) == ["Frühling.mid", "plain.mid"]


@pytest.mark.parametrize(("name", "encoding"), [("さくら.mid", "cp932"), ("さくら.mid", "utf-8"), ("Für.mid", "cp437")])
def test_the_names_of_a_zip(name: str, encoding: str) -> None:
    with old_zip([name.encode(encoding)]) as archive:
        assert list(names_of(archive).values()) == [name]
