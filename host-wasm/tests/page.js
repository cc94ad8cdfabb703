// The page in Chromium, used as a person would; screenshots of it go to target/screenshots/.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { serve } from "../www/serve.js";

const root = new URL("../..", import.meta.url);
const screenshots = fileURLToPath(new URL("target/screenshots/", root));
const flags = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

// Nothing is below this tolerance.
const endless = JSON.stringify({
  variables: { u: 2 },
  cost: "(1 - u[0])^2 + 100*(u[1] - u[0]^2)^2 + sin(u[0])",
  solver: { tolerance: 1e-300, max_inner_iterations: 4e9 },
});

await mkdir(screenshots, { recursive: true });
const { server, address } = await serve();
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", chromiumSandbox: false, args: flags });
try {
  const page = await browser.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  await page.goto(address);

  const cell = (name) => page.locator(`td[data-name=${name}]`).textContent();
  const solve = async () => {
    await page.getByRole("button", { name: "Solve" }).click();
    await page.locator("#solve:enabled").waitFor();
  };

  await solve();
  await page.screenshot({ path: `${screenshots}page.png`, fullPage: true });
  assert.equal(await cell("status"), "converged");
  const solution = (await cell("solution")).split(",").map(Number);
  const optimum = [0.0211229, 0.0316843, -0.0314985, 0.0685015, 0.0046925];
  solution.forEach((found, i) => assert.ok(Math.abs(found - optimum[i]) < 1e-4, `${found}`));
  console.log("ok: the page solves the default problem");

  await page.getByLabel("Parameters").fill("1");
  await solve();
  assert.match(await page.getByRole("alert").textContent(), /expected 2 finite parameters/);
  console.log("ok: a missing parameter is named");

  await page.getByLabel("Problem file").fill('{\n  "variables": {"u": 1},\n  "cost": "u[0]^2 + w"\n}');
  await solve();
  await page.screenshot({ path: `${screenshots}page-error.png`, fullPage: true });
  assert.match(await page.getByRole("alert").textContent(), /^line 3, column \d+: `cost`.*`w`(.|\n)*\^/);
  console.log("ok: a wrong problem file is shown with its place");

  await page.getByLabel("Problem file").fill(endless);
  await page.getByLabel("Parameters").fill("");
  await page.getByRole("button", { name: "Solve" }).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.locator("#solve:enabled").waitFor();
  assert.equal(await cell("status"), "cancelled");
  console.log("ok: an endless solve leaves the page alive and can be cancelled");

  assert.deepEqual(complaints, []);
} finally {
  await browser.close();
  server.close();
}
