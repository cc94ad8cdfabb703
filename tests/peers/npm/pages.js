// Opens the pages that bundlers have made, and prints what they report: `node pages.js FOLDER PROJECT...`.
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { chromium } from "../../../host-wasm/node_modules/playwright-core/index.mjs";

const types = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };
const [folder, ...projects] = process.argv.slice(2);

/** Serves the files of a folder on a free port. */
async function serve(root) {
  const server = createServer((request, response) => {
    const path = join(root, request.url === "/" ? "index.html" : new URL(request.url, "http://localhost").pathname);
    response.writeHead(existsSync(path) ? 200 : 404, { "content-type": types[extname(path)] ?? "text/plain" });
    if (existsSync(path)) createReadStream(path).pipe(response);
    else response.end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

/** What the page at `url` prints, until it says that it has come to its end. */
async function reportOf(browser, url) {
  const page = await browser.newPage();
  const report = new Promise((resolve, reject) => {
    page.on("console", (message) => (message.text().endsWith("\nend") ? resolve(message.text()) : console.log(message.text())));
    page.on("pageerror", reject);
    setTimeout(() => reject(new Error("no report within 60 s")), 60_000).unref();
  });
  await page.goto(url);
  return (await report).split("\n").slice(0, -1);
}

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", chromiumSandbox: false, args: ["--disable-gpu", "--no-first-run"] });
try {
  for (const project of projects) {
    const server = await serve(join(folder, project, "dist"));
    for (const line of await reportOf(browser, server.url)) {
      console.log(line.replace("ok: ", `ok: ${project}: `));
      if (!line.startsWith("ok: ")) process.exitCode = 1;
    }
    server.close();
  }
} finally {
  await browser.close();
}
