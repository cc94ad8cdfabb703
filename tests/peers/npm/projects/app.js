// What every project does with the package, in a page and in Node.js. Throws if anything is not as it should be.

function assert(holds, what) {
  if (!holds) throw new Error(`not so: ${what}`);
}

/** The error that `act` throws or is rejected with. */
async function errorOf(act) {
  try {
    await act();
  } catch (error) {
    return error;
  }
  throw new Error(`no error: ${act}`);
}

async function isTypeError(act, ...words) {
  const error = await errorOf(act);
  assert(error instanceof TypeError && words.every((word) => error.message.includes(word)), `${act}: a TypeError with ${words}: ${error}`);
}

const same = (a, b) => a.length === b.length && Array.from(a).every((value, index) => Object.is(value, b[index]));
const BOX = { variables: { u: 2 }, parameters: { a: 1 }, cost: "(u[0] - a)^2 + (u[1] + 1)^2", constraints: { u: { box: { max: new Float64Array([1, 5]) } } } };

const LONG = {
  variables: { u: 5000 },
  cost: "sum(i in 0..4999, 1e4*(u[i+1] - u[i]^2)^2 + (1 - u[i])^2)",
  initial_guess: -1,
  solver: { tolerance: 1e-9, max_inner_iterations: 4000000000 },
};

async function solves({ default: init, defaultProblem, Problem, Solver, solve }) {
  await isTypeError(() => new Problem("{}"), "new Problem", "init()");
  await isTypeError(() => defaultProblem(), "init()");
  await Promise.all([init(), init()]);
  const solver = new Solver(new Problem(defaultProblem()));
  const { status, solution } = await solve(solver, [1, 50]);
  assert(status === "converged", status);
  const box = Problem.from(BOX);
  assert(same(box.parameterNames, ["a"]), box.parameterNames);
  const { solution: inBox } = await solve(new Solver(box), Float32Array.of(3));
  assert(Math.abs(inBox[0] - 1) < 1e-4 && Math.abs(inBox[1] + 1) < 1e-4, inBox);
  assert((await errorOf(() => Problem.from({ ...BOX, cost: "v[0]" }))).path === "cost", "the path of an error");
  return solution;
}

/** Wrong types, and objects that have been freed. */
async function misuses({ defaultProblem, Problem, Solver, solve }) {
  const cyclic = {};
  cyclic.cyclic = cyclic;
  for (const wrong of [undefined, null, 5, 5n, true, [], () => {}, Symbol("s"), { length: 1e9, cost: NaN }, { cost: 1n }, cyclic]) {
    await isTypeError(() => new Problem(wrong));
    await isTypeError(() => Problem.from(wrong));
    await isTypeError(() => new Solver(wrong));
  }
  await isTypeError(() => Problem.from("{}"), "`object`", "a string");
  await isTypeError(() => Problem.from({ cost: [1, Infinity] }), "Infinity");
  const problem = new Problem(defaultProblem());
  const solver = new Solver(problem);
  for (const wrong of [undefined, null, 5, "12", { length: 2 ** 31 }, ["1", "50"], [1n, 2n], [1, undefined], BigInt64Array.of(1n, 2n)]) {
    await isTypeError(() => solver.start(wrong), "`parameters`");
  }
  for (const wrong of [5, "cold", [], { cold: "yes" }, { initialGuess: 7 }, { guess: [1] }]) {
    await isTypeError(() => solver.start([1, 50], wrong), "`options`");
  }
  solver.start([1, 50], { cold: undefined, initialGuess: undefined });
  for (const wrong of [undefined, "1", -1, 1.5, NaN, 2 ** 32, 1n]) await isTypeError(() => solver.step(wrong), "`fuel`");
  const { start } = solver;
  await isTypeError(() => start([1, 50]), "Solver.start", "undefined");
  await isTypeError(() => start.call(problem, [1, 50]), "Solver");
  await isTypeError(() => Object.getOwnPropertyDescriptor(Object.getPrototypeOf(problem), "name").get.call({}), "Problem");
  await isTypeError(() => Problem(defaultProblem()));
  problem.free();
  problem.free();
  for (const act of [() => problem.name, () => problem.summary, () => new Solver(problem)]) await isTypeError(act, "freed");
  assert((await solve(solver, [1, 50])).status === "converged", "the solver is usable after all of this");
  solver.free();
  for (const act of [() => solver.start([1, 50]), () => solver.step(1), () => solver.result(), () => solver.cancel()]) await isTypeError(act, "freed");
}

async function designs({ Designer, exampleExperiment, Experiment, Simulator }) {
  const text = exampleExperiment("rabi");
  assert(same(Experiment.from(JSON.parse(text)).knobs, ["t", "detuning"]), "the knobs");
  const run = (seed) => {
    const designer = new Designer(JSON.parse(text), seed);
    const instrument = new Simulator(text, undefined, undefined, seed);
    for (let i = 0; i < 5; i++) {
      const setting = designer.suggest();
      designer.update(setting, instrument.measure(setting));
    }
    return designer.mean();
  };
  assert(same(run(7), run(7n)) && !same(run(7), run(8)), "seeds are numbers or BigInts");
  for (const wrong of [undefined, "7", -1, -1n, 0.5, 2 ** 53, 2n ** 64n, NaN]) await isTypeError(() => new Designer(text, wrong), "`seed`");
  await functions({ Designer, Experiment, Simulator });
  const instrument = new Simulator(text, null, null, 1);
  assert((await errorOf(() => instrument.measure([1]))).message.includes("2 knobs"), "a setting of the wrong length");
  assert(same(instrument.curve([1, 0, 2, 0]), [...instrument.exact([1, 0]), ...instrument.exact([2, 0])]), "curves");
  return run(7);
}

/** A function as the model leads where the same formula does. */
async function functions({ Designer, Experiment, Simulator }) {
  const file = (model) => ({ settings: { t: { linspace: [0, 5, 21] } }, parameters: { k: { uniform: [0.1, 2] } }, model, noise: 0.1, options: { particles: 500 } });
  const run = (model) => {
    const designer = new Designer(file(model), 3);
    const instrument = new Simulator(file(model), [1.2], undefined, 4);
    for (let i = 0; i < 5; i++) {
      const setting = designer.suggest();
      designer.update(setting, instrument.measure(setting));
    }
    return designer.mean();
  };
  assert(same(run((t, k) => 1 - k * t), run("1 - k * t")), "a function gives the bits of the formula");
  const two = (t, k) => [k * t, NaN];
  assert(new Experiment(file({ function: two, channels: 2 })).numChannels === 2, "the channels");
  assert(same(new Simulator(file({ function: two, channels: 2 }), [2], undefined, 1).exact([3]), [6, NaN]), "a value for every channel");
  await isTypeError(() => new Designer(file({ function: two, channels: 0 }), 1), "`channels`");
  await isTypeError(() => new Designer(file({ function: two, chanels: 2 }), 1), "`chanels`");
  await isTypeError(() => new Simulator(file(two), [2], undefined, 1).exact([3]), "what the model returned has to be a number, not an array");
  await isTypeError(() => new Designer({ ...file("k"), noise: () => 1 }, 1), "noise");
  const designer = new Designer(file((t, k) => (k > 1 ? lost() : k)), 1);
  const lost = () => {
    throw new RangeError("no such table");
  };
  const before = designer.posterior();
  assert((await errorOf(() => designer.update([1], [0.5]))).message === "no such table", "what a model throws is thrown");
  assert(designer.posterior() === before, "the designer is as before");
}

function records({ RecordedSession, replay, parse, stringify }, { ZeissSession }) {
  const recorded = new RecordedSession("zeiss", []);
  recorded.call(0, "image", ["part.png", "series", 50]);
  const { sent } = recorded.recording.steps[0];
  assert(sent.length > 10 && replay(parse(stringify(recorded.recording))).differences.length === 0, "replays");
  assert(recorded.session instanceof ZeissSession, "the client has the classes of the package");
}

/** The engines off the main thread give the same bits. */
async function works(Engine, { exampleExperiment, defaultProblem }, solution, mean) {
  const engine = new Engine();
  const solver = await engine.solver(defaultProblem());
  const told = [];
  const solved = await solver.solve([1, 50], { onProgress: (progress) => told.push(progress) });
  assert(same(solved.solution, solution) && told.at(-1).done, "the worker's solution");
  assert(same(Object.keys(await solver.namedValues()), ["u"]), "values by name");
  assert((await errorOf(() => engine.solver({ cost: "" }))).name === "TextError", "errors cross over");
  await isTypeError(() => solver.solve("1, 50"), "`parameters`");
  await isTypeError(() => engine.solver(() => 1));
  const long = await engine.solver(LONG);
  const abort = new AbortController();
  let history;
  const cancelled = long.solve([], { signal: abort.signal, onHistory: (latest) => (history = latest) });
  const beside = await solver.solve([1, 50], { cold: true });
  assert(same(beside.solution, solution), "a solve beside another");
  assert((await errorOf(() => long.solve([]))).message.includes("at work"), "one solve at a time");
  abort.abort();
  assert((await cancelled).status === "cancelled" && history.every((row) => row.length === history[0].length), "cancelled");
  assert((await long.solve([], { signal: AbortSignal.abort() })).status === "cancelled", "cancelled before");
  const text = exampleExperiment("rabi");
  const [designer, instrument] = [await engine.designer(text, 7), await engine.simulator(text, undefined, undefined, 7n)];
  for (let i = 0; i < 5; i++) {
    const setting = await designer.suggest();
    await designer.update(setting, await instrument.measure(setting));
  }
  assert(same(await designer.mean(), mean) && (await designer.numMeasurements()) === 5, "the worker's posterior");
  const restored = await engine.designerFromPosterior(text, await designer.posterior());
  assert(same(await restored.mean(), mean), "the posterior is restored");
  designer.free();
  await isTypeError(() => designer.mean(), "freed");
  const lost = instrument.measure([1, 0]);
  engine.terminate();
  assert((await errorOf(() => lost)).message.includes("terminated"), "what is in progress ends");
  assert((await errorOf(() => instrument.truth())).message.includes("terminated"), "what comes later is refused");
}

/** @returns lines to print, one a check */
export async function check(labwire, { Engine }, client, solver) {
  const lines = [];
  const done = (what) => lines.push(`ok: ${what}`);
  const solution = await solves(labwire);
  await misuses(labwire);
  done("solves, refuses wrong types, freed objects and calls before init");
  const mean = await designs(labwire);
  done("designs, with numbers and BigInts as seeds");
  records(client, labwire);
  done("records sessions");
  assert(same(await solves(solver), solution) && solver.Designer === undefined, "the solver alone gives the same bits");
  await misuses(solver);
  done("the solver-only build");
  await works(Engine, labwire, solution, mean);
  done("solves and designs in a worker");
  return lines;
}
