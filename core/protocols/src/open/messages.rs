//! Requests and replies, with the order and names of the wire.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::{fmt, slice};

use labwire_session::LongText;
use serde::de::{Deserializer, EnumAccess, VariantAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Requests of OpEn, and those that labwire adds.
pub(super) const REQUESTS: [&str; 3] = ["Run", "Ping", "Kill"];
const ADDED: [&str; 2] = ["Load", "KeepAlive"];

/// Codes of error replies. Clients test the code; the text may be more specific.
pub mod code {
    /// Not a request: bad JSON, an unknown or ill-typed field, too long, too slow, not UTF-8.
    pub const INVALID_REQUEST: u32 = 1000;
    /// `initial_guess` has the wrong length or a non-finite entry.
    pub const INITIAL_GUESS: u32 = 1600;
    /// `initial_lagrange_multipliers` has the wrong length or a non-finite entry.
    pub const LAGRANGE_MULTIPLIERS: u32 = 1700;
    /// The solver failed; no result.
    pub const SOLVER_FAILED: u32 = 2000;
    /// The request is understood but not allowed here: Kill or Load from this peer.
    pub const NOT_PERMITTED: u32 = 2100;
    /// `problem` is not the name of a loaded problem.
    pub const UNKNOWN_PROBLEM: u32 = 2101;
    /// The problem file in Load is not valid.
    pub const INVALID_PROBLEM: u32 = 2102;
    /// `initial_penalty` is not positive and finite.
    pub const INITIAL_PENALTY: u32 = 2103;
    /// Too many requests are waiting.
    pub const QUEUE_FULL: u32 = 2104;
    /// The server is shutting down and takes no new requests.
    pub const SHUTTING_DOWN: u32 = 2105;
    /// `max_solve_time_ms` is not a number that is positive and finite.
    pub const MAX_SOLVE_TIME: u32 = 2106;
    /// The allowed time was over before the solve began; there is no result.
    pub const TOO_LATE: u32 = 2108;
    /// `parameter` has the wrong length or a non-finite entry.
    pub const PARAMETERS: u32 = 3003;
}

/// Request of a client.
///
/// On the wire an object with one key, the name of the request. Unknown fields are ignored, those of Run with a warning;
/// `null` means "not given".
#[derive(Clone, Debug, Serialize)]
#[expect(clippy::exhaustive_enums, reason = "a service has to answer every request")]
pub enum Request {
    /// Solve the problem.
    Run(RunRequest),
    /// Answered with the same number.
    Ping(i32),
    /// End the server. The number is for its log.
    Kill(i32),
    /// Load a problem file (ours): its JSON text.
    Load(Box<RawValue>),
    /// Keep this connection open (ours), or no longer. Not answered.
    KeepAlive(bool),
}

impl Request {
    /// Request to load a problem file, given as its text.
    ///
    /// # Errors
    /// If the text is not JSON.
    pub fn load(text: String) -> Result<Self, serde_json::Error> {
        RawValue::from_string(text).map(Self::Load)
    }
}

/// Arguments of a solve.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunRequest {
    /// Parameters p, length n_p.
    pub parameter: Vec<f64>,
    /// Initial guess, length n_u. Default: the result of the last solve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_guess: Option<Vec<f64>>,
    /// Initial Lagrange multipliers of F1, length n_1. Default: those of the last solve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_lagrange_multipliers: Option<Vec<f64>>,
    /// Initial penalty of all constraints, positive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_penalty: Option<f64>,
    /// Name of the problem, if several are loaded (labwire's addition). Default: the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Time after which the result is of no use, in milliseconds from the arrival of the request at the server, positive
    /// (labwire's addition). A solve that takes longer ends with `NotConvergedOutOfTime`, one whose turn comes later with
    /// [`code::TOO_LATE`]. Default: the server's own limit, from the beginning of the solve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_solve_time_ms: Option<f64>,
    /// Whether the reply is to have the derivatives of the solution with respect to the parameters (labwire's addition).
    /// Default: no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitivities: Option<bool>,
    /// Keys of the received request that have no meaning; at most a few.
    #[serde(skip)]
    pub unknown_keys: Vec<String>,
}

impl RunRequest {
    /// Creates a request with these parameters, which leaves everything else to the server.
    #[must_use]
    pub fn new(parameter: Vec<f64>) -> Self {
        Self {
            parameter,
            ..Self::default()
        }
    }

    labwire_session::setters! {
        with_initial_guess initial_guess: Vec<f64>,
        with_initial_lagrange_multipliers initial_lagrange_multipliers: Vec<f64>,
        with_initial_penalty initial_penalty: f64,
        with_problem problem: String,
        with_max_solve_time_ms max_solve_time_ms: f64,
        with_sensitivities sensitivities: bool,
    }

    /// Keys that have a meaning.
    pub const KEYS: [&str; 7] = [
        "parameter",
        "initial_guess",
        "initial_lagrange_multipliers",
        "initial_penalty",
        "problem",
        "max_solve_time_ms",
        "sensitivities",
    ];
}

/// Reply of a server.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a client has to heed every reply")]
pub enum Reply {
    /// Reply to Ping: its number.
    Pong(i32),
    /// Reply to Run: the result.
    Run(Box<RunReply>),
    /// Reply to Run: the text of a long result, which is written as it is read. Only servers have it.
    Long(LongText),
    /// Reply to Load: the name of the loaded problem.
    Loaded(String),
    /// Reply to Kill: no bytes; the connection ends.
    Killed,
    /// Reply to any request that failed.
    Error(ErrorReply),
}

/// Failed request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the fields of the wire")]
pub struct ErrorReply {
    /// One of the codes in [`code`], or another server's.
    pub code: u32,
    /// Description for people.
    pub message: String,
}

/// Result of a solve. The fields are in the order of the wire; those up to `cost` are OpEn's.
///
/// A server fills every field with finite numbers. If a reply lacks a field, the client sets it to NaN, 0 or empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunReply {
    /// Outcome, by one of the three names that every client knows.
    pub exit_status: ExitStatus,
    /// Outer (augmented-Lagrangian) iterations.
    pub num_outer_iterations: u64,
    /// Inner iterations in total.
    pub num_inner_iterations: u64,
    /// The unscaled fixed-point residual of the last inner problem.
    pub last_problem_norm_fpr: f64,
    /// The 2-norm of the distance of F1 from the set C.
    #[serde(default = "unknown")]
    pub delta_y_norm_over_c: f64,
    /// The 2-norm of F2.
    #[serde(default = "unknown")]
    pub f2_norm: f64,
    /// Time of the solve, in milliseconds.
    pub solve_time_ms: f64,
    /// The largest of the penalties; 0 without constraints.
    #[serde(default = "unknown")]
    pub penalty: f64,
    /// The decision variables, length n_u.
    pub solution: Vec<f64>,
    /// The multipliers of F1, length n_1.
    #[serde(default)]
    pub lagrange_multipliers: Vec<f64>,
    /// The cost at the solution.
    #[serde(default = "unknown")]
    pub cost: f64,
    /// The largest violation over F1 and F2.
    #[serde(default = "unknown")]
    pub max_constraint_violation: f64,
    /// The unscaled residual of the problem's optimality conditions (ours).
    #[serde(default = "unknown")]
    pub kkt_residual: f64,
    /// Evaluations of the cost and its gradient (ours).
    #[serde(default)]
    pub evaluations: u64,
    /// Exact Hessians of the Lagrangian (ours); not written if there were none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hessian_evaluations: u64,
    /// Products of a vector with the Hessian (ours); not written if there were none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hessian_products: u64,
    /// The multipliers of F2, length n_2 (ours).
    #[serde(default)]
    pub f2_lagrange_multipliers: Vec<f64>,
    /// Outcome, in more detail (labwire's addition).
    #[serde(default)]
    pub status: Cow<'static, str>,
    /// Constraints that cannot be satisfied, if the status is local infeasibility (labwire's addition).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub infeasible_constraints: Vec<String>,
    /// Search for integers, of a problem with such variables (labwire's addition).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integers: Option<RunIntegers>,
    /// The solution by name, and state trajectories of an optimal-control problem (ours).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, Vec<f64>>,
    /// Units of these values, by name, of a problem that has any (labwire's addition).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub units: BTreeMap<String, String>,
    /// Labels of these values for people, by name, of a problem that has any (labwire's addition).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Derivatives with respect to the parameters, if they were asked for and exist (labwire's addition); otherwise a
    /// warning gives the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitivities: Option<RunSensitivities>,
    /// Remarks on the request, such as keys without a meaning (labwire's addition).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// What is known of the solutions in integers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "what is known")]
pub struct RunIntegers {
    /// Number of nodes: of solves without that condition.
    pub nodes: u64,
    /// Cost that no solution is below, if one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<f64>,
    /// Largest part of its cost by which another solution may be better than this one, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<f64>,
    /// Whether the bound holds for all solutions; otherwise it is made of local minima.
    pub is_global: bool,
}

/// Derivatives of a solution with respect to the parameters: in each matrix a row per entry of the vector of the same name
/// in [`RunReply`], and a column per parameter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "the matrices that there are")]
pub struct RunSensitivities {
    /// Derivatives of the decision variables, n_u rows.
    pub solution: Vec<Vec<f64>>,
    /// Derivatives of the multipliers of F1, n_1 rows.
    #[serde(default)]
    pub lagrange_multipliers: Vec<Vec<f64>>,
    /// Derivatives of the multipliers of F2, n_2 rows.
    #[serde(default)]
    pub f2_lagrange_multipliers: Vec<Vec<f64>>,
}

impl RunSensitivities {
    fn rows(&self) -> impl Iterator<Item = &Vec<f64>> {
        let multipliers = self.lagrange_multipliers.iter();
        self.solution
            .iter()
            .chain(multipliers.chain(&self.f2_lagrange_multipliers))
    }

    pub(super) fn matrices_mut(&mut self) -> [&mut Vec<Vec<f64>>; 3] {
        [
            &mut self.solution,
            &mut self.lagrange_multipliers,
            &mut self.f2_lagrange_multipliers,
        ]
    }
}

/// Outcome of a solve, with the names of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_enums, reason = "the wire has three names")]
pub enum ExitStatus {
    /// The residuals are below the tolerances.
    Converged,
    /// Not converged, after the allowed number of iterations, or for another reason given in `status`.
    NotConvergedIterations,
    /// Not converged, after the allowed time.
    NotConvergedOutOfTime,
}

impl ErrorReply {
    /// Creates an error reply.
    pub fn new(code: u32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

impl RunReply {
    /// Creates a reply with this outcome and solution. All other fields are NaN, 0 or empty, as if the reply lacked them.
    #[must_use]
    pub fn new(exit_status: ExitStatus, solution: Vec<f64>) -> Self {
        Self {
            exit_status,
            num_outer_iterations: 0,
            num_inner_iterations: 0,
            last_problem_norm_fpr: unknown(),
            delta_y_norm_over_c: unknown(),
            f2_norm: unknown(),
            solve_time_ms: unknown(),
            penalty: unknown(),
            solution,
            lagrange_multipliers: Vec::new(),
            cost: unknown(),
            max_constraint_violation: unknown(),
            kkt_residual: unknown(),
            evaluations: 0,
            hessian_evaluations: 0,
            hessian_products: 0,
            f2_lagrange_multipliers: Vec::new(),
            status: Cow::Borrowed(""),
            infeasible_constraints: Vec::new(),
            integers: None,
            sensitivities: None,
            variables: BTreeMap::new(),
            units: BTreeMap::new(),
            labels: BTreeMap::new(),
            warnings: Vec::new(),
        }
    }

    /// Number of numbers in vectors and matrices.
    #[must_use]
    pub fn num_numbers(&self) -> usize {
        self.vectors().map(|(_, vector)| vector.len()).sum()
    }

    /// Vectors, and rows of matrices, with the names of their fields.
    fn vectors(&self) -> impl Iterator<Item = (&'static str, &Vec<f64>)> {
        let vectors = [
            ("solution", &self.solution),
            ("lagrange_multipliers", &self.lagrange_multipliers),
            ("f2_lagrange_multipliers", &self.f2_lagrange_multipliers),
        ];
        let variables = self.variables.values().map(|vector| ("variables", vector));
        let rows = self.sensitivities.iter().flat_map(RunSensitivities::rows);
        let rows = rows.map(|row| ("sensitivities", row));
        vectors.into_iter().chain(variables).chain(rows)
    }

    /// First field with a number that JSON cannot express.
    #[must_use]
    pub fn non_finite_field(&self) -> Option<&'static str> {
        let scalars = [
            ("last_problem_norm_fpr", self.last_problem_norm_fpr),
            ("delta_y_norm_over_c", self.delta_y_norm_over_c),
            ("f2_norm", self.f2_norm),
            ("solve_time_ms", self.solve_time_ms),
            ("penalty", self.penalty),
            ("cost", self.cost),
            ("max_constraint_violation", self.max_constraint_violation),
            ("kkt_residual", self.kkt_residual),
        ];
        let scalars = scalars.iter().map(|(name, x)| (*name, slice::from_ref(x)));
        let vectors = self.vectors().map(|(name, vector)| (name, &vector[..]));
        let is_finite = |(_, numbers): &(_, &[f64])| numbers.iter().all(|x| x.is_finite());
        let field = scalars.chain(vectors).find(|field| !is_finite(field));
        field.map(|(name, _)| name)
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

fn unknown() -> f64 {
    f64::NAN
}

/// As serde would derive it, except that the names suggested after an unknown one are those of OpEn: the text is its
/// own.
impl<'de> Deserialize<'de> for Request {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_enum("Request", &REQUESTS, RequestVisitor)
    }
}

struct RequestVisitor;

impl<'de> Visitor<'de> for RequestVisitor {
    type Value = Request;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("enum Request")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Request, A::Error> {
        let (Name(name), value) = data.variant()?;
        match name {
            "Run" => value.newtype_variant().map(Request::Run),
            "Ping" => value.newtype_variant().map(Request::Ping),
            "Kill" => value.newtype_variant().map(Request::Kill),
            "Load" => value.newtype_variant().map(Request::Load),
            _ => value.newtype_variant().map(Request::KeepAlive),
        }
    }
}

/// Name of a request.
struct Name(&'static str);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(NameVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Name;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("variant identifier")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Name, E> {
        let known = REQUESTS.into_iter().chain(ADDED).find(|known| *known == name);
        known.map(Name).ok_or_else(|| E::unknown_variant(name, &REQUESTS))
    }
}
