// The WebAssembly module as a file of Node.js.
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Source } from "./source.js";

/** Bytes of the file beside this one. */
export const readBeside = (): ArrayBufferView => readFileSync(new URL("./labwire_wasm_bg.wasm", import.meta.url));

/** The source, with a file's bytes in place of its path or URL, which `fetch` could not read. */
export async function readable(source: Source | Promise<Source>): Promise<Source> {
  const from = await source;
  const isFile = from instanceof URL ? from.protocol === "file:" : typeof from === "string" && !/^\w{2,}:/.test(from);
  if (typeof from === "string" && from.startsWith("file:")) return readFile(new URL(from));
  return isFile ? readFile(from as string | URL) : from;
}
