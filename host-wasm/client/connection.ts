// Moves the bytes of a session over the WebSockets of `labwire serve`.
import { type Protocol, RecordedSession, type Recording, type SessionEvent, type Step } from "./recording.js";

/** Where a `labwire serve` is that leads to the servers. */
export class Bridge {
  /** @param base its page, such as "http://127.0.0.1:8080" */
  constructor(
    readonly base: string,
    readonly token?: string,
  ) {}

  /** The address of a WebSocket. */
  url(path: Protocol, address?: string): string {
    const url = new URL(path, this.base);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    if (address) url.searchParams.set("address", address);
    if (this.token) url.searchParams.set("token", this.token);
    return url.href;
  }

  /** What the bridge leads to. Throws an `Error` that says why it does not. */
  async describe(signal?: AbortSignal): Promise<{ paths: string[]; devices: string[]; "frame-bytes": number }> {
    const url = new URL("bridge", this.base);
    // Not as a header: of a page from elsewhere that would be asked for first.
    if (this.token) url.searchParams.set("token", this.token);
    let response;
    try {
      response = await fetch(url, { signal });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Error(await this.#whyUnreadable(url));
    }
    const text = await response.text();
    if (!response.ok) throw new Error(`the bridge refuses (${response.status}): ${text.trim()}`);
    return JSON.parse(text);
  }

  /** Of what another origin answers a page is told nothing, except that there was an answer. */
  async #whyUnreadable(url: URL): Promise<string> {
    try {
      await fetch(url, { mode: "no-cors" });
      return `the bridge refuses pages of ${location.origin} (403); its configuration allows them by "origins" in [web]`;
    } catch {
      return "no labwire serve answers there";
    }
  }
}

export interface ConnectionOptions {
  bridge: Bridge;
  /** Of a device: which one. Default: the bridge's first. */
  address?: string;
  onEvent?: (event: SessionEvent) => void;
}

/** Whoever wants to see every connection, as an inspector does. */
export const observers = new Set<(connection: Connection, step: Step) => void>();

/** How much a WebSocket message carries: less than the bridge's limit `frame-bytes`. */
const FRAME_BYTES = 1 << 18;

/** One session and the WebSocket that carries it; a session that owns its connection has one after the other. */
export class Connection {
  readonly #recorded: RecordedSession;
  #socket: WebSocket | undefined;
  #waiting: Uint8Array[] = [];
  #hasFinished = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;
  /** Why the transport failed, if it did. */
  failure: string | undefined;

  constructor(
    readonly protocol: Protocol,
    args: unknown[],
    readonly options: ConnectionOptions,
  ) {
    this.#recorded = new RecordedSession(protocol, args);
    if (protocol === "device") queueMicrotask(() => this.#isOver || this.call("handleTimeout"));
    else {
      this.#connect();
      // What a session says unasked is part of what is recorded too.
      this.call("handleTimeout");
    }
  }

  /** What has happened so far. */
  get recording(): Recording {
    return this.#recorded.recording;
  }

  /** The session itself, to be asked, not to be told. */
  get session() {
    return this.#recorded.session;
  }

  /** Nothing can be asked any more. */
  get isClosed(): boolean {
    return this.#isOver || this.session.isClosed;
  }

  /** Calls a method of the session, whose first argument, the time, is put in. */
  call(name: string, ...args: unknown[]): unknown {
    if (this.#isOver) throw new Error("the connection has ended");
    const step = this.#recorded.call(performance.now(), name, args);
    this.#after(step);
    return step.result;
  }

  /** Ends at once. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#drop();
    this.#recorded.session.free();
  }

  #after(step: Step) {
    if (step.sent.length > 0) this.#waiting.push(step.sent);
    for (const action of step.actions) {
      this.#drop();
      if (action === "connect") this.#connect();
    }
    this.#flush();
    const { session } = this.#recorded;
    const isDone = session.isDrained || session.transmitState === "abort";
    clearTimeout(this.#timer);
    const due = isDone ? undefined : session.pollTimeout();
    if (due !== undefined) {
      const wait = Math.min(Math.max(due - performance.now(), 0), 2 ** 31 - 1);
      this.#timer = setTimeout(() => this.call("handleTimeout"), wait);
    }
    for (const observer of observers) observer(this, step);
    for (const event of step.events) this.options.onEvent?.(event);
    if (isDone) this.close();
  }

  #connect() {
    const { bridge, address } = this.options;
    const socket = new WebSocket(bridge.url(this.protocol, address));
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#waiting = [];
    let isOpen = false;
    const isMine = () => this.#socket === socket && !this.#isOver;
    socket.onopen = () => {
      isOpen = true;
      if (!isMine()) return;
      if (this.protocol === "device") this.call("handleConnected");
      this.#flush();
    };
    socket.onmessage = ({ data }) => {
      if (isMine()) this.call("handleInput", new Uint8Array(data));
    };
    socket.onclose = async ({ code, reason }) => {
      if (!isMine()) return;
      if (code === 1000) return this.call("handleEof");
      this.failure = reason || (await this.#whyRefused(isOpen));
      if (!isMine()) return;
      if (this.protocol === "device" && !isOpen) this.call("handleConnectFailed", this.failure);
      else this.call("handleLost");
    };
  }

  /** A page is told nothing about a WebSocket that was refused. */
  async #whyRefused(wasOpen: boolean): Promise<string> {
    if (wasOpen) return "the connection broke";
    try {
      const { paths } = await this.options.bridge.describe();
      return paths.includes(this.protocol) ? "the bridge refused the connection" : `this server has no /${this.protocol}`;
    } catch (error) {
      return (error as Error).message;
    }
  }

  #flush() {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    for (const bytes of this.#waiting) {
      for (let at = 0; at < bytes.length; at += FRAME_BYTES) {
        this.#socket.send(bytes.subarray(at, at + FRAME_BYTES) as Uint8Array<ArrayBuffer>);
      }
    }
    this.#waiting = [];
    const state = this.#recorded.session.transmitState;
    if (!this.#hasFinished && (state === "finish" || state === "linger")) {
      this.#hasFinished = true;
      // The bridge takes an empty message for the end of what the page sends.
      this.#socket.send(new Uint8Array());
    }
  }

  #drop() {
    this.#socket?.close();
    this.#socket = undefined;
  }
}
