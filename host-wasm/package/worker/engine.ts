// The engines in a worker, as promises.
import type { Designer, Experiment, FileText, Numbers, Problem, Progress, Seed, Sensitivities, Simulator, Solution, Solver, StartOptions } from "../api.js";
import type { Recording } from "../client/recording.js";
import type { Module } from "../source.js";
import type { History, News, Order } from "./inside.js";

export type { History } from "./inside.js";

/** Object in the worker: every method gives a promise, and so does every property, which is called like a method. */
export type Remote<T> = {
  [K in Exclude<keyof T, "free" | symbol>]: T[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<R> : () => Promise<T[K]>;
} & {
  /** Drops the object in the worker. */
  free(): void;
};

/** Options of a solve in the worker. */
export interface RemoteSolveOptions extends StartOptions {
  /** Cancels the solve: the solution is then the best point so far, with the status "cancelled". */
  signal?: AbortSignal;
  /** Called with the progress of the solve, every 30 ms and at the end. */
  onProgress?: (progress: Progress) => void;
  /** Called with the course of the solve so far, every 30 ms and at the end. Of a long solve it has every second iteration, every fourth ... */
  onHistory?: (history: History) => void;
}

/** Solver in the worker. */
export interface RemoteSolver extends Omit<Remote<Solver>, "start" | "step" | "cancel" | "result"> {
  /**
   * Solves for `parameters`, starting from the result of the previous solve unless options say otherwise. One solve at
   * a time; other solvers of the worker go on beside it.
   */
  solve(parameters: Numbers, options?: RemoteSolveOptions): Promise<Solution>;
}

/** Worker of a page or of Node.js. */
export interface Spawned {
  post(message: unknown): void;
  terminate(): void;
}

/** Starts a worker with the engines' script. */
export type Spawn = (onMessage: (data: any) => void, onFailure: (message: string) => void) => Spawned;

interface Waiting {
  resolve: (value: any) => void;
  reject: (error: Error) => void;
  tell?: (news: News) => void;
}

/** Worker with the engines. */
export class Engine {
  readonly #spawn: Spawn;
  readonly #module: Promise<Module>;
  #worker: Spawned;
  /** Counts the workers: an object of an earlier one is gone. */
  #generation = 0;
  #next = 0;
  #failure: Error | undefined;
  readonly #waiting = new Map<number, Waiting>();

  protected constructor(spawn: Spawn, module: Promise<Module>) {
    this.#spawn = spawn;
    this.#module = module;
    this.#worker = this.#start();
    module.catch((error) => this.#fail(error));
  }

  #start(): Spawned {
    const generation = ++this.#generation;
    const isMine = () => generation === this.#generation;
    const take = ({ id, result, news, error }: { id: number; result?: any; news?: News; error?: any }) => {
      const waiting = this.#waiting.get(id);
      if (!isMine() || !waiting) return;
      if (news) return waiting.tell?.(news);
      this.#waiting.delete(id);
      if (error) waiting.reject(Object.assign(error.name === "TypeError" ? new TypeError(error.message) : new Error(error.message), error));
      else waiting.resolve(result);
    };
    const worker = this.#spawn(take, (message) => isMine() && this.#fail(new Error(`the engine has failed: ${message}`)));
    this.#module.then((module) => isMine() && worker.post({ begin: module })).catch(() => {});
    return worker;
  }

  #fail(error: Error) {
    this.#failure ??= error;
    this.#rejectAll(this.#failure);
  }

  #rejectAll(error: Error) {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  /** Waits until nothing is in progress. After `patience` milliseconds, the worker is replaced, and all its objects are gone. */
  async settle(patience: number): Promise<void> {
    for (const end = performance.now() + patience; this.#waiting.size; ) {
      if (performance.now() > end) {
        this.#worker.terminate();
        this.#worker = this.#start();
        this.#rejectAll(new Error("given up"));
      } else await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Ends the worker; everything in progress is rejected, and so is everything asked later. */
  terminate(): void {
    this.#generation++;
    this.#worker.terminate();
    this.#fail(new Error("the engine has been terminated"));
  }

  /** Problem, for what it holds; rejected with its error. */
  problem(file: FileText): Promise<Remote<Problem>> {
    return this.#make<Problem>("Problem", undefined, [file]);
  }

  /** Experiment, for what it holds; rejected with its error. */
  experiment(file: FileText): Promise<Remote<Experiment>> {
    return this.#make<Experiment>("Experiment", undefined, [file]);
  }

  /** Designer that knows only the priors of an experiment. */
  designer(file: FileText, seed: Seed): Promise<Remote<Designer>> {
    return this.#make<Designer>("Designer", undefined, [file, seed]);
  }

  /** Designer restored from its `posterior`. */
  designerFromPosterior(file: FileText, posterior: string): Promise<Remote<Designer>> {
    return this.#make<Designer>("Designer", "fromPosterior", [file, posterior]);
  }

  /** Simulated instrument, see `Simulator`. */
  simulator(file: FileText, truth: Numbers | undefined, sigma: number | undefined, seed: Seed): Promise<Remote<Simulator>> {
    return this.#make<Simulator>("Simulator", undefined, [file, truth, sigma, seed]);
  }

  /** Solver of one problem. */
  async solver(file: FileText): Promise<RemoteSolver> {
    const { start, step, cancel, result, ...rest } = await this.#make<Solver>("Solver", undefined, [file]);
    const object = numberOf.get(rest.free)!;
    const generation = this.#generation;
    const solve = async (parameters: Numbers, { signal, onProgress, onHistory, ...options }: RemoteSolveOptions = {}): Promise<Solution> => {
      const tell = ({ progress, history }: News) => {
        onProgress?.(progress);
        if (history) onHistory?.(history);
      };
      const [id, solution] = this.#ask<Solution>(generation, "solve", [object, parameters, options, !!onProgress, !!onHistory], tell);
      const abort = () => this.#ask(generation, "cancel", [id]);
      if (signal?.aborted) abort();
      signal?.addEventListener("abort", abort);
      return solution.finally(() => signal?.removeEventListener("abort", abort));
    };
    return { ...rest, solve };
  }

  /** Recording in a text, see `parse` of labwire-wasm/client. */
  parse(text: string): Promise<Recording> {
    return this.#ask<Recording>(this.#generation, "parse", [text])[1];
  }

  /** Recording as text. */
  stringify(recording: Recording): Promise<string> {
    return this.#ask<string>(this.#generation, "stringify", [recording])[1];
  }

  /** Replays a recording. Returns the number of steps, and those with a different outcome. */
  replay(recording: Recording): Promise<{ count: number; differences: number[] }> {
    return this.#ask<{ count: number; differences: number[] }>(this.#generation, "replay", [recording])[1];
  }

  async #make<T>(kind: string, from: string | undefined, args: unknown[]): Promise<Remote<T>> {
    const generation = this.#generation;
    const [id, names] = this.#ask<string[]>(generation, "make", [kind, from, args]);
    const remote: Record<string, unknown> = {};
    for (const name of await names) remote[name] = (...rest: unknown[]) => this.#ask(generation, "call", [id, name, rest])[1];
    const free = () => void this.#ask(generation, "free", [id])[1].catch(() => {});
    numberOf.set(free, id);
    return { ...remote, free } as Remote<T>;
  }

  /** Sends a request; returns its number, and the promise of its result. */
  #ask<T = unknown>(generation: number, kind: Order["kind"], args: unknown[], tell?: (news: News) => void): [number, Promise<T>] {
    const id = this.#next++;
    const failure = this.#failure ?? (generation === this.#generation ? undefined : new Error("given up"));
    if (failure) return [id, Promise.reject(failure)];
    try {
      this.#worker.post({ id, kind, args } satisfies Order);
    } catch (error) {
      // What cannot be sent to a worker, such as a function.
      return [id, Promise.reject(new TypeError((error as Error).message))];
    }
    // Cancelling has no answer.
    if (kind === "cancel") return [id, Promise.resolve(undefined as T)];
    return [id, new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject, tell }))];
  }
}

/** Numbers of the objects in the worker, by the function that frees them. */
const numberOf = new WeakMap<() => void, number>();
