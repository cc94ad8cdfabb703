//! `labwire open` and `labwire obe` without a command: line by line.

use super::*;

/// Status, standard output and standard error of a prompt that is given these lines.
fn talk(
    arguments: &[&str],
    state: &std::path::Path,
    lines: impl AsRef<[u8]>,
) -> (Option<i32>, String, String) {
    let mut prompt = labwire(arguments)
        .env("XDG_STATE_HOME", state)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    prompt.stdin.take().unwrap().write_all(lines.as_ref()).unwrap();
    let output = prompt.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn problems_are_loaded_and_solved_line_by_line() {
    let permits = File::new("load.toml", "[open]\nload = \"local\"");
    let square = File::new("load.json", SQUARE);
    let server = Server::start("prompt", &["--open", "127.0.0.1:0", "--config", permits.path()]);
    let state = tempfile::tempdir().unwrap();
    let open = ["open", "--address", &server.address];
    let lines = format!(
        "ping 7\nload {}\nrun --problem square -p 3 --json\nquit\nping 8\n",
        square.path()
    );
    let (code, out, err) = talk(&open, state.path(), &lines);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert!(
        out.contains("answers 7") && out.contains("has loaded `square`"),
        "{out}"
    );
    assert!(
        out.contains("\"exit_status\": \"Converged\"") || out.contains("\"exit_status\" : \"Converged\""),
        "{out}"
    );
    assert!(!out.contains("answers 8"), "{out}");
    let history = fs::read_to_string(state.path().join("labwire/open-history")).unwrap();
    assert!(history.contains("ping 7"), "{history}");

    let (code, out, err) = talk(
        &open,
        state.path(),
        "run\nfly\nhelp\nping 'a\nload /nowhere.json\nping\n",
    );
    assert_eq!(code, Some(69));
    for words in [
        "error 3003",
        "unrecognized subcommand 'fly'",
        "a quotation mark is missing",
        "cannot read",
    ] {
        assert!(err.contains(words), "{words}: {err}");
    }
    assert!(out.contains("load") && out.contains("answers 1"), "{out}");
}

#[test]
fn a_file_is_loaded_from_the_command_line() {
    let square = File::new("load-one.json", SQUARE);
    let broken = File::new("load-broken.json", "{\"variables\": 1}");
    let no_json = File::new("load-none.json", "{");
    let permits = File::new("load-one.toml", "[open]\nload = \"local\"");
    let server = Server::start("load", &["--open", "127.0.0.1:0", "--config", permits.path()]);
    let load = |file: &File| run(&["open", "--address", &server.address, "load", file.path()]);
    assert_eq!(
        load(&square),
        (
            Some(0),
            format!("{} has loaded `square`\n", server.address),
            String::new()
        )
    );
    let (code, _, err) = load(&broken);
    assert!(code == Some(65) && err.contains("variables"), "{err}");
    let (code, _, err) = load(&no_json);
    assert!(
        code == Some(65) && err.contains("the problem is not JSON"),
        "{err}"
    );
    let strict = Server::start("strict", &["--open", "127.0.0.1:0"]);
    let (code, _, err) = run(&["open", "--address", &strict.address, "load", square.path()]);
    assert!(code == Some(65) && err.contains("Load"), "{err}");
}

#[test]
fn experiments_are_designed_line_by_line() {
    let server = Server::start_one("obe", "obe", "obe-prompt", &["--obe", "127.0.0.1:0"]);
    let state = tempfile::tempdir().unwrap();
    let obe = ["obe", "--address", &server.address];
    let lines = "newdat -x 2.45 -y 0.95 -s 0.1\nhistory\nrun 9\nhistory\nrun\nruns\nhistory\n";
    let (code, out, err) = talk(&obe, state.path(), lines);
    assert_eq!(code, Some(69), "{out}");
    assert_eq!(
        out.matches("[{\"x\": [2.45], \"y\": [0.95], \"s\": [0.1]}]")
            .count(),
        2,
        "{out}"
    );
    assert!(err.contains('9') && err.lines().count() == 1, "{err}");
}

/// As editors on Windows write them.
#[test]
fn a_line_that_is_no_text_is_refused_alone() {
    let server = Server::start("lines", &["--open", "127.0.0.1:0"]);
    let state = tempfile::tempdir().unwrap();
    let open = ["open", "--address", &server.address];
    let (code, out, err) = talk(
        &open,
        state.path(),
        b"\xef\xbb\xbfping 1\r\nping 2 \xb5\nping 3\n",
    );
    assert_eq!(code, Some(69), "{out}{err}");
    assert!(
        err.contains("the line is not in UTF-8") && err.lines().count() == 1,
        "{err}"
    );
    assert!(out.contains("answers 1") && out.contains("answers 3"), "{out}");
}
