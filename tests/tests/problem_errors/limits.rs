//! Limits, and texts of all kinds, which never cause a panic.

use super::*;

#[test]
fn limits_are_named() {
    let file =
        |cost: &str| format!(r#"{{"variables": {{"u": 2}}, "let": {{"f(x)": "x + x"}}, "cost": "{cost}"}}"#);
    let deep = format!("{}1{}", "(".repeat(1000), ")".repeat(1000));
    let doubling = "f(".repeat(60) + "1" + &")".repeat(60);
    for (cost, limit) in [
        (deep.as_str(), "expression-depth"),
        ("sum(i in 0..3000, sum(j in 0..3000, 1))", "expansion-steps"),
        (
            "sum(i in 0..1000, sum(j in 0..1000, u[0]*(i + 1e4*j)))",
            "graph-nodes",
        ),
        (&"-".repeat(100_000), "expression-depth"),
        (&"2^".repeat(100_000), "expression-depth"),
    ] {
        let found = error(&file(cost));
        assert!(found.contains(&format!("(limit `{limit}`)")), "{found}");
    }
    assert!(Problem::from_json(&file(&doubling), &TextLimits::default()).is_ok());
    let found = error(&" ".repeat(5 << 20));
    assert!(found.contains("(limit `text-bytes`)"), "{found}");
    let found = error(r#"{"variables": {"u": 9000, "v": 9000}, "cost": 1}"#);
    assert!(found.contains("(limit `variables`)"), "{found}");
}

#[test]
fn definitions_that_multiply_are_stopped() {
    let mut definitions = String::from(r#""f0(x)": "x + x""#);
    for i in 1..50 {
        definitions += &format!(r#", "f{i}(x)": "f{}(x) + f{}(x + 1)""#, i - 1, i - 1);
    }
    let found = error(&format!(
        r#"{{"variables": {{"u": 1}}, "let": {{{definitions}}}, "cost": "f49(u)"}}"#
    ));
    assert!(found.contains("(limit `"), "{found}");
}

/// Pieces of expressions, valid and invalid.
fn fragment() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "u",
        "p",
        "a",
        "x",
        "[",
        "]",
        "(",
        ")",
        "0",
        "1",
        "2.5",
        "..",
        ",",
        "+",
        "-",
        "*",
        "/",
        "^",
        "<",
        "==",
        "sum(i in 0..",
        "prod(",
        "for i in 0..2",
        "if(",
        "max(",
        "norm2(",
        "dot(u,u)",
        "u[0..2]",
        "[u,u]",
        "i",
        "=",
        "é",
        "1e308",
        "inf",
        "#",
        "d(",
        "e",
        " ",
        "sin(",
        "abs(",
    ])
}

fn smaller_limits() -> TextLimits {
    let mut limits = TextLimits::default();
    limits.expansion_steps = 10_000;
    limits.stage_memory = 100_000;
    limits
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(text in "\\PC{0,200}") {
        let _ = Problem::from_json(&text, &TextLimits::default()).map_err(|error| error.to_string());
    }

    #[test]
    fn no_mutation_of_a_file_panics(at in 0..DEFAULT_PROBLEM.len(), len in 0..20_usize, new in "[\\PC\"{}\\[\\]0-9\\\\]{0,5}") {
        let end = (at + len).min(DEFAULT_PROBLEM.len());
        let text = format!("{}{new}{}", &DEFAULT_PROBLEM[..at], &DEFAULT_PROBLEM[end..]);
        let _ = Problem::from_json(&text, &smaller_limits()).map_err(|error| error.to_string());
    }

    #[test]
    fn no_mutation_of_stages_panics(at in 0..TRAILER.len(), len in 0..20_usize, new in "[\\PC\"{}\\[\\]0-9\\\\]{0,5}") {
        let end = (at + len).min(TRAILER.len());
        let text = format!("{}{new}{}", &TRAILER[..at], &TRAILER[end..]);
        match Problem::from_json(&text, &smaller_limits()) {
            Ok(problem) => {
                let (n, m) = (problem.num_variables(), problem.num_f1() + problem.num_f2());
                let mut evaluator = problem.evaluator();
                evaluator.forward(&vec![0.5; n], &mut vec![0.0; m]);
                evaluator.reverse(&vec![0.5; m], &mut vec![0.0; n]);
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn no_expression_panics(fragments in prop::collection::vec(fragment(), 0..25)) {
        let expression = fragments.concat();
        let file = format!(
            r#"{{"variables": {{"u": 3}}, "parameters": {{"p": 1}}, "let": {{"a": 2, "d(x)": "x*u"}},
                "cost": "{expression}", "f2": ["{expression}"]}}"#
        );
        match Problem::from_json(&file, &smaller_limits()) {
            Ok(problem) => {
                let mut evaluator = problem.evaluator();
                evaluator.forward(&[0.5, -1.0, 2.0], &mut [0.0]);
                evaluator.reverse(&[1.0], &mut [0.0; 3]);
            }
            Err(error) => prop_assert!(error.line <= 2 && error.column > 0),
        }
    }
}
