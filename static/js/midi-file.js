/* Reads a Standard MIDI File (types 0 and 1, https://midi.org/standard-midi-files) into what the player needs.
 *
 * readMidi(ArrayBuffer) → {
 *   notes:    [[startSeconds, endSeconds, pitch, velocity, channel, voice], …]  in the order of their start
 *   controls: [[seconds, status, data1, data2], …]   controllers, pressure and pitch bend
 *   voices:   [{name, program, isDrum, channel}, …]  (the program of a drum voice is its kit)  one per track and channel that has notes
 *   lengthSeconds
 * }
 * Throws Error with one plain sentence when the bytes are no such file.
 */

const DRUM_CHANNEL = 9;
const SUSTAIN_PEDAL = 64;
const DEFAULT_MICROSECONDS_PER_QUARTER = 500_000;

class Reader {
  constructor(buffer, start = 0, end = buffer.byteLength) {
    this.view = new DataView(buffer);
    this.position = start;
    this.end = end;
  }

  get done() {
    return this.position >= this.end;
  }

  byte() {
    return this.view.getUint8(this.position++);
  }

  word() {
    this.position += 2;
    return this.view.getUint16(this.position - 2);
  }

  long() {
    this.position += 4;
    return this.view.getUint32(this.position - 4);
  }

  text(length) {
    const bytes = new Uint8Array(this.view.buffer, this.position, length);
    this.position += length;
    return new TextDecoder().decode(bytes);
  }

  variableLength() {
    let value = 0;
    for (let count = 0; count < 4; count += 1) {
      const next = this.byte();
      value = value * 128 + (next & 0x7f);
      if (next < 0x80) break;
    }
    return value;
  }
}

/* Events of one track as {ticks, status, data1, data2, …}; metas only where they matter here. */
function readTrack(reader) {
  const events = [];
  let name = "";
  let ticks = 0;
  let running = 0;
  while (!reader.done) {
    ticks += reader.variableLength();
    let status = reader.byte();
    if (status < 0x80) {
      status = running;
      reader.position -= 1;
    }
    if (status === 0xff) {
      const kind = reader.byte();
      const length = reader.variableLength();
      if (kind === 0x51 && length === 3) {
        events.push({ ticks, tempo: (reader.byte() << 16) | (reader.byte() << 8) | reader.byte() });
      } else if (kind === 0x2f) {
        break; // whatever stands behind the end of a track is no music
      } else {
        const text = reader.text(length);
        if (kind === 0x03) name = name || text;
      }
    } else if (status === 0xf0 || status === 0xf7) {
      const length = reader.variableLength(); // moves the position, too
      reader.position += length;
    } else if (status >= 0x80) {
      running = status;
      const kind = status >> 4;
      const data1 = reader.byte();
      const data2 = kind === 0xc || kind === 0xd ? 0 : reader.byte();
      events.push({ ticks, status, data1, data2 });
    } else {
      throw new Error("This MIDI file is damaged.");
    }
  }
  return { name, events, ticks };
}

/* A function from ticks to seconds, from all tempo events of the file. */
function tempoMap(tracks, ticksPerQuarter) {
  const changes = tracks.flatMap((track) => track.events.filter((event) => event.tempo)).sort((a, b) => a.ticks - b.ticks);
  const segments = [{ ticks: 0, seconds: 0, secondsPerTick: DEFAULT_MICROSECONDS_PER_QUARTER / 1e6 / ticksPerQuarter }];
  for (const { ticks, tempo } of changes) {
    const last = segments[segments.length - 1];
    const seconds = last.seconds + (ticks - last.ticks) * last.secondsPerTick;
    segments.push({ ticks, seconds, secondsPerTick: tempo / 1e6 / ticksPerQuarter });
  }
  return (ticks) => {
    let index = segments.length - 1;
    while (segments[index].ticks > ticks) index -= 1;
    return segments[index].seconds + (ticks - segments[index].ticks) * segments[index].secondsPerTick;
  };
}

/* Notes begin, end and are left out as in generator/engine/midi_lines.py: one without a note-off lasts as long as its track,
 * one that ends where it begins is none, unless it is a drum or the pedal holds it. */
function collect(track, secondsAt, result) {
  const found = [];
  const open = new Map();
  const silent = new Set();
  const programs = new Map();
  const firstPrograms = new Map();
  const pedals = new Set();
  const close = (key, ticks) => {
    const { note, began } = open.get(key) ?? {};
    open.delete(key);
    if (!note) return;
    const isDrum = note[4] === DRUM_CHANNEL;
    note[1] = secondsAt(isDrum ? Math.max(ticks, began + 1) : ticks);
    if (ticks === began && !isDrum && !pedals.has(note[4])) silent.add(note);
  };
  for (const { ticks, status, data1, data2, tempo } of track.events) {
    if (tempo) continue;
    const seconds = secondsAt(ticks);
    const channel = status & 0x0f;
    const key = channel * 128 + data1;
    const kind = status >> 4;
    if (kind === 0x9 && data2 > 0) {
      const before = open.get(key);
      if (before) before.note[1] = seconds;
      if (!firstPrograms.has(channel)) firstPrograms.set(channel, programs.get(channel) ?? 0);
      const note = [seconds, seconds, data1, data2, channel];
      open.set(key, { note, began: ticks });
      found.push(note);
    } else if (kind === 0x8 || kind === 0x9) {
      close(key, ticks);
    } else if (kind === 0xc) {
      programs.set(channel, data1);
    } else {
      if (kind === 0xb && data1 === SUSTAIN_PEDAL) pedals[data2 >= 64 ? "add" : "delete"](channel);
      result.controls.push([seconds, status, data1, data2]);
    }
  }
  for (const key of [...open.keys()]) close(key, track.ticks);
  const voiceOf = new Map();
  for (const note of found) {
    if (silent.has(note)) continue;
    const channel = note[4];
    if (!voiceOf.has(channel)) {
      voiceOf.set(channel, result.voices.length);
      const isDrum = channel === DRUM_CHANNEL;
      result.voices.push({ name: track.name, program: firstPrograms.get(channel), isDrum, channel });
    }
    note.push(voiceOf.get(channel));
    result.notes.push(note);
  }
  result.lengthSeconds = Math.max(result.lengthSeconds, secondsAt(track.ticks));
}

export function readMidi(buffer) {
  try {
    const header = new Reader(buffer);
    if (header.text(4) !== "MThd") throw new Error();
    const headerLength = header.long();
    header.word();
    const trackCount = header.word();
    const division = header.word();
    if (division === 0 || division >= 0x8000) throw new Error();
    let position = 8 + headerLength;
    const tracks = [];
    while (tracks.length < trackCount && position + 8 <= buffer.byteLength) {
      const chunk = new Reader(buffer, position);
      const kind = chunk.text(4);
      const length = chunk.long();
      if (kind === "MTrk") {
        tracks.push(readTrack(new Reader(buffer, position + 8, Math.min(position + 8 + length, buffer.byteLength))));
      }
      position += 8 + length;
    }
    const result = { notes: [], controls: [], voices: [], lengthSeconds: 0 };
    const secondsAt = tempoMap(tracks, division);
    for (const track of tracks) collect(track, secondsAt, result);
    result.notes.sort((a, b) => a[0] - b[0]);
    result.controls.sort((a, b) => a[0] - b[0]);
    return result;
  } catch (cause) {
    throw new Error("This MIDI file could not be read.", { cause });
  }
}
