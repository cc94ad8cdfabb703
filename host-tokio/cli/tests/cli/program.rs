//! What the program tells of itself: completions, manual pages, its configuration, version, page and speed.

use super::*;

#[test]
fn shells_complete_what_there_is() {
    for (shell, words) in [
        ("bash", "complete -F _labwire"),
        ("zsh", "#compdef labwire"),
        ("fish", "complete -c labwire"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let (code, script, err) = run(&["completions", shell]);
        assert!(code == Some(0) && script.contains(words), "{shell}: {err}");
        assert!(
            script.contains("ready-file") && script.contains("move-abs"),
            "{shell}"
        );
    }
    let (code, _, err) = run(&["completions", "cmd"]);
    assert!(code == Some(64) && err.contains("possible values: bash"), "{err}");
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let man = folder.path().join("share/man1");
    let (code, out, err) = run(&["man", man.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{err}");
    let pages = fs::read_dir(&man)
        .unwrap()
        .map(|page| page.unwrap().file_name().into_string().unwrap());
    let pages: std::collections::BTreeSet<String> = pages.collect();
    assert!(
        out.starts_with(&format!("{} manual pages in ", pages.len())),
        "{out}"
    );
    for page in [
        "labwire.1",
        "labwire-solve.1",
        "labwire-open-ping.1",
        "labwire-pymodaq-move-abs.1",
    ] {
        assert!(pages.contains(page), "{page}: {pages:?}");
    }
    let page = fs::read_to_string(man.join("labwire-open-ping.1")).unwrap();
    assert!(
        page.contains(".TH labwire-open-ping 1") && page.contains("timeout"),
        "{page}"
    );
    let (_, printed, _) = run(&["man", "-"]);
    assert_eq!(printed, fs::read_to_string(man.join("labwire.1")).unwrap());
    let file = File::new("man", "a file, not a folder");
    let (code, _, err) = run(&["man", file.path()]);
    assert!(code == Some(73) && err.contains("cannot write"), "{err}");
}

/// Lines of `labwire config --effective` for keys.
fn effective(command: &mut Command, keys: &[&str]) -> Vec<String> {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // What is printed can be read.
    let table: toml::Table = text.parse().unwrap();
    keys.iter()
        .map(|key| {
            let (section, key) = key.split_once('.').unwrap();
            assert!(table[section].get(key).is_some(), "{key}");
            let section = text.split(&format!("\n[{section}]\n")).nth(1).unwrap();
            let mut lines = section.lines();
            lines
                .find(|line| line.split(" = ").next() == Some(key))
                .unwrap()
                .to_owned()
        })
        .collect()
}

#[test]
fn every_key_tells_where_its_value_comes_from() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("labwire");
    fs::create_dir(&folder).unwrap();
    let file = folder.join("config.toml");
    let text = "[open]\nqueue = 3\naddress = \"127.0.0.1:1\"\n[obe]\nseed = 7\n[web]\ntoken = \"sesame\"";
    fs::write(&file, text).unwrap();
    let config = |arguments: &[&str]| {
        let mut command = labwire(&[&["config", "--effective"], arguments].concat());
        command
            .env_remove("LABWIRE_CONFIG")
            .env("XDG_CONFIG_HOME", home.path())
            .env("LABWIRE_OBE_SEED", "8")
            .env("LABWIRE_OPEN_ADDRESS", "127.0.0.1:2");
        command
    };
    let keys = [
        "open.queue",
        "open.address",
        "obe.seed",
        "obe.experiment",
        "web.token",
    ];
    let file = file.display();
    assert_eq!(
        effective(&mut config(&["--open", "none"]), &keys),
        [
            &*format!("queue = 3  # file {file}"),
            "address = \"none\"  # flag --open",
            "seed = 8  # environment LABWIRE_OBE_SEED",
            "experiment = \"\"  # default",
            &*format!("token = \"(hidden)\"  # file {file}"),
        ]
    );
    // No file at all, and another one.
    let other = File::new("effective.toml", "[open]\nqueue = 4");
    for (name, line) in [
        ("", "queue = 64  # default".to_owned()),
        (other.path(), format!("queue = 4  # file {}", other.path())),
    ] {
        let found = effective(config(&[]).env("LABWIRE_CONFIG", name), &["open.queue"]);
        assert_eq!(found[0].split("  # ").nth(1), line.split("  # ").nth(1), "{name}");
    }
    let output = config(&["--json"]).output().unwrap();
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        object["keys"]["obe.seed"],
        serde_json::json!({"value": 8, "from": "environment", "name": "LABWIRE_OBE_SEED"})
    );
    // Servers read the user's file too.
    let mut serve = labwire(&["serve", "--only", "open", "--open", "nonsense"]);
    fs::write(folder.join("config.toml"), "[open]\nqueeu = 3").unwrap();
    serve
        .env_remove("LABWIRE_CONFIG")
        .env("XDG_CONFIG_HOME", home.path());
    let output = serve.output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(78) && err.contains("did you mean `queue`?"),
        "{err}"
    );
}

#[test]
fn flags_do_not_change_the_default_configuration() {
    let (code, _, err) = run(&["config", "--open", "none"]);
    assert!(code == Some(64) && err.contains("--effective"), "{err}");
}

#[test]
fn the_version_tells_what_the_program_is() {
    let (_, short, _) = run(&["version"]);
    assert_eq!(short, format!("labwire {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(run(&["--version"]).1, short);
    let (_, text, _) = run(&["version", "--verbose"]);
    for name in ["commit", "features", "page", "target", "compiler", "licence"] {
        let line = text.lines().find(|line| line.starts_with(name));
        let value = line
            .and_then(|line| line.split_once(' '))
            .map(|(_, value)| value.trim());
        assert!(value.is_some_and(|value| !value.is_empty()), "{name}: {text}");
    }
    let (_, notices, _) = run(&["version", "--licences"]);
    for name in ["tokio ", "rustls ", "uplot ", "Permission is hereby granted"] {
        assert!(notices.contains(name), "{name}");
    }
}

#[test]
fn this_machine_is_measured() {
    let (code, out, err) = run(&["bench", "--time", "0.001", "--json"]);
    assert_eq!(code, Some(0), "{err}");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&out).unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    for part in ["solve crane.json", "Ping", "Run", "suggest and learn"] {
        assert!(names.iter().any(|name| name.contains(part)), "{names:?}");
    }
    assert!(
        rows.iter().all(|row| row["milliseconds"].as_f64().unwrap() > 0.0),
        "{out}"
    );
    assert_eq!(run(&["bench", "--time", "0"]).0, Some(64));
}

#[test]
fn the_page_is_in_the_program_or_it_says_that_it_is_not() {
    let server = Server::start_one("web", "web", "page", &["--web", "127.0.0.1:0"]);
    let get = |path: &str, header: &str| {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{header}\r\n",
            server.address
        );
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut response = Vec::new();
        stream.read_to_end(&mut response).unwrap();
        String::from_utf8_lossy(&response).into_owned()
    };
    let (_, out, _) = run(&["version", "--json"]);
    let version: serde_json::Value = serde_json::from_str(&out).unwrap();
    let page = get("/", "Accept-Encoding: gzip, br\r\n");
    if version["page"]["files"] == 0 {
        assert!(
            page.starts_with("HTTP/1.1 404") && page.contains("was built without the page"),
            "{page}"
        );
        let log = server.log().join("\n");
        assert!(log.contains("built without the page"), "{log}");
        return;
    }
    assert!(
        page.starts_with("HTTP/1.1 200") && page.contains("content-encoding: br\r\n"),
        "{page}"
    );
    let page = get("/", "");
    let script = page
        .split("src=\"./")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap();
    let script = get(&format!("/{script}"), "");
    assert!(
        script.starts_with("HTTP/1.1 200") && script.contains("immutable"),
        "{}",
        &script[..500]
    );
}
