// The engines, off the main thread.
import init, { Designer, Experiment, Problem, type Progress, Simulator, type Solution, Solver, type StartOptions } from "labwire-wasm";
import { parse, replay, solve, stringify } from "labwire-wasm/client";
import { largest, shownPlaces } from "./grid";

export interface SolveOrder {
  text: string;
  parameters: number[];
  options?: StartOptions;
  /** Whether to report every iteration. */
  watched: boolean;
}

/** Iterations, cost, residual and violation, each an array. */
export type History = [number[], number[], number[], number[]];

export interface Solved {
  solution: Solution;
  named: Record<string, number[]>;
  history: History;
}

/** Contents of a problem file. */
export interface ProblemFile {
  summary: string;
  parameters: string[];
}

/** Contents of an experiment file. */
export interface ExperimentFile {
  name: string;
  /** `values`: only those that are shown. */
  knobs: { name: string; count: number; values: number[] }[];
  parameters: string[];
  channels: number;
  settings: number;
  particles: number;
}

/** Number of iterations of a solve that are kept; of longer solves every second, every fourth ... */
const HISTORY = 1000;
/** Interval of the reports, in ms. */
const TELL_MS = 30;

/** Resolved once the engines are loaded. */
const { promise: ready, resolve: begin } = Promise.withResolvers<unknown>();
const made = new Map<number, Designer | Experiment | Simulator>();
let numMade = 0;
const kinds = { Designer, Experiment, Simulator };
let loaded: { text: string; problem: Problem; solver: Solver } | undefined;
let running: AbortController | undefined;

function load(text: string) {
  if (loaded?.text === text) return loaded;
  const problem = new Problem(text);
  loaded?.solver.free();
  loaded?.problem.free();
  return (loaded = { text, problem, solver: new Solver(problem) });
}

async function run({ text, parameters, options, watched }: SolveOrder, tell: (history: History) => void): Promise<Solved> {
  const { solver } = load(text);
  running = new AbortController();
  let history: History = [[], [], [], []];
  let stride = 1;
  let told = performance.now();
  const onProgress = ({ innerIterations, cost, residual, violation, done }: Progress) => {
    // A step may be less than an iteration.
    const isNew = innerIterations !== history[0].at(-1);
    if (isNew && (innerIterations % stride === 0 || done)) {
      [innerIterations, cost, residual, violation].forEach((value, row) => history[row].push(value));
      if (history[0].length > HISTORY) {
        stride *= 2;
        history = history.map((row) => row.filter((_, index) => index % 2 === 0)) as History;
      }
    }
    if (performance.now() - told > TELL_MS) {
      tell(history);
      told = performance.now();
    }
  };
  const { signal } = running;
  const solution = await solve(solver, parameters, { ...options, signal, ...(watched && { fuel: 1, onProgress }) });
  return { solution, named: solver.namedValues(), history };
}

function readProblem(text: string): ProblemFile {
  const problem = new Problem(text);
  const file = { summary: problem.summary, parameters: problem.parameterNames };
  problem.free();
  return file;
}

function readExperiment(text: string): ExperimentFile {
  const experiment = new Experiment(text);
  const knobs = experiment.knobs.map((name, knob) => {
    const values = experiment.knobValues(knob);
    return { name, count: values.length, values: shownPlaces(values.length).map((place) => values[place]) };
  });
  const { name, parameters, numChannels: channels, numSettings: settings, numParticles: particles } = experiment;
  experiment.free();
  return { name, knobs, parameters, channels, settings, particles };
}

async function answer(kind: string, args: any[], tell: (news: unknown) => void): Promise<unknown> {
  await ready;
  if (kind === "solve") return run(args[0], tell);
  if (kind === "problem") return readProblem(args[0]);
  if (kind === "experiment") return readExperiment(args[0]);
  if (kind === "recording") return parse(args[0]);
  if (kind === "written") return stringify(args[0]);
  if (kind === "replay") {
    const { steps, differences } = replay(args[0]);
    return { count: steps.length, differences };
  }
  // Large data are reduced before they are sent.
  if (kind === "curve") return args[1].map((setting: Float64Array) => (made.get(args[0]) as Simulator).exact(setting));
  if (kind === "utility") return largest((made.get(args[0]) as Designer).utility(), args[1], args[2], args[3]);
  if (kind === "make") {
    const [name, ...rest] = args as [keyof typeof kinds, ...any[]];
    made.set(numMade, new (kinds[name] as any)(...rest));
    return numMade++;
  }
  const [id, name, ...rest] = args;
  const object = made.get(id) as any;
  if (kind === "free") {
    made.delete(id);
    return object.free();
  }
  return typeof object[name] === "function" ? object[name](...rest) : object[name];
}

onmessage = async ({ data: { id, kind, args } }) => {
  if (kind === "begin") return begin(init({ module_or_path: args }));
  if (kind === "cancel") return running?.abort();
  try {
    postMessage({ id, result: await answer(kind, args, (news) => postMessage({ id, news })) });
  } catch (error) {
    const { name, message, line, column } = error as any;
    postMessage({ id, error: { name, message: message ?? String(error), line, column } });
  }
};
