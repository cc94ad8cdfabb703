// Fails when a WebAssembly module imports from `env`: a C library or a platform function that no page can supply.
import { readFile } from "node:fs/promises";

const [file] = process.argv.slice(2);
const imports = WebAssembly.Module.imports(await WebAssembly.compile(await readFile(file)));
const foreign = imports.filter((entry) => entry.module === "env");
if (foreign.length > 0) {
  console.error(`${file} imports from env: ${foreign.map((entry) => entry.name).join(", ")}`);
  process.exit(1);
}
