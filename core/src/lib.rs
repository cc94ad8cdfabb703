//! The socket protocols of optimizers and lab instruments, and the engines behind them, without I/O.
//!
//! Bytes go in, bytes and events come out. A host moves the bytes, passes the time and supplies seeds; nothing here reads
//! a clock, opens a socket, starts a thread or uses a source of randomness. Equal inputs, times and seeds give equal bits,
//! in a server, in a page, in a fuzzer and in a simulation.
//!
//! | to ... | start at |
//! | --- | --- |
//! | minimize a function of your own | [Solving a closure](#solving-a-closure), [`solve`] |
//! | solve a problem written as text, again and again | [Solving a text](#solving-a-text), [`problem`] |
//! | answer OpEn's clients over any transport | [Serving OpEn](#serving-open-over-your-own-transport), [`service`] |
//! | choose the next measurement | [`design`] |
//! | speak a protocol, as client or server | [Driving a session](#driving-a-session), [`open`], [`obe`], [`zeiss`], [`pymodaq`], [`device`] |
//! | have it all on tokio or async-std | the crates `labwire-tokio`, `labwire-async-std` |
//!
//! # Solving a closure
//!
//! A cost and its gradient; `u` stays in a set. Constraints and second derivatives: [`Functions`](solve::Functions).
//!
//! ```
//! use labwire_core::sets::Set;
//! use labwire_core::solve::{Cost, Settings, Solver, Start, Status, Structure};
//!
//! let mut cost = Cost::new(2, |u: &[f64], gradient: &mut [f64]| {
//!     gradient.copy_from_slice(&[2.0 * (u[0] - 3.0), 2.0 * (u[1] + 1.0)]);
//!     (u[0] - 3.0).powi(2) + (u[1] + 1.0).powi(2)
//! });
//! let set = Set::Box { min: vec![-1.0, -5.0], max: vec![1.0, 5.0] };
//! let mut solver = Solver::new(Structure::unconstrained(2, set), Settings::default())?;
//! solver.solve(&mut cost, &Start::cold(vec![0.0, 0.0]))?;
//! assert_eq!(*solver.status(), Status::Converged);
//! assert!((solver.solution()[0] - 1.0).abs() < 1e-5 && (solver.solution()[1] + 1.0).abs() < 1e-5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Solving a text
//!
//! This text for these parameters, warm, within 50 ms:
//!
//! ```
//! # use std::time::Duration;
//! # use labwire_core::problem::{DEFAULT_PROBLEM as TEXT, Problem, ProblemSolver, TextLimits};
//! # use labwire_core::time::Instant;
//! let begun = std::time::Instant::now();
//! let clock = || Instant::from_nanos(begun.elapsed().as_nanos() as u64);
//! let problem = Problem::from_json(TEXT, &TextLimits::default())?;
//! let settings = problem.settings().clone().with_max_duration(Duration::from_millis(50));
//! let mut solver = ProblemSolver::with_settings(problem, settings)?;
//! for parameters in [[1.0, 50.0], [1.0, 51.0]] {
//!     let solution = solver.solve_timed(&parameters, clock)?;
//!     println!("{}: {:?}", solution.status.name(), solution.u);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Serving OpEn over your own transport
//!
//! An [`Endpoint`](service::Endpoint) owns a service and the sessions of its connections. The host moves bytes, passes the
//! time and lets it work:
//!
//! ```
//! # #[cfg(feature = "problems")] {
//! use labwire_core::problem::{DEFAULT_PROBLEM, Problem, TextLimits};
//! use labwire_core::service::optimizer::{OptimizerSettings, OptimizerService};
//! use labwire_core::service::{Busy, ConnectionId, Endpoint, Peer};
//! use labwire_core::time::Instant;
//!
//! let problem = Problem::from_json(DEFAULT_PROBLEM, &TextLimits::default())?;
//! let mut server = Endpoint::new(OptimizerService::new(problem, OptimizerSettings::default())?);
//! // In place of a socket: what arrives, and what was sent.
//! let mut arriving = [r#"{"KeepAlive": true} {"Ping""#, r#": 7} {"Run": {"parameter": [1.0, 50.0]}}"#].into_iter();
//! let mut sent = Vec::new();
//! let (now, id) = (Instant::ZERO, ConnectionId(1));
//! server.open(now, id, Peer::LOCAL)?;
//! while !server.is_drained(id) {
//!     match arriving.next() {
//!         Some(bytes) => server.handle_input(now, id, bytes.as_bytes()), // while server.wants_input(id)
//!         None => server.handle_eof(now, id),
//!     }
//!     while server.step(now, 1000) == Busy::Yes {} // solves, in bounded steps
//!     sent.extend_from_slice(server.transmit(id));
//!     server.transmitted(now, id, server.transmit(id).len());
//! }
//! server.handle_disconnect(now, id, labwire_core::session::CloseReason::Lost);
//! assert!(sent.starts_with(b"{\"Pong\":7}\n{\"exit_status\":\"Converged\""));
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Driving a session
//!
//! Sessions bound what they hold for their peer, and [say how much it is](session::Session::held). A host with many
//! connections may add that up and let requests with long replies [wait for room](session::Session::handle_room).
//! The loop is the same for every transport: take events, send pending output, then wait for input, the timer or the
//! application, whichever comes first. Here both sides live in one process, and there is nothing to wait for:
//!
//! ```
//! use labwire_core::limits::SessionLimits;
//! use labwire_core::open::{Client, Permissions, Reply, Request, Server};
//! use labwire_core::session::{Asker, Event, Session, TransmitState};
//! use labwire_core::time::Instant;
//!
//! /// Moves bytes from `from` to `to`. A socket would take a part of them; `transmitted` reports how many.
//! fn carry(now: Instant, from: &mut impl Session, to: &mut impl Session, finished: &mut bool) {
//!     while !from.transmit().is_empty() && to.wants_input() {
//!         let count = from.transmit().len().min(7);
//!         to.handle_input(now, &from.transmit()[..count]);
//!         from.transmitted(now, count);
//!     }
//!     if from.transmit().is_empty() && from.transmit_state() != TransmitState::Open && !*finished {
//!         *finished = true; // FIN
//!         to.handle_eof(now);
//!     }
//! }
//!
//! let now = Instant::ZERO;
//! let mut client = Client::one_shot(SessionLimits::default());
//! let mut server = Server::new(now, SessionLimits::default(), Permissions { kill: false, load: false });
//! let (mut client_finished, mut server_finished) = (false, false);
//! client.request(now, &Request::Ping(3)).unwrap();
//! let mut replies = Vec::new();
//! while !(client.is_drained() && server.is_drained()) {
//!     carry(now, &mut client, &mut server, &mut client_finished);
//!     carry(now, &mut server, &mut client, &mut server_finished);
//!     while let Some(event) = client.poll_event() {
//!         replies.push(event);
//!     }
//!     while server.poll_event().is_some() {} // a service would answer requests here; Ping needs none
//! }
//! assert!(matches!(replies[..], [Event::Application(Reply::Pong(3)), Event::Closed(_)]));
//! ```
//!
//! **The drain rule.** Any `handle_*` call, `transmitted`, or call of the protocol's own that changes a session
//! (`request`, `reply`) may change the results of `transmit`, `transmit_state`, `poll_event`, `poll_timeout`,
//! `wants_input`, `is_closed` and `is_drained`; between such calls they change only by being taken. So after each change
//! take all events, send all output, and ask for the timer again. Nothing happens behind the caller's back.
//!
//! Your own protocol implements [`Protocol`](session::Protocol) over a [`Link`](session::Link), and thereby is a session.
//! Others to read: `drive` in `labwire-host`, the loop of the native hosts, and `tests/src/sim.rs`, two sessions over a simulated link.
//!
//! # Crates and features
//!
//! | feature | modules | crates |
//! | --- | --- | --- |
//! | always | [`session`], [`framing`] (of JSON values; the others with `framings`, and with the protocols that need them), [`limits`] (those of hosts, and who may connect, with `hosting`), [`time`], [`service`] (the traits and [`Endpoint`](service::Endpoint); with `handlers`, and the services that need it, [`Sequential`](service::Sequential)) | `labwire-session`, `labwire-service` |
//! | `open`, `obe`, `zeiss`, `pymodaq`, `device` | the protocol of that name; its server for PyMoDAQ and ZEISS INSPECT | `labwire-protocols`, `labwire-python-json` |
//! | `optimizer` | [`solve`], [`sets`], [`math`], [`random`], [`service::optimizer`]: problems in Rust | `labwire-solve` |
//! | `integers` | variables of these that take [only integer values](solve::Integers) | |
//! | `problems` | [`problem`], [`expression`], [`text`]: problems as text, and the optimizer | `labwire-model` |
//! | `designer` | [`design`], [`service::designer`], and the crates of the optimizer | `labwire-design` |
//! | `simulate` | [`simulate`] | `labwire-simulate` |
//!
//! All are on by default, and each crate stands alone. Dependencies point down only: an engine does not know a protocol,
//! nor a protocol an engine; only services know both.
#![forbid(unsafe_code)]
#![no_std]

#[cfg(feature = "designer")]
pub use labwire_design as design;
#[cfg(any(feature = "designer", feature = "problems"))]
pub use labwire_model::{expression, problem, text};
#[cfg(feature = "device")]
pub use labwire_protocols::device;
#[cfg(feature = "obe")]
pub use labwire_protocols::obe;
#[cfg(feature = "open")]
pub use labwire_protocols::open;
#[cfg(feature = "pymodaq")]
pub use labwire_protocols::pymodaq;
#[cfg(feature = "zeiss")]
pub use labwire_protocols::zeiss;
#[cfg(any(feature = "obe", feature = "zeiss"))]
pub use labwire_python_json as python_json;
pub use labwire_service as service;
pub use labwire_session as session;
pub use labwire_session::{encoding, framing, limits, seconds, time};
#[cfg(feature = "simulate")]
pub use labwire_simulate as simulate;
#[cfg(any(feature = "designer", feature = "optimizer"))]
pub use labwire_solve as solve;
#[cfg(any(feature = "designer", feature = "optimizer"))]
pub use labwire_solve::{math, random, sets};

/// The examples of the README and the book, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../book/src/first-hour/rust.md")]
struct Examples;
