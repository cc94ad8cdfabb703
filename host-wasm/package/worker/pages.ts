// Workers of a page.
import type { Spawn } from "./engine.js";
import script from "./script.js";

/** Starts a worker from the script in this package, without a further file. */
export const spawn: Spawn = (onMessage, onFailure) => {
  const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const worker = new Worker(url);
  worker.onmessage = ({ data }) => onMessage(data);
  worker.onerror = (event) => onFailure(event.message ?? "out of memory?");
  return { post: (message) => worker.postMessage(message), terminate: () => (worker.terminate(), URL.revokeObjectURL(url)) };
};
