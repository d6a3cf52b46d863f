/* What surrounds a player on the listener's device: remembered choices, media keys, a phone that may be muted. */

const VOLUME_KEY = "player-volume";
const HINT_KEY = "player-hint-hidden";
const DEFAULT_VOLUME = 80;
const MEDIA_ACTIONS = ["play", "pause", "stop", "seekto", "nexttrack", "previoustrack"];

/* Storage may be forbidden; then a choice lasts as long as the page. */
function read(storage, key) {
  try {
    return window[storage].getItem(key);
  } catch {
    return null;
  }
}

function write(storage, key, value) {
  try {
    window[storage].setItem(key, value);
  } catch {
    /* See read(). */
  }
}

let chosenVolume = null;

export function rememberedVolume() {
  const percent = Number.parseFloat(read("localStorage", VOLUME_KEY) ?? chosenVolume);
  return percent >= 0 && percent <= 100 ? percent : DEFAULT_VOLUME;
}

export function rememberVolume(percent) {
  chosenVolume = percent;
  write("localStorage", VOLUME_KEY, String(percent));
}

export const hideHint = () => write("sessionStorage", HINT_KEY, "1");

/* Browsers do not tell whether a phone is muted, so every phone gets the hint, until it is closed. "" for other devices. */
export function muteHint() {
  if (!window.matchMedia("(pointer: coarse)").matches || read("sessionStorage", HINT_KEY)) return "";
  const isApple = /iPhone|iPad|iPod/.test(navigator.userAgent) || (navigator.platform === "MacIntel" && navigator.maxTouchPoints > 1);
  if (!isApple) return "No sound? Turn up your phone's media volume.";
  return "No sound? Turn off silent mode (on many iPhones, the switch above the volume buttons) and turn up the volume.";
}

/* Lets the keyboard's media keys and the lock screen drive this player. */
export function announceMedia(player) {
  if (!navigator.mediaSession) return;
  if (window.MediaMetadata) {
    navigator.mediaSession.metadata = new MediaMetadata({ title: player.dataset.title || document.title });
  }
  const handlers = [
    () => player.play(),
    () => player.pause(),
    () => player.stop(),
    (details) => player.seek(details.seekTime),
    player.next ? () => player.next() : null,
    player.previous ? () => player.previous() : null,
  ];
  MEDIA_ACTIONS.forEach((action, index) => setMediaAction(action, handlers[index]));
}

/* Where the lock screen draws its line. */
export function announcePosition({ duration, currentTime }) {
  if (!navigator.mediaSession?.setPositionState || !(duration > 0)) return;
  navigator.mediaSession.setPositionState({ duration, position: Math.min(currentTime, duration) });
}

export function forgetMedia() {
  if (!navigator.mediaSession) return;
  navigator.mediaSession.metadata = null;
  MEDIA_ACTIONS.forEach((action) => setMediaAction(action, null));
}

function setMediaAction(action, handler) {
  try {
    navigator.mediaSession.setActionHandler(action, handler);
  } catch {
    /* Not every browser knows every action. */
  }
}
