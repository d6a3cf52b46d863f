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

function collect(track, secondsAt, result) {
  const open = new Map();
  const voiceOf = new Map();
  const programs = new Map();
  const close = (key, seconds) => {
    const note = open.get(key);
    if (note) note[1] = Math.max(seconds, note[0]);
    open.delete(key);
  };
  for (const { ticks, status, data1, data2, tempo } of track.events) {
    if (tempo) continue;
    const seconds = secondsAt(ticks);
    const channel = status & 0x0f;
    const key = channel * 128 + data1;
    const kind = status >> 4;
    if (kind === 0x9 && data2 > 0) {
      close(key, seconds);
      if (!voiceOf.has(channel)) {
        const isDrum = channel === DRUM_CHANNEL;
        voiceOf.set(channel, result.voices.length);
        result.voices.push({ name: track.name, program: programs.get(channel) ?? 0, isDrum, channel });
      }
      const note = [seconds, seconds, data1, data2, channel, voiceOf.get(channel)];
      open.set(key, note);
      result.notes.push(note);
    } else if (kind === 0x8 || kind === 0x9) {
      close(key, seconds);
    } else if (kind === 0xc) {
      programs.set(channel, data1);
    } else {
      result.controls.push([seconds, status, data1, data2]);
    }
  }
  const end = secondsAt(track.ticks);
  for (const key of [...open.keys()]) close(key, end);
  result.lengthSeconds = Math.max(result.lengthSeconds, end);
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
