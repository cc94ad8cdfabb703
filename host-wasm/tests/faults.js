// Faults: the page says what happened, offers the next step, and goes on.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Lab, Relay, root, until } from "./lab.js";
import { cell, click, lab, open, run, shot, solved } from "./workbench.js";

/** Runs `use` with its own laboratory. */
async function withLab(env, use) {
  const own = new Lab();
  try {
    await own.start("127.0.0.1:0", env);
    await use(own);
  } finally {
    await own.end();
  }
}

/** Longest time in which the page did not paint. */
const longestFrame = (page) => page.evaluate(() => window.longestFrame);
const watchFrames = (page) =>
  page.evaluate(() => {
    let last = performance.now();
    window.longestFrame = 0;
    const tick = () => {
      window.longestFrame = Math.max(window.longestFrame, performance.now() - last);
      last = performance.now();
      requestAnimationFrame(tick);
    };
    tick();
  });

const big = Buffer.alloc(10 << 20, " ");
/** Uploads from a file: data sent by Playwright itself would block the page. */
const upload = async (page, panel, name, content) =>
  page.locator(`#panel-${panel} input[type=file]`).setInputFiles(await lab.file(name, content));

await run({
  async "a server that is not there, in every panel"() {
    await withLab({}, async (own) => {
      const page = await open({}, "", own.url);
      await page.getByText("server connected").waitFor();
      await own.stop();
      await page.getByText("server lost, trying again").waitFor();
      await click(page, "Solve on the server");
      await page.getByText(/The server gives no answer: no labwire serve answers there.*labwire serve/).waitFor();
      await click(page, "Solve here");
      await solved(page);
      await page.getByRole("tab", { name: "Experiment" }).click();
      await page.getByText("No measurement yet.").waitFor();
      await page.getByLabel("Designer").selectOption("server");
      await page.getByText(/does not go on: no labwire serve answers there. Choose the designer in this page/).waitFor();
      await shot(page, "experiment-disconnected");
      await page.getByLabel("Designer").selectOption("here");
      await page.getByText("No measurement yet.").waitFor();
      await click(page, "One measurement");
      await page.getByText("1 measurement each.").waitFor();
      await page.getByRole("tab", { name: "Instruments" }).click();
      await page.getByText(/The modules cannot be reached: no labwire serve answers there. Trying again/).waitFor();
      await until(async () => /^(degraded|connecting|backoff)/.test(await page.locator("#device-lamp").textContent()), "the lamp");
      await click(page, "Import image");
      await page.getByText(/no labwire serve answers there — is labwire serve running/).waitFor();
      await shot(page, "instruments-not-there");
      await page.getByRole("tab", { name: "Inspector" }).click();
      await page
        .getByText(/connection lost/)
        .first()
        .waitFor();
      await click(page, "Replay");
      await page.locator("#panel-Inspector .same").waitFor();
      await shot(page, "inspector-disconnected");
      await page.close();
    });
  },

  async "a bridge that refuses pages of another origin, until it is told to take them"() {
    await withLab({ LABWIRE_WEB_HOSTS: "lab.example" }, async (other) => {
      const origin = `http://lab.example:${other.addresses.web.split(":")[1]}`;
      const page = await open({}, `?server=${encodeURIComponent(lab.url)}`, `${origin}/`, [lab.url]);
      const refusal = new RegExp(`the bridge refuses pages of ${origin} \\(403\\).*"origins" in \\[web\\]`);
      await page.locator("#bridge").getByText(refusal).waitFor();
      await click(page, "Solve on the server");
      await page.getByText(/The server gives no answer: the bridge refuses pages/).waitFor();
      await shot(page, "optimizer-refused");
      await click(page, "Solve here");
      await solved(page);
      await page.close();
      await withLab({ LABWIRE_WEB_ORIGINS: origin, LABWIRE_WEB_TOKEN: "sesame" }, async (allowing) => {
        const query = `?server=${encodeURIComponent(allowing.url)}`;
        const taken = await open({}, query, `${origin}/`, [allowing.url]);
        await taken.getByText(/refuses \(401\).*Add token=/).waitFor();
        await taken.goto(`${origin}/${query}&token=sesame`);
        await taken.getByText("server connected").waitFor();
        await click(taken, "Solve on the server");
        await solved(taken);
        await taken.close();
      });
    });
  },

  async "a bridge that wants a token says so, and takes it"() {
    const guarded = new Lab();
    try {
      await guarded.start("127.0.0.1:0", { LABWIRE_WEB_TOKEN: "sesame", LABWIRE_OPEN_LOAD: "nobody" });
      const page = await open({}, "", guarded.url);
      await page.getByText(/refuses \(401\).*Add token=/).waitFor();
      await click(page, "Solve on the server");
      await page.getByText(/The server gives no answer: the bridge refuses \(401\)/).waitFor();
      await page.goto(`${guarded.url}?token=sesame`);
      await page.getByText("server connected").waitFor();
      await click(page, "Solve on the server");
      await solved(page);
      // The server says what it does not allow, and how to allow it.
      await page.getByLabel("Problem file: example").selectOption("Trailer around an obstacle");
      await click(page, "Solve on the server");
      await page.getByText(/takes no problem files .*LABWIRE_OPEN_LOAD=local/).waitFor();
      await page.close();
    } finally {
      await guarded.end();
    }
  },

  async "an answer of the optimizer that is cut off"() {
    const relay = new Relay();
    await relay.start(lab.addresses.web);
    const page = await open({}, "", relay.url);
    await page.getByLabel("Problem file: example").selectOption("Trailer around an obstacle");
    relay.cut("/open", 1200);
    await click(page, "Solve on the server");
    await page.getByText(/The server gives no answer: the connection broke. Try again/).waitFor();
    await page.getByRole("tab", { name: "Inspector" }).click();
    await page
      .getByText(/connection lost/)
      .first()
      .waitFor();
    await page.getByRole("tab", { name: "Optimizer" }).click();
    relay.cut();
    await click(page, "Solve on the server");
    await solved(page);
    await page.close();
    relay.end();
  },

  async "an image of a camera that is cut off"() {
    const relay = new Relay();
    await relay.start(lab.addresses.web);
    relay.cut("/pymodaq", 30_000);
    const page = await open({}, "#Instruments", relay.url);
    const camera = page.locator('[data-module="camera"]');
    await camera.getByRole("button", { name: "Grab" }).click();
    await camera.getByText(/the connection broke. Grab again to go on/).waitFor();
    await shot(page, "instruments-cut");
    relay.cut();
    await camera.getByRole("button", { name: "Grab" }).click();
    await camera.locator("canvas").waitFor();
    assert.equal(await camera.getByText(/the connection broke/).count(), 0);
    await page.close();
    relay.end();
  },

  async "files of 10 MB"() {
    const page = await open();
    await watchFrames(page);
    await upload(page, "Optimizer", "big.json", big);
    await page.getByText(/big.json has 10.0 MiB, at most 4 MiB are read. The text above is as it was/).waitFor();
    await click(page, "Solve here");
    await solved(page);
    await page.getByLabel("Problem file", { exact: true }).evaluate((area) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData("text", " ".repeat(10 << 20));
      area.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
    });
    await page.getByText(/The clipboard has 10.0 MiB/).waitFor();
    await page.getByLabel("Problem file: example").selectOption("Rosenbrock in a ball");
    await page.getByRole("tab", { name: "Experiment" }).click();
    await page.getByText("No measurement yet.").waitFor();
    await upload(page, "Experiment", "big.json", big);
    await page
      .locator("#panel-Experiment")
      .getByText(/big.json has 10.0 MiB/)
      .waitFor();
    await click(page, "One measurement");
    await page.getByText("1 measurement each.").waitFor();
    await page.getByRole("tab", { name: "Inspector" }).click();
    await upload(page, "Inspector", "spaces.json", big);
    await page.getByText(/This file cannot be read/).waitFor();
    const recording = JSON.parse(await readFile(join(root, "tests/corpus/determinism/recordings/obe.json"), "utf8"));
    const idle = { at: recording.steps.at(-1).at, call: "handleTimeout", args: [], sent: { bytes: "" }, events: [], actions: [] };
    while (recording.steps.length < 100_000) recording.steps.push(idle);
    const text = JSON.stringify(recording);
    assert.ok(text.length > 9e6);
    await upload(page, "Inspector", "long.json", text);
    await page.getByText("long.json (obe)").waitFor({ state: "attached" });
    await click(page, "Replay");
    await page.getByText(/Replayed 100000 steps: the same bytes and events, all of them/).waitFor();
    console.log(`    the longest frame took ${(await longestFrame(page)).toFixed(0)} ms`);
    await page.close();
  },

  async "texts that would take for ever to read are refused at once"() {
    const page = await open({}, "#Experiment");
    await page.getByText("No measurement yet.").waitFor();
    const endless = "sum(i in 0..1000000, sum(j in 0..1000000, i*j))";
    const experiment = page.getByLabel("Experiment file", { exact: true });
    await experiment.fill(
      JSON.stringify({ settings: { x: { linspace: [0, 1, 1e12] } }, parameters: { m: { uniform: [0, 1] } }, model: "m*x" }),
    );
    await page
      .locator("#experiment-file-error")
      .getByText(/line 1, column \d+/)
      .waitFor();
    await experiment.fill(
      JSON.stringify({ settings: { x: { linspace: [0, 1, 11] } }, parameters: { m: { uniform: [0, 1] } }, model: `m*x + ${endless}` }),
    );
    await page
      .locator("#experiment-file-error")
      .getByText(/graph-nodes/)
      .waitFor();
    await page.getByRole("tab", { name: "Optimizer" }).click();
    const problem = page.getByLabel("Problem file", { exact: true });
    await problem.fill(JSON.stringify({ variables: { u: 1 }, cost: endless }));
    await page
      .locator("#problem-error")
      .getByText(/graph-nodes/)
      .waitFor();
    await problem.fill(JSON.stringify({ variables: { u: 1 }, cost: "(".repeat(100_000) }));
    await page
      .locator("#problem-error")
      .getByText(/expression-depth/)
      .waitFor();
    await page.close();
  },

  async "a designer that would work for ever is given up when a run begins anew"() {
    const page = await open({}, "#Experiment");
    await page.getByText("No measurement yet.").waitFor();
    const rare = {
      settings: { x: { linspace: [0, 1, 11] } },
      parameters: { m: { uniform: [0, 1] }, n: { uniform: [0, 1] } },
      model: "m*x + n",
      // Rarely true, but often enough that the drawing goes on.
      constraints: ["m + n > 1.8"],
      options: { particles: 1_900_000 },
    };
    await page.getByLabel("Experiment file", { exact: true }).fill(JSON.stringify(rare));
    await page.getByText("Drawing particles from the priors …").waitFor();
    await page.getByText(/11 settings; 2 parameters; 1 channel; 1,900,000 particles/).waitFor();
    await shot(page, "experiment-loading");
    await page.getByLabel("Experiment file: example").selectOption("Resonance dip");
    await page.getByText("resonance dip: f (201)").waitFor();
    await page.getByText("No measurement yet.").waitFor();
    await click(page, "One measurement");
    await page.getByText("1 measurement each.").waitFor();
    await page.close();
  },

  async "an engine that cannot be loaded"() {
    await withLab({}, async (own) => {
      const page = await open({}, "", own.url, [], (page) => page.route("**/*.wasm", (route) => route.abort()));
      await page.getByText(/The engine could not be loaded: /).waitFor();
      await shot(page, "engine-missing");
      await page.getByRole("tab", { name: "Experiment" }).click();
      await page.unroute("**/*.wasm");
      await click(page, "Load again");
      await page.getByRole("tabpanel", { name: "Experiment" }).waitFor();
      await page.getByRole("tab", { name: "Optimizer" }).click();
      await click(page, "Solve here");
      await solved(page);
      await page.close();
    });
  },

  async "a run of somebody else is watched, and ends only after a question"() {
    await withLab({}, async (own) => {
      const measure = (y) => own.obe("newdat", "-x", "2.5", "-y", y, "-s", "0.005");
      await measure("0.99");
      await measure("0.98");
      const page = await open({}, "#Experiment", own.url);
      await page.getByText("No measurement yet.").waitFor();
      await page.getByLabel("Designer").selectOption("server");
      await page.getByText("The server is in run 1 of “resonance dip” with 2 measurements, which this page only watches.").waitFor();
      assert.ok(await page.getByRole("button", { name: "One measurement" }).isDisabled());
      await measure("0.97");
      await page.getByText(/with 3 measurements, which this page/).waitFor();
      assert.match(await page.locator("#experiment-watched td[data-name=f0]").textContent(), /^[\d.]+ ± [\d.]+$/);
      await click(page, "Begin another run");
      await page.getByText(/would end run 1 of “resonance dip” with 3 measurements, for every client of the server/).waitFor();
      await shot(page, "experiment-watched");
      assert.equal((await own.obe("history")).length, 3);
      await click(page, "End it for everybody and begin another");
      await page.getByText("No measurement yet.").waitFor();
      await click(page, "One measurement");
      await page.getByText("1 measurement each.").waitFor();
      // Whatever the others go on with, the page keeps to its own run.
      await own.obe("resume", "1");
      await click(page, "One measurement");
      await page.getByText("2 measurements each.").waitFor();
      assert.equal((await own.obe("history")).length, 3);
      await page.close();
    });
  },

  async "a server that dies in mid-solve, and in the middle of an experiment"() {
    await withLab({}, async (own) => {
      const page = await open({}, "", own.url);
      await page.getByLabel("Problem file: example").selectOption("A long solve");
      await click(page, "Solve on the server");
      await until(async () => (await own.metric("labwire_jobs_running", "open")) === 1, "the server solves");
      await page.getByRole("tab", { name: "Experiment" }).click();
      await page.getByLabel("Designer").selectOption("server");
      await page.getByText("No measurement yet.").waitFor();
      await click(page, "Run");
      await page.getByText(/^\d+ measurements each/).waitFor();
      own.server.kill("SIGKILL");
      await page.getByText(/The server's designer does not go on: .*begin anew/).waitFor();
      // Not with the experiment that the server designs when it is back.
      assert.ok(await page.getByRole("button", { name: "One measurement" }).isDisabled());
      await page.locator("#knowledge td").first().waitFor();
      await page.getByRole("tab", { name: "Optimizer" }).click();
      await page.getByText(/The server gives no answer: the connection broke. Try again/).waitFor();
      await own.start(own.addresses.web);
      await page.getByText("server connected").waitFor();
      await page.getByLabel("Problem file: example").selectOption("Rosenbrock in a ball");
      await click(page, "Solve on the server");
      await solved(page);
      await page.getByRole("tab", { name: "Experiment" }).click();
      await click(page, "Begin anew");
      await page.getByText("No measurement yet.").waitFor();
      await click(page, "One measurement");
      await page.getByText("1 measurement each.").waitFor();
      await page.close();
    });
  },

  async "a server that goes away and comes back"() {
    const page = await open({}, "#Instruments");
    const lamp = page.locator("#device-lamp");
    await until(async () => (await lamp.textContent()) === "connected", "connected");
    const { web } = lab.addresses;
    await lab.stop();
    await until(async () => (await lamp.textContent()).startsWith("degraded"), "degraded");
    await page.getByText("server lost, trying again").waitFor();
    await page.getByText(/The modules cannot be reached/).waitFor();
    await shot(page, "instruments-disconnected");
    await page.getByRole("tab", { name: "Optimizer" }).click();
    await click(page, "Solve on the server");
    await page.getByText(/The server gives no answer/).waitFor();
    await shot(page, "optimizer-disconnected");
    await click(page, "Solve here");
    await solved(page);
    await lab.start(web);
    await page.getByText("server connected").waitFor();
    await page.getByRole("tab", { name: "Instruments" }).click();
    await until(async () => (await lamp.textContent()) === "connected", "connected again", 60);
    await page.close();
  },
});
