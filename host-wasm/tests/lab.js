// Laboratory for tests of the page: `labwire serve` with modules connected, and Chromium.
import { execFile, spawn } from "node:child_process";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer } from "node:net";
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const screenshots = join(root, "target/screenshots/");
export const program = process.env.LABWIRE ?? join(root, "target/release/labwire");
const flags = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // A foreign host name.
  "--host-resolver-rules=MAP lab.example 127.0.0.1",
];

/** Repeats `check` until it gives a value. */
export async function until(check, what, seconds = 30) {
  for (const end = Date.now() + 1000 * seconds; Date.now() < end; await pause(50)) {
    const found = await check();
    if (found) return found;
  }
  throw new Error(`not within ${seconds} s: ${what}`);
}

/** `labwire serve` on free ports. `web` keeps its port when it is started again. */
export class Lab {
  /** Programs that end with the test. */
  #running = new Set();

  #start(args, env = {}) {
    const child = spawn(program, args, { env: { ...process.env, RUST_LOG: "error", XDG_STATE_HOME: this.folder, ...env }, stdio: ["ignore", "ignore", "inherit"] });
    this.#running.add(child);
    child.on("exit", () => this.#running.delete(child));
    return child;
  }

  async start(web = "127.0.0.1:0", env = {}) {
    this.folder ??= await mkdtemp(join(tmpdir(), "labwire-page-"));
    const ready = join(this.folder, `ready-${Date.now()}.json`);
    const ports = ["--open", "--obe", "--pymodaq", "--zeiss", "--zeiss-ws"].flatMap((flag) => [flag, "127.0.0.1:0"]);
    const args = ["serve", "--ready-file", ready, "--zeiss-dir", join(this.folder, "project"), "--web", web, ...ports];
    this.server = this.#start(args, { LABWIRE_OPEN_LOAD: "local", ...env });
    this.addresses = await until(() => readFile(ready, "utf8").then(JSON.parse, () => undefined), "the server is ready");
    this.url = `http://${this.addresses.web}/`;
  }

  /** A simulated detector or stage. */
  module(...args) {
    this.#start(["pymodaq", "instrument", "--connect", this.addresses.pymodaq, ...args]);
  }

  /** Reply to a command of `labwire obe`. */
  async obe(...args) {
    const { stdout } = await promisify(execFile)(program, ["obe", "--address", this.addresses.obe, ...args]);
    return JSON.parse(stdout);
  }

  /** File that INSPECT can import. */
  async file(name, content) {
    const path = join(this.folder, name);
    await writeFile(path, content);
    return path;
  }

  async metric(name, server) {
    const text = await (await fetch(`${this.url}metrics`)).text();
    return Number(text.match(new RegExp(`^${name}\\{server="${server}"\\} (.*)$`, "m"))?.[1]);
  }

  async stop() {
    const ended = new Promise((resolve) => this.server.once("exit", resolve));
    this.server.kill();
    await ended;
  }

  async end() {
    for (const child of this.#running) child.kill();
    if (this.folder) await rm(this.folder, { recursive: true, force: true, maxRetries: 50 });
  }
}

/** Relay to a server that can be cut in mid-frame. */
export class Relay {
  #server;
  #path;
  #bytes = 0;

  /** @param target "host:port" */
  async start(target) {
    const [host, port] = target.split(":");
    this.#server = createServer((near) => {
      const far = connect(Number(port), host);
      let path;
      let count = 0;
      const end = () => (near.destroy(), far.destroy());
      near.on("data", (chunk) => {
        path ??= chunk.toString("latin1").match(/^GET (\S*)/)?.[1];
        far.write(chunk);
      });
      far.on("data", (chunk) => {
        if (path !== this.#path) return near.write(chunk);
        const left = this.#bytes - count;
        count += chunk.length;
        near.write(chunk.subarray(0, Math.max(left, 0)), () => count >= this.#bytes && end());
      });
      for (const socket of [near, far]) socket.on("error", end).on("close", end);
    });
    await new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${this.#server.address().port}/`;
  }

  /** From now on, connections for `path` break after another `bytes` to the page; without `bytes`, no longer. */
  cut(path, bytes) {
    this.#path = path;
    this.#bytes = bytes;
  }

  end() {
    this.#server.close();
  }
}

/** Serves the package and these tests to an empty page, on their own port. */
export async function servePackage() {
  const types = { ".js": "text/javascript", ".wasm": "application/wasm" };
  // As a page names the package that has no bundler.
  const empty =
    '<script type="importmap">{"imports": {"labwire-wasm": "/pkg/browser.js", "labwire-wasm/client": "/pkg/client/index.js", "labwire-wasm/worker": "/pkg/worker/browser.js", "labwire-wasm/solver/inline": "/pkg/solver/inline.js"}}</script>';
  const server = createHttpServer((request, response) => {
    response.writeHead(200, { "content-type": types[extname(request.url)] ?? "text/html" });
    if (/^\/(pkg|tests)\/[\w/]+\.\w+$/.test(request.url)) createReadStream(join(root, "host-wasm", request.url)).pipe(response);
    else response.end(empty);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

export async function browser() {
  await mkdir(screenshots, { recursive: true });
  return chromium.launch({ executablePath: "/usr/bin/chromium", chromiumSandbox: false, args: flags });
}
