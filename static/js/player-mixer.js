/* The mixer: one row a voice with its colour, a switch to silence it, one to hear it alone, and its volume.
 *
 * It stands there only where several voices play; closed, it is the legend of the roll's colours.
 */
import { button, create, setIcon, showPercent, slider } from "./player-parts.js";

const VOICE_COLORS = 8;
/* From here on there is room for the rows beside everything else. */
const WIDE = "(min-width: 48rem)";

function swatch(voice, name) {
  const element = create("span", { class: "mp-voice" }, [name]);
  element.style.setProperty("--player-voice", `var(--player-voice-${voice % VOICE_COLORS})`);
  return element;
}

function row(voice, name) {
  const mute = button("mp-voice-mute", "volume-up-fill", `Mute ${name}`);
  const solo = create("button", { type: "button", class: "mp-button mp-voice-solo", "aria-label": `Solo ${name}` }, ["Solo"]);
  solo.title = `Play ${name} alone`;
  const volume = slider("mp-voice-volume", `${name} volume`, { min: 0, max: 100, step: 5, value: 100 });
  volume.box.append(volume.input);
  return { mute, solo, volume: volume.input, item: create("li", {}, [swatch(voice, name), mute, solo, volume.box]) };
}

export class PlayerMixer {
  constructor() {
    this.legend = create("span", { class: "mp-legend" });
    this.list = create("ul", { class: "mp-voices", "aria-label": "Voices" });
    const summary = create("summary", { class: "mp-mixer-head" }, [create("span", { class: "mp-mixer-name" }, ["Voices"]), this.legend]);
    this.element = create("details", { class: "mp-mixer", hidden: "" }, [summary, this.list]);
    this.element.open = window.matchMedia(WIDE).matches;
  }

  /* Shows the voices as `mix` has them; onChange is called after each change of it. `playing` holds the numbers of those that
     have notes, once that is known: the others keep their place, but there is nothing to mix. */
  show(voices, mix, onChange, playing = null) {
    const names = voices.map((voice, index) => voice.name || `Voice ${index + 1}`);
    this.element.hidden = names.length < 2;
    const rows = this.element.hidden ? [] : names.map((name, voice) => row(voice, name));
    this.list.replaceChildren(...rows.map(({ item }) => item));
    this.legend.replaceChildren(...(this.element.hidden ? [] : names).map((name, voice) => swatch(voice, name)));
    const isEmpty = (voice) => playing !== null && !playing.has(voice);
    const renew = () => {
      rows.forEach(({ mute, solo, volume, item }, voice) => {
        const isSilent = isEmpty(voice) || !mix.isHeard(voice);
        for (const control of [mute, solo, volume]) control.disabled = isEmpty(voice);
        mute.setAttribute("aria-pressed", String(mix.muted.has(voice)));
        setIcon(mute, mix.muted.has(voice) ? "volume-mute-fill" : "volume-up-fill");
        solo.setAttribute("aria-pressed", String(mix.solo.has(voice)));
        showPercent(volume, mix.volumeOf(voice), `${mix.volumeOf(voice)}%`);
        item.classList.toggle("mp-silent", isSilent);
        this.legend.children[voice].classList.toggle("mp-silent", isSilent);
      });
      onChange();
    };
    const on = (control, type, change) =>
      control.addEventListener(type, () => {
        change();
        renew();
      });
    rows.forEach(({ mute, solo, volume }, voice) => {
      on(mute, "click", () => mix.toggleMuted(voice));
      on(solo, "click", () => mix.toggleSolo(voice));
      on(volume, "input", () => mix.setVolume(voice, Number(volume.value)));
    });
    renew();
  }
}
