export * from "./clients.js";
export { Bridge, Connection, type ConnectionOptions, observers } from "./connection.js";
export { hex, parse, type Protocol, type Recording, RecordedSession, replay, type Step, stringify } from "./recording.js";
export { solve, type SolveOptions } from "../solve.js";
