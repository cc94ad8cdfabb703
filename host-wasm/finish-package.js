// After wasm-pack: adds the licences to pkg/, and says in its package.json that the clients are there too.
import { copyFile, readFile, writeFile } from "node:fs/promises";

const licences = ["LICENSE-APACHE", "LICENSE-MIT"];
for (const name of licences) await copyFile(new URL(`../${name}`, import.meta.url), new URL(`pkg/${name}`, import.meta.url));

const file = new URL("pkg/package.json", import.meta.url);
const json = JSON.parse(await readFile(file, "utf8"));
json.files = [...new Set([...json.files, "client", ...licences])];
json.exports = {
  ".": { types: "./labwire_wasm.d.ts", default: "./labwire_wasm.js" },
  "./client": { types: "./client/index.d.ts", default: "./client/index.js" },
  "./labwire_wasm_bg.wasm": "./labwire_wasm_bg.wasm",
};
await writeFile(file, `${JSON.stringify(json, undefined, 2)}\n`);
