/* Browsers give media keys and the lock screen to pages with a media element that plays, not to an AudioContext. So a silent
 * one plays while the bar does. Where that is refused, the bar plays on without those keys.
 */

const RATE = 8000;
const SECONDS = 8; // shorter ones count as a signal, not as media
const HEADER_BYTES = 44;

/* A WAV file of silence: 8 bits, one channel. */
function silence() {
  const size = RATE * SECONDS;
  const bytes = new Uint8Array(HEADER_BYTES + size).fill(128);
  const view = new DataView(bytes.buffer);
  const text = (offset, word) => [...word].forEach((letter, index) => view.setUint8(offset + index, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, HEADER_BYTES - 8 + size, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // samples as they are
  view.setUint16(22, 1, true);
  view.setUint32(24, RATE, true);
  view.setUint32(28, RATE, true);
  view.setUint16(32, 1, true);
  view.setUint16(34, 8, true);
  text(36, "data");
  view.setUint32(40, size, true);
  return new Blob([bytes], { type: "audio/wav" });
}

export class MediaSessionHold {
  constructor() {
    this.element = null;
  }

  /* Another player sounds: the keys are its own. */
  leave() {
    this.element?.pause();
    if (navigator.mediaSession) navigator.mediaSession.playbackState = "none";
  }

  /* The first time inside a click. */
  set(isPlaying) {
    if (!navigator.mediaSession) return;
    navigator.mediaSession.playbackState = isPlaying ? "playing" : "paused";
    if (!isPlaying) {
      this.element?.pause();
      return;
    }
    if (!this.element) {
      this.element = new Audio(URL.createObjectURL(silence()));
      this.element.loop = true;
    }
    if (this.element.paused) this.element.play().catch(() => {});
  }
}
