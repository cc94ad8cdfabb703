//! Sets that cannot be.

use super::error;

#[test]
fn sets_that_cannot_be_are_refused() {
    for (set, message) in [
        (
            r#"{"ball_p": {"p": 1, "radius": 1}}"#,
            "ball_p`: the order p of the norm is 1, expected",
        ),
        (r#"{"ball_p": {"radius": 1}}"#, "ball_p`: the key `p` is missing"),
        (
            r#"{"sphere2": {"radius": 0}}"#,
            "sphere2`: the radius is 0, expected a positive",
        ),
        (
            r#"{"simplex": {"alpha": -1}}"#,
            "simplex`: the alpha is -1, expected a positive",
        ),
        (r#"{"simplex": {}}"#, "simplex`: the key `alpha` is missing"),
        (
            r#"{"halfspace": {"normal": 0, "offset": 1}}"#,
            "halfspace`: the normal is zero, expected a vector with a direction",
        ),
        (
            r#"{"hyperplane": {"normal": [1, 2, 3], "offset": 1}}"#,
            "normal`: expected 2 numbers, found 3",
        ),
        (
            r#"{"affine_space": {"A": [[1, 2], [2, 4]], "b": [1, 3]}}"#,
            "row 1 of A depends on the rows before it, expected independent rows",
        ),
        (
            r#"{"affine_space": {"A": [], "b": []}}"#,
            "affine_space`: the set is empty",
        ),
        (
            r#"{"affine_space": {"A": [[1, 2]], "b": [1, 2]}}"#,
            "b`: expected 1 numbers, found 2",
        ),
        (
            r#"{"finite_set": {"points": []}}"#,
            "finite_set`: the set is empty",
        ),
        (
            r#"{"finite_set": {"points": [[1, 2], [1]]}}"#,
            "points[1]`: expected 2 numbers, found 1",
        ),
        (r#""simplx""#, "help: did you mean `simplex`?"),
    ] {
        let file = format!(r#"{{"variables": {{"u": 2}}, "cost": 1, "constraints": {{"u": {set}}}}}"#);
        let error = error(&file);
        assert!(error.contains(message), "{error}");
    }
    let file = r#"{"variables": {"u": 1}, "cost": 1, "f1": {"expressions": "u[0]", "set": "epigraph_squared_norm"}}"#;
    assert!(error(file).contains("`f1.set`: an epigraph needs at least 2 components"));
}

#[test]
fn a_box_that_is_empty_is_refused() {
    let found = error(
        r#"{"variables": {"u": 2}, "cost": 1, "constraints": {"u": {"box": {"min": [0, 2], "max": 1}}}}"#,
    );
    assert!(
        found.starts_with("line 1, column 65: `constraints.u.box`: "),
        "{found}"
    );
    assert!(found.contains("min 2, max 1"), "{found}");
}
