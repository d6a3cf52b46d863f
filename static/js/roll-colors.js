/* The colours of the roll, read from the CSS variables of its canvas: they follow the page's theme, and the system's own
 * colours where those are forced.
 */

export const VOICE_COLORS = 8;
const VELOCITY_SHADES = 16;

/* Any CSS colour as [red, green, blue, alpha]; the canvas itself does the parsing. */
function toRgb(context, color) {
  context.fillStyle = "#000";
  context.fillStyle = color;
  const parsed = context.fillStyle;
  if (parsed.startsWith("#")) return [1, 3, 5].map((at) => parseInt(parsed.slice(at, at + 2), 16)).concat(1);
  const numbers = (parsed.match(/[\d.]+/g) ?? []).map(Number);
  if (parsed.startsWith("color(srgb")) numbers.splice(0, 3, ...numbers.slice(0, 3).map((part) => 255 * part));
  return [numbers[0] ?? 0, numbers[1] ?? 0, numbers[2] ?? 0, numbers[3] ?? 1];
}

/* System colours have their value in the page alone, not in a canvas: they are asked of the element. */
function asWritten(canvas, name) {
  canvas.style.setProperty("color", `var(${name})`);
  const found = getComputedStyle(canvas).color;
  canvas.style.removeProperty("color");
  return found;
}

const toCss = ([red, green, blue, alpha]) => `rgba(${Math.round(red)}, ${Math.round(green)}, ${Math.round(blue)}, ${alpha})`;
const mix = (from, to, share) => from.map((value, index) => value + (to[index] - value) * share);

export class RollColors {
  constructor(canvas, context) {
    const isForced = window.matchMedia("(forced-colors: active)").matches;
    const style = getComputedStyle(canvas);
    // Asking the element makes the browser recompute its style each time, so it is asked only where it must be.
    const written = (name) => (isForced ? asWritten(canvas, name) : style.getPropertyValue(name).trim());
    const value = (name) => toRgb(context, written(name));
    const softest = isForced ? 1 : 0.42;
    const names = ["bg", "black-key", "grid", "text", "now", "glow", "veil", "muted"];
    const [ground, ...rest] = names.map((name) => value(`--player-roll-${name}`));
    const glow = rest[4];
    [this.black, this.line, this.text, this.now, this.glow, this.veil, this.muted] = rest.map(toCss);
    this.white = toCss(ground);
    /* Soft notes sink into the ground, loud ones lean towards the colour of a sounding note. Where colours are forced every
       note stands out from the ground, and one that sounds is as plain as a selection. */
    this.shades = [];
    this.sounding = [];
    for (let voice = 0; voice < VOICE_COLORS; voice += 1) {
      const color = value(`--player-voice-${voice}`);
      this.sounding.push(toCss(mix(color, glow, isForced ? 1 : 0.65)));
      this.shades.push(
        Array.from({ length: VELOCITY_SHADES }, (_, shade) => {
          const loud = shade / (VELOCITY_SHADES - 1);
          return toCss(loud < 0.7 ? mix(ground, color, softest + ((1 - softest) * loud) / 0.7) : mix(color, glow, isForced ? 0 : (loud - 0.7) * 0.7));
        }),
      );
    }
  }

  of(voice, velocity) {
    const shade = Math.floor(((velocity - 16) / 96) * VELOCITY_SHADES);
    return this.shades[voice % VOICE_COLORS][Math.min(VELOCITY_SHADES - 1, Math.max(0, shade))];
  }

  soundingOf(voice) {
    return this.sounding[voice % VOICE_COLORS];
  }
}
