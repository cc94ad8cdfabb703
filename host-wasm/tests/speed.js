// Ratio of a solve's time in Chromium to the native one, with the interpreter in both: `npm run speed`, or with the seconds
// that each measurement may take, `npm run speed -- 0.1`.
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { browser, root, servePackage } from "./lab.js";

const seconds = Number(process.argv[2] ?? 3);
const trailer = JSON.parse(await readFile(join(root, "core/model/problems/trailer.json"), "utf8"));
trailer.ocp.path_constraints = trailer.ocp.terminal_constraints = [];
const { solves } = JSON.parse(await readFile(join(root, "tests/corpus/determinism/corpus.json"), "utf8"));
const problems = {
  nav20: [JSON.stringify(trailer), [-1, 2, 0]],
  rosen50: [solves.find(({ name }) => name === "rosen50").problem, [1, 100]],
};

/** Microseconds of a cold solve, as benches/src/bin/solve_time.rs measures them. */
async function here({ text, parameters, seconds }) {
  const { default: init, Problem, Solver } = await import("/pkg/browser.js");
  await init();
  const solver = new Solver(new Problem(text));
  const row = 50;
  let best = Infinity;
  for (const end = performance.now() + 1000 * seconds; best === Infinity || performance.now() < end;) {
    const begun = performance.now();
    for (let i = 0; i < row; i++) {
      solver.start(Float64Array.from(parameters), { cold: true });
      while (!solver.step(1000).done);
    }
    best = Math.min(best, (1000 * (performance.now() - begun)) / row);
  }
  return best;
}

const cargo = ["run", "--release", "--quiet", "-p", "labwire-benches", "--bin", "solve_time", "--"];
const folder = await mkdtemp(join(tmpdir(), "labwire-speed-"));
const server = await servePackage();
const chromium = await browser();
try {
  const page = await chromium.newPage();
  await page.goto(server.url);
  for (const [name, [text, parameters]] of Object.entries(problems)) {
    const file = join(folder, `${name}.json`);
    await writeFile(file, text);
    const native = Number(execFileSync("cargo", [...cargo, file, parameters.join(), String(seconds)], { cwd: root }));
    const inPage = await page.evaluate(here, { text, parameters, seconds });
    const ratio = (inPage / native).toFixed(2);
    console.log(`${name}: ${inPage.toFixed(1)} us in Chromium, ${native.toFixed(1)} us natively, ratio ${ratio}`);
  }
} finally {
  await chromium.close();
  server.close();
  await rm(folder, { recursive: true });
}
