// Where the WebAssembly module comes from.

/** Compiled WebAssembly module. The types of Node.js 20 have none. */
export type Module = typeof globalThis extends { WebAssembly: { Module: { prototype: infer M } } } ? M : object;

/** The WebAssembly module: its address, the response with it, its bytes, or the module compiled already. */
export type Source = string | URL | Request | Response | ArrayBuffer | ArrayBufferView | Module;

/** Source of the module, or a promise of it, or an object with one of these. Default: the file in this package. */
export type InitOptions = Source | Promise<Source> | { module_or_path: Source | Promise<Source> };

/** The source that the caller has given, if any. */
export function given(options: InitOptions | undefined): Source | Promise<Source> | undefined {
  return typeof options === "object" && options !== null && "module_or_path" in options ? options.module_or_path : options;
}

/** Compiled module. */
export async function compiled(source: Source | Promise<Source>): Promise<Module> {
  let from = await source;
  if (from instanceof WebAssembly.Module) return from;
  if (typeof from === "string" || from instanceof URL || from instanceof Request) from = await fetch(from);
  if (!(from instanceof Response)) return WebAssembly.compile(from as BufferSource);
  if (!from.ok) throw new Error(`${from.url}: ${from.status} ${from.statusText}`);
  return WebAssembly.compile(await from.arrayBuffer());
}
