// The engines, inside of the worker. build.js makes one script of it and all that it needs.
import guarded from "../guarded.js";
import { Designer, Experiment, Problem, type Progress, Simulator, Solver, type StartOptions } from "../api.js";
import { parse, replay, stringify } from "../client/recording.js";
import { solve } from "../solve.js";

/** Course of a solve, four columns of equal length: inner iterations, cost, residual and violation. */
export type History = [number[], number[], number[], number[]];

/** What is told of a solve in progress. */
export interface News {
  progress: Progress;
  history?: History;
}

/** Request. Each is answered with `result` or `error`, and before that perhaps with `news`. */
export interface Order {
  id: number;
  kind: "make" | "call" | "free" | "solve" | "cancel" | "parse" | "stringify" | "replay";
  args: any[];
}

/** Classes of which the worker holds objects. */
const kinds: Record<string, any> = { Designer, Experiment, Problem, Simulator, Solver: (file: string | object) => new Solver(new Problem(file)) };
/** Number of iterations of a solve that are kept; of longer solves every second, every fourth ... */
const HISTORY = 1000;
/** Interval of the news, in ms. */
const TELL_MS = 30;

/** Resolved once the engines are loaded. */
let begin: (loaded: Promise<void>) => void;
const ready = new Promise<void>((resolve) => (begin = resolve));
const made = new Map<number, any>();
/** Solves in progress, by the number of the request. */
const running = new Map<number, AbortController>();
/** Solvers that are at work. */
const busy = new Set<unknown>();
const post = (message: unknown, transfer: Transferable[] = []) => (globalThis as any).postMessage(message, transfer);

/** Takes the progress of a solve, and tells it from time to time; iteration by iteration if the history is wanted. */
function teller(id: number, isWatched: boolean): (progress: Progress) => void {
  let history: History = [[], [], [], []];
  let stride = 1;
  let told = performance.now();
  return (progress) => {
    const { innerIterations, cost, residual, violation, done } = progress;
    // A step may be less than an iteration.
    const isNew = innerIterations !== history[0].at(-1);
    if (isWatched && isNew && (innerIterations % stride === 0 || done)) {
      [innerIterations, cost, residual, violation].forEach((value, row) => history[row].push(value));
      if (history[0].length > HISTORY) {
        stride *= 2;
        history = history.map((row) => row.filter((_, index) => index % 2 === 0)) as History;
      }
    }
    if (!done && performance.now() - told < TELL_MS) return;
    told = performance.now();
    post({ id, news: { progress, history: isWatched ? history : undefined } satisfies News });
  };
}

async function run(id: number, solver: Solver, parameters: ArrayLike<number>, options: StartOptions, isHeard: boolean, isWatched: boolean) {
  if (busy.has(solver)) throw new Error("this solver is at work: wait for its solution, or cancel it");
  busy.add(solver);
  try {
    const onProgress = isHeard || isWatched ? teller(id, isWatched) : undefined;
    const { signal } = running.get(id)!;
    return await solve(solver, parameters, { ...options, signal, onProgress, ...(isWatched && { fuel: 1 }) });
  } finally {
    busy.delete(solver);
  }
}

/** Names of what an object offers: methods, and properties, which are read. */
function members(object: object): string[] {
  return Object.getOwnPropertyNames(Object.getPrototypeOf(object)).filter((name) => !name.startsWith("_") && name !== "constructor" && name !== "free");
}

function make(id: number, kind: string, from: string | undefined, args: unknown[]) {
  const object = from ? kinds[kind][from](...args) : kind === "Solver" ? kinds[kind](...args) : new kinds[kind](...args);
  made.set(id, object);
  return members(object);
}

function answer({ id, kind, args }: Order): unknown {
  if (kind === "make") return make(id, args[0], args[1], args[2]);
  if (kind === "parse") return parse(args[0]);
  if (kind === "stringify") return stringify(args[0]);
  if (kind === "replay") {
    const { steps, differences } = replay(args[0]);
    return { count: steps.length, differences };
  }
  const object = made.get(args[0]);
  if (object === undefined) throw new TypeError("this object has been freed");
  if (kind === "solve") return run(id, object, args[1], args[2], args[3], args[4]);
  if (kind === "free") return made.delete(args[0]) && object.free();
  const [, name, rest] = args;
  return typeof object[name] === "function" ? object[name](...rest) : object[name];
}

(globalThis as any).onmessage = async ({ data }: { data: Order | { begin: WebAssembly.Module } }) => {
  if ("begin" in data) return begin(guarded.initialize(() => data.begin));
  const { id, kind, args } = data;
  if (kind === "cancel") return running.get(args[0])?.abort();
  // Now, because it may be cancelled before the engines are loaded.
  if (kind === "solve") running.set(id, new AbortController());
  try {
    await ready;
    const result = await answer(data);
    post({ id, result }, ArrayBuffer.isView(result) ? [result.buffer as ArrayBuffer] : []);
  } catch (error) {
    const { name, message, reason, path, line, column, help } = error as any;
    post({ id, error: { name, message: message ?? String(error), reason, path, line, column, help } });
  } finally {
    running.delete(id);
  }
};
