// The WebAssembly module out of a text in this package.
import text from "./wasm_text.js";

/** Bytes of the module. */
export function unpacked(): Promise<ArrayBuffer> {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}
