// The five protocols as promises, over the WebSockets of `labwire serve`.
import {
  type DeviceEvent,
  type ModuleAnswer,
  type ModuleData,
  type ModuleSetting,
  moduleSettings,
  type ObeEvent,
  type OpenEvent,
  type PymodaqEvent,
  type RunReply,
  type RunRequest,
  type ZeissEvent,
} from "../api.js";
import { type Bridge, Connection } from "./connection.js";
import type { Protocol, SessionEvent } from "./recording.js";

/** Options of any request. */
export interface RequestOptions {
  /** Cancels the request: its promise is rejected with the signal's reason. */
  signal?: AbortSignal;
}

/** Error reported by the server. */
export class ServerError extends Error {
  constructor(
    readonly code: number | string,
    message: string,
  ) {
    super(message);
    this.name = "ServerError";
  }
}

/** Requests on one connection, answered in their order. */
class Exchange<E extends { type: string }> {
  readonly connection: Connection;
  #waiting: { resolve: (event: E) => void; reject: (error: unknown) => void }[] = [];

  constructor(protocol: Protocol, args: unknown[], bridge: Bridge) {
    const onEvent = (event: SessionEvent) => this.#take(event);
    this.connection = new Connection(protocol, args, { bridge, onEvent });
  }

  ask(call: string, ...args: unknown[]): Promise<E> {
    this.connection.call(call, ...args);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Cancels all requests. */
  abort(reason: unknown) {
    this.connection.close();
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
  }

  #take(event: SessionEvent) {
    if (event.type === "closed") {
      const error = new Error(this.connection.failure ?? String(event.reason));
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    } else if (event.type === "error") {
      this.#waiting.shift()?.reject(new ServerError(event.code as string, String(event.message)));
    } else {
      this.#waiting.shift()?.resolve(event as unknown as E);
    }
  }
}

/** Runs `use` with a connection; cancelling closes it, so that the server cancels too. */
async function withExchange<E extends { type: string }, T>(
  protocol: Protocol,
  args: unknown[],
  bridge: Bridge,
  { signal }: RequestOptions,
  use: (exchange: Exchange<E>) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const exchange = new Exchange<E>(protocol, args, bridge);
  const abort = () => exchange.abort(signal?.reason);
  signal?.addEventListener("abort", abort);
  try {
    return await use(exchange);
  } finally {
    signal?.removeEventListener("abort", abort);
    // A regular end closes the connection by itself, and is given the time for it.
    if (!exchange.connection.isClosed) exchange.connection.close();
  }
}

/** Client of OpEn's optimizer. Each request has its own connection; aborting a request cancels it at the server. */
export class OpenClient {
  constructor(readonly bridge: Bridge) {}

  /** Pings the server, which answers with the same number. */
  async ping(number = 1, options: RequestOptions = {}): Promise<number> {
    const event = await this.#once("ping", [number], options);
    return (event as { number: number }).number;
  }

  /** Solves, starting from the result of the server's last solve. */
  async run(request: RunRequest, options: RequestOptions = {}): Promise<RunReply> {
    return ((await this.#once("run", [request], options)) as { reply: RunReply }).reply;
  }

  /** Loads a problem file; returns its name. Servers refuse it unless they were told to allow it. */
  async load(text: string, options: RequestOptions = {}): Promise<string> {
    return ((await this.#once("load", [text], options)) as { name: string }).name;
  }

  /** Ends the server. */
  async kill(number = 1, options: RequestOptions = {}): Promise<void> {
    await this.#once("kill", [number], options);
  }

  /** Solves without a warm start; with `text`, loads that problem file first. */
  runCold(request: RunRequest, text?: string, options: RequestOptions = {}): Promise<RunReply> {
    return withExchange<OpenEvent, RunReply>("open", [performance.now(), true], this.bridge, options, async (it) => {
      if (text !== undefined) {
        const loaded = (await it.ask("load", text)) as { name: string };
        request = { ...request, problem: loaded.name };
      }
      return ((await it.ask("run", request)) as { reply: RunReply }).reply;
    });
  }

  #once(call: string, args: unknown[], options: RequestOptions): Promise<OpenEvent> {
    const session = [performance.now(), false];
    return withExchange<OpenEvent, OpenEvent>("open", session, this.bridge, options, (it) => it.ask(call, ...args));
  }
}

/** Client of OptBayesExpt's designer. All commands share one connection, which is renewed when it is lost. */
export class ObeClient {
  #exchange: Exchange<ObeEvent> | undefined;

  constructor(readonly bridge: Bridge) {}

  /** Sends a command such as "optset", with further fields. Returns the reply. */
  async command(name: string, further: object = {}, { signal }: RequestOptions = {}): Promise<any> {
    signal?.throwIfAborted();
    if (!this.#exchange || this.#exchange.connection.isClosed) {
      this.#exchange = new Exchange("obe", [], this.bridge);
    }
    const exchange = this.#exchange;
    const abort = () => exchange.abort(signal?.reason);
    signal?.addEventListener("abort", abort);
    try {
      const event = await exchange.ask("send", JSON.stringify({ command: name, ...further }));
      return (event as { value: unknown }).value;
    } catch (error) {
      if (!(error instanceof ServerError)) this.#exchange = undefined;
      throw error;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  close() {
    this.#exchange?.abort(new Error("closed"));
    this.#exchange = undefined;
  }
}

/** Client of ZEISS INSPECT's interface. Each request has its own connection. */
export class ZeissClient {
  constructor(readonly bridge: Bridge) {}

  /** Imports an image into a measurement series; the focal length is in mm. Returns the answer: "O.k." on success. */
  image(file: string, series: string, focalLength: number, options: RequestOptions = {}): Promise<string> {
    return this.#once("image", [file, series, focalLength], options);
  }

  /** Imports elements into the clipboard or into a new stage. */
  elements(file: string, intoNewStage: boolean, options: RequestOptions = {}): Promise<string> {
    return this.#once("elements", [file, intoNewStage], options);
  }

  async #once(call: string, args: unknown[], options: RequestOptions): Promise<string> {
    const ask = (it: Exchange<ZeissEvent>) => it.ask(call, ...args);
    const event = await withExchange<ZeissEvent, ZeissEvent>("zeiss", [], this.bridge, options, ask);
    return (event as { text: string }).text;
  }
}

/** Controller of the PyMoDAQ modules of a labwire server. */
export class PymodaqClient {
  #connection: Connection | undefined;
  #nextId = 1;
  #waiting = new Map<number, { resolve: (answers: ModuleAnswer[]) => void; reject: (error: unknown) => void }>();

  constructor(readonly bridge: Bridge) {}

  /** Sends a request, see `PymodaqSession.request`. Without modules, it goes to all that support it. */
  request(command: string, modules: string[] = [], argument?: string, options: RequestOptions = {}): Promise<ModuleAnswer[]> {
    return this.#request([modules, command, argument], options);
  }

  /** The settings of a module. */
  async settings(module: string, options: RequestOptions = {}): Promise<ModuleSetting[]> {
    const { settings } = this.#only(await this.request("settings", [module], undefined, options));
    return moduleSettings(settings ?? "");
  }

  /** Changes the setting at `path` (names of groups, then its own). Returns whether the module has confirmed it. */
  async set(module: string, path: string[], value: string, options: RequestOptions = {}): Promise<boolean> {
    return this.#only(await this.#request([[module], "set", value, path], options)).confirmed ?? false;
  }

  /** Grabs from one module repeatedly, until the loop is left or the signal aborts. */
  async *grabs(module: string, dim?: string, options: RequestOptions = {}): AsyncGenerator<ModuleData[]> {
    while (!options.signal?.aborted) yield this.#only(await this.request("grab", [module], dim, options)).data ?? [];
  }

  close() {
    this.#connection?.close();
    this.#end(new Error("closed"));
  }

  /** Answer of the one module addressed. */
  #only([answer]: ModuleAnswer[]): ModuleAnswer {
    if (!answer) throw new Error("no such module is connected");
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  }

  async #request(args: unknown[], { signal }: RequestOptions): Promise<ModuleAnswer[]> {
    signal?.throwIfAborted();
    const id = this.#nextId++;
    this.#connection ??= new Connection("pymodaq", [performance.now()], {
      bridge: this.bridge,
      onEvent: (event) => this.#take(event as unknown as PymodaqEvent),
    });
    this.#connection.call("request", id, ...args);
    const abort = () => this.#waiting.get(id)?.reject(signal?.reason);
    signal?.addEventListener("abort", abort);
    try {
      return await new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    } finally {
      this.#waiting.delete(id);
      signal?.removeEventListener("abort", abort);
    }
  }

  #take(event: PymodaqEvent) {
    if (event.type === "closed") return this.#end(new Error(this.#connection?.failure ?? event.reason));
    const waiting = this.#waiting.get(event.id);
    if (event.error === undefined) waiting?.resolve(event.results ?? []);
    else waiting?.reject(new Error(event.error));
  }

  #end(error: Error) {
    this.#connection = undefined;
    for (const { reject } of this.#waiting.values()) reject(error);
  }
}

/** Device with a self-healing connection. */
export class DeviceClient {
  readonly #connection: Connection;
  #waiting = new Map<number, { resolve: (answer: string) => void; reject: (error: unknown) => void }>();
  #listeners = new Set<(event: DeviceEvent) => void>();

  /** @param address one of the bridge's devices; default: the first */
  constructor(bridge: Bridge, dialect = "scpi", address?: string) {
    const seed = crypto.getRandomValues(new Uint32Array(1))[0];
    const onEvent = (event: SessionEvent) => this.#take(event as unknown as DeviceEvent);
    this.#connection = new Connection("device", [dialect, seed], { bridge, address, onEvent });
  }

  /** "connected", "connecting", "backoff" (waiting before the next attempt) or "disconnected". */
  get state(): string {
    if (this.#connection.isClosed) return "disconnected";
    return (this.#connection.session as unknown as { state: string }).state;
  }

  /** Sends a query. Returns the answer without its framing. */
  query(command: string, options: RequestOptions = {}): Promise<string> {
    return this.#submit("query", command, options);
  }

  /** Sends a command that has no answer. */
  async send(command: string, options: RequestOptions = {}): Promise<void> {
    await this.#submit("send", command, options);
  }

  /** Sends a command, and returns its answer if there is a question mark in its first word or the device answers all. */
  talk(command: string, options: RequestOptions = {}): Promise<string> {
    return this.#submit("talk", command, options);
  }

  /** "degraded" and "restored", in turn, and what the device sends "unasked", as long as the loop lasts. */
  async *health({ signal }: RequestOptions = {}): AsyncGenerator<DeviceEvent> {
    const queue: DeviceEvent[] = [];
    let wake = () => {};
    const listen = (event: DeviceEvent) => {
      queue.push(event);
      wake();
    };
    this.#listeners.add(listen);
    signal?.addEventListener("abort", () => wake());
    try {
      while (!signal?.aborted) {
        const event = queue.shift();
        if (event) yield event;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      this.#listeners.delete(listen);
    }
  }

  close() {
    this.#connection.close();
    for (const { reject } of this.#waiting.values()) reject(new Error("closed"));
  }

  async #submit(call: string, command: string, { signal }: RequestOptions): Promise<string> {
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const id = this.#connection.call(call, command) as number;
      this.#waiting.set(id, { resolve, reject });
      signal?.addEventListener("abort", () => reject(signal.reason));
    });
  }

  #take(event: DeviceEvent) {
    if (event.type !== "finished") {
      for (const listen of this.#listeners) listen(event);
      return;
    }
    const waiting = this.#waiting.get(event.id);
    this.#waiting.delete(event.id);
    if (event.answer) waiting?.resolve(new TextDecoder().decode(event.answer));
    else waiting?.reject(new Error(event.error));
  }
}
