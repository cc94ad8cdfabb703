// Checks every call before it reaches WebAssembly, which would take anything: a wrong type, an object that has been
// freed, a call before the module is there. All of these are `TypeError`s here, in words.

/** Parameters of a function, as build.js finds them in the generated types: "text: FileText, sigma?: number". */
type Signature = string;

/** What there is in a module. */
export interface Signatures {
  functions: Record<string, Signature>;
  classes: Record<string, { create: Signature; statics: Record<string, Signature>; methods: Record<string, Signature> }>;
}

/** The module as wasm-bindgen generates it. */
interface Glue {
  default(options: { module_or_path: unknown }): Promise<unknown>;
  initSync(options: { module: unknown }): unknown;
  [name: string]: any;
}

interface Handle {
  /** 0 once it is freed. */
  __wbg_ptr: number;
}

/** Gives the argument that Rust takes. */
type Check = (value: any, what: string) => unknown;

function shown(value: unknown): string {
  if (typeof value === "string") return "a string";
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : `an object (${value.constructor?.name ?? "of no class"})`;
  return typeof value === "function" ? "a function" : typeof value === "bigint" ? `${value}n` : String(value);
}

function refuse(what: string, expected: string, value: unknown): never {
  throw new TypeError(`${what} has to be ${expected}, not ${shown(value)}`);
}

const ofType =
  (type: string, expected: string): Check =>
  (value, what) =>
    typeof value === type ? value : refuse(what, expected, value);

const whole =
  (min: number, max: number): Check =>
  (value, what) =>
    Number.isInteger(value) && value >= min && value <= max ? value : refuse(what, `a whole number from ${min} to ${max}`, value);

function numbers(value: any, what: string): unknown {
  if (ArrayBuffer.isView(value) && typeof (value as any)[0] !== "bigint" && !(value instanceof DataView)) return value;
  if (!Array.isArray(value)) refuse(what, "an array of numbers", value);
  value.forEach((item, index) => typeof item === "number" || refuse(`${what}[${index}]`, "a number", item));
  return value;
}

function bytes(value: any, what: string): unknown {
  if (Object.prototype.toString.call(value) === "[object Uint8Array]") return value;
  if (!Array.isArray(value)) refuse(what, "a Uint8Array", value);
  value.forEach((item, index) => whole(0, 255)(item, `${what}[${index}]`));
  return value;
}

function texts(value: any, what: string): unknown {
  if (!Array.isArray(value)) refuse(what, "an array of strings", value);
  value.forEach((item, index) => typeof item === "string" || refuse(`${what}[${index}]`, "a string", item));
  return value;
}

function seed(value: any, what: string): unknown {
  if (typeof value === "bigint" && value === BigInt.asUintN(64, value)) return value;
  if (Number.isSafeInteger(value) && value >= 0) return BigInt(value);
  return refuse(what, "a whole number from 0 to 2^53 - 1 or a BigInt from 0 to 2^64 - 1", value);
}

function object(value: any, what: string, expected = "an object"): unknown {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : refuse(what, expected, value);
}

/** Options without those that are undefined, as if they had been left out. */
function options(value: any, what: string): unknown {
  return Object.fromEntries(Object.entries(object(value, what) as object).filter(([, item]) => item !== undefined));
}

/** Text of the file that the object describes, with everything refused that `JSON.stringify` would silently change. */
function fileText(value: any, what: string, expected?: string): unknown {
  object(value, what, expected);
  const check = (key: string, item: any) => {
    if (ArrayBuffer.isView(item)) return Array.from(numbers(item, `${what}: ${key}`) as ArrayLike<number>);
    const isLost = typeof item === "number" ? !Number.isFinite(item) : ["function", "symbol", "bigint"].includes(typeof item);
    return isLost ? refuse(`${what}: ${key}`, "something that JSON has", item) : item;
  };
  return JSON.stringify(value, check, 2);
}

/** Function of many points at once, as Rust calls a model. */
function model(call: (...values: number[]) => any, channels: number) {
  const what = "what the model returned";
  return (columns: Float64Array[], count: number) => {
    const outputs = new Float64Array(channels * count);
    for (let i = 0; i < count; i++) {
      const value = call(...columns.map((column) => (column.length > 1 ? column[i] : column[0])));
      const values = channels === 1 && typeof value === "number" ? [value] : value;
      if (typeof values !== "object" || values?.length !== channels) refuse(what, channels === 1 ? "a number" : `an array of ${channels} numbers`, value);
      for (let channel = 0; channel < channels; channel++) outputs[channel * count + i] = checks.number(values[channel], what) as number;
    }
    return outputs;
  };
}

/** Text of the experiment; if its model is a function, with that. */
function experiment(value: any, what: string, expected?: string): unknown {
  object(value, what, expected);
  const given = value.model;
  const call = typeof given === "function" ? given : given?.function;
  if (typeof call !== "function") return fileText(value, what);
  const { function: _, channels = 1, ...others } = typeof given === "function" ? {} : given;
  whole(1, 1000)(channels, `${what}: \`channels\` of the model`);
  for (const name of Object.keys(others)) throw new TypeError(`${what}: the model is a function and has \`${name}\`; it may have \`channels\` only`);
  // A formula in its place, with as many values.
  const text = fileText({ ...value, model: channels === 1 ? "0" : Array(channels).fill("0") }, what);
  return { text, model: model(call, channels) };
}

const checks: Record<string, Check> = {
  string: ofType("string", "a string"),
  number: ofType("number", "a number"),
  boolean: ofType("boolean", "true or false"),
  "string[]": texts,
  "Uint8Array | number[]": bytes,
  Numbers: numbers,
  Count: whole(0, 2 ** 32 - 1),
  Integer: whole(-(2 ** 31), 2 ** 31 - 1),
  Seed: seed,
  FileObject: fileText,
  ExperimentObject: experiment,
  ExperimentFile: (value, what) => (typeof value === "string" ? value : experiment(value, what, "a string or an object")),
  FileText: (value, what) => (typeof value === "string" ? value : fileText(value, what, "a string or an object")),
};

/** A generated module behind checks. */
export class Guarded {
  /** Its classes and functions. */
  readonly api: Record<string, any> = {};
  readonly #glue: Glue;
  readonly #checks = { ...checks };
  #isReady = false;
  #loading: Promise<unknown> | undefined;

  constructor(glue: Glue, { functions, classes }: Signatures) {
    this.#glue = glue;
    for (const [name, signature] of Object.entries(functions)) this.api[name] = this.#checked(glue[name], name, signature);
    for (const [name, parts] of Object.entries(classes)) this.api[name] = this.#class(glue[name], name, parts);
  }

  /** Loads the module, once. A failure may be followed by another attempt. */
  async initialize(source: () => unknown): Promise<void> {
    if (this.#isReady) return;
    this.#loading ??= (async () => this.#glue.default({ module_or_path: await source() }))();
    try {
      await this.#loading;
      this.#isReady = true;
    } finally {
      this.#loading = undefined;
    }
  }

  /** Loads the module at once. */
  initializeSync(source: () => unknown): void {
    if (this.#isReady) return;
    if (this.#loading) throw new TypeError("labwire-wasm is being loaded already: await init()");
    this.#glue.initSync({ module: source() });
    this.#isReady = true;
  }

  #class(Class: any, name: string, { create, statics, methods }: Signatures["classes"][string]): unknown {
    for (const [key, signature] of Object.entries(statics)) Class[key] = this.#checked(Class[key], `${name}.${key}`, signature);
    for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(Class.prototype)) as [string, PropertyDescriptor][]) {
      const what = `${name}.${key}`;
      const self = (it: unknown) => this.#alive(it, Class, name, `what ${what} is called on`);
      if (property.get) {
        const { get } = property;
        const checked = function (this: unknown) {
          return get.call(self(this));
        };
        Object.defineProperty(Class.prototype, key, { ...property, get: checked });
      } else if (Object.hasOwn(methods, key)) {
        const inner = this.#checked(property.value, what, methods[key], self);
        Object.defineProperty(Class.prototype, key, { ...property, value: inner });
      }
    }
    const { free } = Class.prototype;
    // Freeing twice is harmless: `using` may come after it.
    Class.prototype.free = function (this: Handle) {
      if (this.__wbg_ptr) free.call(this);
    };
    if (Symbol.dispose) Class.prototype[Symbol.dispose] = Class.prototype.free;
    const prepare = this.#arguments(`new ${name}`, create);
    const guarded = new Proxy(Class, {
      construct: (target, given, newTarget) => Reflect.construct(target, prepare(given), newTarget),
    });
    Class.prototype.constructor = guarded;
    this.#checks[name] = (value, what) => this.#alive(value, Class, name, what);
    return guarded;
  }

  #checked(inner: Function, what: string, signature: Signature, self: (it: unknown) => unknown = (it) => it) {
    const prepare = this.#arguments(what, signature);
    return function (this: unknown, ...given: unknown[]) {
      const it = self(this);
      return inner.apply(it, prepare(given));
    };
  }

  /** Checks what is passed for `signature`. */
  #arguments(what: string, signature: Signature): (given: unknown[]) => unknown[] {
    const parameters = signature.split(", ").filter(Boolean).map((text) => text.match(/^(\w+)(\??): (.*)$/)!.slice(1));
    return (given) => {
      if (!this.#isReady) throw new TypeError(`${what}: labwire-wasm is not loaded yet: await init() first`);
      return parameters.map(([name, optional, type], index) => {
        const value = given[index];
        if (optional && (value === undefined || value === null)) return undefined;
        return (this.#checks[type] ?? options)(value, `${what}: \`${name}\``);
      });
    };
  }

  #alive(value: any, Class: any, name: string, what: string): unknown {
    if (!(value instanceof Class)) refuse(what, `a ${name}`, value);
    if (!(value as Handle).__wbg_ptr) throw new TypeError(`${what}: this ${name} has been freed`);
    return value;
  }
}
