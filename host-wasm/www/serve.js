// `npm run page`: serves this crate's folder on loopback, so that the page finds the package in ../pkg. The environment
// variable PORT chooses the port, 0 any free one.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const types = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

const server = createServer(async (request, response) => {
  // An absolute path has its `..` resolved at its root, so it cannot leave the folder.
  const path = normalize(`/${request.url.split("?")[0]}`);
  const file = join(root, path.endsWith("/") ? `${path}index.html` : path);
  const type = types[extname(file)];
  const found = type && (await stat(file).catch(() => undefined))?.isFile();
  response.writeHead(found ? 200 : 404, { "content-type": type ?? "text/plain" });
  if (found) createReadStream(file).pipe(response);
  else response.end("not found\n");
});
server.listen(Number(process.env.PORT ?? 8081), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}/www/`);
});
