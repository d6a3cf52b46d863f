/* The sequencer and the synthesizer, both in the audio thread.
 *
 * Notes are started where the samples are made, so timing does not depend on the page: a busy or hidden page changes
 * nothing, pause and seek take effect within one block of 128 frames, and a piece can grow while it is heard.
 *
 * Messages in (each an object with `type`):
 *   bank {id, buffer}              add a sound bank                      → {type: "bank", id, samples} or {type: "bankError", id}
 *   decode {id, from, budget}      decode samples for `budget` ms        → {type: "decoded", id, next, samples}
 *   song {notes, controls, voices, length, limit, keepPosition}          replaces the piece; voices: [{channel, program, sustained}],
 *                                  where the program of channel 9 is a drum kit
 *   notes {notes, limit}           more notes of a piece that is still being composed, known up to `limit` seconds
 *   limit {limit, length}
 *   play {position} · pause · seek {position} · rate {rate} · loop {loop} · destroy
 *   levels {levels}                loudness of channels, [[channel, 0 … 1], …]; those not named play at 1, those at 0 not at all
 * Messages out besides: {type: "position", position, time, playing, waiting} about 20 times a second and at each change,
 *   {type: "ready"} or {type: "failed"} once, {type: "ended"}, {type: "sounding"} when the first note of a piece starts.
 */
import { SoundBankLoader, SpessaLog, SpessaSynthProcessor } from "spessasynth_core";
import { Song } from "./song.js";

/* Notes that may sound or fade at once; more would cost a phone its breath. */
const MAX_SOUNDING = 160;
const REPORT_EVERY_BLOCKS = 16;
/* A note that arrives after its start may still begin this late without sounding out of time. */
const LATE_NOTE_SECONDS = 0.12;
/* Notes of sustained sounds (organ, strings) may begin later than that, if this much of them is left. */
const WORTH_STARTING_SECONDS = 0.3;
/* Two spellings of one note (as streamed, as stored) differ by less than this. */
const SAME_NOTE_SECONDS = 0.015;
const END_TAIL_SECONDS = 0.05;
/* While a piece is still being composed, playing starts (and starts again) only with this much music in hand. */
const LEAD_SECONDS = 1.5;

class MusicProcessor extends AudioWorkletProcessor {
  constructor() {
    super();
    SpessaLog.setLogLevel(false, false, false);
    this.synthesizer = new SpessaSynthProcessor(sampleRate, { initialTime: currentTime, eventsEnabled: false });
    this.synthesizer.onMissingPreset = () => undefined;
    this.synthesizer.setSystemParameter("voiceCap", MAX_SOUNDING);
    this.banks = new Map();
    this.song = new Song();
    this.sounding = [];
    this.voices = [];
    this.programs = new Map();
    this.sustained = new Set();
    this.levels = new Map();
    this.position = 0;
    this.length = 0;
    this.limit = Infinity;
    this.rate = 1;
    this.loop = false;
    this.playing = false;
    this.waiting = false;
    this.heard = false;
    this.alive = true;
    this.blocks = 0;
    const early = [];
    this.port.onmessage = (event) => early.push(event);
    this.synthesizer.processorInitialized
      .then(() => {
        this.port.onmessage = (event) => this.receive(event.data);
        early.forEach((event) => this.receive(event.data));
        this.port.postMessage({ type: "ready" });
      })
      .catch(() => this.port.postMessage({ type: "failed" }));
  }

  receive(message) {
    switch (message.type) {
      case "bank":
        return this.addBank(message);
      case "decode":
        return this.decode(message);
      case "song":
        return this.replaceSong(message);
      case "notes":
        this.limit = message.limit;
        this.startLateNotes(this.song.insert(message.notes, this.position));
        return undefined;
      case "limit":
        this.limit = message.limit;
        this.length = message.length;
        return undefined;
      case "play":
        return this.play(message.position);
      case "pause":
        return this.halt();
      case "seek":
        this.moveTo(message.position);
        return this.report();
      case "rate":
        this.rate = message.rate;
        return this.report();
      case "loop":
        this.loop = message.loop;
        return undefined;
      case "levels":
        return this.setLevels(new Map(message.levels));
      case "destroy":
        this.alive = false;
        this.synthesizer.destroySynthProcessor();
        return undefined;
    }
    return undefined;
  }

  addBank({ id, buffer }) {
    try {
      const bank = SoundBankLoader.fromArrayBuffer(buffer);
      this.synthesizer.soundBankManager.addSoundBank(bank, id);
      this.banks.set(id, bank);
      this.programs.clear();
      this.setPrograms();
      this.port.postMessage({ type: "bank", id, samples: bank.samples.length });
    } catch {
      this.port.postMessage({ type: "bankError", id });
    }
  }

  /* Vorbis decoding is slow for an audio thread: the page asks for it slice by slice, before the sound is needed. */
  decode({ id, from, budget }) {
    const samples = this.banks.get(id)?.samples ?? [];
    const end = Date.now() + budget;
    let next = from;
    while (next < samples.length) {
      try {
        samples[next].getAudioData();
      } catch {
        /* A damaged sample stays silent; the others still sound. */
      }
      next += 1;
      if (Date.now() >= end) break;
    }
    this.port.postMessage({ type: "decoded", id, next, samples: samples.length });
  }

  replaceSong({ notes, controls, voices, length, limit, keepPosition }) {
    this.voices = voices;
    this.length = length;
    this.limit = limit;
    this.song = new Song(notes, controls);
    this.heard = this.heard && keepPosition;
    if (!keepPosition) {
      this.halt();
      this.position = 0;
    }
    this.song.moveTo(this.position);
    this.setPrograms();
    this.report();
  }

  setPrograms() {
    this.sustained.clear();
    for (const { channel, program, sustained } of this.voices) {
      if (sustained) this.sustained.add(channel);
      if (this.programs.get(channel) === program) continue;
      this.programs.set(channel, program);
      this.synthesizer.programChange(channel, program);
    }
  }

  setLevels(levels) {
    for (const channel of new Set([...this.levels.keys(), ...levels.keys()])) {
      this.synthesizer.midiChannels[channel].setSystemParameter("gain", levels.get(channel) ?? 1);
    }
    this.levels = levels;
    this.sounding = this.sounding.filter((note) => {
      if (!this.isSilent(note[4])) return true;
      this.synthesizer.noteOff(note[4], note[2]);
      return false;
    });
  }

  isSilent(channel) {
    return this.levels.get(channel) === 0;
  }

  play(position) {
    if (position !== undefined || !this.playing) this.moveTo(position ?? this.position);
    this.playing = true;
    this.waiting = this.lead() < LEAD_SECONDS;
    this.report();
  }

  /* Seconds of music known beyond the position; a finished piece never runs out. */
  lead() {
    return this.limit < this.length ? this.limit - this.position : Infinity;
  }

  /* Stops where it is; what sounds fades as it would when the keys are released. */
  halt() {
    this.playing = false;
    this.waiting = false;
    this.releaseAll();
    this.report();
  }

  releaseAll() {
    for (const note of this.sounding) this.synthesizer.noteOff(note[4], note[2]);
    this.sounding = [];
    this.synthesizer.stopAllChannels(false);
  }

  moveTo(position) {
    this.releaseAll();
    this.waiting = false;
    this.position = position;
    this.song.moveTo(position);
    for (const { channel } of this.voices) this.synthesizer.controllerChange(channel, 121, 0);
    for (const control of this.song.controlsBefore(position)) this.sendControl(control);
    for (const note of this.song.soundingAt(position)) {
      if (this.sustained.has(note[4]) && note[1] - position > WORTH_STARTING_SECONDS) this.start(note);
    }
  }

  startLateNotes(notes) {
    if (!this.playing) return;
    for (const note of notes) {
      const left = note[1] - this.position;
      const late = this.position - note[0];
      if (left > 0 && (late < LATE_NOTE_SECONDS || (this.sustained.has(note[4]) && left > WORTH_STARTING_SECONDS))) {
        this.start(note);
      }
    }
  }

  start(note) {
    const [startSeconds, , pitch, velocity, channel] = note;
    if (this.isSilent(channel)) return;
    const same = this.sounding.findIndex((other) => other[2] === pitch && other[4] === channel);
    if (same >= 0) {
      if (Math.abs(this.sounding[same][0] - startSeconds) < SAME_NOTE_SECONDS) return;
      this.synthesizer.noteOff(channel, pitch);
      this.sounding.splice(same, 1);
    }
    this.synthesizer.noteOn(channel, pitch, velocity);
    this.sounding.push(note);
    if (!this.heard) {
      this.heard = true;
      this.port.postMessage({ type: "sounding" });
    }
  }

  sendControl([, status, data1, data2]) {
    this.synthesizer.processMessage([status, data1, data2], 0, { time: 0 });
  }

  /* Lets go of the notes that end before `seconds`. */
  endNotes(seconds) {
    for (let index = this.sounding.length - 1; index >= 0; index -= 1) {
      const note = this.sounding[index];
      if (note[1] <= seconds) {
        this.synthesizer.noteOff(note[4], note[2]);
        this.sounding.splice(index, 1);
      }
    }
  }

  advance(seconds) {
    if (this.waiting) {
      if (this.lead() < LEAD_SECONDS) return;
      this.waiting = false;
      this.report();
    } else if (this.lead() < seconds) {
      this.waiting = true;
      this.releaseAll();
      this.report();
      return;
    }
    const target = this.position + seconds;
    this.endNotes(target);
    this.song.takeUntil(
      target,
      (control) => this.sendControl(control),
      (note) => this.start(note),
    );
    this.position = target;
    if (target >= this.length + (this.loop ? 0 : END_TAIL_SECONDS)) this.reachEnd(target);
  }

  reachEnd(target) {
    if (this.loop && this.length > 0) {
      this.moveTo((target - this.length) % this.length);
      this.report();
      return;
    }
    this.position = this.length;
    this.halt();
    this.port.postMessage({ type: "ended" });
  }

  report() {
    this.blocks = 0;
    this.port.postMessage({
      type: "position",
      position: Math.min(this.position, this.length),
      time: currentTime,
      playing: this.playing,
      waiting: this.waiting,
    });
  }

  process(_inputs, outputs) {
    if (!this.alive) return false;
    const [left, right] = outputs[0];
    if (this.playing) {
      this.advance((left.length / sampleRate) * this.rate);
      this.blocks += 1;
      if (this.blocks >= REPORT_EVERY_BLOCKS) this.report();
    }
    this.synthesizer.process(left, right);
    return true;
  }
}

registerProcessor("music-processor", MusicProcessor);
