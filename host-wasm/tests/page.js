// The page in Chromium, used as a person would; screenshots of it go to target/screenshots/.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

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

// A valley so long and narrow that a solve takes minutes.
const endless = JSON.stringify({
  variables: { u: 2000 },
  cost: "sum(i in 0..1999, 1e12*(u[i+1] - u[i]^2)^2 + (1.2 - u[i])^2)",
  solver: { tolerance: 1e-300, max_inner_iterations: 4e9 },
});

async function printedAddress() {
  let text = "";
  while (!text.includes("http://")) text += await once(server.stdout, "data");
  return text.match(/http:\S+/)[0];
}

function nativeSolution() {
  const program = fileURLToPath(new URL("target/release/labwire", root));
  const problem = fileURLToPath(new URL("core/problems/default.json", root));
  return JSON.parse(execFileSync(program, ["solve", problem, "-p", "1,50", "--json"])).solution;
}

await mkdir(screenshots, { recursive: true });
const server = spawn("npm run page", {
  cwd: fileURLToPath(new URL("host-wasm", root)),
  shell: true,
  // A group of its own: npm does not pass signals on.
  detached: true,
  env: { ...process.env, PORT: "0" },
  stdio: ["ignore", "pipe", "inherit"],
});
const address = await printedAddress();
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
  // Bit for bit: both print the shortest text that gives the number back.
  assert.deepEqual(solution, nativeSolution());
  console.log("ok: the page finds what the program finds, to the last bit");

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
  process.kill(-server.pid);
}
