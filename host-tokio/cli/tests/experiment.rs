//! `labwire experiment`, as a user runs it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Status, standard output, standard error.
fn run(arguments: &[&str], typed: impl AsRef<[u8]>) -> (Option<i32>, String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_labwire"))
        .arg("experiment")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program is built");
    let mut input = program.stdin.take().expect("piped");
    // It may end before it has read everything.
    let _ = input.write_all(typed.as_ref());
    drop(input);
    let output = program.wait_with_output().expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

#[test]
fn what_is_simulated_can_be_replayed() {
    let folder = tempfile::tempdir().expect("a folder");
    let [csv, svg, posterior, averages] =
        ["d.csv", "n.svg", "p.json", "a.csv"].map(|name| path(folder.path(), name));
    let experiment = ["lorentzian", "--seed", "3", "--particles", "2000"];
    let simulate = [
        "simulate", "-m", "60", "--truth", "x0=3.1", "--csv", &csv, "--svg", &svg, "--force",
    ];
    let (code, out, err) = run(&[&experiment[..], &simulate].concat(), "");
    assert!(
        code == Some(0) && out.contains("after 60 measurements"),
        "{out}{err}"
    );
    assert_eq!(
        run(&[&experiment[..], &simulate].concat(), "").1,
        out,
        "the same seed"
    );
    let drawn = std::fs::read_to_string(&svg).expect("a picture");
    assert!(drawn.contains("designed") && drawn.contains("scan") && drawn.contains("<polygon"));
    let replay = [
        "replay",
        &csv,
        "--posterior",
        &posterior,
        "--svg",
        &svg,
        "--averages",
        &averages,
    ];
    let (code, out, err) = run(&[&experiment[..], &replay].concat(), "");
    assert!(code == Some(0) && out.contains("60 measurements"), "{out}{err}");
    assert!(out.contains("x0 = 3.1") || out.contains("x0 = 3.0"), "{out}");
    let averages = std::fs::read_to_string(&averages).expect("a table");
    let mut rows = averages.lines();
    assert_eq!(rows.next(), Some("x,y,s,n"));
    let counts = rows.map(|row| row.rsplit(',').next().expect("a cell").parse::<u32>());
    assert_eq!(counts.map(|count| count.expect("a count")).sum::<u32>(), 60);
    let by_hand = ["by-hand", "--posterior", &posterior];
    let (code, out, _) = run(&[&experiment[..], &by_hand].concat(), "50000\n");
    assert!(code == Some(0) && out.contains("measurement 61:"), "{out}");
    assert!(out.contains("measurement 62:"), "{out}");
}

#[test]
fn somebody_at_the_instrument_is_led_through() {
    let typed = "nonsense\n0,5\n0.5 0.1\nhelp\n0.5\nat 0.25\n0.6\nat 1 2\nundo\nundo\nundo\nplot\nquit\n";
    let by_hand = ["line", "--seed", "1", "--particles", "500", "by-hand"];
    let (code, out, err) = run(&by_hand, typed);
    assert_eq!(code, Some(65), "nobody has seen what was refused");
    for expected in [
        "measurement 1: x = ",
        "measurement 2: x = 0.25",
        "measurement 3: x = ",
        "sigma = ",
    ] {
        assert!(out.contains(expected), "{expected}: {out}");
    }
    for expected in [
        "\"nonsense\" is not a number",
        "\"0,5\": the decimal sign is a point",
        "2 numbers, where the experiment takes 1 and has its noise as a parameter",
        "a setting has 1 numbers, not 2",
        "no measurement to undo",
    ] {
        assert!(err.contains(expected), "{expected}: {err}");
    }
    // A file of an editor on Windows.
    let (code, out, err) = run(&by_hand, "\u{feff}0.5\r\n0.4\r\n");
    assert!(code == Some(0) && out.contains("measurement 3: "), "{out}{err}");
    let (code, out, err) = run(&by_hand, b"0.5\n0.4 \xb5V\n0.4\n");
    assert!(
        code == Some(65) && err.contains("the line is not in UTF-8"),
        "{err}"
    );
    assert!(out.contains("measurement 3: "), "the others count: {out}");
}

/// Tables as spreadsheets write them: semicolons and tabs separate columns, and a decimal comma is not cut.
#[test]
fn tables_of_spreadsheets_are_read_or_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let replay = |text: &str| {
        let path = path(folder.path(), "table.csv");
        std::fs::write(&path, text).expect("a folder that can be written to");
        run(
            &["line", "--seed", "1", "--particles", "500", "replay", &path],
            "",
        )
    };
    for text in [
        "x;y\n0.5;0.45\n1;0.7\n",
        "# a comment\nx\ty\n0.5\t0.45\n1\t0.7\n",
        "\u{feff}x,y\n0.5,0.45\n1,0.7\n",
        // Letters whose bytes begin as a byte order mark does.
        "\u{ff4e},x,y\n1,0.5,0.45\n2,1,0.7\n",
    ] {
        let (code, out, err) = replay(text);
        assert!(
            code == Some(0) && out.contains("2 measurements"),
            "{text} {out} {err}"
        );
    }
    for (text, status, expected) in [
        (
            "x;y\n0,5;0,45\n",
            65,
            "row 1, column `x`: \"0,5\" is not a number: write a decimal point, \"0.5\"",
        ),
        (
            "x,y\n0.5,9.9E37\n",
            65,
            "row 1: the measurement must be numbers, and 9.9e37",
        ),
        ("x,y,y\n0.5,0.45,0.46\n", 65, "there are several columns `y`"),
        ("x\0,\0y\0\n\0", 66, "the text looks like UTF-16, expected UTF-8"),
        (
            "x,y\n0.5,NaN\n",
            65,
            "row 1: the measurement must be finite numbers",
        ),
    ] {
        let (code, _, err) = replay(text);
        assert!(code == Some(status) && err.contains(expected), "{code:?} {err}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = path(folder.path(), name);
        std::fs::write(&path, text).expect("a folder that can be written to");
        path
    };
    let wrong = file(
        "wrong.json",
        "{\"settings\": {\"x\": [1]}, \"parameters\": {\"a\": {\"unifrom\": [0, 1]}}, \"model\": \"a\"}",
    );
    let column = file("column.csv", "g,y\n1,2\n");
    let number = file("number.csv", "f,y\n2.6,many\n");
    let data = file("data.csv", "f,y,s\n2.6,0.9,0\n");
    for (arguments, code, message) in [
        (&["nowhere.json", "simulate"][..], 66, "cannot read nowhere.json"),
        (&[&wrong, "simulate"], 65, "did you mean `uniform`?"),
        (
            &["dip", "--set", "stops=3", "simulate"],
            65,
            "did you mean `steps`?",
        ),
        (
            &["dip", "--set", "steps=0", "simulate"],
            65,
            "the count must be a whole number from 1 on",
        ),
        (&["dip", "--set", "steps", "simulate"], 64, "expected NAME=NUMBER"),
        (
            &["dip", "--particles", "1", "simulate"],
            64,
            "--particles must be a number from 2",
        ),
        (
            &["dip", "simulate", "--truth", "deph=2"],
            64,
            "did you mean `depth`?",
        ),
        (&["dip", "replay", &column], 65, "there is no column `f`"),
        (
            &["dip", "replay", &number],
            65,
            "row 1, column `y`: \"many\" is not a number",
        ),
        (
            &["dip", "replay", &data],
            65,
            "row 1: a standard deviation must be a positive number, not 0",
        ),
        (&["dip", "replay", "nowhere.csv"], 66, "nowhere.csv"),
    ] {
        let (found, _, err) = run(arguments, "");
        assert!(
            found == Some(code) && err.contains(message),
            "{arguments:?}: {found:?} {err}"
        );
    }
}

/// Targets stand beside the parameters, with the value that they have at the truth.
#[test]
fn targets_are_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = path(folder.path(), "targets.json");
    let text = r#"{"settings": {"t": [0, 1, 4]}, "parameters": {"a": {"uniform": [0, 1]}, "b": {"uniform": [1, 2]}},
        "model": "a*exp(-t) + b", "noise": 0.05, "targets": {"ratio": "a/b"}, "options": {"particles": 1000}}"#;
    std::fs::write(&file, text).expect("a folder that can be written to");
    let simulate = [
        &*file, "--seed", "1", "simulate", "-m", "10", "--truth", "a=0.5", "--truth", "b=1.25",
    ];
    let (_, out, _) = run(&simulate, "");
    let line = out.lines().last().expect("a table");
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words.first(), Some(&"ratio"), "{out}");
    assert!(
        words.get(1).is_some_and(|truth| truth.starts_with("0.4")),
        "{out}"
    );
    let (_, out, _) = run(&[&simulate[..], &["--json"]].concat(), "");
    assert!(out.contains(r#""ratio":0.4"#), "{out}");
}
