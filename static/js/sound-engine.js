/* Makes the sound: one AudioContext, one synthesizer in the audio thread, the sounds of the instruments in use.
 *
 * The page has one engine (soundEngine()); a player that wants to sound takes it over, which pauses the one before. A tab
 * that begins to sound pauses the others.
 * Nothing sounds and no context resumes before unlock() or play() is called inside a click, or mayGoOn() asks for it.
 */

/* What can go wrong, in words that a listener understands. */
export class SoundError extends Error {}

/* The browser waits for a click before it lets a page sound. */
export class SoundBlocked extends SoundError {}

const MESSAGES = {
  unsupported: "This browser can't play sound here. You can still download the MIDI file.",
  worklet: "The sound engine couldn't be loaded. Try again, or download the MIDI file.",
  sounds: "The instrument sounds couldn't be loaded. Try again, or download the MIDI file.",
  blocked: "Your browser blocked the sound. Press play again.",
};

const DRUM_CHANNEL = 9;
const TABS_CHANNEL = "sound";
const OTHER_TAB = "Paused: playing in another tab";
const SUSPEND_AFTER_MS = 4000;
const RESUME_DEADLINE_MS = 3000;
const START_DEADLINE_MS = 20_000;
const RAMP_SECONDS = 0.02;
/* Audio thread milliseconds per decoding slice: silent contexts may take longer without anyone hearing it. */
const DECODE_SILENT_MS = 40;
const DECODE_SOUNDING_MS = 2;

/* A solo piano leaves most of the range unused: lift it, and catch the loudest chords. */
const BOOST = 2.4;
const LIMITER = { threshold: -6, knee: 6, ratio: 12, attack: 0.003, release: 0.12 };

/* General MIDI families whose notes last as long as the key is held. */
const isSustained = (program) => (program >= 16 && program <= 23) || (program >= 40 && program <= 44) || (program >= 48 && program <= 103);

const isDrum = (voice) => Boolean(voice.is_drum || voice.isDrum);

/* Which MIDI channel each voice plays on: drums on the tenth, the others around it. */
export function channelsFor(voices) {
  let next = 0;
  return voices.map((voice) => {
    if (voice.channel !== undefined) return voice.channel;
    if (isDrum(voice)) return DRUM_CHANNEL;
    if (next === DRUM_CHANNEL) next += 1;
    const channel = next % 16;
    next += 1;
    return channel;
  });
}

class SoundEngine {
  constructor({ workletUrl, soundsUrl }) {
    this.workletUrl = workletUrl;
    this.soundsUrl = soundsUrl;
    this.owner = null;
    this.context = null;
    this.node = null;
    this.programs = this.kits = [];
    this.banks = new Map();
    this.waiters = new Map();
    this.clock = { position: 0, time: 0, playing: false, waiting: false };
    this.rate = 1;
    this.lengthSeconds = 0;
    this.suspendTimer = 0;
    this.unlocked = false;
    this.tabs = null;
  }

  /* ---- life cycle -------------------------------------------------------------------------------------------- */

  /* Creates the context; it sleeps until unlock(), also where a browser would let it start by itself. */
  open() {
    if (this.context && this.context.state !== "closed") return this.context;
    const Context = window.AudioContext ?? window.webkitAudioContext;
    if (!Context || !window.AudioWorkletNode) throw new SoundError(MESSAGES.unsupported);
    const context = new Context({ latencyHint: "balanced" });
    if (!context.audioWorklet) {
      context.close();
      throw new SoundError(MESSAGES.unsupported);
    }
    this.context = context;
    if (!this.unlocked) context.suspend().catch(() => {});
    context.onstatechange = () => this.contextChanged(context);
    this.gain = context.createGain();
    this.analyser = context.createAnalyser();
    this.analyser.fftSize = 2048;
    this.samples = new Float32Array(this.analyser.fftSize);
    this.boost = context.createGain();
    this.boost.gain.value = BOOST;
    const limiter = context.createDynamicsCompressor();
    Object.entries(LIMITER).forEach(([name, value]) => (limiter[name].value = value));
    this.boost.connect(limiter).connect(this.gain).connect(this.analyser).connect(context.destination);
    return context;
  }

  /* To be called synchronously inside a click: browsers let a context start only there. */
  unlock() {
    clearTimeout(this.suspendTimer);
    this.unlocked = true;
    try {
      if (navigator.audioSession) navigator.audioSession.type = "playback";
      const context = this.open();
      if (context.state !== "running") context.resume().catch(() => {});
    } catch (error) {
      if (!(error instanceof SoundError)) throw error;
    }
  }

  /* Without a click: whether the browser lets this page sound all the same, as it may after a click that led here. */
  async mayGoOn() {
    this.unlock();
    try {
      await this.resume();
      this.suspendSoon();
      return true;
    } catch {
      if (!this.owner) {
        this.unlocked = false;
        this.context?.suspend().catch(() => {});
      }
      return false;
    }
  }

  /* A phone call, an alarm: the system silences the page, so the player must not pretend to play. */
  contextChanged(context) {
    if (context === this.context && this.clock.playing && context.state !== "running") this.owner?.soundInterrupted();
  }

  close() {
    clearTimeout(this.suspendTimer);
    this.node?.port.postMessage({ type: "destroy" });
    this.node?.disconnect();
    if (this.context && this.context.state !== "closed") this.context.close().catch(() => {});
    this.waiters.forEach(({ reject }) => reject(new SoundError(MESSAGES.worklet)));
    this.waiters.clear();
    this.banks.clear();
    this.context = this.node = this.starting = null;
    this.clock = { position: 0, time: 0, playing: false, waiting: false };
  }

  /* The synthesizer node, made once. A failed attempt is forgotten, so that the next call tries again. */
  start() {
    this.starting ??= this.startNode().catch((error) => {
      this.starting = null;
      throw error;
    });
    return this.starting;
  }

  async startNode() {
    const context = this.open();
    try {
      await context.audioWorklet.addModule(this.workletUrl);
    } catch (cause) {
      /* A context remembers a script that it could not load: only a new one can try again. */
      if (context === this.context) this.close();
      throw new SoundError(MESSAGES.worklet, { cause });
    }
    if (context !== this.context) throw new SoundError(MESSAGES.worklet);
    const node = new AudioWorkletNode(context, "music-processor", { numberOfInputs: 0, outputChannelCount: [2] });
    const ready = this.answer("ready");
    const impatience = setTimeout(() => this.settle("ready", "reject", new SoundError(MESSAGES.worklet)), START_DEADLINE_MS);
    node.port.onmessage = (event) => this.receive(event.data);
    node.onprocessorerror = () => this.fail(new SoundError(MESSAGES.worklet));
    node.connect(this.boost);
    this.node = node;
    try {
      await ready;
    } catch (error) {
      if (context === this.context) this.close();
      throw error;
    } finally {
      clearTimeout(impatience);
    }
    return node;
  }

  fail(error) {
    const owner = this.owner;
    this.close();
    owner?.soundFailed(error);
  }

  answer(key) {
    return new Promise((resolve, reject) => this.waiters.set(key, { resolve, reject }));
  }

  settle(key, how, value) {
    this.waiters.get(key)?.[how](value);
    this.waiters.delete(key);
  }

  receive(message) {
    switch (message.type) {
      case "ready":
        return this.settle("ready", "resolve");
      case "failed":
        return this.settle("ready", "reject", new SoundError(MESSAGES.worklet));
      case "bank":
        return this.settle(`bank ${message.id}`, "resolve", message.samples);
      case "bankError":
        return this.settle(`bank ${message.id}`, "reject", new SoundError(MESSAGES.sounds));
      case "decoded":
        return this.settle(`decode ${message.id}`, "resolve", message.next);
      case "position":
        this.clock = message;
        return this.owner?.soundMoved(message);
      case "sounding":
        return this.owner?.soundStarted();
      case "ended":
        return this.owner?.soundEnded();
    }
    return undefined;
  }

  /* ---- instruments ------------------------------------------------------------------------------------------- */

  /* Loads all that these voices need. No sound, no resumed context: may be called before any click. */
  async prepare(voices) {
    const [index] = await Promise.all([this.soundIndex(), this.start()]);
    const files = voices.map((voice) => index[isDrum(voice) ? "drums" : "programs"][this.soundOf(voice)].file);
    await Promise.all([...new Set(files)].map((file) => this.loadBank(file)));
  }

  soundIndex() {
    this.loadingIndex ??= this.fetchSound("index.json")
      .then((response) => response.json())
      .then((index) => {
        this.programs = Object.keys(index.programs).map(Number);
        this.kits = Object.keys(index.drums).map(Number);
        return index;
      })
      .catch((error) => {
        this.loadingIndex = null;
        throw error instanceof SoundError ? error : new SoundError(MESSAGES.sounds, { cause: error });
      });
    return this.loadingIndex;
  }

  /* A voice's program, or drum kit; for one that has no sound file the nearest of its family of eight, else the first. */
  soundOf(voice) {
    const { program } = voice;
    const known = isDrum(voice) ? this.kits : this.programs;
    if (known.includes(program)) return program;
    const family = known.filter((other) => other >> 3 === program >> 3);
    return family.sort((a, b) => Math.abs(a - program) - Math.abs(b - program))[0] ?? 0;
  }

  async fetchSound(file) {
    try {
      const response = await fetch(new URL(file, new URL(this.soundsUrl, document.baseURI)));
      if (!response.ok) throw new Error(`${file}: ${response.status}`);
      return response;
    } catch (cause) {
      throw new SoundError(MESSAGES.sounds, { cause });
    }
  }

  loadBank(file) {
    if (!this.banks.has(file)) {
      const loading = this.sendBank(file).catch((error) => {
        if (this.banks.get(file) === loading) this.banks.delete(file);
        throw error;
      });
      this.banks.set(file, loading);
    }
    return this.banks.get(file);
  }

  async sendBank(file) {
    const response = await this.fetchSound(file);
    const buffer = await response.arrayBuffer().catch((cause) => {
      throw new SoundError(MESSAGES.sounds, { cause });
    });
    const node = await this.start();
    const added = this.answer(`bank ${file}`);
    node.port.postMessage({ type: "bank", id: file, buffer }, [buffer]);
    const samples = await added;
    let next = 0;
    while (next < samples && node === this.node) {
      const decoded = this.answer(`decode ${file}`);
      const budget = this.clock.playing ? DECODE_SOUNDING_MS : DECODE_SILENT_MS;
      node.port.postMessage({ type: "decode", id: file, from: next, budget });
      next = await decoded;
    }
  }

  /* ---- playing ----------------------------------------------------------------------------------------------- */

  /* Makes `owner` the one that sounds. It answers soundMoved, soundStarted, soundEnded, soundFailed, soundTaken,
     soundInterrupted. */
  take(owner) {
    if (this.owner === owner) return;
    const before = this.owner;
    if (before) {
      this.post({ type: "pause" });
      before.soundTaken(this.position, owner);
    }
    this.clock = { ...this.clock, position: 0, playing: false, waiting: false };
    this.owner = owner;
  }

  /* Another owner takes over what sounds, without a gap. The one before is not told: it is about to go. */
  handOver(owner) {
    this.owner = owner;
  }

  release(owner) {
    if (this.owner !== owner) return;
    this.post({ type: "pause" });
    this.clock = { ...this.clock, playing: false, waiting: false };
    this.owner = null;
    this.suspendSoon();
  }

  post(message) {
    this.node?.port.postMessage(message);
  }

  /* After prepare(). notes: [[startSeconds, endSeconds, pitch, velocity, channel, voice], …]; limitSeconds: known so far (Infinity: all). */
  setSong({ notes, controls = [], voices, lengthSeconds, limitSeconds, keepPosition = false }) {
    const channels = channelsFor(voices);
    this.lengthSeconds = lengthSeconds;
    this.post({
      type: "song",
      notes,
      controls,
      length: lengthSeconds,
      limit: limitSeconds,
      keepPosition,
      voices: voices.map((voice, index) => ({
        channel: channels[index],
        program: this.soundOf(voice),
        sustained: channels[index] !== DRUM_CHANNEL && isSustained(voice.program),
      })),
    });
  }

  addNotes(notes, limitSeconds) {
    this.post({ type: "notes", notes, limit: limitSeconds });
  }

  setLimit(limitSeconds, lengthSeconds) {
    this.lengthSeconds = lengthSeconds;
    this.post({ type: "limit", limit: limitSeconds, length: lengthSeconds });
  }

  /* Resolves once the context runs; the caller checks again whether it still wants to play. */
  async resume() {
    clearTimeout(this.suspendTimer);
    const context = this.open();
    if (context.state === "running") return;
    let timer;
    const deadline = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new SoundBlocked(MESSAGES.blocked)), RESUME_DEADLINE_MS);
    });
    try {
      await Promise.race([context.resume(), deadline]);
    } catch (cause) {
      throw cause instanceof SoundError ? cause : new SoundBlocked(MESSAGES.blocked, { cause });
    } finally {
      clearTimeout(timer);
    }
  }

  play(positionSeconds) {
    clearTimeout(this.suspendTimer);
    this.clock = { ...this.clock, position: positionSeconds, time: this.context.currentTime, playing: true };
    this.post({ type: "play", position: positionSeconds });
    this.hushTabs();
  }

  /* A tab that never sounded has no channel: there is nothing to hush in it. */
  hushTabs() {
    if (!window.BroadcastChannel) return;
    if (!this.tabs) {
      this.tabs = new BroadcastChannel(TABS_CHANNEL);
      this.tabs.onmessage = () => this.owner?.soundInterrupted(OTHER_TAB);
    }
    this.tabs.postMessage("sounds");
  }

  pause() {
    this.clock = { ...this.clock, position: this.position, playing: false, waiting: false };
    this.post({ type: "pause" });
    this.suspendSoon();
  }

  seek(positionSeconds) {
    this.clock = { ...this.clock, position: positionSeconds, time: this.context?.currentTime ?? 0 };
    this.post({ type: "seek", position: positionSeconds });
  }

  setRate(rate) {
    this.clock = { ...this.clock, position: this.position, time: this.context?.currentTime ?? 0 };
    this.rate = rate;
    this.post({ type: "rate", rate });
  }

  setLoop(loop) {
    this.post({ type: "loop", loop });
  }

  /* levels: [[channel, 0 … 1], …], heard as even steps; channels not named play at 1, those at 0 not at all */
  setLevels(levels) {
    this.post({ type: "levels", levels: levels.map(([channel, level]) => [channel, level * level]) });
  }

  /* volume 0 … 1, heard as even steps */
  setVolume(volume) {
    if (this.context) this.gain.gain.setTargetAtTime(volume * volume, this.context.currentTime, RAMP_SECONDS);
  }

  /* A context that runs keeps a phone awake; this one sleeps a little after the last note has faded. */
  suspendSoon() {
    clearTimeout(this.suspendTimer);
    this.suspendTimer = setTimeout(() => {
      if (this.context?.state === "running" && !this.clock.playing) this.context.suspend().catch(() => {});
    }, SUSPEND_AFTER_MS);
  }

  /* Seconds of the piece that are heard right now, smooth between two reports of the audio thread. */
  get position() {
    const { position, time, playing, waiting } = this.clock;
    if (!playing || waiting || !this.context) return position;
    const heard = this.context.currentTime - (this.context.outputLatency || 0);
    const moved = Math.min(Math.max(heard - time, -0.2), 0.5) * this.rate;
    return Math.min(Math.max(position + moved, 0), this.lengthSeconds);
  }

  /* Loudness of the last 2048 frames, 0 … 1. */
  get rms() {
    if (!this.context || this.context.state !== "running") return 0;
    this.analyser.getFloatTimeDomainData(this.samples);
    let sum = 0;
    for (const sample of this.samples) sum += sample * sample;
    return Math.sqrt(sum / this.samples.length);
  }
}

const engines = new Map();

/* The page's engine for these two addresses. */
export function soundEngine({ workletUrl, soundsUrl }) {
  const key = `${workletUrl} ${soundsUrl}`;
  if (!engines.has(key)) engines.set(key, new SoundEngine({ workletUrl, soundsUrl }));
  return engines.get(key);
}
