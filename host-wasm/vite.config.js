import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

export default {
  root: here("page"),
  base: "./",
  resolve: { alias: { "labwire-wasm/client": here("client/index.ts"), "labwire-wasm": here("pkg/labwire_wasm.js") } },
  worker: { format: "es" },
  build: { outDir: here("dist"), emptyOutDir: true, target: "esnext", assetsInlineLimit: 0, chunkSizeWarningLimit: 1000 },
};
