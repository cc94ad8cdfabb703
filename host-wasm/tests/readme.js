// Every snippet of README.md: in Chromium, or in Node.js where it imports from there, against a real `labwire serve`.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { browser, Lab, root, servePackage } from "./lab.js";

const readme = await readFile(join(root, "host-wasm/README.md"), "utf8");
/** Heading, snippet. */
const snippets = [...readme.matchAll(/^## (.*)\n[^]*?```js\n([^]*?)```/gm)].map(([, heading, code]) => [heading, code]);
assert.equal(snippets.length, readme.match(/```js/g).length, "a snippet for each heading");
/** Expected output of each. */
const expected = {
  Solve: /^\d+ \d(.|\n)*\nconverged \[.*\n\[[12]\S*,-[01]\S*\]$/,
  "Off the main thread": /^converged \[.*\] 1 \[/,
  "The solver alone, and without further files": /^converged$/,
  "Design an experiment": /^\["t","detuning"\] \["rabi","center","decay","contrast"\] .* truth: \[/,
  "Talk to servers and instruments": /exposure 20 float(.|\n)*image count \[120,160\]\n.*\n.*\nconverged .* \d.*could not be read/,
  "On another transport": /^run \{(.|\n)*exit_status: 'Converged'(.|\n)*closed/,
  "Record and replay": /^\[\{"type":"answer","text":"O.k."\},\{"type":"closed","isRegular":true.*\n\[\]$/,
};

const lab = new Lab();
await lab.start();
lab.module("--as", "grabber", "--dim", "2D", "--size", "160x120", "--name", "camera");
const server = await servePackage();
const chromium = await browser();

async function inChromium(code) {
  const page = await chromium.newPage();
  await page.goto(server.url);
  const lines = [];
  page.on("console", (message) => lines.push(message.text()));
  const thrown = await page.evaluate(async (code) => {
    const text = (value) => (typeof value === "string" ? value : JSON.stringify(ArrayBuffer.isView(value) ? [...value] : value));
    const log = console.log;
    console.log = (...values) => log(values.map(text).join(" "));
    try {
      await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
    } catch (error) {
      return error.stack;
    }
  }, code);
  await page.close();
  assert.equal(thrown, undefined);
  return lines.join("\n");
}

async function inNode(code) {
  const folder = await mkdtemp(join(tmpdir(), "labwire-readme-"));
  await mkdir(join(folder, "node_modules"));
  await symlink(join(root, "host-wasm/pkg"), join(folder, "node_modules/labwire-wasm"));
  await writeFile(join(folder, "snippet.mjs"), code);
  try {
    return (await promisify(execFile)(process.execPath, [join(folder, "snippet.mjs")], { timeout: 20_000 })).stdout;
  } finally {
    await rm(folder, { recursive: true });
  }
}

let failed = 0;
try {
  for (const [heading, code] of snippets) {
    const there = code.replace("http://127.0.0.1:8080", lab.url).replace("port: 4598", `port: ${lab.addresses.open.split(":")[1]}`);
    try {
      const output = (await (code.includes('"node:') ? inNode(there) : inChromium(there))).trim();
      assert.match(output, expected[heading]);
      console.log(`ok: README.md, ${heading}`);
    } catch (error) {
      failed++;
      console.log(`FAILED: README.md, ${heading}\n${error.stack}`);
    }
  }
} finally {
  await chromium.close();
  server.close();
  await lab.end();
}
process.exitCode = failed ? 1 : 0;
