// tests/corpus/determinism with the package, in Node.js or in a page, like tests/tests/determinism.rs natively.

/** FNV-1a over the bytes of numbers, least significant first. */
class Digest {
  #state = 0xcbf29ce484222325n;

  add(values) {
    const view = new DataView(new ArrayBuffer(8));
    for (const value of values) {
      view.setFloat64(0, value, true);
      for (let i = 0; i < 8; i++) this.#state = BigInt.asUintN(64, (this.#state ^ BigInt(view.getUint8(i))) * 0x100000001b3n);
    }
  }

  toString() {
    return this.#state.toString(16).padStart(16, "0");
  }
}

function* solve({ Problem, Solver }, problems, { name, problem, parameters }) {
  const solver = new Solver(new Problem(problems[problem] ?? problem));
  for (const p of parameters) {
    solver.start(Float64Array.from(p));
    while (!solver.step(7).done);
    const result = solver.result();
    const digest = new Digest();
    for (const key of ["solution", "multipliers", "penalties", "constraints"]) digest.add(result[key]);
    digest.add([result.cost, result.residual, result.violation]);
    yield `solve ${name} ${JSON.stringify(p)}: ${result.status}, ${result.evaluations} evaluations, ${digest}`;
  }
}

function design({ Designer, Simulator, exampleExperiment }, { name, seed, measurements }) {
  const text = exampleExperiment(name);
  const instrument = new Simulator(text, undefined, undefined, BigInt(seed));
  const designer = new Designer(text, BigInt(seed));
  const digest = new Digest();
  for (let i = 0; i < measurements; i++) {
    const setting = designer.suggest();
    const values = instrument.measure(setting);
    designer.update(setting, values);
    digest.add(setting);
    digest.add(values);
  }
  digest.add(designer.mean());
  digest.add(designer.std());
  digest.add(designer.covariance());
  digest.add(designer.interval(0.9));
  digest.add(designer.utility());
  digest.add(designer.particles(0));
  digest.add(designer.weights());
  return `design ${name}: ${digest}`;
}

/** Lines of expected.txt, and differences in the replays of the recordings, of which there should be none. */
export function run(labwire, client, { corpus, problems, recordings }) {
  const { solves, experiments } = JSON.parse(corpus);
  const lines = [];
  for (const order of solves) lines.push(...solve(labwire, problems, order));
  for (const order of experiments) lines.push(design(labwire, order));
  const replays = recordings.map((text) => {
    const { steps, differences } = client.replay(client.parse(text));
    return { steps: steps.length, differences };
  });
  return { text: `${lines.join("\n")}\n`, replays };
}
