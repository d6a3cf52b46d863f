"""The page's reader of MIDI files (static/js/midi-file.js) beside the server's."""

import pytest

from generator.engine.midi_lines import read_lines
from tests.browser.midi_bytes import midi_bytes, scale
from tests.browser.player_site import player_html

pytestmark = pytest.mark.browser


def test_both_find_the_same_notes(browser_page, player_site):
    """What one sees and hears in the page is what a sound file, a picture and a start from the piece are made of."""
    body = (
        b"\x00\x90\x3c\x64\x00\x80\x3c\x00"  # no time between its beginning and its end
        b"\x00\x99\x26\x64\x00\x89\x26\x00"  # the same on a drum
        b"\x00\x92\x30\x64\x00\x82\x30\x00"  # and on a channel that has no other note
        b"\x83\x60\x91\x40\x50"  # tick 480: a note that nobody ends
        b"\x83\x60\x90\x43\x40\x00\x80\x43\x00"  # tick 960: nothing again
        b"\x83\x60\xff\x01\x01a\x83\x60\xff\x2f\x00"  # tick 1920: the end, long after the last note
    )
    data = b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk" + len(body).to_bytes(4, "big") + body
    player_site.add_midi("/unended.mid", data)
    player_site.add_midi("/piece.mid", midi_bytes(scale(2)))
    browser_page.goto(player_site.add_page("/piece/", player_html(src="/piece.mid")))
    read = browser_page.evaluate(
        """async () => {
            const { readMidi } = await import("/static/js/midi-file.js");
            return readMidi(await (await fetch("/unended.mid")).arrayBuffer());
        }"""
    )
    lines = read_lines(data)
    seconds_at = lines.tempos.seconds_at
    of_server = sorted(
        [seconds_at(note.start), seconds_at(note.end), note.pitch, note.velocity, line.channel]
        for line in lines.lines
        for note in line.notes
    )
    assert [note[:5] for note in read["notes"]] == [pytest.approx(note, abs=1e-9) for note in of_server]
    assert [note[2] for note in read["notes"]] == [38, 64]
    assert read["notes"][1][:2] == [0.5, 2.0]
    assert [voice["channel"] for voice in read["voices"]] == [9, 1]
