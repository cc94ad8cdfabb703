//! Problems with integers.

use labwire_core::open::ExitStatus;

use crate::bench::Bench;

/// The relay of a heater over eight hours, with more keys.
fn relay(keys: &str) -> String {
    format!(
        r#"{{{keys}"ocp": {{"horizon": 8, "states": ["T"], "inputs": ["on"], "parameters": ["T0", "out"], "initial_state": ["T0"],
            "dynamics": {{"next": ["T+0.2*(out-T)+4*on"]}}, "stage_cost": "(T-21)^2+0.01*on", "terminal_cost": "(T-21)^2",
            "input_bounds": {{"min": 0, "max": 1}}, "integers": ["on"]}}}}"#
    )
}

#[test]
fn replies_state_the_gap() {
    let mut bench = Bench::new(&relay(""));
    // The second solve is warm.
    for _ in 0..2 {
        let reply = bench.solve(&[15.0, 5.0]);
        assert_eq!(
            (reply.exit_status, reply.status.as_ref()),
            (ExitStatus::Converged, "converged")
        );
        assert!((reply.cost - 66.6855).abs() < 1e-3, "{reply:?}");
        assert!(
            reply.solution.iter().all(|on| *on == 0.0 || *on == 1.0),
            "{reply:?}"
        );
        let search = reply.integers.unwrap();
        assert!(search.nodes > 0 && search.is_global, "{search:?}");
        assert!(
            search.gap.unwrap() <= 1e-6 && search.bound.unwrap() <= reply.cost,
            "{search:?}"
        );
    }
    let mut bench = Bench::new(&relay(r#""solver": {"max_nodes": 1}, "#));
    let reply = bench.solve(&[15.0, 5.0]);
    assert_eq!(reply.exit_status, ExitStatus::NotConvergedIterations);
    assert_eq!(reply.status, "iteration limit");
    assert!(reply.integers.unwrap().gap.unwrap() > 0.0, "{reply:?}");
    assert!(
        reply.solution.iter().all(|on| *on == 0.0 || *on == 1.0),
        "{reply:?}"
    );
    // Other problems have no such field.
    let mut bench = Bench::new(labwire_core::problem::DEFAULT_PROBLEM);
    assert_eq!(bench.solve(&[1.0, 50.0]).integers, None);
}

#[test]
fn the_time_limit_of_the_server_holds_for_the_whole_search() {
    // Ticks of 100 us: the time is up after five of them, whatever node it is.
    let mut bench = Bench::new(&relay(r#""solver": {"max_duration_ms": 0.5}, "#));
    let reply = bench.solve(&[15.0, 5.0]);
    assert_eq!(reply.exit_status, ExitStatus::NotConvergedOutOfTime);
    assert_eq!(reply.status, "time limit");
    assert!(
        reply.solution.iter().all(|on| *on == 0.0 || *on == 1.0),
        "{reply:?}"
    );
}
