//! Client side of OpEn.

use labwire_core::limits::SessionLimits;
use labwire_core::open::{Client, Reply, Request, RunReply, RunRequest};
use labwire_core::session::{Asker, CloseReason, Event, Session, TransmitState};
use wasm_bindgen::prelude::*;

use crate::js::type_error;
use crate::session::session_methods;
use crate::session_values::{instant, object};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** The last event of a session. */
export interface ClosedEvent {
    type: "closed";
    /** Whether the protocol ended regularly. */
    isRegular: boolean;
    reason: string;
}

/** Request to solve, with OpEn's names. */
export interface RunRequest {
    parameter: number[];
    initial_guess?: number[];
    initial_lagrange_multipliers?: number[];
    initial_penalty?: number;
    /** Name of the problem, if several are loaded. */
    problem?: string;
    /** Time after which the result is of no use, in milliseconds from the arrival of the request; labwire's servers only. */
    max_solve_time_ms?: number;
    /** Whether the reply is to have `sensitivities`; labwire's servers only. */
    sensitivities?: boolean;
}

/** Result of a solve, with OpEn's names. Values that the server does not send are null, 0 or empty. */
export interface RunReply {
    exit_status: string;
    num_outer_iterations: number;
    num_inner_iterations: number;
    last_problem_norm_fpr: number;
    delta_y_norm_over_c: number | null;
    f2_norm: number | null;
    solve_time_ms: number;
    penalty: number | null;
    solution: number[];
    lagrange_multipliers: number[];
    cost: number | null;
    max_constraint_violation: number | null;
    kkt_residual: number | null;
    evaluations: number;
    hessian_evaluations?: number;
    hessian_products?: number;
    f2_lagrange_multipliers: number[];
    status: string;
    infeasible_constraints?: string[];
    integers?: { nodes: number; bound?: number; gap?: number; is_global: boolean };
    /** Solution by name; for an optimal-control problem, trajectories. */
    variables?: Record<string, number[]>;
    /** Units of these values, by name, of a problem that has any. */
    units?: Record<string, string>;
    /** Labels of these values, by name, of a problem that has any. */
    labels?: Record<string, string>;
    /** Derivatives with respect to the parameters: a row per entry, a column per parameter. */
    sensitivities?: {
        solution: number[][];
        lagrange_multipliers: number[][];
        f2_lagrange_multipliers: number[][];
    };
    /** Remarks on the request, such as keys without a meaning. */
    warnings?: string[];
}

export type OpenEvent =
    | { type: "pong"; number: number }
    | { type: "run"; reply: RunReply }
    | { type: "loaded"; name: string }
    | { type: "killed" }
    | { type: "error"; code: number; message: string }
    | ClosedEvent;
"#;

/// One connection to an OpEn server: bytes in, bytes out. Replies come in the order of the requests.
#[wasm_bindgen]
#[derive(Debug)]
pub struct OpenSession {
    session: Client,
}

#[wasm_bindgen]
impl OpenSession {
    /// Creates a session for one request, which every OpEn server supports, or kept open for many, which only labwire
    /// supports.
    #[wasm_bindgen(constructor)]
    pub fn new(now: f64, is_kept_open: bool) -> Self {
        let limits = SessionLimits::default();
        let session = if is_kept_open {
            Client::kept_open(instant(now), limits)
        } else {
            Client::one_shot(limits)
        };
        Self { session }
    }

    /// Pings the server, which answers with the same number.
    pub fn ping(
        &mut self,
        now: f64,
        #[wasm_bindgen(unchecked_param_type = "Integer")] number: i32,
    ) -> Result<(), JsError> {
        self.request(now, &Request::Ping(number))
    }

    /// Solves the server's problem.
    ///
    /// @throws {TypeError} if the request does not have the keys and types of `RunRequest`
    /// @throws {Error} if the connection is closing
    pub fn run(
        &mut self,
        now: f64,
        #[wasm_bindgen(unchecked_param_type = "RunRequest")] request: JsValue,
    ) -> Result<(), JsValue> {
        let text = String::from(js_sys::JSON::stringify(&request)?);
        let request: RunRequest =
            serde_json::from_str(&text).map_err(|error| type_error("request", error))?;
        Ok(self.request(now, &Request::Run(request))?)
    }

    /// Loads a problem file.
    pub fn load(
        &mut self,
        now: f64,
        #[wasm_bindgen(unchecked_param_type = "FileText")] text: String,
    ) -> Result<(), JsError> {
        self.request(now, &Request::load(text)?)
    }

    /// Asks the server to end.
    pub fn kill(
        &mut self,
        now: f64,
        #[wasm_bindgen(unchecked_param_type = "Integer")] number: i32,
    ) -> Result<(), JsError> {
        self.request(now, &Request::Kill(number))
    }

    fn request(&mut self, now: f64, request: &Request) -> Result<(), JsError> {
        Ok(self.session.request(instant(now), request)?)
    }
}

session_methods!(OpenSession, "OpenEvent | undefined");

impl OpenSession {
    fn event(&mut self, reply: Reply) -> JsValue {
        match reply {
            Reply::Pong(number) => object([("type", "pong".into()), ("number", number.into())]),
            Reply::Run(reply) => object([("type", "run".into()), ("reply", from_run(&reply))]),
            // Only servers make these.
            Reply::Long(text) => {
                let reply = js_sys::JSON::parse(&text.text()).unwrap_or(JsValue::NULL);
                object([("type", "run".into()), ("reply", reply)])
            }
            Reply::Loaded(name) => object([("type", "loaded".into()), ("name", name.into())]),
            Reply::Killed => object([("type", "killed".into())]),
            Reply::Error(error) => object([
                ("type", "error".into()),
                ("code", error.code.into()),
                ("message", error.message.into()),
            ]),
        }
    }
}

/// Reply as an object. Numbers that are not finite become null.
fn from_run(reply: &RunReply) -> JsValue {
    let text = serde_json::to_string(reply).unwrap_or_default();
    js_sys::JSON::parse(&text).unwrap_or(JsValue::NULL)
}
