/* Drums on the roll: a lane of their own with one row for each family of sounds, as drummers write them.
 *
 * Hits have no length worth drawing: each is a mark whose size is its loudness.
 */

/* From the lowest row to the highest; General MIDI percussion keys. What no family holds goes to the last. */
const FAMILIES = [
  { name: "Kick", pitches: [35, 36] },
  { name: "Snare", pitches: [37, 38, 39, 40] },
  { name: "Toms", pitches: [41, 43, 45, 47, 48, 50] },
  { name: "Hi-hat", pitches: [42, 44, 46] },
  { name: "Cymbals", pitches: [49, 51, 52, 53, 55, 57, 59] },
  { name: "Percussion", pitches: [] },
];
const ROW_OF = new Map(FAMILIES.flatMap(({ pitches }, row) => pitches.map((pitch) => [pitch, row])));
const LANE_SHARE = 0.36;
const LABEL_HEIGHT = 12;
/* How long a hit glows after it was struck. */
const GLOW_SECONDS = 0.14;

export const DRUM_ROWS = FAMILIES.length;

/* 0 is the lowest row. */
export const drumRow = (pitch) => ROW_OF.get(pitch) ?? DRUM_ROWS - 1;

/* How much of `height` the lane takes where other voices play too. */
export const laneHeight = (height) => Math.round(height * LANE_SHARE);

/* The ground of the lane: rows in turns of two shades. */
export function drawDrumRows(context, { top, height, width, colors }) {
  const row = height / DRUM_ROWS;
  context.fillStyle = colors.black;
  for (let index = 0; index < DRUM_ROWS; index += 2) {
    context.fillRect(0, top + height - (index + 1) * row, width, row);
  }
  context.fillStyle = colors.line;
  context.fillRect(0, Math.round(top), width, 1);
}

/* The names of the rows where there is room, over the hits that pass below them. */
export function drawDrumNames(context, { top, height, colors }) {
  const row = height / DRUM_ROWS;
  if (row < LABEL_HEIGHT) return;
  context.font = "10px system-ui, sans-serif";
  context.textBaseline = "middle";
  context.textAlign = "left";
  FAMILIES.forEach(({ name }, index) => {
    const middle = top + height - (index + 0.5) * row;
    context.globalAlpha = 0.82;
    context.fillStyle = colors.white;
    context.fillRect(3, middle - row / 2, context.measureText(name).width + 7, row);
    context.globalAlpha = 1;
    context.fillStyle = colors.text;
    context.fillText(name, 6, middle);
  });
}

/* One hit, as a diamond around (x, the middle of its row). */
export function drawHit(context, { x, y, row, velocity, color, glow, secondsAgo }) {
  const size = Math.max(2.5, Math.min(row * 0.46, 9) * (0.5 + velocity / 254));
  const sounds = secondsAgo >= 0 && secondsAgo < GLOW_SECONDS;
  const reach = sounds ? size * 1.35 : size;
  context.fillStyle = sounds ? glow : color;
  context.beginPath();
  context.moveTo(x, y - reach);
  context.lineTo(x + reach, y);
  context.lineTo(x, y + reach);
  context.lineTo(x - reach, y);
  context.fill();
}
