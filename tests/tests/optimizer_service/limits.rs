//! Time, memory and number of what is asked for.

use std::time::Duration;

use labwire_core::limits::SessionLimits;
use labwire_core::open::{Client, ExitStatus, Reply, Request, ServerEvent, code};
use labwire_core::problem::{DEFAULT_PROBLEM, Problem, TextLimits};
use labwire_core::service::optimizer::{OptimizerService, OptimizerSettings};
use labwire_core::service::{Busy, ConnectionId, Job, Service};
use labwire_core::time::Instant;

use super::bench::{Bench, parameters};

#[test]
fn a_full_queue_refuses() {
    let mut config = OptimizerSettings::default();
    config.queue = 1;
    let mut bench = Bench::with(DEFAULT_PROBLEM, config);
    let run = Request::Run(parameters(&[1.0, 50.0]));
    let [_, mut second] = [bench.ask(&run), bench.ask(&run)];
    let Some(Reply::Error(error)) = bench.reply(&mut second) else {
        panic!("not refused")
    };
    assert_eq!(error.code, code::QUEUE_FULL);
}

#[test]
fn out_of_time_gives_the_best_point() {
    let mut config = OptimizerSettings::default();
    config.solve_time = Duration::from_micros(250);
    let mut bench = Bench::with(DEFAULT_PROBLEM, config);
    let mut connection = bench.ask(&Request::Run(parameters(&[1.0, 50.0])));
    while bench.tick(1) == Busy::Yes {}
    let Some(Reply::Run(reply)) = bench.reply(&mut connection) else {
        panic!("no reply")
    };
    assert_eq!(reply.exit_status, ExitStatus::NotConvergedOutOfTime);
    assert_eq!(reply.solution.len(), 5);
    assert!(reply.cost.is_finite());
}

/// By the memory of solvers, and by the time of the solve.
#[test]
fn sensitivities_are_bounded() {
    let asking = parameters(&[1.0, 50.0]).with_sensitivities(true);
    let little = OptimizerSettings::default().with_solver_memory(100_usize);
    let reply = Bench::with(DEFAULT_PROBLEM, little).run(asking.clone()).unwrap();
    assert!(reply.sensitivities.is_none() && reply.exit_status == ExitStatus::Converged);
    let warning = &reply.warnings[0];
    assert!(
        warning.ends_with("more than the limit solver-memory of 100"),
        "{warning}"
    );
    // The time is over while they are computed.
    let problem = Problem::from_json(DEFAULT_PROBLEM, &TextLimits::default()).unwrap();
    let mut service = OptimizerService::new(problem, OptimizerSettings::default()).unwrap();
    let event = ServerEvent {
        request: Request::Run(asking.with_max_solve_time_ms(1000.0)),
        kept_open: false,
    };
    service.handle_request(Instant::ZERO, ConnectionId(1), event);
    let mut job = service.take_job(Instant::ZERO).unwrap();
    // The whole solve is one step.
    assert_eq!(job.step(Instant::ZERO, u32::MAX), Busy::Yes);
    let late = Instant::ZERO + Duration::from_secs(1);
    assert_eq!(job.step(late, 1), Busy::No);
    service.finish_job(late, job);
    let Some((_, Reply::Run(reply))) = service.poll_reply() else {
        panic!("no result");
    };
    assert_eq!(reply.exit_status, ExitStatus::Converged);
    assert_eq!(reply.warnings, ["no sensitivities: the allowed time was over"]);
}

/// Its text is made as it is read, and the same.
#[test]
fn long_results_are_written_as_they_are_read() {
    let text = r#"{"ocp": {"horizon": 300, "step": 0.1, "states": ["x"], "parameters": ["p"],
        "inputs": ["a", "b", "c", "d", "f", "g", "h", "k", "l", "m"], "initial_state": [0],
        "dynamics": {"next": ["x + 0.1*a"]}, "terminal_cost": "x^2",
        "stage_cost": "(a-p)^2+(b-p)^2+(c-p)^2+(d-p)^2+(f-p)^2+(g-p)^2+(h-p)^2+(k-p)^2+(l-p)^2+(m-p)^2"}}"#;
    let mut bench = Bench::new(text);
    for client in [
        Client::one_shot(SessionLimits::default()),
        Client::kept_open(Instant::ZERO, SessionLimits::default()),
    ] {
        let mut connection = bench.connect(client);
        bench.send(&mut connection, &Request::Run(parameters(&[0.3])));
        while bench.tick(50) == Busy::Yes {}
        let mut pieces = 1;
        let reply = loop {
            assert!(bench.server.transmit(connection.id).len() < 64 << 10);
            match bench.reply(&mut connection) {
                Some(Reply::Run(reply)) => break reply,
                Some(other) => panic!("{other:?}"),
                None => pieces += 1,
            }
        };
        assert!(pieces > 5, "{pieces}");
        assert_eq!((reply.solution.len(), reply.variables["x"].len()), (3000, 301));
        let last = reply.solution[2999];
        assert!((last - 0.3).abs() < 1e-4, "{last}");
    }
}

/// The time counts from the arrival of the request: in the queue too.
#[test]
fn a_result_that_comes_too_late_is_not_computed() {
    let within = |milliseconds: f64| parameters(&[1.0, 50.0]).with_max_solve_time_ms(milliseconds);
    let mut bench = Bench::new(DEFAULT_PROBLEM);
    let mut first = bench.ask(&Request::Run(parameters(&[1.0, 50.0])));
    let mut late = bench.ask(&Request::Run(within(0.15)));
    let mut patient = bench.ask(&Request::Run(within(1e300)));
    // The first is being solved; the turn of the others comes after that.
    let mut steps = 0;
    while bench.tick(1) == Busy::Yes {
        steps += 1;
    }
    assert!(steps > 4);
    assert!(matches!(bench.reply(&mut first), Some(Reply::Run(_))));
    let Some(Reply::Error(error)) = bench.reply(&mut late) else {
        panic!("not refused")
    };
    assert_eq!(error.code, code::TOO_LATE);
    let Some(Reply::Run(reply)) = bench.reply(&mut patient) else {
        panic!("no reply")
    };
    assert_eq!(reply.exit_status, ExitStatus::Converged);
    // Over while it is being solved: the best point so far.
    let mut bench = Bench::new(DEFAULT_PROBLEM);
    let mut hasty = bench.ask(&Request::Run(within(0.35)));
    while bench.tick(1) == Busy::Yes {}
    let Some(Reply::Run(reply)) = bench.reply(&mut hasty) else {
        panic!("no reply")
    };
    assert_eq!(reply.exit_status, ExitStatus::NotConvergedOutOfTime);
    assert!(reply.cost.is_finite());
    for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(bench.refusal(within(wrong)), code::MAX_SOLVE_TIME, "{wrong}");
    }
}

/// A solve that is taken in time, but whose first step comes after its time: nothing was evaluated, nothing is claimed.
#[test]
fn a_solve_that_never_had_a_turn_says_so() {
    let problem = Problem::from_json(DEFAULT_PROBLEM, &TextLimits::default()).unwrap();
    let mut service = OptimizerService::new(problem, OptimizerSettings::default()).unwrap();
    let request = parameters(&[1.0, 50.0]).with_max_solve_time_ms(5.0);
    let event = ServerEvent {
        request: Request::Run(request),
        kept_open: false,
    };
    service.handle_request(Instant::ZERO, ConnectionId(1), event);
    let mut job = service.take_job(Instant::ZERO).unwrap();
    let now = Instant::ZERO + Duration::from_millis(6);
    assert_eq!(job.step(now, 1), Busy::No);
    service.finish_job(now, job);
    assert!(matches!(
        service.poll_reply(),
        Some((ConnectionId(1), Reply::Error(error))) if error.code == code::TOO_LATE
    ));
}

/// Solves wait for room, and what is not in use is given back.
#[test]
fn solvers_take_no_more_memory_than_allowed() {
    let problem = || Problem::from_json(DEFAULT_PROBLEM, &TextLimits::default()).unwrap();
    let one = OptimizerService::new(problem(), OptimizerSettings::default()).unwrap();
    let each = one.solver_bytes();
    assert!(each > 0);
    for (memory, at_once) in [(3 * each, 3), (3 * each - 1, 2), (0, 1)] {
        let settings = OptimizerSettings::default().with_solver_memory(memory);
        let mut service = OptimizerService::new(problem(), settings).unwrap();
        for client in 0..10 {
            let event = ServerEvent {
                request: Request::Run(parameters(&[1.0, 50.0])),
                kept_open: false,
            };
            service.handle_request(Instant::ZERO, ConnectionId(client), event);
        }
        let mut answered = 0;
        while answered < 10 {
            let mut jobs: Vec<_> = std::iter::from_fn(|| service.take_job(Instant::ZERO)).collect();
            assert_eq!(jobs.len(), at_once.min(10 - answered));
            assert!(service.solver_bytes() <= memory.max(each));
            for job in &mut jobs {
                while job.step(Instant::ZERO, 50) == Busy::Yes {}
            }
            for job in jobs {
                service.finish_job(Instant::ZERO, job);
                assert!(matches!(service.poll_reply(), Some((_, Reply::Run(_)))));
                answered += 1;
            }
            assert!(service.solver_bytes() <= memory);
        }
    }
}

/// Those with sensitivities take more, and give it back.
#[test]
fn sensitivities_count_as_memory_of_solvers() {
    let problem = || Problem::from_json(DEFAULT_PROBLEM, &TextLimits::default()).unwrap();
    let each = OptimizerService::new(problem(), OptimizerSettings::default())
        .unwrap()
        .solver_bytes();
    let settings = OptimizerSettings::default().with_solver_memory(3 * each);
    let mut service = OptimizerService::new(problem(), settings).unwrap();
    let mut at_once = |sensitivities| {
        for client in 0..3 {
            let request = parameters(&[1.0, 50.0]).with_sensitivities(sensitivities);
            let event = ServerEvent {
                request: Request::Run(request),
                kept_open: false,
            };
            service.handle_request(Instant::ZERO, ConnectionId(client), event);
        }
        let (mut first, mut answered) = (None, 0);
        while answered < 3 {
            let mut jobs: Vec<_> = std::iter::from_fn(|| service.take_job(Instant::ZERO)).collect();
            first.get_or_insert(jobs.len());
            for job in &mut jobs {
                while job.step(Instant::ZERO, 50) == Busy::Yes {}
            }
            for job in jobs {
                service.finish_job(Instant::ZERO, job);
                let Some((_, Reply::Run(reply))) = service.poll_reply() else {
                    panic!("no result");
                };
                assert_eq!(reply.sensitivities.is_some(), sensitivities);
                answered += 1;
            }
        }
        first
    };
    assert_eq!(at_once(false), Some(3));
    assert!(at_once(true) < Some(3));
    assert_eq!(at_once(false), Some(3));
}
