/* What a player plays: voices, notes and controllers of one piece, stored or still growing.
 *
 * Notes are [startSeconds, endSeconds, pitch, velocity, channel, voice] in the order of their start; voice counts in `voices`.
 */
import { readMidi } from "./midi-file.js";
import { channelsFor } from "./sound-engine.js";

const NO_FILE = "The piece couldn't be loaded. Try again, or download the MIDI file.";

/* Reads a stored file. Rejects with one plain sentence. */
export async function fetchPiece(src, signal) {
  let buffer;
  try {
    const response = await fetch(src, { signal, credentials: "same-origin" });
    if (!response.ok) throw new Error(String(response.status));
    buffer = await response.arrayBuffer();
  } catch (cause) {
    throw new Error(NO_FILE, { cause });
  }
  return readMidi(buffer);
}

function freeChannels(voices) {
  const taken = new Set(voices.map((voice) => voice.channel));
  return Array.from({ length: 16 }, (_, channel) => channel).filter((channel) => !taken.has(channel));
}

export class PlayerPiece {
  constructor({ voices = [], lengthSeconds = 0, live = false } = {}) {
    this.voices = voices;
    this.channels = channelsFor(voices);
    this.notes = [];
    this.controls = [];
    this.lengthSeconds = lengthSeconds;
    this.live = live;
    this.composedSeconds = live ? 0 : Infinity;
    this.loaded = false;
  }

  /* Rows as they are streamed, [pitch, velocity, startMs, endMs, voice], as notes. */
  notesOf(rows) {
    return rows.map(([pitch, velocity, startMs, endMs, voice]) => [
      startMs / 1000, endMs / 1000, pitch, velocity, this.channels[voice] ?? 0, voice,
    ]);
  }

  /* The composer is done: nothing more will come. */
  complete(lengthSeconds) {
    this.live = false;
    this.loaded = true;
    this.lengthSeconds = lengthSeconds || this.lengthSeconds;
    this.composedSeconds = Infinity;
  }

  /* Takes over what a file holds. A voice that plays nothing has no track to be seen in the file, so names tell which is
     which; each keeps its number, and with it its colour and its place in the mixer. */
  takeFile(file, lengthSeconds) {
    const known = this.voices;
    const numbers = file.voices.map((voice) => known.findIndex((one) => one.name && one.name === voice.name));
    if (numbers.every((number, index) => number >= 0 && numbers.indexOf(number) === index)) {
      const free = freeChannels(file.voices);
      this.voices = known.map((voice, number) => {
        const found = file.voices[numbers.indexOf(number)] ?? { channel: free.pop() };
        return { ...voice, ...found, name: voice.name };
      });
      this.notes = file.notes.map((note) => [...note.slice(0, 5), numbers[note[5]]]);
    } else {
      const isSame = known.length === file.voices.length;
      this.voices = file.voices.map((voice, index) => ({ ...voice, name: (isSame && known[index].name) || voice.name }));
      this.notes = file.notes;
    }
    this.channels = channelsFor(this.voices);
    this.controls = file.controls;
    this.complete(Math.max(lengthSeconds || 0, file.lengthSeconds));
  }
}
