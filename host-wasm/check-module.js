// Fails if a WebAssembly module imports from `env`, which no page can supply: a C library or a platform function. Fails
// too if the module has more kilobytes, gzipped, than the second argument; prints its size.
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

const [file, maxKilobytes] = process.argv.slice(2);
const bytes = await readFile(file);
const imports = WebAssembly.Module.imports(await WebAssembly.compile(bytes));
const foreign = imports.filter((entry) => entry.module === "env");
if (foreign.length > 0) {
  console.error(`${file} imports from env: ${foreign.map((entry) => entry.name).join(", ")}`);
  process.exit(1);
}
const kilobytes = gzipSync(bytes, { level: 9 }).length / 1000;
console.log(`${file}: ${(bytes.length / 1000).toFixed(0)} kB, ${kilobytes.toFixed(0)} kB gzipped`);
if (!(kilobytes <= Number(maxKilobytes))) {
  console.error(`more than ${maxKilobytes} kB`);
  process.exit(1);
}
