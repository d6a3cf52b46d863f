/* The whole piece at a glance, under the seek slider. */
import { DRUM_ROWS, drumRow, laneHeight } from "./drum-lane.js";

const MARGIN = 4;

/* pitches: [lowest, highest], or null where only drums play. */
export function drawOverview({ context, width, height }, { notes, lengthSeconds, composedSeconds, pitches, drumVoices, colors, colorOf }) {
  context.clearRect(0, 0, width, height);
  if (lengthSeconds <= 0 || !width) return;
  const scale = width / lengthSeconds;
  const inner = height - 2 * MARGIN;
  const lane = pitches ? (drumVoices.size ? laneHeight(inner) : 0) : inner;
  const keys = inner - lane;
  const drumHeight = lane / DRUM_ROWS;
  const [lowest, highest] = pitches ?? [0, 127];
  const pitchHeight = keys / (highest - lowest + 1);
  for (const note of notes) {
    const [start, end, pitch, , , voice] = note;
    context.fillStyle = colorOf(note);
    if (drumVoices.has(voice)) {
      const top = MARGIN + inner - (drumRow(pitch) + 0.75) * drumHeight;
      context.fillRect(start * scale, top, 1.2, Math.max(drumHeight * 0.5, 1.2));
    } else {
      const top = MARGIN + keys - (pitch - lowest + 1) * pitchHeight;
      context.fillRect(start * scale, top, Math.max((end - start) * scale, 1), Math.max(pitchHeight, 1.2));
    }
  }
  if (composedSeconds < lengthSeconds) {
    context.fillStyle = colors.veil;
    context.fillRect(composedSeconds * scale, 0, width, height);
  }
}
