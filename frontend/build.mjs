/* Fills static/vendor from the packages that package-lock.json pins.
 *
 *     npm ci && npm run build
 *
 * What it writes is committed, so that the site needs no Node. Running it twice writes the same bytes.
 */
import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const packages = join(here, "node_modules");
const vendor = join(here, "..", "static", "vendor");

/* Icons that pages and player use; names as on https://icons.getbootstrap.com. */
const PAGE_ICONS = `
  play-fill pause-fill stop-fill skip-start-fill volume-up-fill volume-down-fill volume-mute-fill repeat speedometer2 download
  music-note-beamed file-earmark-music soundwave vinyl headphones collection tag heart heart-fill
  sun-fill moon-stars-fill circle-half arrow-clockwise arrow-left chevron-right chevron-down
  exclamation-triangle-fill info-circle question-circle check-lg x-lg x-circle plus-lg bell-slash-fill phone
  hourglass-split clock clock-history person-circle box-arrow-in-right box-arrow-right share link-45deg trash3 pencil search list
  shuffle dice-5 stars magic cpu apple sliders shield-check house github
`.trim().split(/\s+/);

/* The player draws these itself: it must not depend on a page's markup. */
const PLAYER_ICONS = `
  play-fill pause-fill stop-fill volume-up-fill volume-down-fill volume-mute-fill repeat
  exclamation-triangle-fill arrow-clockwise bell-slash-fill x-lg hourglass-split
  skip-start-fill skip-end-fill shuffle repeat-1 music-note-list chevron-up chevron-down grip-vertical
`.trim().split(/\s+/);

async function freshFolder(name) {
  const folder = join(vendor, name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  return folder;
}

/* A source map comment would point at a file that is not shipped, which hashed static file names refuse. */
async function copyWithoutSourceMap(from, to) {
  const text = await readFile(from, "utf8");
  await writeFile(to, text.replace(/\s*(\/\/|\/\*)# sourceMappingURL=.*$/s, "\n"));
}

async function buildBootstrap() {
  const folder = await freshFolder("bootstrap");
  const dist = join(packages, "bootstrap", "dist");
  await copyWithoutSourceMap(join(dist, "css", "bootstrap.min.css"), join(folder, "bootstrap.min.css"));
  await copyWithoutSourceMap(join(dist, "js", "bootstrap.bundle.min.js"), join(folder, "bootstrap.bundle.min.js"));
  await copyFile(join(packages, "bootstrap", "LICENSE"), join(folder, "LICENSE"));
  await copyFile(join(packages, "@popperjs", "core", "LICENSE.md"), join(folder, "LICENSE-popper"));
}

async function iconBody(name) {
  const svg = await readFile(join(packages, "bootstrap-icons", "icons", `${name}.svg`), "utf8");
  return svg.replace(/^[\s\S]*?<svg[^>]*>/, "").replace(/<\/svg>\s*$/, "").replace(/\s*\n\s*/g, "");
}

async function buildIcons() {
  const folder = await freshFolder("bootstrap-icons");
  const symbols = await Promise.all(
    PAGE_ICONS.map(async (name) => `<symbol id="${name}" viewBox="0 0 16 16" fill="currentColor">${await iconBody(name)}</symbol>`),
  );
  await writeFile(
    join(folder, "icons.svg"),
    `<svg xmlns="http://www.w3.org/2000/svg"><!-- Bootstrap Icons, MIT, see LICENSE -->\n${symbols.join("\n")}\n</svg>\n`,
  );
  const paths = await Promise.all(
    PLAYER_ICONS.map(async (name) => {
      const body = await iconBody(name);
      return [name, [...body.matchAll(/ d="([^"]+)"/g)].map((match) => match[1])];
    }),
  );
  await writeFile(
    join(folder, "player-icons.js"),
    "/* Bootstrap Icons, MIT, see LICENSE. Path data on a grid of 16 by 16; written by frontend/build.mjs. */\n" +
      `export const ICON_PATHS = ${JSON.stringify(Object.fromEntries(paths), null, 2)};\n`,
  );
  await copyFile(join(packages, "bootstrap-icons", "LICENSE"), join(folder, "LICENSE"));
}

/* The synthesizer runs in the audio thread: our sequencer (audio-worklet/) and spessasynth_core in one file. */
async function buildWorklet() {
  const folder = await freshFolder("spessasynth");
  const sources = createHash("sha256");
  for (const name of ["processor.js", "song.js"]) sources.update(await readFile(join(here, "audio-worklet", name)));
  await build({
    entryPoints: [join(here, "audio-worklet", "processor.js")],
    outfile: join(folder, "worklet.js"),
    absWorkingDir: here,
    bundle: true,
    format: "iife",
    minify: true,
    target: "es2022",
    legalComments: "none",
    banner: {
      js:
        "/* spessasynth_core and stb-vorbis, Apache-2.0, see LICENSE; sequencer built from frontend/audio-worklet " +
        `(sha256 ${sources.digest("hex")}) */`,
    },
  });
  await copyFile(join(packages, "spessasynth_core", "LICENSE"), join(folder, "LICENSE"));
}

const parts = { bootstrap: buildBootstrap, icons: buildIcons, worklet: buildWorklet };
const wanted = process.argv.slice(2);
for (const [name, run] of Object.entries(parts)) {
  if (wanted.length === 0 || wanted.includes(name)) {
    await run();
    console.error(`built ${name}`);
  }
}
