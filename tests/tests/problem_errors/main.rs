//! Errors in problem files: the position, the expectation, the advice; and that no text causes a panic.

mod limits;
mod sets;
mod units;

use labwire_core::problem::{DEFAULT_PROBLEM, Problem, TextLimits};
use proptest::prelude::*;

const TRAILER: &str = include_str!("../../../core/model/problems/trailer.json");

fn error(file: &str) -> String {
    match Problem::from_json(file, &TextLimits::default()) {
        Ok(_) => panic!("accepted: {file}"),
        Err(error) => error.to_string(),
    }
}

/// Error in a cost, from the message on.
fn cost_error(cost: &str) -> String {
    let cost = cost.replace('\\', "\\\\").replace('"', "\\\"");
    let error = error(&format!(
        "{{\"variables\": {{\"u\": 3, \"speed\": 2}}, \"let\": {{\"d(x, y)\": \"x - y\", \"bad(i)\": \"u[i]\"}},\n\"cost\":\n\"{cost}\"}}"
    ));
    error.replace("\n  3 | ", "\n").replace("\n    | ", "\n")
}

#[test]
fn an_error_shows_the_place() {
    let file = "{\n  \"variables\": {\"u\": 2},\n  \"cost\": \"u[0]^2 + uu[1]^2\"\n}";
    let expected = "line 3, column 21: `cost`: unknown name `uu`\n  \
                      3 |   \"cost\": \"u[0]^2 + uu[1]^2\"\n    \
                        |                     ^\n\
                    help: did you mean `u`?";
    assert_eq!(error(file), expected);
}

#[test]
fn expressions_are_refused_at_the_right_place() {
    for (cost, message, caret, help) in [
        (
            "u[0] + sped[1]",
            "unknown name `sped`",
            8,
            "did you mean `speed`?",
        ),
        ("sqr(u[0])", "unknown function `sqr`", 1, "write x^2"),
        (
            "sqrtt(u[0])",
            "unknown function `sqrtt`",
            1,
            "did you mean `sqrt`?",
        ),
        ("ln(u[0])", "unknown function `ln`", 1, "write log(x)"),
        (
            "log11(u[0])",
            "unknown function `log11`",
            1,
            "known functions: abs, acos",
        ),
        ("x[0]", "unknown name `x`", 1, "known names: bad, d, speed, u"),
        (
            "sin",
            "unknown name `sin`",
            1,
            "`sin` is a function: write `sin(...)`",
        ),
        (
            "u",
            "the cost must be a number, found a vector of 3",
            0,
            "sum(v) adds up the elements of a vector, dot(v, v) their squares",
        ),
        (
            "sum(u + speed)",
            "`+` needs equal lengths: the left has 3 elements, the right 2",
            7,
            "`u` is a vector of 3, `speed` is a vector of 2",
        ),
        (
            "u[3]",
            "index 3 is outside of 3 elements",
            3,
            "`u` has 3 elements: indices go from 0 to 2",
        ),
        (
            "u[-1]",
            "index -1 is outside of 3 elements",
            3,
            "`u` has 3 elements: indices go from 0 to 2",
        ),
        ("u[0.5]", "an index must be a whole number, found 0.5", 3, ""),
        (
            "u[u[0]]",
            "an index must be known when the file is loaded",
            4,
            "it cannot depend on variables or parameters; a table is read by interp(x, xs, ys)",
        ),
        (
            "sum(u[2..5])",
            "2..5 is outside of 3 elements",
            7,
            "`u` has 3 elements: a slice a..b goes from a up to, not including, b",
        ),
        (
            "u[0] +",
            "expected a number, a name, `(`, `[` or a sign, found the end of the expression",
            7,
            "",
        ),
        (
            "(u[0]",
            "expected `)` or an operator, found the end of the expression",
            6,
            "",
        ),
        (
            "u[0] = 2",
            "expected an operator or the end of the expression, found `=`",
            6,
            "equality is written `==`",
        ),
        (
            "u[0]**2",
            "expected a number, a name, `(`, `[` or a sign, found `*`",
            6,
            "a power is written `^`",
        ),
        (
            "2 u[0]",
            "expected an operator or the end of the expression, found the name `u`",
            3,
            "a product needs `*`",
        ),
        (
            "1 < 2 < 3",
            "comparisons cannot be chained",
            7,
            "use a product of comparisons, or parentheses",
        ),
        ("u[0] $ 2", "`$` has no meaning in an expression", 6, ""),
        ("1e999", "the number 1e999 is too large", 1, ""),
        (
            "if(1, 2)",
            "`if` takes 3 arguments, found 2",
            1,
            "write if(condition, then, else)",
        ),
        ("sin(1, 2)", "`sin` takes 1 argument, found 2", 1, ""),
        ("atan2(1)", "`atan2` takes 2 arguments, found 1", 1, ""),
        ("d(1)", "`d` takes 2 arguments, found 1", 1, ""),
        ("d", "`d` is a definition with arguments", 1, "write `d(...)`"),
        (
            "u(0)",
            "`u` is a vector of 3, not a function",
            1,
            "an element is written `u[i]`",
        ),
        ("max([i for i in 0..0])", "`max` of nothing has no value", 1, ""),
        (
            "dot(u, [[1, 2, 3], [4, 5, 6], [7, 8, 9]])",
            "`dot` needs equal shapes, found a vector of 3 and a 3 x 3 matrix",
            1,
            "`u` is a vector of 3, argument 2 is a 3 x 3 matrix",
        ),
        (
            "[[1, 2], [3]][0][0]",
            "a list holds numbers, or rows of numbers of equal length, found a vector of 2 and a vector of 1",
            1,
            "",
        ),
        ("u[0][0]", "a number has no elements", 5, ""),
        ("\"é\" + 1", "`\"` has no meaning in an expression", 1, ""),
    ] {
        let at = caret.max(usize::from(caret == 0));
        // The string begins in column 1 of line 3, its content in column 2; escapes move the caret on.
        let column = if caret == 0 { 1 } else { at + 1 };
        let found = cost_error(cost);
        let first = format!("line 3, column {column}: `cost`: {message}\n");
        assert!(found.starts_with(&first), "{found}\nexpected {first}");
        let last = found.lines().last().unwrap_or_default();
        match help {
            "" => assert!(last.ends_with('^'), "{found}"),
            // The list of all functions goes on.
            _ if help.starts_with("known functions") => {
                assert!(last.starts_with(&format!("help: {help}")), "{found}")
            }
            _ => assert_eq!(last, format!("help: {help}")),
        }
    }
}

#[test]
fn a_fault_in_a_definition_is_shown_there() {
    let found =
        error("{\"variables\": {\"u\": 3},\n\"let\": {\"entry(i)\": \"2*u[i]\"},\n\"cost\": \"entry(5)\"}");
    assert!(
        found.starts_with("line 2, column 26: `let.entry(i)`: index 5 is outside of 3 elements\n"),
        "{found}"
    );
}

#[test]
fn carets_mind_escapes() {
    let found = error(r#"{"variables": {"u": 1}, "cost": "\u0075[0]\t+ uu"}"#);
    assert!(
        found.starts_with("line 1, column 47: `cost`: unknown name `uu`"),
        "{found}"
    );
    assert!(
        found.contains("\n    |                                               ^"),
        "{found}"
    );
}

#[test]
fn keys_are_refused_by_name() {
    for (file, expected) in [
        (
            r#"{"variables": {"u": 1}, "costs": "1"}"#,
            "column 26: unknown key `costs`|did you mean `cost`?",
        ),
        (
            r#"{"variables": {"u": 1}}"#,
            "column 1: the key `cost` is missing|",
        ),
        (r#"{"cost": "1"}"#, "column 1: the key `variables` is missing|"),
        (
            r#"[]"#,
            "column 1: expected an object with \"variables\" and \"cost\", or with \"ocp\", found a list|",
        ),
        (
            r#"{"version": 2}"#,
            "column 13: `version`: version 2 is not known; this program reads version 1|",
        ),
        (r#"{"ocp": {}}"#, "column 9: `ocp`: the key `horizon` is missing|"),
        (
            r#"{"variables": {}, "cost": "1"}"#,
            "column 15: `variables`: expected at least one variable|",
        ),
        (
            r#"{"variables": {"u": 0}, "cost": "1"}"#,
            "column 21: `variables.u`: expected a whole number from 1 to 10000, found 0|",
        ),
        (
            r#"{"variables": {"u": 1, "u": 2}, "cost": "1"}"#,
            "column 25: `variables`: the key `u` appears twice|",
        ),
        (
            r#"{"variables": {"pi": 1}, "cost": "1"}"#,
            "column 17: `variables`: `pi` is a constant; choose another name|",
        ),
        (
            r#"{"variables": {"sin": 1}, "cost": "1"}"#,
            "column 17: `variables`: `sin` is part of the language; choose another name|",
        ),
        (
            r#"{"variables": {"u": 1}, "let": {"u": 1}, "cost": "1"}"#,
            "column 34: `let`: `u` is already defined|",
        ),
        (
            r#"{"variables": {"u": 1}, "let": {"f(x, x)": 1}, "cost": "1"}"#,
            "column 39: `let`: the argument `x` appears twice|",
        ),
        (
            r#"{"variables": {"u": 1}, "let": {"f(x)": "g", "g": 1}, "cost": "f(1)"}"#,
            "column 42: `let.f(x)`: `g` is defined further down|definitions may refer to earlier ones only",
        ),
        (
            r#"{"variables": {"u": 1}, "let": {"f(x)": "f(x)"}, "cost": "f(1)"}"#,
            "column 42: `let.f(x)`: `f` is defined further down|definitions may refer to earlier ones only",
        ),
        (
            r#"{"variables": {"u": 1}, "cost": null}"#,
            "column 33: `cost`: expected an expression (a string or a number), found null|",
        ),
        (
            r#"{"variables": {"u": 1}, "cost": 1, "solver": {"tolerence": 1}}"#,
            "column 48: `solver`: unknown key `tolerence`|did you mean `tolerance`?",
        ),
        (
            r#"{"variables": {"u": 1}, "cost": 1, "solver": {"tolerance": 0}}"#,
            "column 60: `solver.tolerance`: expected a positive number, found 0|",
        ),
        (
            r#"{"variables": {"u": 1}, "cost": 1, "constraints": {"x": "all"}}"#,
            "column 53: `constraints`: unknown key `x`|known keys: u",
        ),
        (
            r#"{"variables": {"u": 1}, "cost": 1, "constraints": {"u": {"bal2": {}}}}"#,
            "column 59: `constraints.u`: unknown set `bal2`|did you mean `ball2`?",
        ),
        (
            r#"{"variables": {"u": 1}, "cost": 1, "constraints": {"u": {"ball": {}}}}"#,
            "column 59: `constraints.u`: unknown set `ball`|known sets: all, zero, box, ball1, ball2, ball_inf, ball_p, sphere2, simplex, halfspace, hyperplane, affine_space, \
             second_order_cone, epigraph_squared_norm, finite_set, product",
        ),
        (
            r#"{"variables": {"u": 1,}, "cost": 1}"#,
            "column 22: a comma after the last item is not allowed in JSON|remove this comma",
        ),
        (
            r#"{"variables": {"u": 1}, /* why */ "cost": 1}"#,
            "column 25: a comment is not allowed in JSON|remove it",
        ),
        (
            r#"{"variables": {"u": 1}, "cost": 1, "constraints": {"u": "ball2"}}"#,
            "column 57: `constraints.u`: `ball2` needs parameters: write {\"ball2\": {...}}|",
        ),
        (
            r#"{"variables": {"u": 1}, "cost": 1, "constraints": {"u": {"ball2": {}}}}"#,
            "column 67: `constraints.u.ball2`: the key `radius` is missing|",
        ),
        (
            r#"{"variables": {"u": 2}, "cost": 1, "constraints": {"u": {"box": {"min": [1, 2, 3]}}}}"#,
            "column 73: `constraints.u.box.min`: expected 2 numbers, found 3|",
        ),
        (
            r#"{"variables": {"u": 2}, "cost": 1, "constraints": {"u": {"product": {"0..1": "all"}}}}"#,
            "column 69: `constraints.u.product`: the ranges end at 1, but there are 2 indices|",
        ),
        (
            r#"{"variables": {"u": 1}, "cost": 1, "f1": {"expressions": ["u"]}}"#,
            "column 59: `f1.expressions[0]`: the key `set` is missing, and the expression is not a comparison such as \"x <= 2\"|",
        ),
        (
            r#"{"variables": {"u": 1}, "cost": 1, "initial_guess": [1, 2]}"#,
            "column 53: `initial_guess`: expected 1 numbers, found 2|",
        ),
        (
            r#"{"variables": {"u": 1}, "cost": 1, "initial_penalty": 0}"#,
            "column 55: `initial_penalty`: expected a positive number, found 0|",
        ),
        (
            "{\"variables\": {\"u\": 1} \"cost\": 1}",
            "column 24: expected `,` or `}`|",
        ),
        ("", "column 1: the text is empty|"),
        (
            r#"{"variables": {"u": 1}, "cost": 1"#,
            "column 34: the text ends inside of an object|a `}` is missing",
        ),
        (
            r#"{"variables": {"u": 2}, "cost": "sum(u)", "f1": ["u[0] => 1"]}"#,
            "column 56: `f1[0]`: expected an operator or the end of the expression, found `=`|write `>=`",
        ),
        (
            r#"{"variables": {"u": 2}, "cost": "0,5*sum(u)"}"#,
            "column 35: `cost`: expected an operator or the end of the expression, found `,`|a decimal point is written `.`",
        ),
        (
            r#"{"variables": {"u": 2}, "cost": "u[0] − 1"}"#,
            "column 39: `cost`: `−` has no meaning in an expression|write `-`",
        ),
        (
            r#"{"variables": {"u": 2}, "cost": "if(u[0] > 0 and u[1] > 0, 1, sum(u))"}"#,
            "column 46: `cost`: expected `,`, `)` or an operator, found the name `and`|comparisons are 1 or 0: \
             `(a < b)*(c < d)` holds where both hold, `max(a < b, c < d)` where one does; constraints that all have \
             to hold are a list",
        ),
        (
            r#"{"variables": {"u": 2}, "let": {"A": [[1, 2], [3, 4]]}, "cost": "sum(u)", "f2": ["A * u"]}"#,
            "column 85: `f2[0]`: `*` needs equal shapes, found a 2 x 2 matrix and a vector of 2|`A` is a 2 x 2 matrix, `u` is a \
             vector of 2; a product with a matrix is written `A @ x`; `*` multiplies element by element",
        ),
        (
            r#"{"variables": {"u": 2}, "let": {"A": [[1, 2], [3, 4]]}, "cost": "sum(u[1:2])"}"#,
            "column 73: `cost`: `:` has no meaning in an expression|a range is written `a..b`, a choice `if(condition, a, b)`",
        ),
        (
            r#"{"variables": {"u": 2}, "cost": "u' * u"}"#,
            "column 35: `cost`: `'` has no meaning in an expression|a transpose is written `transpose(A)`; vectors need none: \
             `x @ Q @ x`",
        ),
        (
            r#"{"variables": {"u": 2}, "cost": "sum(u.^2)"}"#,
            "column 39: `cost`: `.` has no meaning in an expression|`*`, `/` and `^` act on each element as they are",
        ),
        (
            r#"{"variables": {"u": 2}, "parameters": {"A": [2, 3]}, "cost": "quad(u, A)"}"#,
            "column 63: `cost`: `quad` needs equal inner lengths, found 2 and 3|`u` is a vector of 2, `A` is a 2 x 3 matrix",
        ),
        (
            r#"{"variables": {"u": 2}, "let": {"A": [[1, 2], [3]]}, "cost": "sum(u)"}"#,
            "column 38: `let.A`: a list holds numbers, or rows of numbers of equal length|",
        ),
        (
            r#"{"variables": {"u": 1}, "cost": 1, "constraints": {"u": {"min": 0, "max": 1}}}"#,
            "column 57: `constraints.u`: bounds without the name of their set|write {\"box\": {\"min\": .., \"max\": ..}}",
        ),
    ] {
        let (message, help) = expected.split_once('|').unwrap();
        let found = error(file);
        assert_eq!(
            found.lines().next(),
            Some(format!("line 1, {message}").as_str()),
            "{found}"
        );
        if !help.is_empty() {
            assert_eq!(found.lines().last(), Some(format!("help: {help}").as_str()));
        }
    }
}

#[test]
fn instructions_that_cannot_be_are_refused() {
    for (instructions, outputs, message) in [
        (
            r#"[["OP_SINE", 0]]"#,
            "{}",
            "`graph.instructions[0][0]`: unknown operation `OP_SINE`",
        ),
        (r#"[["OP_SINE", 0]]"#, "{}", "did you mean `OP_SIN`?"),
        (
            r#"[["OP_CONST", 1], ["OP_ADD", 0]]"#,
            "{}",
            "wrong number of operands for `OP_ADD`",
        ),
        (
            r#"[["OP_CONST", 1], ["OP_ADD", 0, 1]]"#,
            "{}",
            "`graph.instructions[1][2]`: expected a whole number from 0 to 0",
        ),
        (
            r#"[["OP_NEG", 0]]"#,
            "{}",
            "there is no instruction before this one",
        ),
        (
            r#"[["OP_INPUT", "u", 3]]"#,
            "{}",
            "`graph.instructions[0][2]`: expected a whole number from 0 to 2",
        ),
        (
            r#"[["OP_INPUT", "v", 0]]"#,
            "{}",
            "`graph.instructions[0][1]`: unknown name `v`",
        ),
        (
            r#"[["OP_INPUT", "1", 0]]"#,
            "{}",
            "expected the name of a variable or parameter",
        ),
        (
            r#"[["OP_CONST", "infinity"]]"#,
            "{}",
            "expected a number, \"inf\", \"-inf\" or \"nan\", found a string",
        ),
        ("[[]]", "{}", "expected an instruction such as"),
        ("[]", "{}", "`graph.outputs`: expected at least one output"),
        (r#"[["OP_CONST", 1]]"#, r#"{"u": [0]}"#, "`u` is already defined"),
        (
            r#"[["OP_CONST", 1]]"#,
            r#"{"f": [0, 0]}"#,
            "the cost must be a number, found a vector of 2",
        ),
        (
            r#"[["OP_CONST", 1]]"#,
            r#"{"f": [1]}"#,
            "`graph.outputs.f[0]`: expected a whole number from 0 to 0, found 1",
        ),
    ] {
        let graph = format!(r#"{{"instructions": {instructions}, "outputs": {outputs}}}"#);
        let error = error(&format!(r#"{{"variables": {{"u": 3}}, "graph": {graph}}}"#));
        assert!(error.contains(message), "{error}");
    }
}

/// A comparison inside of an expression is 1 or 0: as a constraint it would ask for its opposite, or for nothing.
#[test]
fn steps_are_not_constraints() {
    let f2 = |f2: &str| {
        format!(
            "{{\"variables\": {{\"u\": 2}}, \"let\": {{\"near\": \"u[0] < 1\"}}, \"cost\": \"u[0]^2\",\n \"f2\": [\"u[1]\", \"{f2}\"]}}"
        )
    };
    let f1 = |f1: &str| {
        format!(
            "{{\"variables\": {{\"u\": 2}}, \"cost\": \"u[0]^2\",\n \"f1\": {{\"expressions\": \"{f1}\", \"set\": {{\"box\": {{\"max\": 1}}}}}}}}"
        )
    };
    let path = |path: &str, key: &str| {
        format!(
            "{{\"ocp\": {{\"horizon\": 2, \"states\": [\"x\"], \"inputs\": [\"v\"], \"initial_state\": [1], \"dynamics\": {{\"next\": [\"x + v\"]}},\n\"stage_cost\": \"x^2 + v^2\", \"{key}\": [{{\"expression\": \"{path}\", \"set\": \"zero\"}}]}}}}"
        )
    };
    for (text, column, help) in [
        (f2("near"), 18, "write the difference"),
        (f2("(u[0] < 2)*(u[1] < 3)"), 18, "write the difference"),
        (f2("-(u[0] < 2)"), 18, "write the difference"),
        (f2("near - 1"), 18, "write the difference"),
        (f2("sum(i in 0..2, u[i] < 2)"), 18, "write the difference"),
        (f2("if(u[0] < 2, 0, 1)"), 18, "write the difference"),
        (f2("3*max(u[0] < 2, 0)^2"), 18, "write the difference"),
        (f2("floor(u[0]/2)"), 18, "write the difference"),
        (f1("2*(u[0] < 2)"), 25, "write the difference"),
        (path("sign(v)", "path_constraints"), 0, "write the difference"),
        (
            path("1 - (x > 2)", "terminal_constraints"),
            0,
            "write the difference",
        ),
    ] {
        let error = Problem::from_json(&text, &TextLimits::default()).unwrap_err();
        assert!(error.to_string().contains("comparison"), "{text}: {error}");
        assert!(
            error.help.as_deref().is_some_and(|it| it.contains(help)),
            "{text}: {error}"
        );
        assert_eq!(error.line, 2, "{text}: {error}");
        assert!(
            column == 0 || error.column == column,
            "{text}: {error} {}",
            error.column
        );
    }
    // A comparison inside of an expression is none.
    for inside in [
        "if(u[0] < 2, 0, u[0] - 2)",
        "(u[0] < 2)*u[1]",
        "u[0] - floor(u[0])",
        "0",
    ] {
        let problem = Problem::from_json(&f2(inside), &TextLimits::default());
        assert!(problem.is_ok(), "{inside}: {:?}", problem.err());
    }
}

/// A solve would call any point a minimum.
#[test]
fn costs_that_change_only_in_steps_are_refused() {
    let ocp = r#"{"ocp": {"horizon": 2, "states": ["x"], "inputs": ["v"], "initial_state": [1], "dynamics": {"next": ["x + v"]},"#;
    for text in [
        r#"{"variables": {"u": 2}, "cost": "u[0] <= 2"}"#.to_owned(),
        r#"{"variables": {"u": 2}, "cost": "3*sign(u[0]) + (u[1] > 1)"}"#.to_owned(),
        format!("{ocp} \"stage_cost\": \"v > 1\"}}}}"),
        format!("{ocp} \"stage_cost\": \"v^2\", \"terminal_cost\": \"x != 0\"}}}}"),
    ] {
        let error = Problem::from_json(&text, &TextLimits::default()).unwrap_err();
        assert!(
            error.message.starts_with("the cost changes only in steps"),
            "{error}"
        );
    }
    for cost in ["0", "(u[0] > 1)*(u[0] - 1)^2", "p[0]"] {
        let text = format!(r#"{{"variables": {{"u": 2}}, "parameters": {{"p": 1}}, "cost": "{cost}"}}"#);
        assert!(
            Problem::from_json(&text, &TextLimits::default()).is_ok(),
            "{cost}"
        );
    }
}
