/* Who is heard and how loudly: each voice can be silenced, heard alone, or made softer. Nothing here draws or sounds. */

export class Mix {
  constructor() {
    this.muted = new Set();
    this.solo = new Set();
    this.volumes = new Map();
  }

  toggleMuted(voice) {
    if (!this.muted.delete(voice)) this.muted.add(voice);
  }

  toggleSolo(voice) {
    if (!this.solo.delete(voice)) this.solo.add(voice);
  }

  setVolume(voice, percent) {
    this.volumes.set(voice, percent);
  }

  volumeOf(voice) {
    return this.volumes.get(voice) ?? 100;
  }

  /* Where voices are heard alone, the others are silent, whatever their own switch says. */
  isHeard(voice) {
    return this.solo.size ? this.solo.has(voice) : !this.muted.has(voice);
  }

  /* 0 … 1 */
  levelOf(voice) {
    return this.isHeard(voice) ? this.volumeOf(voice) / 100 : 0;
  }
}
