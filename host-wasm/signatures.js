// Reads the signatures of all functions, constructors and methods from the types that wasm-bindgen generates. It prints one
// declaration a line; anything else is an error here rather than a call without checks.

/** "text: FileText, sigma?: number", of "text: FileText, sigma?: number | null". */
function parameters(text) {
  const parts = text.split(", ").filter(Boolean);
  return parts
    .map((part) => {
      const [, name, optional, type] = part.match(/^(\w+)(\??): (.+)$/);
      const plain = type.replace(/ \| (null|undefined)\b/g, "");
      if (!/^(string\[\]|Uint8Array \| number\[\]|\w+)$/.test(plain)) throw new Error(`no check for arguments of the type ${type}`);
      return `${name}${optional || plain !== type ? "?" : ""}: ${plain}`;
    })
    .join(", ");
}

/** The signatures in a file of types, in the form of package/guard.ts. */
export function signatures(types) {
  const found = { functions: {}, classes: {} };
  for (const [, name, args] of types.matchAll(/^export function (\w+)\((.*?)\): .*;$/gm)) found.functions[name] = parameters(args);
  for (const [, name, body] of types.matchAll(/^export class (\w+) \{\n([^]*?)^\}/gm)) found.classes[name] = members(name, body);
  return found;
}

function members(name, body) {
  const found = { create: undefined, statics: {}, methods: {} };
  const lines = body.replace(/\/\*\*[^]*?\*\//g, "").split("\n");
  for (const line of lines.map((each) => each.trim()).filter(Boolean)) {
    const [, kind, method, args] = line.match(/^(static )?(\w+)\((.*?)\)(?:: .*)?;$/) ?? [];
    if (method === "constructor") found.create = parameters(args);
    else if (method && method !== "free") found[kind ? "statics" : "methods"][method] = parameters(args);
    else if (!/^(free\(\)|\[Symbol\.dispose\]\(\)|readonly \w+): /.test(line)) throw new Error(`${name}: cannot read ${line}`);
  }
  if (found.create === undefined) throw new Error(`${name} has no constructor, so could be made without its contents`);
  return found;
}
