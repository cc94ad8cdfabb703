//! The optimizer service without a host: requests in, replies out, work in bounded steps.
#![allow(clippy::unwrap_used, reason = "tests")]

mod bench;
mod integers;
mod limits;

use labwire_core::limits::SessionLimits;
use labwire_core::open::{Client, ExitStatus, Reply, Request, code, parse_reply};
use labwire_core::problem::DEFAULT_PROBLEM;
use labwire_core::service::optimizer::OptimizerSettings;
use labwire_core::service::{Busy, ConnectionId, Peer, Permission, Service};
use labwire_core::session::CloseReason;
use labwire_core::time::Instant;

use bench::{Bench, assert_converged, parameters};

#[test]
fn parameters_in_turn_converge_warm() {
    let mut bench = Bench::new(DEFAULT_PROBLEM);
    for (parameter, cost) in [
        ([1.0, 50.0], 4.1570012),
        ([1.0, 10.0], 3.5584263),
        ([1.0, 50.0], 4.1570012),
    ] {
        let reply = bench.solve(&parameter);
        assert_converged(&reply, cost);
        assert_eq!(reply.lagrange_multipliers.len(), 2);
        assert!(reply.f2_lagrange_multipliers.is_empty() && reply.variables.is_empty());
    }
}

#[test]
fn the_same_parameters_again_cost_almost_nothing() {
    let mut bench = Bench::new(DEFAULT_PROBLEM);
    assert!(bench.solve(&[1.0, 50.0]).num_inner_iterations > 3);
    let again = bench.solve(&[1.0, 50.0]);
    assert_converged(&again, 4.1570012);
    assert!(again.num_inner_iterations <= 3, "{again:?}");
    assert!(again.solve_time_ms > 0.0);
}

#[test]
fn requests_are_checked_in_the_order_of_open() {
    let mut bench = Bench::new(DEFAULT_PROBLEM);
    let wrong = parameters(&[1.0])
        .with_initial_guess(vec![0.0; 2])
        .with_initial_lagrange_multipliers(vec![0.0])
        .with_initial_penalty(0.0);
    assert_eq!(bench.refusal(wrong.clone()), code::INITIAL_GUESS);
    let wrong = wrong.with_initial_guess(vec![0.0; 5]);
    assert_eq!(bench.refusal(wrong.clone()), code::LAGRANGE_MULTIPLIERS);
    let wrong = wrong.with_initial_lagrange_multipliers(vec![0.0; 2]);
    assert_eq!(bench.refusal(wrong.clone()), code::PARAMETERS);
    let mut wrong = wrong;
    wrong.parameter = vec![1.0, 50.0];
    for penalty in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let wrong = wrong.clone().with_initial_penalty(penalty);
        assert_eq!(bench.refusal(wrong), code::INITIAL_PENALTY);
    }
    assert_eq!(bench.refusal(parameters(&[f64::NAN, 1.0])), code::PARAMETERS);
    let unknown = parameters(&[1.0, 50.0]).with_problem("roserbrock".into());
    assert_eq!(bench.refusal(unknown), code::UNKNOWN_PROBLEM);
    assert_converged(&bench.solve(&[1.0, 50.0]), 4.1570012);
}

/// Requests that poison an OpEn server: the next one must be answered as if nothing had happened.
#[test]
fn extreme_requests_leave_the_next_one_unharmed() {
    let extremes = [
        parameters(&[1.0, 50.0]).with_initial_guess(vec![1e200; 5]),
        parameters(&[1.0, 50.0]).with_initial_lagrange_multipliers(vec![1e300; 2]),
        parameters(&[1.0, 50.0]).with_initial_penalty(1e300),
        parameters(&[1.0, 50.0]).with_initial_penalty(1e-300),
        parameters(&[1e300, 1e300]),
        parameters(&[1e150, 1.0]),
    ];
    let mut bench = Bench::new(DEFAULT_PROBLEM);
    let infinite = parameters(&[1.0, 50.0]).with_initial_guess(vec![f64::INFINITY; 5]);
    assert_eq!(bench.refusal(infinite), code::INITIAL_GUESS);
    for extreme in extremes {
        match bench.run(extreme.clone()) {
            Err(code) => assert_eq!(code, code::SOLVER_FAILED, "{extreme:?}"),
            Ok(reply) if reply.exit_status == ExitStatus::Converged => {
                assert!(
                    reply.kkt_residual <= 1e-5 && reply.max_constraint_violation <= 1e-5,
                    "{reply:?}"
                );
            }
            Ok(reply) => assert!(!reply.status.is_empty() && reply.status != "converged"),
        }
        // The problem has two minima; from the result of an unusual request, either may be the nearer.
        let next = bench.solve(&[1.0, 50.0]);
        let minimum = if next.cost > 10.0 { 18.6924459 } else { 4.1570012 };
        assert_converged(&next, minimum);
    }
}

#[test]
fn kept_open_connections_have_a_warm_start_of_their_own() {
    let mut bench = Bench::new(DEFAULT_PROBLEM);
    bench.solve(&[1.0, 50.0]);
    let mut iterations = Vec::new();
    let mut connection = bench.connect(Client::kept_open(Instant::ZERO, SessionLimits::default()));
    for _ in 0..2 {
        bench.send(&mut connection, &Request::Run(parameters(&[1.0, 50.0])));
        while bench.tick(50) == Busy::Yes {}
        let Some(Reply::Run(reply)) = bench.reply(&mut connection) else {
            panic!("no reply")
        };
        iterations.push(reply.num_inner_iterations);
    }
    assert!(iterations[0] > 3 && iterations[1] <= 3, "{iterations:?}");
}

#[test]
fn a_client_that_goes_takes_its_solves_with_it() {
    let mut bench = Bench::new(DEFAULT_PROBLEM);
    let run = Request::Run(parameters(&[1.0, 50.0]));
    let clients = [bench.ask(&run), bench.ask(&run)];
    assert_eq!(bench.tick(1), Busy::Yes);
    assert_eq!(bench.server.service().queue_len(), 1);
    for client in clients {
        let told = bench
            .server
            .handle_disconnect(bench.now, client.id, CloseReason::Lost);
        assert_eq!(told, Some(CloseReason::Lost));
    }
    assert_eq!(bench.server.service().queue_len(), 0);
    // The solve that runs ends with the next step, without a reply.
    assert_eq!([bench.tick(1), bench.tick(1)], [Busy::Yes, Busy::No]);
    assert_eq!(bench.server.connections().count(), 0);
}

#[test]
fn kill_lets_what_waits_finish() {
    let mut bench = Bench::new(DEFAULT_PROBLEM);
    let run = Request::Run(parameters(&[1.0, 50.0]));
    let mut first = bench.ask(&run);
    let killer = bench.ask(&Request::Kill(0));
    let mut late = bench.ask(&run);
    assert!(!bench.server.service().is_finished());
    assert_eq!(bench.server.close_reason(killer.id), Some(&CloseReason::Finished));
    assert!(matches!(bench.reply(&mut late), Some(Reply::Error(error)) if error.code == code::SHUTTING_DOWN));
    while bench.tick(50) == Busy::Yes {}
    assert!(matches!(bench.reply(&mut first), Some(Reply::Run(_))));
    assert!(bench.server.service().is_finished());
}

#[test]
fn what_cannot_be_met_is_named() {
    let mut bench = Bench::new(
        r#"{"name": "impossible", "variables": {"x": 1, "y": 1}, "cost": "x^2 + y^2",
            "f1": {"expressions": ["x", "x^2 + y^2 + 1"], "set": {"box": {"min": [null, null], "max": [5, 0]}}}}"#,
    );
    let reply = bench.solve(&[]);
    assert_eq!(reply.exit_status, ExitStatus::NotConvergedIterations);
    assert_eq!(reply.status, "locally infeasible");
    assert_eq!(reply.infeasible_constraints, ["F1[1]"]);
    assert_eq!(reply.variables.keys().collect::<Vec<_>>(), ["x", "y"]);
}

/// Trailer of problems/trailer.json: the reply has the trajectories, and the next solve starts one stage further on.
#[test]
fn optimal_control_replies_with_trajectories_and_shifts_its_warm_start() {
    let file = include_str!("../../../core/model/problems/trailer.json");
    let solve_twice = |file: &str| {
        let mut bench = Bench::new(file);
        let first = bench.solve(&[-1.0, 2.0, 0.0]);
        assert_converged(&first, 227.10395);
        // State after one step.
        let next = ["x", "y", "theta"].map(|state| first.variables[state][1]);
        let second = bench.solve(&next);
        assert_eq!(second.exit_status, ExitStatus::Converged);
        assert_eq!(second.variables["x"][0], next[0]);
        (first, second)
    };
    let (first, second) = solve_twice(file);
    assert_eq!(
        (first.variables["theta"].len(), first.variables["ux"].len()),
        (21, 20)
    );
    assert_eq!(first.variables["uy"][1], first.solution[3]);
    let (same, kept) = solve_twice(&file.replace("\"shift\"", "\"keep\""));
    assert_eq!(first.solution, same.solution);
    // A multiplier of 112 times a violation of 1e-6.
    let difference = (second.cost - kept.cost).abs();
    assert!(difference < 1e-3, "{} {}", second.cost, kept.cost);
    // They started from different points.
    assert_ne!(second.evaluations, kept.evaluations);
}

#[test]
fn max_of_zero_counts_as_f2() {
    let mut bench = Bench::new(
        r#"{"name": "published", "variables": {"u": 5}, "parameters": {"p": 2},
            "cost": "sum(i in 0..4, p[1]*(u[i+1] - u[i]^2)^2 + (p[0] - u[i])^2)",
            "constraints": {"u": {"ball2": {"radius": 1.5}}}, "initial_penalty": 100,
            "f2": ["1.5*u[0] - u[1]", "max(0, u[2] - u[3] + 0.1)"]}"#,
    );
    let reply = bench.solve(&[1.0, 50.0]);
    assert_converged(&reply, 4.1570012);
    assert!(reply.lagrange_multipliers.is_empty());
    assert_eq!(reply.f2_lagrange_multipliers.len(), 2);
    assert!(reply.f2_norm <= 2e-5);
}

/// Rows are entries, columns parameters; without the key the reply is OpEn's with our known additions only.
#[test]
fn sensitivities_come_on_request() {
    let mut bench = Bench::new(DEFAULT_PROBLEM);
    assert_eq!(bench.solve(&[1.0, 50.0]).sensitivities, None);
    let asking = |parameter: &[f64]| parameters(parameter).with_sensitivities(true);
    let reply = bench.run(asking(&[1.0, 50.0])).unwrap();
    let sensitivities = reply.sensitivities.unwrap();
    assert!(reply.warnings.is_empty());
    assert_eq!(sensitivities.solution.len(), 5);
    assert_eq!(sensitivities.lagrange_multipliers.len(), 2);
    assert!(sensitivities.f2_lagrange_multipliers.is_empty());
    let moved = bench.solve(&[1.0, 50.1]);
    for (row, (after, before)) in sensitivities
        .solution
        .iter()
        .zip(moved.solution.iter().zip(&reply.solution))
    {
        assert_eq!(row.len(), 2);
        assert!(
            (row[1] - (after - before) / 0.1).abs() < 1e-4,
            "{row:?} {after} {before}"
        );
    }
    // The minimum without the ball lies on it.
    let text = r#"{"variables": {"u": 1}, "parameters": {"p": 1}, "cost": "(u[0] - p[0])^2",
        "constraints": {"u": {"box": {"max": 1}}}}"#;
    let reply = Bench::new(text).run(asking(&[1.0])).unwrap();
    assert_eq!(reply.sensitivities, None);
    assert!(
        reply.warnings[0].starts_with("no sensitivities: u[0] is at its bound"),
        "{:?}",
        reply.warnings
    );
}

#[test]
fn keys_without_a_meaning_are_named_in_the_reply() {
    let mut bench = Bench::new(DEFAULT_PROBLEM);
    let id = ConnectionId(1000);
    bench.server.open(bench.now, id, Peer::LOCAL).unwrap();
    let text = br#"{"Run":{"parameter":[1,50],"tolerance":1e-12,"initial_lagrange":[1],"inital_guess":[0]}}"#;
    bench.server.handle_input(bench.now, id, text);
    while bench.tick(50) == Busy::Yes {}
    let Ok(Reply::Run(reply)) = parse_reply(bench.server.transmit(id)) else {
        panic!("no reply")
    };
    assert_eq!(reply.exit_status, ExitStatus::Converged);
    let [tolerance, lagrange, guess] = &reply.warnings[..] else {
        panic!("{:?}", reply.warnings)
    };
    assert!(
        tolerance.contains("`tolerance`") && tolerance.contains("problem file"),
        "{tolerance}"
    );
    assert!(lagrange.contains("`initial_lagrange`"), "{lagrange}");
    assert!(guess.contains("did you mean `initial_guess`?"), "{guess}");
    assert_eq!(bench.solve(&[1.0, 50.0]).warnings, [""; 0]);
}

/// A problem file is compiled as a job: nothing else waits for it, and it is dropped with its asker.
#[test]
fn problem_files_are_compiled_as_jobs() {
    let settings = OptimizerSettings::default().with_load(Permission::Everybody);
    let mut bench = Bench::with(DEFAULT_PROBLEM, settings);
    let load = |name: &str| {
        let text = format!(r#"{{"name": "{name}", "variables": {{"x": 1}}, "cost": "(x - 1)^2"}}"#);
        Request::Load(serde_json::value::RawValue::from_string(text).unwrap())
    };
    let mut first = bench.ask(&load("first"));
    let gone = bench.ask(&load("gone"));
    let mut ping = bench.ask(&Request::Ping(7));
    assert_eq!(bench.reply(&mut ping), Some(Reply::Pong(7)));
    assert_eq!(bench.server.service().queue_len(), 2);
    assert_eq!(bench.tick(1), Busy::Yes);
    bench.server.handle_lost(bench.now, gone.id);
    while bench.tick(1) == Busy::Yes {}
    assert_eq!(bench.reply(&mut first), Some(Reply::Loaded("first".into())));
    let names = bench.server.service().problem_names();
    assert!(names.eq(["rosenbrock", "first"]));
}

/// A stored point that is worse than the problem's own guess is not where the next client starts.
#[test]
fn a_wild_guess_does_not_spoil_the_next_answer() {
    let mut wild = 0;
    for far in [-1e3, -30.0, -3.0, 3.0, 30.0, 1e3] {
        for sign in [1.0, -1.0] {
            let mut bench = Bench::new(DEFAULT_PROBLEM);
            let guess: Vec<f64> = (0..5)
                .map(|i| if i % 2 == 0 { far } else { sign * far })
                .collect();
            let request = parameters(&[1.0, 50.0]).with_initial_guess(guess);
            // Whatever this leads to.
            if bench.run(request).is_ok_and(|reply| reply.cost > 5.0) {
                wild += 1;
            }
            assert_converged(&bench.solve(&[1.0, 50.0]), 4.157001);
        }
    }
    assert!(wild > 0, "no guess is wild enough");
}
