// The workbench in Chromium, used as a person would, against a real `labwire serve`; screenshots go to target/screenshots/.
import assert from "node:assert/strict";
import { browser, Lab, screenshots } from "./lab.js";

export const lab = new Lab();
await lab.start();
lab.module("--as", "actuator", "--name", "stage");
lab.module("--as", "grabber", "--dim", "0D", "--name", "voltage");
lab.module("--as", "grabber", "--dim", "1D", "--name", "spectrum");
lab.module("--as", "grabber", "--dim", "2D", "--size", "160x120", "--name", "camera");
const chromium = await browser();
const complaints = [];
const foreign = [];

/** Opens a page of the workbench. `url`: a server other than the laboratory's; `allowed`: further URLs it may request. */
export async function open(options = {}, hash = "", url = lab.url, allowed = [], prepare = async (_page) => {}) {
  const page = await chromium.newPage({ viewport: { width: 1280, height: 900 }, ...options });
  page.setDefaultTimeout(20_000);
  page.on("pageerror", (error) => complaints.push(error.stack));
  page.on("request", (request) => {
    const isKnown = [url, ...allowed].some((known) => new URL(known).origin === new URL(request.url()).origin);
    if (request.url().startsWith("http") && !isKnown) foreign.push(request.url());
  });
  await prepare(page);
  await page.goto(`${url}${hash}`);
  await page.getByRole("tab", { name: "Optimizer" }).waitFor();
  return page;
}

export async function shot(page, name) {
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: `${screenshots}${name}.png`, fullPage: true });
}

export const click = (page, name) => page.getByRole("button", { name, exact: true }).click();
export const cell = (page, name) => page.locator(`#outcome td[data-name="${name}"]`).textContent();
export const solved = (page) => page.locator("#outcome td[data-name=status]").waitFor();

/** Runs all checks, or those whose name contains the word on the command line, and ends everything. */
export async function run(checks) {
  const [wanted] = process.argv.slice(2);
  let failed = 0;
  try {
    for (const [name, check] of Object.entries(checks)) {
      if (wanted && !name.includes(wanted)) continue;
      try {
        await check();
        console.log(`ok: ${name}`);
      } catch (error) {
        failed++;
        console.log(`FAILED: ${name}\n${error.stack}`);
        for (const [index, page] of chromium
          .contexts()
          .flatMap((context) => context.pages())
          .entries()) {
          await shot(page, `failed-${failed}-${index}`);
          await page.close();
        }
      }
    }
    assert.deepEqual(complaints, [], "errors in the page");
    assert.deepEqual(foreign, [], "loaded from another host");
  } finally {
    await chromium.close();
    await lab.end();
  }
  process.exitCode = failed ? 1 : 0;
}
