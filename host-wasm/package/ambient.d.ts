// What package/ uses of Node.js, and what build.js writes.
declare module "node:fs" {
  export function readFileSync(path: URL): Uint8Array<ArrayBuffer>;
}
declare module "node:fs/promises" {
  export function readFile(path: string | URL): Promise<Uint8Array<ArrayBuffer>>;
}
declare module "node:worker_threads" {
  export class Worker {
    constructor(code: string, options: { eval: true });
    postMessage(message: unknown): void;
    on(event: string, listener: (value: any) => void): void;
    unref(): void;
    ref(): void;
    terminate(): void;
  }
}
