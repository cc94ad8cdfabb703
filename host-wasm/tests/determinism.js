// Determinism corpus in Node.js and in Chromium: equal to the native results, to the last bit.
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { browser, root, servePackage } from "./lab.js";
import { run } from "./corpus.js";

const folder = join(root, "tests/corpus/determinism");
const read = (path) => readFile(path, "utf8");
const recordings = (await readdir(join(folder, "recordings"))).sort();
const input = {
  corpus: await read(join(folder, "corpus.json")),
  problems: {
    default: await read(join(root, "core/model/problems/default.json")),
    trailer: await read(join(root, "core/model/problems/trailer.json")),
  },
  recordings: await Promise.all(recordings.map((name) => read(join(folder, "recordings", name)))),
};
const expected = await read(join(folder, "expected.txt"));

function check(where, { text, replays }) {
  assert.equal(text, expected, `${where} differs:\n${text}`);
  replays.forEach(({ steps, differences }, index) => {
    assert.ok(steps > 2);
    assert.deepEqual(differences, [], `${where}: ${recordings[index]} differs in steps`);
  });
  console.log(`ok: ${where}: ${text.split("\n").length - 1} solves and experiments, ${replays.length} recorded sessions`);
}

const pkg = join(root, "host-wasm/pkg");
const labwire = await import(join(pkg, "node.js"));
await labwire.default();
check("Node.js", run(labwire, await import(join(pkg, "client/index.js")), input));

const server = await servePackage();
const chromium = await browser();
try {
  const page = await chromium.newPage();
  await page.goto(server.url);
  const found = await page.evaluate(async (given) => {
    const package_ = await import("/pkg/browser.js");
    await package_.default();
    const { run: runHere } = await import("/tests/corpus.js");
    return runHere(package_, await import("/pkg/client/index.js"), given);
  }, input);
  check("Chromium", found);
} finally {
  await chromium.close();
  server.close();
}
