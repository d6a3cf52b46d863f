/* The notes of one piece in the order in which they sound, and a cursor that walks over them.
 *
 * A note is [startSeconds, endSeconds, pitch, velocity, channel]; a control is [seconds, status, data1, data2], where
 * status is the MIDI status byte with its channel. Seconds count at the piece's own tempo; the sequencer scales them.
 */

const START = 0;

/* Index of the first entry whose time is not before `seconds`. */
export function firstAtOrAfter(entries, seconds) {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (entries[middle][START] < seconds) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class Song {
  constructor(notes = [], controls = []) {
    this.notes = [...notes].sort((a, b) => a[START] - b[START]);
    this.controls = [...controls].sort((a, b) => a[START] - b[START]);
    this.nextNote = 0;
    this.nextControl = 0;
  }

  moveTo(seconds) {
    this.nextNote = firstAtOrAfter(this.notes, seconds);
    this.nextControl = firstAtOrAfter(this.controls, seconds);
  }

  /* Adds notes that may start before the cursor; returns those, because the caller alone can say whether to sound them. */
  insert(notes, position) {
    const late = [];
    for (const note of notes) {
      const index = firstAtOrAfter(this.notes, note[START]);
      this.notes.splice(index, 0, note);
      if (note[START] < position) late.push(note);
    }
    this.nextNote = firstAtOrAfter(this.notes, position);
    return late;
  }

  /* Hands out everything that starts before `seconds` and was not handed out yet, controls first. */
  takeUntil(seconds, onControl, onNote) {
    while (this.nextControl < this.controls.length && this.controls[this.nextControl][START] < seconds) {
      onControl(this.controls[this.nextControl]);
      this.nextControl += 1;
    }
    while (this.nextNote < this.notes.length && this.notes[this.nextNote][START] < seconds) {
      onNote(this.notes[this.nextNote]);
      this.nextNote += 1;
    }
  }

  /* The controls that a listener who starts at `seconds` must know: the last value of each. */
  controlsBefore(seconds) {
    const last = new Map();
    for (const control of this.controls) {
      if (control[START] >= seconds) break;
      const [, status, data1] = control;
      const kind = status >> 4;
      last.set(kind === 0xb || kind === 0xa ? status * 128 + data1 : status * 128, control);
    }
    return [...last.values()];
  }

  /* Notes that began before `seconds` and still sound then. */
  soundingAt(seconds) {
    return this.notes.slice(0, firstAtOrAfter(this.notes, seconds)).filter((note) => note[1] > seconds);
  }
}
