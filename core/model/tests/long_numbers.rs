//! Numbers of many digits stand in messages with an exponent.

use labwire_model::problem::{Problem, TextLimits};

#[test]
fn messages_stay_short() {
    let stages = |key: &str| {
        format!(
            r#"{{"ocp": {{"horizon": 2, "states": ["x"], "inputs": ["u"], "initial_state": [0], "dynamics": ["x + u"],
                "stage_cost": "x^2", {key}}}}}"#
        )
    };
    let of_u = |rest: &str| format!(r#"{{"variables": {{"u": 1}}, {rest}}}"#);
    for (text, number) in [
        (
            of_u(r#""cost": "u[0]", "constraints": {"u": {"box": {"min": 1e300, "max": -1e300}}}"#),
            "1e300, max -1e300",
        ),
        (
            of_u(r#""cost": "u[0]", "constraints": {"u": {"ball2": {"radius": -1e300}}}"#),
            "-1e300",
        ),
        (
            of_u(r#""cost": "u[0]", "solver": {"tolerance": -1e300}"#),
            "-1e300",
        ),
        (
            of_u(r#""cost": "u[0]", "solver": {"tolerance": -1e-300}"#),
            "-1e-300",
        ),
        (of_u(r#""cost": "u[1e300]""#), "1e300"),
        (of_u(r#""cost": "sum(i in 0..1e300, u[0])""#), "1e300"),
        (
            of_u(r#""cost": "interp(u[0], [1e300, 1e299], [1, 2])""#),
            "1e300 and then 1e299",
        ),
        (of_u(r#""cost": "u[0] 1e300""#), "the number 1e300"),
        (
            of_u(r#""cost": "u[0]", "f1": [{"expression": "u[0] <= 1", "soft": {"l1": -1e300}}]"#),
            "-1e300",
        ),
        (stages(r#""step": -1e300"#), "-1e300"),
        (
            stages(r#""horizon_variables": {"T": {"min": 1e300, "max": -1e300}}"#),
            "1e300, max -1e300",
        ),
    ] {
        let error = Problem::from_json(&text, &TextLimits::default())
            .unwrap_err()
            .to_string();
        let message = error.lines().next().unwrap();
        assert!(
            message.contains(number) && !message.contains("0000000"),
            "{text}: {message}"
        );
    }
}
