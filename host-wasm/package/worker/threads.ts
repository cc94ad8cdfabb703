// Workers of Node.js.
import { Worker } from "node:worker_threads";
import type { Spawn } from "./engine.js";
import script from "./script.js";

// What the script takes from a page's worker.
const AROUND = `const { parentPort } = require("node:worker_threads");
globalThis.postMessage = (message, transfer) => parentPort.postMessage(message, transfer);
parentPort.on("message", (data) => globalThis.onmessage({ data }));
`;

/** Starts a thread. The process does not end before it is terminated. */
export const spawn: Spawn = (onMessage, onFailure) => {
  const worker = new Worker(AROUND + script, { eval: true });
  worker.on("message", onMessage);
  worker.on("error", (error) => onFailure(error.message));
  return { post: (message) => worker.postMessage(message), terminate: () => worker.terminate() };
};
