import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const dist = here("dist");

/** Puts `name.br` and `name.gz` beside every file that becomes smaller by it: labwire sends these. */
const compressed = {
  name: "compressed",
  apply: "build",
  async buildStart() {
    // By its .gitignore the folder is there before the page is, and cargo notices when it changes.
    for (const name of await readdir(dist)) if (name !== ".gitignore") await rm(join(dist, name), { recursive: true });
  },
  async closeBundle() {
    for (const entry of await readdir(dist, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (!entry.isFile() || entry.name === ".gitignore") continue;
      const content = await readFile(path);
      for (const [ending, packed] of [[".br", brotliCompressSync(content)], [".gz", gzipSync(content, { level: 9 })]]) {
        if (packed.length < 0.9 * content.length) await writeFile(path + ending, packed);
      }
    }
  },
};

export default {
  root: here("page"),
  base: "./",
  plugins: [compressed],
  resolve: {
    alias: [
      { find: "labwire-wasm/client", replacement: here("pkg/client/index.js") },
      { find: "labwire-wasm/worker", replacement: here("pkg/worker/browser.js") },
      { find: "labwire-wasm", replacement: here("pkg/browser.js") },
    ],
  },
  build: { outDir: dist, emptyOutDir: false, target: "esnext", assetsInlineLimit: 0, chunkSizeWarningLimit: 1000 },
};
