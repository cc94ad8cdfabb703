//! `--json`: answers, and refusals, for programs.

use super::*;
use serde_json::{Value, json};

/// Status, and the objects on standard output.
fn ask(arguments: &[&str]) -> (Option<i32>, Vec<Value>) {
    let (code, out, err) = run(&[arguments, &["--json"]].concat());
    let objects = serde_json::Deserializer::from_str(&out).into_iter::<Value>();
    let objects = objects.collect::<Result<Vec<_>, _>>();
    (
        code,
        objects.unwrap_or_else(|error| panic!("{arguments:?}: {error}: {out}{err}")),
    )
}

#[test]
fn a_refusal_is_an_object_and_keeps_its_status() {
    let config = File::new("json-wrong.toml", "[open]\nadress = \"none\"");
    let broken = File::new("json-broken.json", "{");
    let square = File::new("json-square.json", SQUARE);
    for (arguments, status, code, words) in [
        (&["solve"][..], 64, 64, "required arguments"),
        (&["frobnicate"], 64, 64, "unrecognized subcommand"),
        (&["check", "/nowhere.json"], 66, 66, "cannot read /nowhere.json"),
        (&["check", broken.path()], 65, 65, "line 1"),
        // As the server would refuse it.
        (&["solve", square.path()], 65, 3003, "parameters"),
        (
            &["serve", "--config", config.path()],
            78,
            78,
            "unknown key `adress`",
        ),
        (
            &["open", "--address", "127.0.0.1:1", "ping"],
            69,
            69,
            "cannot connect",
        ),
        (
            &[
                "device",
                "query",
                "--address",
                "127.0.0.1:1",
                "--timeout",
                "1",
                "*IDN?",
            ],
            69,
            69,
            "*IDN?",
        ),
        (
            &["experiment", "line", "replay", "/nowhere.csv"],
            66,
            66,
            "cannot read /nowhere.csv",
        ),
        (&["example", "nothing"], 64, 64, "there is no example"),
        (&["help", "nothing"], 64, 64, "there is no help"),
    ] {
        let (found, objects) = ask(arguments);
        assert_eq!(found, Some(status), "{arguments:?}");
        let [object] = &objects[..] else {
            panic!("{arguments:?}: {objects:?}")
        };
        assert_eq!(
            (&object["type"], &object["code"]),
            (&json!("Error"), &json!(code)),
            "{object}"
        );
        assert!(object["message"].as_str().unwrap().contains(words), "{object}");
    }
    let (_, objects) = ask(&["serve", "--only", "opn"]);
    assert_eq!(objects[0]["hint"], "did you mean `open`?");
}

#[test]
fn what_is_not_a_flag_does_not_ask_for_json() {
    let (code, out, err) = run(&["check", "--", "--json"]);
    assert_eq!((code, out.as_str()), (Some(66), ""));
    assert!(err.contains("cannot read --json"), "{err}");
    // It may stand in front too.
    let version = run(&["version", "--json"]);
    assert!(version.1.starts_with('{'), "{}", version.1);
    assert_eq!(run(&["--json", "version"]), version);
}

#[test]
fn commands_answer_with_objects() {
    let square = File::new("json-answers.json", SQUARE);
    let experiment = ["experiment", "line", "--seed", "1", "--particles", "500"];
    let simulate = [&experiment[..], &["simulate", "-m", "3"]].concat();
    let suggest = [&experiment[..], &["suggest", "-n", "2"]].concat();
    for (arguments, pointer, value) in [
        (
            &["solve", square.path(), "-p", "2"][..],
            "/exit_status",
            json!("Converged"),
        ),
        (&["check", square.path()], "/variables/x", json!(1)),
        (
            &["check", square.path(), "-p", "2", "--at", "3"],
            "/gradient/0",
            json!(2.0),
        ),
        (&["config"], "/open/address", json!("127.0.0.1:4598")),
        (&["example"], "/0/name", json!("rosenbrock.json")),
        (&["example", "fit"], "/name", json!("fit.json")),
        (&["help", "sets"], "/topic", json!("sets")),
        (&["help", "solve"], "/topic", json!("solve")),
        (&["schema", "problem"], "/title", json!("Problem file of labwire")),
        (&["device", "presets"], "/presets/0/name", json!("raw")),
        (&simulate, "/designed/measurements", json!(3)),
        (&suggest, "/settings/1/x", json!(null)),
    ] {
        let (code, objects) = ask(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {objects:?}");
        let [object] = &objects[..] else {
            panic!("{arguments:?}: {objects:?}")
        };
        let found = object.pointer(pointer);
        let found = found.unwrap_or_else(|| panic!("{arguments:?}: no {pointer} in {object}"));
        assert!(value.is_null() || *found == value, "{arguments:?}: {found}");
    }
}

#[test]
fn servers_and_their_clients_answer_with_objects() {
    let mut child = labwire(&["serve", "--only", "open", "--open", "127.0.0.1:0", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    let servers: Value = serde_json::from_str(&line).unwrap();
    let address = servers["open"].as_str().unwrap();
    let open = |arguments: &[&str]| ask(&[&["open", "--address", address], arguments].concat());
    let (_, pong) = open(&["ping", "7"]);
    assert_eq!(
        (&pong[0]["type"], &pong[0]["number"]),
        (&json!("Pong"), &json!(7))
    );
    let (code, refused) = open(&["run", "-p", "1"]);
    assert_eq!((code, &refused[0]["code"]), (Some(65), &json!(3003)));
    let (code, done) = open(&["kill"]);
    assert_eq!((code, &done[0]["type"]), (Some(0), &json!("Done")));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn colours_are_for_terminals_and_for_who_asks() {
    let coloured = |variables: &[(&str, &str)]| {
        let mut command = labwire(&["check", "/nowhere.json"]);
        command.env_remove("NO_COLOR").envs(variables.iter().copied());
        let error = String::from_utf8(command.output().unwrap().stderr).unwrap();
        assert!(error.contains("cannot read /nowhere.json"), "{error}");
        error.contains("\x1b[")
    };
    assert!(!coloured(&[]));
    assert!(coloured(&[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
}
