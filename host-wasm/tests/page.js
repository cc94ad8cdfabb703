// Each panel as a person would use it.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { Lab, until } from "./lab.js";
import { cell, click, lab, open, run, shot, solved } from "./workbench.js";

await run({
  async "first paint"() {
    const page = await open();
    const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
    await page.locator("#problem").waitFor();
    console.log(`    first contentful paint ${paint?.toFixed(0)} ms`);
    await page.close();
  },

  async "the page comes from the program, compressed, and once"() {
    const page = await open();
    const script = await page.locator("script[src]").first().getAttribute("src");
    await page.close();
    const get = (path, headers = {}) => fetch(new URL(path, lab.url), { headers });
    // What browsers ask for; without TLS, fetch of Node.js leaves out br.
    const browsers = { "Accept-Encoding": "gzip, deflate, br, zstd" };
    const html = await get("/", browsers);
    assert.equal(html.headers.get("content-encoding"), "br");
    // Each encoding is a file of its own, with its ETag.
    assert.equal((await get("/", { ...browsers, "If-None-Match": html.headers.get("etag") })).status, 304);
    const code = await get(script, { "Accept-Encoding": "gzip" });
    assert.equal(code.headers.get("content-encoding"), "gzip");
    assert.match(code.headers.get("cache-control"), /immutable/);
  },

  async "a problem is solved here and on the server, to the last bit alike"() {
    const page = await open();
    await click(page, "Solve here");
    await solved(page);
    assert.equal(await cell(page, "status"), "converged");
    await click(page, "Solve on the server");
    await page.locator("#comparison.same").waitFor();
    assert.match(await page.locator("#comparison").textContent(), /equal to the last bit/);
    await shot(page, "optimizer-light");
    await page.close();
  },

  async "a wrong problem file is shown with its place, at once"() {
    const page = await open();
    await page.getByLabel("Problem file", { exact: true }).fill('{\n  "variables": {"u": 1},\n  "cost": "u[0]^2 + w"\n}');
    const fault = page.locator("#problem-error");
    await until(async () => /^line 3, column \d+: `cost`.*`w`(.|\n)*\^/.test(await fault.textContent()), "the fault");
    assert.equal(await page.getByRole("button", { name: "Solve here" }).isDisabled(), true);
    await shot(page, "optimizer-error");
    await page.close();
  },

  async "sliders solve again, warm"() {
    const page = await open();
    await click(page, "Solve here");
    await solved(page);
    const before = await cell(page, "cost");
    const slider = page.getByLabel("p[1], slider");
    await slider.focus();
    for (let i = 0; i < 5; i++) await page.keyboard.press("ArrowRight");
    await until(async () => (await cell(page, "cost")) !== before, "another cost");
    await page.close();
  },

  async "dragging the target bends the path at every frame"() {
    const page = await open();
    await page.getByLabel("Problem file: example").selectOption("Trailer around an obstacle");
    await click(page, "Solve here");
    await solved(page);
    assert.equal(await cell(page, "status"), "converged");
    await click(page, "Solve on the server");
    await page.locator("#comparison.same").waitFor();
    await shot(page, "trailer-light");
    const box = await page.locator("canvas.scene").boundingBox();
    const at = (x, y) => [box.x + ((x + 2.2) / 4.4) * box.width, box.y + ((2.4 - y) / 3.3) * box.height];
    const frames = page.evaluate(
      () =>
        new Promise((resolve) => {
          let count = 0;
          const start = performance.now();
          const tick = () => {
            count++;
            if (performance.now() - start > 1500) resolve(count / ((performance.now() - start) / 1000));
            else requestAnimationFrame(tick);
          };
          tick();
        }),
    );
    const before = await cell(page, "solution");
    await page.mouse.move(...at(1, 1));
    await page.mouse.down();
    for (let i = 1; i <= 60; i++) await page.mouse.move(...at(1 - i / 60, 1 + i / 60));
    await page.mouse.up();
    await until(async () => (await cell(page, "solution")) !== before, "another solution");
    await until(async () => (await cell(page, "status")) === "converged", "it converges");
    assert.equal(Number(await page.getByLabel("yt", { exact: true }).inputValue()).toFixed(1), "2.0");
    console.log(`    ${(await frames).toFixed(0)} frames a second while dragging, ${await cell(page, "time")} a solve`);
    await shot(page, "trailer-dragged");
    // By keyboard too.
    await page.locator("canvas.scene").focus();
    await page.keyboard.press("ArrowLeft");
    await until(async () => Number(await page.getByLabel("xt", { exact: true }).inputValue()) < -0.04, "moved by key");
    await page.close();
  },

  async "a long solve leaves the page alive, and can be cancelled"() {
    const page = await open();
    await page.getByLabel("Problem file: example").selectOption("A long solve");
    await click(page, "Solve here");
    await page.getByText(/iteration \d+, residual/).waitFor();
    await page.getByRole("tab", { name: "Inspector" }).click();
    await page.getByRole("tab", { name: "Optimizer" }).click();
    await shot(page, "optimizer-solving");
    await click(page, "Cancel");
    await solved(page);
    assert.equal(await cell(page, "status"), "cancelled");
    await page.close();
  },

  async "a page that is closed in mid-solve leaves nothing running on the server"() {
    const page = await open();
    await page.getByLabel("Problem file: example").selectOption("A long solve");
    const running = () => lab.metric("labwire_jobs_running", "open");
    await click(page, "Solve on the server");
    await until(async () => (await running()) === 1, "the server solves");
    await click(page, "Cancel");
    await page.getByText("Cancelled: the server has stopped too.").waitFor();
    await until(async () => (await running()) === 0, "the server has stopped");
    await click(page, "Solve on the server");
    await until(async () => (await running()) === 1, "the server solves again");
    await page.close();
    await until(async () => (await running()) === 0, "the server has stopped again");
  },

  async "the designer finds the resonance, in the page and on the server"() {
    const page = await open({}, "#Experiment");
    const count = page.locator("#experiment-status");
    const measured = async (least) => until(async () => parseInt(await count.textContent()) >= least, `${least} measurements`, 60);
    await click(page, "Run");
    await measured(60);
    await click(page, "Pause");
    await shot(page, "experiment-light");
    const row = page.locator("#knowledge tbody tr").first().locator("td");
    const [truth, designed] = [await row.nth(0).textContent(), await row.nth(1).textContent()];
    assert.ok(Math.abs(Number(truth) - parseFloat(designed)) < 0.05, `${truth}: ${designed}`);
    await page.getByLabel("Designer").selectOption("server");
    await page.getByText("No measurement yet.").waitFor();
    await click(page, "One measurement");
    await measured(1);
    await page.close();
  },

  async "an experiment file is edited, and its faults are shown with their place"() {
    const page = await open({}, "#Experiment");
    const status = page.locator("#experiment-status");
    const ready = () => page.getByText("No measurement yet.").waitFor();
    await ready();
    const text = await page.getByLabel("Experiment file", { exact: true }).inputValue();
    await page.getByLabel("Experiment file", { exact: true }).fill(text.replace('"1 - depth/', '"1 - depht/'));
    const fault = page.locator("#experiment-file-error");
    await until(async () => /^line \d+, column \d+: .*`depht`(.|\n)*\^(.|\n)*depth/.test(await fault.textContent()), "the fault");
    assert.equal(await page.getByRole("button", { name: "Run", exact: true }).isDisabled(), true);
    assert.match(await status.textContent(), /Once the file is right/);
    await shot(page, "experiment-error");
    await page.getByLabel("Experiment file", { exact: true }).fill(text.replace('"steps": 201', '"steps": 11'));
    await page.getByText("f (11), 11 settings; 3 parameters").waitFor();
    await ready();
    const opened = { name: "mine.json", mimeType: "application/json", buffer: Buffer.from(text.replace("resonance dip", "my dip")) };
    await page.locator("#panel-Experiment input[type=file]").setInputFiles(opened);
    await page.getByText("my dip: f (201)").waitFor();
    await ready();
    for (const name of ["Lorentzian peak", "Straight line, unknown noise", "Resonance dip"]) {
      await page.getByLabel("Experiment file: example").selectOption(name);
      await ready();
      await click(page, "One measurement");
      await until(async () => parseInt(await status.textContent()) === 1, `${name} is measured`);
    }
    await page.close();
  },

  async "an experiment with two knobs, and one with two channels"() {
    const page = await open({}, "#Experiment");
    const status = page.locator("#experiment-status");
    const measured = (least) => until(async () => parseInt(await status.textContent()) >= least, `${least} measurements`, 60);
    await page.getByLabel("Experiment file: example").selectOption("Rabi oscillation: two knobs");
    await page.getByText("t (40) × detuning (21), 840 settings").waitFor();
    await page.getByRole("img", { name: /utility from .* over t from 0.05 to 2 and detuning from -5 to 5/ }).waitFor();
    await click(page, "Run");
    await measured(20);
    await click(page, "Pause");
    await until(() => page.getByRole("button", { name: "One measurement" }).isEnabled(), "it pauses");
    await shot(page, "experiment-rabi");
    await page.getByLabel("Knob on the x axis").selectOption("detuning");
    await page.getByRole("img", { name: /over detuning from -5 to 5 and t from 0.05 to 2/ }).waitFor();
    const slice = page.getByLabel("t, where the curves are");
    await slice.focus();
    await page.keyboard.press("Home");
    await until(async () => (await slice.locator("xpath=..").textContent()).endsWith("0.05"), "the slice is moved");
    await page.getByLabel("Experiment file: example").selectOption("Coil: two channels, unknown noise");
    await page.getByText("f (200), 200 settings; 4 parameters; 2 channels").waitFor();
    await page.getByText("No measurement yet.").waitFor();
    await click(page, "One measurement");
    await measured(1);
    await page.getByLabel("Channel").selectOption("2 of 2");
    await click(page, "Run");
    await measured(15);
    await click(page, "Pause");
    await page.getByRole("img", { name: /Over f, measured: (1[5-9]|[2-9]\d|\d{3,}) values/ }).waitFor();
    assert.equal(
      await page
        .locator("#panel-Experiment .error")
        .allTextContents()
        .then((texts) => texts.join("")),
      "",
    );
    await shot(page, "experiment-coil");
    await page.close();
  },

  async "a million combinations of settings leave the page alive"() {
    const page = await open({}, "#Experiment");
    await page.getByText("No measurement yet.").waitFor();
    const file = {
      settings: { a: { linspace: [0, 1, 100] }, b: { linspace: [0, 1, 100] }, c: { linspace: [0, 1, 100] } },
      parameters: { m: { uniform: [-1, 1] }, n: { uniform: [0.5, 2] } },
      model: ["m*a + n*b^2", "exp(-n*c)"],
      noise: 0.1,
    };
    await page.getByLabel("Experiment file", { exact: true }).fill(JSON.stringify(file, undefined, 1));
    await page.getByText(/1,000,000 settings; 2 parameters; 2 channels/).waitFor();
    await page.getByText("No measurement yet.").waitFor({ timeout: 60_000 });
    const frames = page.evaluate(async () => {
      let [count, longest, last] = [0, 0, performance.now()];
      const status = document.querySelector("#experiment-status");
      while (!(parseInt(status.textContent) >= 2)) {
        await new Promise(requestAnimationFrame);
        count++;
        longest = Math.max(longest, performance.now() - last);
        last = performance.now();
      }
      return { count, longest };
    });
    await click(page, "Run");
    await page.getByText(/Choosing among 1,000,000 settings/).waitFor();
    const { count, longest } = await frames;
    console.log(`    ${count} frames during two measurements, the longest took ${longest.toFixed(0)} ms`);
    assert.ok(count > 10, "the page painted while the designer worked");
    await page.getByText(/The largest over c. 1,000,000 settings/).waitFor();
    await shot(page, "experiment-million");
    // The run of another test, which would be asked about.
    await lab.obe("newrun");
    // No more is requested from the server's designer than can be shown.
    await page.getByLabel("Designer").selectOption("server");
    await page.getByText(/utility of 1,000,000 settings is too much to be fetched/).waitFor({ timeout: 60_000 });
    await page.getByText("No measurement yet.").waitFor({ timeout: 60_000 });
    await click(page, "One measurement");
    await page.getByText(/^1 measurement each/).waitFor({ timeout: 60_000 });
    await page.close();
  },

  async "a device is asked, and its lamp tells of its health"() {
    const page = await open({}, "#Instruments");
    const lamp = page.locator("#device-lamp");
    const log = page.getByRole("log", { name: "Device log" });
    const says = (text) => until(async () => (await log.textContent()).includes(text), `the device says ${text}`);
    await until(async () => (await lamp.textContent()) === "connected", "connected");
    await click(page, "*IDN?");
    await says("labwire");
    await page.getByLabel("Command").fill("VOLT 7.5");
    await page.keyboard.press("Enter");
    await page.getByLabel("Command").fill("VOLT?");
    await page.keyboard.press("Enter");
    await says("7.5");
    await page.close();
  },

  async "modules move and send, live"() {
    const page = await open({}, "#Instruments");
    const module = (name) => page.locator(`[data-module="${name}"]`);
    const stage = module("stage");
    await stage.waitFor();
    await stage.getByLabel("Target of stage").fill("3");
    await stage.getByRole("button", { name: "Move to" }).click();
    await until(async () => Math.abs(parseFloat(await stage.locator("output").textContent()) - 3) < 0.1, "the stage is at 3");
    await module("spectrum").getByRole("button", { name: "Live" }).click();
    await module("spectrum").locator("canvas").waitFor();
    await module("voltage").getByRole("button", { name: "Live" }).click();
    await module("voltage").getByRole("img", { name: /Over grab, .*: \d{2,} values from/ }).waitFor();
    await module("camera").getByRole("button", { name: "Live" }).click();
    await module("camera").getByRole("img", { name: /Image of image: .* count from .* over x \/ um/ }).waitFor();
    await shot(page, "instruments-light");
    for (const name of ["voltage", "camera"]) await module(name).getByRole("button", { name: "Stop" }).click();
    await module("spectrum").getByRole("button", { name: "Stop" }).click();
    await page.close();
  },

  async "a module's settings are shown, and changed"() {
    const page = await open({}, "#Instruments");
    const camera = page.locator('[data-module="camera"]');
    await camera.getByText("Settings").click();
    const exposure = camera.getByLabel("exposure of camera");
    await exposure.fill("12");
    await exposure.press("Enter");
    await camera.getByText("exposure is set.").waitFor();
    const width = camera.getByLabel("width of camera");
    await width.fill("40");
    await width.press("Enter");
    await camera.getByText("width is set.").waitFor();
    await camera.getByRole("button", { name: "Grab" }).click();
    await camera.getByRole("img", { name: /over x \/ um from 0 to/ }).waitFor();
    await shot(page, "instruments-settings");
    // The answer says why the value is refused; the value shown is the module's.
    await width.fill("1.5");
    await width.press("Enter");
    await camera.getByText(/width was not set: .*"1.5" is not a value/).waitFor();
    await until(async () => (await width.inputValue()) === "40", "it is as it was");
    await width.fill("160");
    await width.press("Enter");
    await camera.getByText("width is set.").waitFor();
    await page.close();
  },

  async "INSPECT is asked to import, and says what is wrong"() {
    const page = await open({}, "#Instruments");
    const log = page.getByRole("log", { name: "Answers of INSPECT" });
    await click(page, "Import image");
    await until(async () => (await log.textContent()).includes("could not be read"), "the refusal");
    const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    const path = await lab.file("part.png", Buffer.from(pixel, "base64"));
    await page.getByLabel("File on the server").fill(path);
    await click(page, "Import image");
    await until(async () => (await log.textContent()).includes("O.k."), "it is imported");
    await page.close();
  },

  async "the inspector shows, exports, opens and replays a connection"() {
    const page = await open();
    await click(page, "Solve on the server");
    await solved(page);
    await page.getByRole("tab", { name: "Inspector" }).click();
    await page.locator(".frames td.in").first().waitFor();
    assert.match(await page.locator(".frames").textContent(), /run \{"parameter":\[1,50\]/);
    await click(page, "Replay");
    await page.locator("#panel-Inspector .same").waitFor();
    await shot(page, "inspector-light");
    const downloading = page.waitForEvent("download");
    await click(page, "Export");
    const path = await (await downloading).path();
    const recording = JSON.parse(await readFile(path, "utf8"));
    assert.equal(recording.protocol, "open");
    const input = page.locator("#panel-Inspector input[type=file]");
    await input.setInputFiles({ name: "again.json", mimeType: "application/json", buffer: await readFile(path) });
    await page.getByText("again.json (open)").waitFor({ state: "attached" });
    await click(page, "Replay");
    await page.locator("#panel-Inspector .same").waitFor();
    await input.setInputFiles({ name: "bad.json", mimeType: "application/json", buffer: Buffer.from("{}") });
    await page.getByText(/cannot be read/).waitFor();
    // The text of one connection stays while others continue.
    await click(page, "Replay");
    await page.locator("#panel-Inspector .same").waitFor();
    await page.getByRole("tab", { name: "Optimizer" }).click();
    await click(page, "Solve on the server");
    await solved(page);
    await page.getByRole("tab", { name: "Inspector" }).click();
    await page.locator("#panel-Inspector option", { hasText: /^2: open/ }).waitFor({ state: "attached" });
    assert.match(await page.locator("#panel-Inspector .same").textContent(), /Replayed \d+ steps/);
    await page.close();
  },

  async "the tabs work by keyboard"() {
    const page = await open();
    await page.getByRole("tab", { name: "Optimizer" }).focus();
    await page.keyboard.press("ArrowRight");
    await page.getByRole("tabpanel", { name: "Experiment" }).waitFor();
    await page.keyboard.press("ArrowLeft");
    await page.getByLabel("Problem file", { exact: true }).focus();
    await page.keyboard.press("Control+Enter");
    await solved(page);
    await page.close();
  },

  async "a tab that is chosen by keyboard before the engine is there keeps the focus"() {
    let load;
    const asked = new Promise((resolve) => (load = resolve));
    const page = await open({}, "", lab.url, [], (page) => page.route("**/*.wasm", async (route) => (await asked, route.continue())));
    await page.getByRole("tab", { name: "Optimizer" }).focus();
    await page.keyboard.press("ArrowRight");
    const tab = page.getByRole("tab", { name: "Experiment", selected: true });
    await tab.waitFor();
    assert.equal(await tab.evaluate((tab) => tab === document.activeElement), true);
    load();
    await page.getByRole("tabpanel", { name: "Experiment" }).waitFor();
    await page.keyboard.press("ArrowLeft");
    await page.getByLabel("Problem file", { exact: true }).waitFor();
    await page.close();
  },

  async "every control is reached by Tab, has a name, and shows that it has the focus"() {
    const page = await open();
    await click(page, "Solve here");
    await solved(page);
    for (const panel of ["Optimizer", "Experiment", "Instruments", "Inspector"]) {
      await page.getByRole("tab", { name: panel }).click();
      if (panel === "Experiment") {
        await page.getByLabel("Experiment file: example").selectOption("Rabi oscillation: two knobs");
        await page.getByText("No measurement yet.").waitFor();
      }
      if (panel === "Instruments") await page.locator('[data-module="camera"]').getByText("Settings").click();
      await page.getByRole("tab", { name: panel }).focus();
      const reached = new Set();
      for (;;) {
        await page.keyboard.press("Tab");
        const found = await page.evaluate(() => {
          const element = document.activeElement;
          const { outlineStyle, outlineWidth } = getComputedStyle(element);
          const at = [...document.querySelectorAll("*")].indexOf(element);
          return { at, tag: element.outerHTML.slice(0, 120), isSeen: outlineStyle !== "none" && outlineWidth !== "0px" };
        });
        if (found.tag.startsWith("<body") || reached.has(found.at)) break;
        assert.ok(found.isSeen, `the focus is not seen on ${found.tag}`);
        reached.add(found.at);
      }
      const controls = await page.locator(`#panel-${panel}`).evaluate((section) => {
        const all = [...document.querySelectorAll("*")];
        const wanted = [...section.querySelectorAll("button, input, select, textarea, summary, canvas[tabindex], [role=log]")];
        return wanted
          .filter((element) => element.checkVisibility() && !element.disabled)
          .map((element) => {
            const name =
              element.ariaLabel || element.textContent.trim() || [...(element.labels ?? [])].map((label) => label.textContent).join();
            return { at: all.indexOf(element), tag: element.outerHTML.slice(0, 120), name };
          });
      });
      assert.ok(controls.length > 3);
      for (const { at, tag, name } of controls) assert.ok(reached.has(at) && name, `not reached, or without a name: ${tag}`);
      const silent = page.locator(`#panel-${panel} :is(canvas, [role=img]):not([aria-label], [role=img] *)`);
      await until(async () => (await silent.count()) === 0, "every picture has a text");
    }
    await page.close();
  },

  async "what is empty says so"() {
    const empty = new Lab();
    try {
      await empty.start();
      const page = await open({}, "#Inspector", empty.url);
      await page.getByText("No connection yet. Use the other panels, or open a recording.").waitFor();
      await click(page, "Replay");
      await page.getByText("There is nothing to replay yet.").waitFor();
      await shot(page, "inspector-empty");
      await page.getByRole("tab", { name: "Optimizer" }).click();
      await page.getByText("Not solved yet.").waitFor();
      await shot(page, "optimizer-empty");
      await page.getByRole("tab", { name: "Instruments" }).click();
      await page.getByText("No module is connected. Start a simulated one:").waitFor();
      await shot(page, "instruments-empty");
      await page.close();
    } finally {
      await empty.end();
    }
  },

  async "dark, and as narrow as a phone"() {
    for (const [look, options] of [
      ["dark", { colorScheme: "dark" }],
      ["narrow", { viewport: { width: 375, height: 740 }, hasTouch: true }],
    ]) {
      const page = await open(options);
      await page.getByLabel("Problem file: example").selectOption("Trailer around an obstacle");
      await click(page, "Solve here");
      await solved(page);
      await shot(page, `optimizer-${look}`);
      for (const name of ["Experiment", "Instruments", "Inspector"]) {
        await page.getByRole("tab", { name }).click();
        if (name === "Experiment") {
          await page.getByLabel("Experiment file: example").selectOption("Rabi oscillation: two knobs");
          await page.getByText("840 settings; 4 parameters").waitFor();
          await page.getByText("No measurement yet.").waitFor();
          await click(page, "Run");
          await until(async () => parseInt(await page.locator("#experiment-status").textContent()) > 25, "measurements");
          await click(page, "Pause");
        } else if (name === "Instruments") {
          await click(page, "*IDN?");
          await page.locator('[data-module="camera"]').getByRole("button", { name: "Grab" }).click();
          await page.locator('[data-module="camera"] canvas').waitFor();
        } else await page.locator(".frames td").first().waitFor();
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(overflow <= 0, `${name} is ${overflow} px wider than the window`);
        await shot(page, `${name.toLowerCase()}-${look}`);
      }
      await page.close();
    }
  },
});
