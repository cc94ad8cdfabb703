// Builds the npm package: `npm run build`. It leaves in pkg/ the package with everything, and in pkg/solver/ the same
// entries with the solver alone.
import { execFileSync } from "node:child_process";
import { copyFile, cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { signatures } from "./signatures.js";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const run = (program, ...args) => execFileSync(program, args, { cwd: here("."), stdio: "inherit" });
const target = "wasm32-unknown-unknown";
const built = here(`${process.env.CARGO_TARGET_DIR ?? "../target"}/${target}/wasm/labwire_wasm.wasm`);
const wasmFeatures = ["bulk-memory", "multivalue", "mutable-globals", "nontrapping-float-to-int", "reference-types", "sign-ext"];

/** Compiles the crate, with the glue of wasm-bindgen around it, into `folder`. */
async function compile(folder, guard, maxKilobytes, ...features) {
  run("cargo", "build", "--locked", "--lib", "--package", "labwire-wasm", "--profile", "wasm", "--target", target, ...features);
  run("wasm-bindgen", built, "--out-dir", folder, "--target", "web", "--omit-default-module-path");
  const wasm = `${folder}/labwire_wasm_bg.wasm`;
  run(here("node_modules/.bin/wasm-opt"), wasm, "-o", wasm, "-Os", "-Os", ...wasmFeatures.map((name) => `--enable-${name}`));
  run("node", "check-module.js", wasm, String(maxKilobytes));
  await writeFile(`${folder}/wasm_text.js`, `export default "${gzipSync(await readFile(wasm), { level: 9 }).toString("base64")}";\n`);
  await writeGuarded(folder, guard);
}

/** Writes the modules that put the generated classes and functions behind checks of their arguments. */
async function writeGuarded(folder, guard) {
  const types = await readFile(`${folder}/labwire_wasm.d.ts`, "utf8");
  // What loads the module is written by hand: package/browser.ts and the other entries.
  const declarations = types.slice(0, types.indexOf("export type InitInput"));
  const found = signatures(declarations);
  const names = [...Object.keys(found.classes), ...Object.keys(found.functions)];
  await writeFile(
    `${folder}/guarded.js`,
    `import * as glue from "./labwire_wasm.js";\nimport { Guarded } from "${guard}";\n\nexport default new Guarded(glue, ${JSON.stringify(found, null, 1)});\n`,
  );
  await writeFile(`${folder}/guarded.d.ts`, `import { Guarded } from "${guard}";\n\ndeclare const guarded: Guarded;\nexport default guarded;\n`);
  await writeFile(`${folder}/api.js`, `import guarded from "./guarded.js";\n\nexport const { ${names.join(", ")} } = guarded.api;\n`);
  await writeFile(`${folder}/api.d.ts`, declarations);
  for (const name of ["labwire_wasm.d.ts", "labwire_wasm_bg.wasm.d.ts"]) await rm(`${folder}/${name}`);
}

/** Makes one script of the worker's modules, as a text: no bundler has to know that it is a worker. */
async function writeWorker() {
  const entry = here("pkg/worker/inside.js");
  const options = { lib: { entry, formats: ["iife"], name: "labwire" }, write: false, minify: true, target: "es2022" };
  const [{ output }] = [await build({ configFile: false, logLevel: "error", build: options })].flat();
  await writeFile(here("pkg/worker/script.js"), `export default ${JSON.stringify(output[0].code)};\n`);
  await rm(entry);
}

await rm(here("pkg"), { recursive: true, force: true });
await mkdir(here("pkg/solver"), { recursive: true });
await compile(here("pkg"), "./guard.js", 740);
await compile(here("pkg/solver"), "../guard.js", 480, "--no-default-features");
run(here("node_modules/.bin/tsc"), "--project", "tsconfig.package.json");
const entries = ["browser", "node", "inline", "solve", "source", "files", "unpacked"];
for (const name of entries.flatMap((entry) => [`${entry}.js`, `${entry}.d.ts`])) await copyFile(here(`pkg/${name}`), here(`pkg/solver/${name}`));
await writeWorker();
await cp(here("README.md"), here("pkg/README.md"));
for (const name of ["LICENSE-APACHE", "LICENSE-MIT"]) await copyFile(here(`../${name}`), here(`pkg/${name}`));
const { version, description, license, repository } = JSON.parse(
  execFileSync("cargo", ["metadata", "--format-version", "1", "--no-deps", "--locked"], { cwd: here("."), maxBuffer: 1e8 }),
).packages.find(({ name }) => name === "labwire-wasm");
const manifest = JSON.parse(await readFile(here("package/package.json"), "utf8"));
await writeFile(here("pkg/package.json"), `${JSON.stringify({ name: manifest.name, version, description, license, repository: { type: "git", url: repository }, ...manifest }, null, 2)}\n`);
