// The page's workers with engines, and what it asks of them.
import type { Designer, Experiment, Simulator, Solution, StartOptions } from "labwire-wasm";
import { Engine, type History, type Remote, type RemoteSolver } from "labwire-wasm/worker";
import wasm from "../pkg/labwire_wasm_bg.wasm?url";
import { shownPlaces } from "./grid";

export type { History } from "labwire-wasm/worker";
export type RemoteDesigner = Remote<Designer>;
export type RemoteExperiment = Remote<Experiment>;
export type RemoteSimulator = Remote<Simulator>;

/** Compiled once, for the page and its workers: from then on nothing more is requested from the server. */
export const compiled = WebAssembly.compileStreaming(fetch(wasm));
// The page reports its failure.
compiled.catch(() => {});

/** Solves and reads files; always responsive. */
export const solving = new Engine(compiled);
/** May be busy for a long time. */
export const designing = new Engine(compiled);

export interface SolveOrder {
  text: string;
  parameters: number[];
  options?: StartOptions;
  /** Whether to report every iteration. */
  watched: boolean;
}

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

let loaded: { text: string; solver: RemoteSolver } | undefined;
let running: AbortController | undefined;
let last: Promise<unknown> = Promise.resolve();

/** Solves, one order after the other; warm if the text is that of the last one. */
export function solve(order: SolveOrder, tell?: (history: History) => void): Promise<Solved> {
  const mine = last.catch(() => {}).then(() => run(order, tell));
  last = mine;
  return mine;
}

/** Cancels the solve in progress; its result is the best point. */
export function cancel() {
  running?.abort();
}

async function run({ text, parameters, options, watched }: SolveOrder, tell?: (history: History) => void): Promise<Solved> {
  if (loaded?.text !== text) {
    const solver = await solving.solver(text);
    loaded?.solver.free();
    loaded = { text, solver };
  }
  running = new AbortController();
  let history: History = [[], [], [], []];
  const onHistory = (latest: History) => {
    history = latest;
    tell?.(latest);
  };
  const { solver } = loaded;
  const solution = await solver.solve(parameters, { ...options, signal: running.signal, ...(watched && { onHistory }) });
  return { solution, named: await solver.namedValues(), history };
}

/** Contents of a problem file; rejected with its error. */
export async function readProblem(text: string): Promise<ProblemFile> {
  const problem = await solving.problem(text);
  const file = { summary: await problem.summary(), parameters: await problem.parameterNames() };
  problem.free();
  return file;
}

/** Contents of an experiment file; rejected with its error. */
export async function readExperiment(text: string): Promise<ExperimentFile> {
  const experiment = await solving.experiment(text);
  const names = await experiment.knobs();
  const knobs = names.map(async (name, knob) => {
    const values = await experiment.knobValues(knob);
    return { name, count: values.length, values: shownPlaces(values.length).map((place) => values[place]) };
  });
  const file = {
    name: await experiment.name(),
    knobs: await Promise.all(knobs),
    parameters: await experiment.parameters(),
    channels: await experiment.numChannels(),
    settings: await experiment.numSettings(),
    particles: await experiment.numParticles(),
  };
  experiment.free();
  return file;
}
