// Serves this crate's folder, so that the page finds the package in ../pkg. `npm run page`, or port 0 from a test.
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

/** Listens on loopback; port 0 lets the system choose. Gives the server and the page's address. */
export async function serve(port = 0) {
  const server = createServer(async (request, response) => {
    // An absolute path has its `..` resolved at its root, so it cannot leave the folder.
    const path = normalize(new URL(request.url, "http://page").pathname);
    const file = join(root, path.endsWith("/") ? `${path}index.html` : path);
    const type = types[extname(file)];
    const found = type && (await stat(file).catch(() => undefined))?.isFile();
    response.writeHead(found ? 200 : 404, { "content-type": type ?? "text/plain" });
    if (found) createReadStream(file).pipe(response);
    else response.end("not found\n");
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { server, address: `http://127.0.0.1:${server.address().port}/www/` };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { address } = await serve(Number(process.env.PORT ?? 8081));
  console.log(address);
}
