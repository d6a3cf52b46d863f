"""The player element in a real browser: what is heard (loudness from the analyser), seen and said."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from tests.browser.midi_bytes import live_rows, midi_bytes, scale
from tests.browser.player_site import POLICY, STATIC_FOLDER, player_html

pytestmark = pytest.mark.browser

PLAYER = "document.querySelector('music-player')"
LOUD = f"{PLAYER}.rms > 0.01"
SILENT = f"{PLAYER}.rms < 0.001"
PLAYING = f"{PLAYER}.state === 'playing'"
PAUSED = f"{PLAYER}.state === 'paused'"
READY = f"{PLAYER}.canPlay"
GRAND_PIANO = [{"name": "Piano", "program": 0, "is_drum": False}]
AXE = Path(__file__).parent / "vendor" / "axe.min.js"


@pytest.fixture
def piece(player_site):
    """The address of a page with one player and a piece of 30 seconds."""
    player_site.add_midi("/piece.mid", midi_bytes(scale(30)))
    return player_site.add_page("/piece/", player_html(src="/piece.mid", attributes='data-length="30"'))


@pytest.fixture
def live_page(player_site, browser_page):
    """A page with an empty player and a button whose click unlocks the sound, as Generate does."""
    url = player_site.add_page("/live/", player_html(), '<button id="generate" type="button">Generate</button>')
    browser_page.goto(url)
    browser_page.evaluate(
        f"""() => {{
            const player = {PLAYER};
            window.events = [];
            for (const name of ["play", "pause", "ended", "first-sound", "error", "ready"])
                document.addEventListener(`player:${{name}}`, () => window.events.push(name));
            document.querySelector("#generate").addEventListener("click", () => player.unlock());
        }}"""
    )
    return browser_page


def start_live(page, *, seconds, voices=GRAND_PIANO):
    page.click("#generate")
    page.evaluate(
        f"([voices, lengthSeconds]) => {PLAYER}.startLive({{voices, lengthSeconds, title: 'New'}})", [voices, seconds]
    )


def append(page, notes, *, composed_seconds):
    page.evaluate(
        f"([rows, seconds]) => {{ {PLAYER}.appendNotes(rows); {PLAYER}.setComposed(seconds); }}",
        [live_rows(notes), composed_seconds],
    )


def between(notes, start_seconds, end_seconds):
    return [note for note in notes if start_seconds <= note[2] < end_seconds]


# ---- playing a stored piece ------------------------------------------------------------------------------------------


def test_a_click_on_play_is_heard_and_a_click_on_pause_ends_it(browser_page, piece, poll):
    browser_page.goto(piece)
    poll(browser_page, READY)
    browser_page.get_by_role("button", name="Play").click()
    poll(browser_page, LOUD)
    poll(browser_page, f"{PLAYER}.currentTime > 0.5")
    browser_page.get_by_role("button", name="Pause").click()
    position = browser_page.evaluate(f"{PLAYER}.currentTime")
    poll(browser_page, SILENT)
    assert browser_page.evaluate(f"{PLAYER}.currentTime") == pytest.approx(position, abs=0.05)


def test_nothing_sounds_and_no_sound_is_loaded_without_a_click(browser_page, piece, poll, player_site):
    player_site.requested.clear()
    browser_page.goto(piece)
    poll(browser_page, READY)
    assert browser_page.evaluate(f"{PLAYER}.engine.context") is None
    assert not [path for path in player_site.requested if path.endswith(".sf3")]


def test_play_goes_on_where_pause_left_it(browser_page, piece, poll):
    browser_page.goto(piece)
    poll(browser_page, READY)
    browser_page.click(".mp-play")
    poll(browser_page, f"{PLAYER}.currentTime > 0.8")
    browser_page.click(".mp-play")
    paused_at = browser_page.evaluate(f"{PLAYER}.currentTime")
    browser_page.evaluate(
        f"document.addEventListener('player:play', () => {{ window.started = {PLAYER}.engine.clock.position; }})"
    )
    browser_page.click(".mp-play")
    poll(browser_page, f"{PLAYING} && window.started !== undefined")
    assert browser_page.evaluate("window.started") == pytest.approx(paused_at, abs=0.01)
    poll(browser_page, f"{PLAYER}.currentTime > {paused_at} + 0.2 && {LOUD}")


def test_stop_goes_back_to_the_start(browser_page, piece, poll):
    browser_page.goto(piece)
    poll(browser_page, READY)
    browser_page.click(".mp-play")
    poll(browser_page, f"{PLAYER}.currentTime > 0.5")
    browser_page.get_by_role("button", name="Stop").click()
    assert browser_page.evaluate(f"{PLAYER}.currentTime") == 0
    assert browser_page.locator(".mp-time").inner_text() == "0:00 / 0:30"
    poll(browser_page, SILENT)


def test_seeking_with_the_slider_says_the_new_time(browser_page, piece, poll):
    browser_page.goto(piece)
    poll(browser_page, READY)
    slider = browser_page.get_by_role("slider", name="Position", exact=True)
    slider.focus()
    browser_page.keyboard.press("ArrowRight")
    browser_page.keyboard.press("PageUp")
    assert browser_page.evaluate(f"{PLAYER}.currentTime") == 20
    assert slider.get_attribute("aria-valuetext") == "0:20 of 0:30"
    browser_page.keyboard.press("Home")
    assert browser_page.evaluate(f"{PLAYER}.currentTime") == 0


def test_the_roll_seeks_by_click_and_by_keyboard(browser_page, piece, poll):
    browser_page.goto(piece)
    poll(browser_page, READY)
    roll = browser_page.locator(".mp-roll")
    box = roll.bounding_box()
    expected = browser_page.evaluate(f"{PLAYER}.roll.viewSeconds") / 2
    roll.click(position={"x": box["width"] / 2, "y": box["height"] / 2})
    assert browser_page.evaluate(f"{PLAYER}.currentTime") == pytest.approx(expected, abs=0.1)
    roll.focus()
    browser_page.keyboard.press("End")
    assert browser_page.evaluate(f"{PLAYER}.currentTime") == 30
    assert roll.get_attribute("aria-valuetext") == "0:30 of 0:30"


def test_a_finger_that_scrolls_over_the_roll_does_not_seek_but_a_tap_does(make_page, piece, poll):
    page = make_page(viewport={"width": 400, "height": 500}, has_touch=True, is_mobile=True)
    page.goto(piece)
    poll(page, READY)
    box = page.locator(".mp-roll").bounding_box()
    x, y = box["x"] + box["width"] * 0.7, box["y"] + box["height"] / 2
    fingers = page.context.new_cdp_session(page)
    fingers.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for moved in (20, 40, 60):
        fingers.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y - moved}]})
    fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert page.evaluate(f"{PLAYER}.currentTime") == 0
    page.evaluate("scrollTo(0, 0)")
    page.touchscreen.tap(x, y)
    poll(page, f"{PLAYER}.currentTime > 1")


def test_seeking_while_it_plays_goes_on_sounding_there(browser_page, piece, poll):
    browser_page.goto(piece)
    poll(browser_page, READY)
    browser_page.click(".mp-play")
    poll(browser_page, LOUD)
    browser_page.evaluate(f"{PLAYER}.seek(20)")
    poll(browser_page, f"{PLAYER}.currentTime > 20.3 && {LOUD}")


@pytest.mark.parametrize("percent", [50, 150])
def test_tempo_changes_how_fast_the_piece_passes(browser_page, piece, poll, percent):
    browser_page.goto(piece)
    poll(browser_page, READY)
    tempo = browser_page.get_by_role("slider", name="Tempo")
    tempo.fill(str(percent))
    assert tempo.get_attribute("aria-valuetext") == f"{percent}%"
    browser_page.click(".mp-play")
    poll(browser_page, LOUD)
    clocks = f"[{PLAYER}.engine.clock.position, {PLAYER}.engine.clock.time]"
    position, audio_time = browser_page.evaluate(clocks)
    poll(browser_page, f"{PLAYER}.engine.clock.time > {audio_time} + 1")
    later_position, later_audio_time = browser_page.evaluate(clocks)
    assert (later_position - position) / (later_audio_time - audio_time) == pytest.approx(percent / 100, abs=0.02)


def test_mute_silences_while_the_piece_goes_on(browser_page, piece, poll):
    browser_page.goto(piece)
    poll(browser_page, READY)
    browser_page.click(".mp-play")
    poll(browser_page, LOUD)
    mute = browser_page.get_by_role("button", name="Mute")
    mute.click()
    assert mute.get_attribute("aria-pressed") == "true"
    poll(browser_page, SILENT)
    position = browser_page.evaluate(f"{PLAYER}.currentTime")
    poll(browser_page, f"{PLAYER}.currentTime > {position} + 0.3")
    mute.click()
    poll(browser_page, LOUD)


def test_volume_is_heard_and_remembered(browser_page, piece, poll):
    browser_page.goto(piece)
    poll(browser_page, READY)
    volume = browser_page.get_by_role("slider", name="Volume")
    volume.fill("0")
    assert volume.get_attribute("aria-valuetext") == "0%, muted"
    browser_page.click(".mp-play")
    poll(browser_page, f"{PLAYER}.currentTime > 0.5")
    assert browser_page.evaluate(f"{PLAYER}.rms") < 0.001
    volume.fill("60")
    poll(browser_page, LOUD)
    browser_page.reload()
    poll(browser_page, READY)
    assert browser_page.get_by_role("slider", name="Volume").input_value() == "60"


def test_at_the_end_it_stops_and_play_starts_anew(browser_page, player_site, poll):
    player_site.add_midi("/short.mid", midi_bytes(scale(1.5)))
    browser_page.goto(player_site.add_page("/short/", player_html(src="/short.mid")))
    poll(browser_page, READY)
    browser_page.evaluate(
        """() => {
            window.starts = [];
            document.addEventListener("player:play", (event) => window.starts.push(event.target.engine.clock.position));
            document.addEventListener("player:ended", () => (window.ended = true));
        }"""
    )
    browser_page.click(".mp-play")
    poll(browser_page, "window.ended")
    assert browser_page.evaluate(f"{PLAYER}.state") == "paused"
    assert browser_page.evaluate(f"{PLAYER}.currentTime") == pytest.approx(1.5, abs=0.01)
    browser_page.click(".mp-play")
    poll(browser_page, "window.starts.length === 2")
    assert browser_page.evaluate("window.starts") == [0, 0]


def test_loop_begins_again_by_itself(browser_page, player_site, poll):
    player_site.add_midi("/short.mid", midi_bytes(scale(1.5)))
    browser_page.goto(player_site.add_page("/short/", player_html(src="/short.mid")))
    poll(browser_page, READY)
    loop = browser_page.get_by_role("button", name="Loop")
    loop.click()
    assert loop.get_attribute("aria-pressed") == "true"
    browser_page.click(".mp-play")
    poll(browser_page, f"{PLAYER}.currentTime > 1")
    poll(browser_page, f"{PLAYER}.currentTime < 0.8 && {PLAYING} && {LOUD}")


def test_space_plays_and_pauses_but_types_in_a_field(browser_page, piece, poll):
    browser_page.goto(piece)
    poll(browser_page, READY)
    browser_page.keyboard.press("Space")
    poll(browser_page, PLAYING)
    browser_page.keyboard.press("Space")
    poll(browser_page, PAUSED)
    browser_page.focus("#field")
    browser_page.keyboard.press("Space")
    assert browser_page.input_value("#field") == " "
    assert browser_page.evaluate(f"{PLAYER}.state") == "paused"


def test_one_piece_sounds_at_a_time(browser_page, player_site, poll):
    player_site.add_midi("/one.mid", midi_bytes(scale(20)))
    player_site.add_midi("/two.mid", midi_bytes(scale(20, pitch=48)))
    url = player_site.add_page(
        "/two/", player_html(src="/one.mid", title="One"), player_html(src="/two.mid", title="Two")
    )
    browser_page.goto(url)
    first, second = "document.querySelectorAll('music-player')[0]", "document.querySelectorAll('music-player')[1]"
    poll(browser_page, f"{first}.canPlay && {second}.canPlay")
    browser_page.get_by_role("group", name="Player: One").get_by_role("button", name="Play").click()
    poll(browser_page, f"{first}.rms > 0.01 && {first}.currentTime > 0.5")
    browser_page.get_by_role("group", name="Player: Two").get_by_role("button", name="Play").click()
    poll(browser_page, f"{second}.rms > 0.01")
    assert browser_page.evaluate(f"{first}.state") == "paused"
    assert browser_page.evaluate(f"{first}.currentTime") > 0.4
    assert browser_page.evaluate(f"{first}.rms") == 0


def test_the_mixer_silences_a_voice_plays_one_alone_and_makes_one_softer(browser_page, player_site, poll):
    voices = [scale(90), scale(90, pitch=36)]  # longer than the test takes on a busy machine
    player_site.add_midi("/duo.mid", midi_bytes(*voices, programs=(0, 48), names=("Piano", "Strings")))
    browser_page.goto(player_site.add_page("/duo/", player_html(src="/duo.mid")))
    poll(browser_page, READY)
    button = browser_page.get_by_role
    browser_page.click(".mp-play")
    poll(browser_page, LOUD)
    for name in ("Piano", "Strings"):
        button("button", name=f"Mute {name}").click()
        assert button("button", name=f"Mute {name}").get_attribute("aria-pressed") == "true"
    poll(browser_page, f"{SILENT} && {PLAYING}")
    button("button", name="Solo Strings").click()
    poll(browser_page, LOUD)
    volume = button("slider", name="Strings volume")
    volume.fill("0")
    assert volume.get_attribute("aria-valuetext") == "0%"
    poll(browser_page, f"{SILENT} && {PLAYING}")
    volume.fill("80")
    poll(browser_page, LOUD)
    button("button", name="Solo Strings").click()
    poll(browser_page, SILENT)
    button("button", name="Mute Piano").click()
    poll(browser_page, LOUD)


def test_a_voice_keeps_its_colour_when_another_plays_nothing(browser_page, player_site, poll):
    """A voice without notes has no track in the file, but keeps its place among the voices."""
    named = [{"name": name, "program": 0, "is_drum": name == "Drums"} for name in ("Drums", "Bass", "Lead")]
    player_site.add_midi("/lead.mid", midi_bytes(scale(4), programs=(80,), names=("Lead",)))
    browser_page.goto(player_site.add_page("/lead/", player_html(src="/lead.mid", voices=named)))
    poll(browser_page, READY)
    assert browser_page.evaluate(f"{PLAYER}.notes[0][5]") == 2
    assert browser_page.evaluate(f"{PLAYER}.voices.map((voice) => voice.program)") == [0, 0, 80]
    channels = browser_page.evaluate(f"{PLAYER}.piece.channels")
    assert len(set(channels)) == 3
    solo = [browser_page.get_by_role("button", name=f"Solo {name}") for name in ("Drums", "Bass", "Lead")]
    assert [button.is_disabled() for button in solo] == [True, True, False]


def test_drums_have_a_lane_of_their_own(browser_page, player_site, poll):
    """Its ground reaches below the keys, and a hit is drawn there though its pitch is far from those of the keys."""
    drums = [(36, 120, 0.25 * beat, 0.25 * beat + 0.1) for beat in range(8)]
    band = midi_bytes(drums, scale(2), programs=(0, 0), names=("Drums", "Piano"), channels=(9, 0))
    player_site.add_midi("/band.mid", band)
    player_site.add_midi("/drums.mid", midi_bytes(drums, programs=(0,), names=("Drums",), channels=(9,)))
    browser_page.goto(player_site.add_page("/band/", player_html(src="/band.mid"), player_html(src="/drums.mid")))
    poll(browser_page, "[...document.querySelectorAll('music-player')].every((player) => player.canPlay)")
    roll = "document.querySelectorAll('music-player')[{}].roll"
    assert browser_page.evaluate(f"[{roll.format(0)}.lowest, {roll.format(0)}.highest]")[0] > 40
    assert browser_page.evaluate(f"[{roll.format(0)}.hasKeys, {roll.format(1)}.hasKeys]") == [True, False]
    # A kick lies on the lowest row of the lane, in the colour of its voice.
    colour = """([index]) => {
        const { roll } = document.querySelectorAll('music-player')[index];
        const { canvas, context, height, width } = roll.roll;
        const scale = canvas.width / width;
        const x = (0.5 - roll.viewStart) * width / roll.viewSeconds;
        const lane = roll.hasKeys ? Math.round((height - 18) * 0.36) : height - 18;
        const y = height - 18 - lane / 12;
        return Array.from(context.getImageData(Math.round(x * scale), Math.round(y * scale), 1, 1).data).join();
    }"""
    ground = browser_page.evaluate("document.querySelector('music-player').roll.colors.white")
    for index in (0, 1):
        found = browser_page.evaluate(colour, [index])
        assert found.rsplit(",", 1)[0] != ground.removeprefix("rgba(").replace(" ", "").rsplit(",", 1)[0]


def test_every_program_of_the_palette_sounds(browser_page, player_site, poll):
    index = json.loads((STATIC_FOLDER / "sounds" / "index.json").read_text())
    first_of_file = {entry["file"]: int(program) for program, entry in index["programs"].items()}
    browser_page.goto(player_site.add_page("/all/", player_html(), '<button id="generate">Generate</button>'))
    browser_page.evaluate(f"document.querySelector('#generate').addEventListener('click', () => {PLAYER}.unlock())")
    browser_page.click("#generate")
    for program in first_of_file.values():
        player_site.add_midi("/program.mid", midi_bytes(scale(4), programs=(program,)))
        browser_page.evaluate(f"{PLAYER}.load({{src: '/program.mid'}}).then(() => {PLAYER}.play())")
        poll(browser_page, f"{PLAYER}.voices[0].program === {program} && {PLAYING} && {LOUD}")


def test_every_drum_kit_sounds_and_is_fetched_when_it_is_needed(browser_page, player_site, poll):
    index = json.loads((STATIC_FOLDER / "sounds" / "index.json").read_text())
    browser_page.goto(player_site.add_page("/kits/", player_html(), '<button id="generate">Generate</button>'))
    browser_page.evaluate(f"document.querySelector('#generate').addEventListener('click', () => {PLAYER}.unlock())")
    browser_page.click("#generate")
    hits = [(36, 110, 0.25 * beat, 0.25 * beat + 0.1) for beat in range(16)]
    player_site.requested.clear()
    for kit in map(int, index["drums"]):
        player_site.add_midi("/kit.mid", midi_bytes(hits, programs=(kit,), channels=(9,)))
        browser_page.evaluate(f"{PLAYER}.load({{src: '/kit.mid'}}).then(() => {PLAYER}.play())")
        poll(browser_page, f"{PLAYER}.voices[0].program === {kit} && {PLAYING} && {LOUD}")
        voice = browser_page.evaluate(f"{PLAYER}.engine.soundOf({PLAYER}.voices[0])")
        assert voice == kit
    fetched = {path.rsplit("/", 1)[1] for path in player_site.requested if path.endswith(".sf3")}
    assert fetched == {entry["file"] for entry in index["drums"].values()}


# ---- hearing a piece while it is composed ----------------------------------------------------------------------------


def test_a_growing_piece_is_heard_before_it_is_complete(live_page, poll, player_site):
    notes = scale(12)
    assert live_page.evaluate(f"{PLAYER}.prepare({json.dumps(GRAND_PIANO)})")
    assert live_page.evaluate(f"{PLAYER}.engine.context.state") == "suspended"
    start_live(live_page, seconds=12)
    append(live_page, between(notes, 0, 4), composed_seconds=4)
    poll(live_page, f"{LOUD} && window.events.includes('first-sound')")
    assert live_page.evaluate("window.events").count("first-sound") == 1
    append(live_page, between(notes, 4, 12), composed_seconds=12)
    player_site.add_midi("/done.mid", midi_bytes(notes))
    live_page.evaluate(f"{PLAYER}.finishLive({{src: '/done.mid', lengthSeconds: 12}})")
    poll(live_page, f"!{PLAYER}.live && {PLAYER}.source.src === '/done.mid'")
    live_page.evaluate(f"{PLAYER}.seek(11)")
    poll(live_page, "window.events.includes('ended')")


def test_playing_waits_for_the_composer_and_goes_on_by_itself(live_page, poll):
    notes = scale(20)
    start_live(live_page, seconds=20)
    append(live_page, between(notes, 0, 2), composed_seconds=2)
    poll(live_page, f"{PLAYER}.querySelector('.mp-status').textContent === 'Waiting for more notes…'")
    waiting_at = live_page.evaluate(f"{PLAYER}.currentTime")
    assert waiting_at <= 2
    append(live_page, between(notes, 2, 8), composed_seconds=8)
    poll(live_page, f"{PLAYER}.currentTime > 2.5 && {LOUD}")
    poll(live_page, f"{PLAYER}.querySelector('.mp-status').textContent === ''")


def test_no_gap_and_no_jump_when_the_piece_is_complete(live_page, poll, player_site):
    notes = scale(15)
    player_site.add_midi("/done.mid", midi_bytes(notes))
    start_live(live_page, seconds=15)
    append(live_page, notes, composed_seconds=15)
    poll(live_page, f"{PLAYER}.currentTime > 0.5")
    live_page.evaluate(
        f"""() => {{
            window.reports = [];
            const player = {PLAYER};
            const moved = player.soundMoved.bind(player);
            player.soundMoved = (clock) => {{ window.reports.push([clock.time, clock.position]); moved(clock); }};
        }}"""
    )
    live_page.evaluate(f"{PLAYER}.finishLive({{src: '/done.mid', lengthSeconds: 15}})")
    poll(live_page, "window.reports.length > 25")
    reports = live_page.evaluate("window.reports")
    offsets = [position - time for time, position in reports]
    assert max(offsets) - min(offsets) < 0.01, "position and audio clock run together, without a gap or a jump"
    assert live_page.evaluate(PLAYING)


def test_the_finished_piece_sounds_no_note_twice(live_page, poll, player_site):
    notes = scale(4)
    player_site.add_midi("/done.mid", midi_bytes(notes))
    start_live(live_page, seconds=4)
    append(live_page, notes, composed_seconds=4)
    live_page.evaluate(f"{PLAYER}.finishLive({{src: '/done.mid', lengthSeconds: 4}})")
    poll(live_page, f"{PLAYER}.loaded && {PLAYER}.notes.length === {len(notes)}")


def test_without_a_click_a_growing_piece_is_drawn_but_not_heard(live_page, poll):
    notes = scale(10)
    live_page.evaluate(
        f"{PLAYER}.startLive({{voices: {json.dumps(GRAND_PIANO)}, lengthSeconds: 10, title: '', autoplay: false}})"
    )
    append(live_page, notes, composed_seconds=10)
    assert live_page.evaluate(f"{PLAYER}.roll.notes.length") == len(notes)
    assert live_page.evaluate(f"{PLAYER}.state") == "paused"
    assert live_page.evaluate(f"{PLAYER}.rms") == 0
    live_page.get_by_role("button", name="Play").click()
    poll(live_page, LOUD)


def test_pause_is_kept_while_the_piece_grows(live_page, poll):
    notes = scale(20)
    start_live(live_page, seconds=20)
    append(live_page, between(notes, 0, 6), composed_seconds=6)
    poll(live_page, LOUD)
    live_page.click(".mp-play")
    append(live_page, between(notes, 6, 12), composed_seconds=12)
    poll(live_page, SILENT)
    assert live_page.evaluate(f"{PLAYER}.state") == "paused"
    live_page.evaluate(f"{PLAYER}.seek(9)")
    live_page.click(".mp-play")
    poll(live_page, f"{PLAYER}.currentTime > 9.2 && {LOUD}")


def test_seeking_stays_within_what_is_composed(live_page):
    start_live(live_page, seconds=60)
    append(live_page, scale(5), composed_seconds=5)
    live_page.evaluate(f"{PLAYER}.seek(40)")
    assert live_page.evaluate(f"{PLAYER}.currentTime") <= 5


def test_a_silenced_voice_stays_silent_when_the_piece_is_complete(live_page, poll, player_site):
    notes = scale(60)  # longer than the test takes on a busy machine
    player_site.add_midi("/duo.mid", midi_bytes(notes, notes, programs=(0, 48), names=("Piano", "Strings")))
    voices = [*GRAND_PIANO, {"name": "Strings", "program": 48, "is_drum": False}]
    start_live(live_page, seconds=60, voices=voices)
    rows = live_rows(notes) + live_rows(notes, voice=1)
    live_page.evaluate(f"(rows) => {{ {PLAYER}.appendNotes(rows); {PLAYER}.setComposed(60); }}", rows)
    poll(live_page, LOUD)
    for name in ("Piano", "Strings"):
        live_page.get_by_role("button", name=f"Mute {name}").click()
    poll(live_page, SILENT)
    live_page.evaluate(f"{PLAYER}.finishLive({{src: '/duo.mid', lengthSeconds: 60}})")
    poll(live_page, "window.events.includes('ready')")
    assert live_page.get_by_role("button", name="Mute Strings").get_attribute("aria-pressed") == "true"
    live_page.evaluate(f"{PLAYER}.seek(1)")
    poll(live_page, f"{PLAYER}.currentTime > 1.5")
    assert live_page.evaluate(SILENT)


def test_an_abandoned_piece_leaves_silence_and_an_empty_roll(live_page, poll):
    start_live(live_page, seconds=20)
    append(live_page, scale(6), composed_seconds=6)
    poll(live_page, LOUD)
    live_page.evaluate(f"{PLAYER}.abortLive()")
    poll(live_page, SILENT)
    assert live_page.evaluate(f"{PLAYER}.roll.notes.length") == 0
    assert live_page.get_by_role("button", name="Play").is_disabled()


def test_a_finished_piece_without_its_file_stays_playable(live_page, poll):
    live_page.watch.allow("404")
    start_live(live_page, seconds=30)
    append(live_page, scale(30), composed_seconds=30)
    live_page.evaluate(f"{PLAYER}.finishLive({{src: '/gone.mid', lengthSeconds: 30}})")
    live_page.evaluate(f"{PLAYER}.seek(3)")
    poll(live_page, f"{PLAYER}.currentTime > 3.2 && {LOUD}")


# ---- when something is missing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        (".sf3", "The instrument sounds couldn't be loaded. Try again, or download the MIDI file."),
        ("index.json", "The instrument sounds couldn't be loaded. Try again, or download the MIDI file."),
        ("worklet.js", "The sound engine couldn't be loaded. Try again, or download the MIDI file."),
    ],
)
def test_a_missing_part_is_said_in_one_sentence_and_can_be_retried(
    browser_page, piece, poll, player_site, missing, sentence
):
    browser_page.watch.allow("404")
    browser_page.goto(piece)
    poll(browser_page, READY)
    player_site.broken.add(missing)
    try:
        browser_page.click(".mp-play")
        poll(browser_page, f"{PLAYER}.state === 'error'")
    finally:
        player_site.broken.discard(missing)
    assert browser_page.locator(".mp-error .mp-notice-text").inner_text() == sentence
    browser_page.get_by_role("button", name="Try again").click()
    poll(browser_page, LOUD)
    assert browser_page.locator(".mp-error").is_hidden()


def test_a_page_that_forbids_the_decoder_says_so(browser_page, piece, poll, player_site):
    browser_page.watch.allow("Content Security Policy")
    player_site.policy = POLICY.replace(" 'wasm-unsafe-eval'", "")
    try:
        browser_page.goto(piece)
        poll(browser_page, READY)
        browser_page.click(".mp-play")
        poll(browser_page, f"{PLAYER}.state === 'error'")
    finally:
        player_site.policy = POLICY
    assert "couldn't be loaded" in browser_page.locator(".mp-error .mp-notice-text").inner_text()


def test_a_browser_without_web_audio_is_told_so(browser_page, piece, poll):
    browser_page.add_init_script("delete window.AudioContext; delete window.webkitAudioContext;")
    browser_page.goto(piece)
    poll(browser_page, READY)
    browser_page.click(".mp-play")
    poll(browser_page, f"{PLAYER}.state === 'error'")
    assert browser_page.locator(".mp-error .mp-notice-text").inner_text() == (
        "This browser can't play sound here. You can still download the MIDI file."
    )


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (None, "The piece couldn't be loaded. Try again, or download the MIDI file."),
        (b"RIFF nonsense", "This MIDI file could not be read."),
        (midi_bytes(scale(2))[:60], "This MIDI file could not be read."),
    ],
    ids=["absent", "other-file", "truncated"],
)
def test_a_piece_that_cannot_be_read_is_said_in_one_sentence(browser_page, player_site, poll, data, sentence):
    browser_page.watch.allow("404")
    if data is None:
        player_site.files.pop("/odd.mid", None)
    else:
        player_site.add_midi("/odd.mid", data)
    browser_page.goto(player_site.add_page("/odd/", player_html(src="/odd.mid")))
    poll(browser_page, f"{PLAYER}.state === 'error'")
    assert browser_page.locator(".mp-error .mp-notice-text").inner_text() == sentence
    player_site.add_midi("/odd.mid", midi_bytes(scale(2)))
    browser_page.get_by_role("button", name="Try again").click()
    poll(browser_page, f"{READY} && {PAUSED}")


def test_a_removed_player_leaves_no_context_and_no_frames(browser_page, piece, poll):
    browser_page.goto(piece)
    poll(browser_page, READY)
    browser_page.click(".mp-play")
    poll(browser_page, LOUD)
    browser_page.evaluate(
        f"""() => {{
            window.gone = {PLAYER};
            window.context = window.gone.engine.context;
            window.gone.remove();
        }}"""
    )
    poll(browser_page, "window.context.state === 'closed'")
    browser_page.keyboard.press("Space")
    assert browser_page.evaluate("window.gone.view") is None
    browser_page.evaluate("document.querySelector('main').append(window.gone)")
    poll(browser_page, READY)
    browser_page.click(".mp-play")
    poll(browser_page, LOUD)


def test_removed_while_the_sounds_load(browser_page, piece, poll):
    browser_page.goto(piece)
    poll(browser_page, READY)
    browser_page.evaluate(f"() => {{ window.gone = {PLAYER}; gone.play(); gone.remove(); }}")
    poll(browser_page, "window.gone.view === null && !window.gone.engine.context")


# ---- looks -----------------------------------------------------------------------------------------------------------


def test_on_a_narrow_phone_nothing_scrolls_sideways_and_targets_are_large(make_page, piece, poll):
    page = make_page(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True, device_scale_factor=3)
    page.goto(piece)
    poll(page, READY)
    page.tap(".mp-play")
    poll(page, LOUD)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for target in page.locator("music-player button:visible, music-player input:visible").all():
        box = target.bounding_box()
        assert box["height"] >= 44, target.get_attribute("class")
        assert box["width"] >= 44, target.get_attribute("class")


def test_a_phone_gets_the_mute_hint_until_it_is_closed(make_page, piece, poll):
    page = make_page(
        viewport={"width": 390, "height": 800},
        has_touch=True,
        is_mobile=True,
        user_agent="Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15",
    )
    page.goto(piece)
    poll(page, READY)
    page.tap(".mp-play")
    poll(page, LOUD)
    hint = page.locator(".mp-hint")
    assert "silent mode" in hint.inner_text()
    page.get_by_role("button", name="Dismiss").tap()
    assert hint.is_hidden()
    page.reload()
    poll(page, READY)
    page.tap(".mp-play")
    poll(page, LOUD)
    assert hint.is_hidden()


def test_a_computer_gets_no_mute_hint(browser_page, piece, poll):
    browser_page.goto(piece)
    poll(browser_page, READY)
    browser_page.click(".mp-play")
    poll(browser_page, LOUD)
    assert browser_page.locator(".mp-hint").is_hidden()


def test_the_roll_is_sharp_on_a_dense_screen(make_page, piece, poll):
    page = make_page(device_scale_factor=2)
    page.goto(piece)
    poll(page, READY)
    for canvas in (".mp-roll", ".mp-overview"):
        found = f"document.querySelector('{canvas}')"
        poll(page, f"{found}.clientWidth > 100 && {found}.width === 2 * {found}.clientWidth")


def test_the_roll_follows_the_theme(browser_page, piece, poll):
    browser_page.goto(piece)
    poll(browser_page, READY)
    corner = "Array.from(document.querySelector('.mp-roll').getContext('2d').getImageData(3, 3, 1, 1).data)"
    light = browser_page.evaluate(corner)
    browser_page.evaluate("document.documentElement.setAttribute('data-bs-theme', 'dark')")
    poll(browser_page, f"String({corner}) !== '{','.join(map(str, light))}'")
    assert sum(browser_page.evaluate(corner)[:3]) < sum(light[:3])


def test_loud_and_soft_notes_and_voices_differ_in_colour(browser_page, player_site, poll):
    notes = [[(60, 30, 0, 1), (64, 120, 0, 1)], [(72, 120, 0, 1)]]
    player_site.add_midi("/colours.mid", midi_bytes(*notes, programs=(0, 48), names=("Piano", "Strings")))
    browser_page.goto(player_site.add_page("/colours/", player_html(src="/colours.mid")))
    poll(browser_page, READY)
    colours = browser_page.evaluate(f"{PLAYER}.notes.map((note) => {PLAYER}.roll.colorOf(note))")
    assert len(set(colours)) == 3


def test_the_roll_follows_the_playback(browser_page, piece, poll):
    browser_page.goto(piece)
    poll(browser_page, READY)
    browser_page.evaluate(f"{PLAYER}.seek(15)")
    poll(browser_page, f"{PLAYER}.roll.viewStart > 5")
    start, seconds = browser_page.evaluate(f"[{PLAYER}.roll.viewStart, {PLAYER}.roll.viewSeconds]")
    assert start < 15 < start + seconds


def test_without_motion_the_roll_turns_pages(make_page, piece, poll):
    page = make_page(reduced_motion="reduce", viewport={"width": 600, "height": 800})
    page.goto(piece)
    poll(page, READY)
    seconds = page.evaluate(f"{PLAYER}.roll.viewSeconds")
    starts = []
    for share in (0.1, 0.9, 1.1, 1.9):
        page.evaluate(f"{PLAYER}.seek({seconds * share})")
        poll(page, f"{PLAYER}.roll.frame === 0")
        starts.append(page.evaluate(f"{PLAYER}.roll.viewStart"))
    assert starts == pytest.approx([0, 0, seconds, seconds])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(browser_page, player_site, poll, theme):
    player_site.add_midi("/piece.mid", midi_bytes(scale(5)))
    browser_page.goto(player_site.add_page("/axe/", player_html(src="/piece.mid"), theme=theme))
    poll(browser_page, READY)
    browser_page.evaluate(AXE.read_text())
    result = browser_page.evaluate("axe.run(document.querySelector('music-player'))")
    assert [(found["id"], found["nodes"][0]["html"]) for found in result["violations"]] == []


# ---- small parts -----------------------------------------------------------------------------------------------------


def test_times_are_written_as_minutes_and_seconds(browser_page, piece):
    browser_page.goto(piece)
    module = "import('/static/js/player-parts.js')"
    times = browser_page.evaluate(f"{module}.then(({{ formatTime }}) => [0, 12.9, 60, 605, 3661].map(formatTime))")
    assert times == ["0:00", "0:12", "1:00", "10:05", "1:01:01"]


def test_the_reader_knows_tempo_changes_running_status_and_hanging_notes(browser_page, player_site, piece):
    tempo = (
        b"\x00\xff\x51\x03" + (500_000).to_bytes(3, "big") + b"\x83\x60\xff\x51\x03" + (1_000_000).to_bytes(3, "big")
    )
    body = tempo + (
        b"\x00\xc0\x30"  # tick 480 = 0.5 s: strings
        b"\x00\x90\x3c\x64"  # note on
        b"\x83\x60\x3c\x00"  # tick 960 = 1.5 s: running status, velocity 0 ends it
        b"\x00\xb0\x40\x7f"  # sustain pedal
        b"\x00\x90\x43\x50"  # a note that nobody ends
        b"\x83\x60\xff\x2f\x00"  # tick 1440 = 2.5 s
    )
    data = b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk" + len(body).to_bytes(4, "big") + body
    player_site.add_midi("/small.mid", data)
    browser_page.goto(piece)
    read = browser_page.evaluate(
        """async () => {
            const { readMidi } = await import("/static/js/midi-file.js");
            return readMidi(await (await fetch("/small.mid")).arrayBuffer());
        }"""
    )
    assert read["notes"] == [[0.5, 1.5, 60, 100, 0, 0], [1.5, 2.5, 67, 80, 0, 0]]
    assert read["controls"] == [[1.5, 0xB0, 64, 127]]
    assert read["voices"] == [{"name": "", "program": 48, "isDrum": False, "channel": 0}]
    assert read["lengthSeconds"] == 2.5


def test_each_voice_has_a_channel_and_drums_have_the_tenth(browser_page, piece):
    browser_page.goto(piece)
    voices = [{"program": 0, "is_drum": index == 2} for index in range(12)]
    channels = browser_page.evaluate(
        "(voices) => import('/static/js/sound-engine.js').then(({ channelsFor }) => channelsFor(voices))", voices
    )
    assert channels == [0, 1, 9, 2, 3, 4, 5, 6, 7, 8, 10, 11]


def test_the_built_worklet_is_built_from_the_sources_that_lie_here():
    sources = STATIC_FOLDER.parent / "frontend" / "audio-worklet"
    digest = hashlib.sha256(b"".join((sources / name).read_bytes() for name in ("processor.js", "song.js"))).hexdigest()
    built = STATIC_FOLDER / "vendor" / "spessasynth" / "worklet.js"
    assert digest in built.read_text()[:400], "run `npm run build` in frontend/"


def test_sound_files_are_small_and_named_by_their_content():
    folder = STATIC_FOLDER / "sounds"
    index = json.loads((folder / "index.json").read_text())
    entries = [*index["programs"].values(), *index["drums"].values()]
    assert {entry["file"] for entry in entries} == {path.name for path in folder.glob("*.sf3")}
    files = {entry["file"]: (folder / entry["file"]).read_bytes() for entry in entries}
    for name, data in files.items():
        assert hashlib.sha256(data).hexdigest()[:10] == name.split(".")[1]
        assert len(data) < 1_300_000
    assert sum(len(data) for data in files.values()) < 12_000_000
    assert {0, 4, 6, 11, 19, 48, 52} <= {int(program) for program in index["programs"]}
    assert {0, 8, 24, 25, 40} <= {int(kit) for kit in index["drums"]}


def test_built_scripts_name_no_source_map_and_no_other_host():
    built = [path for path in (STATIC_FOLDER / "vendor").rglob("*") if path.suffix in {".js", ".css"}]
    assert built
    for path in built:
        text = path.read_text()
        assert "sourceMappingURL=" not in text, path
        assert not re.search(r"""(fetch|import)\(\s*["'`]https?:""", text), path
