//! Files left by ZEISS INSPECT requests, also when the program is killed.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use labwire_core::limits::HostLimits;
use labwire_core::python_json::Value;
use labwire_core::service::Permission;
use labwire_core::service::importer::service;
use labwire_core::zeiss::{ImportMode, Limits, Outcome, Request, Transport};
use labwire_tests::peer::RawPeer;
use labwire_tokio::zeiss::{ImportLimits, ProjectError, ProjectFolder, Script};
use labwire_tokio::{Host, serve};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const FILE_BYTES: u64 = 1 << 20;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// File to be imported, and its path as a request names it.
fn source(folder: &Path, name: &str, content: &[u8]) -> String {
    let path = folder.join(name);
    fs::write(&path, content).expect("a writable folder");
    path.to_str().expect("UTF-8").to_owned()
}

fn image(file: &str, series: &str) -> Request {
    Request::image(file, series, 50.0).expect("valid input")
}

fn open(root: &Path) -> ProjectFolder {
    ProjectFolder::open(root, limits()).expect("a usable folder")
}

fn limits() -> ImportLimits {
    let mut limits = ImportLimits::default();
    limits.file_bytes = FILE_BYTES;
    limits
}

fn project(root: &Path) -> serde_json::Value {
    let text = fs::read(root.join("project.json")).expect("a project");
    serde_json::from_slice(&text).expect("JSON")
}

/// All files below `root`, except labwire's internal ones.
fn files(root: &Path) -> Vec<String> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found)
            } else {
                found.push(path)
            }
        }
    }
    let mut found = Vec::new();
    walk(root, &mut found);
    let inside = |path: &PathBuf| path.strip_prefix(root).expect("inside").display().to_string();
    let mut names: Vec<_> = found
        .iter()
        .map(inside)
        .filter(|name| !name.starts_with(".labwire"))
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn imports_are_copied_and_recorded() {
    let (outside, root) = (folder(), folder());
    let first = source(outside.path(), "exämple.jpg", b"first");
    let second = source(outside.path(), "points.gxml", b"second");
    let project_folder = open(root.path());
    for request in [
        image(&first, "Default"),
        image(&first, "Default"),
        image(&first, "A/B"),
        Request::elements(&second, ImportMode::NewStage).unwrap(),
    ] {
        assert_eq!(project_folder.import(&request), Outcome::Imported);
    }
    // For an existing series the focal length is ignored, as in INSPECT.
    let again = Request::Image {
        file: first.as_str().into(),
        name: "A/B".into(),
        focal_length: Value::Null,
    };
    assert_eq!(open(root.path()).import(&again), Outcome::Imported);
    assert_eq!(
        files(root.path()),
        [
            "elements/points.gxml",
            "measurement_series/A%2FB/ex%C3%A4mple-2.jpg",
            "measurement_series/A%2FB/ex%C3%A4mple.jpg",
            "measurement_series/Default/ex%C3%A4mple-2.jpg",
            "measurement_series/Default/ex%C3%A4mple.jpg",
            "project.json",
        ]
    );
    let copy = root.path().join("measurement_series/Default/ex%C3%A4mple-2.jpg");
    assert_eq!(fs::read(copy).unwrap(), b"first");
    let images = |names: [&str; 2]| names.map(|file| serde_json::json!({ "file": file, "source": first }));
    let both = images(["ex%C3%A4mple.jpg", "ex%C3%A4mple-2.jpg"]);
    assert_eq!(
        project(root.path()),
        serde_json::json!({
            "version": 1,
            "measurement_series": [
                { "name": "Default", "focal_length_mm": 50.0, "folder": "Default", "images": both },
                { "name": "A/B", "focal_length_mm": 50.0, "folder": "A%2FB", "images": both },
            ],
            "elements": [{ "file": "points.gxml", "source": second, "import_mode": "new_stage" }],
        })
    );
}

#[test]
fn what_is_no_readable_file_is_unreadable() {
    let (outside, root) = (folder(), folder());
    let project_folder = open(root.path());
    let pipe = outside.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    let path = |path: &Path| Value::from(path.to_str().expect("UTF-8"));
    for file in [
        Value::from("/no/such/file"),
        Value::from("a\0b"),
        Value::from(""),
        path(outside.path()),
        path(&pipe),
        path(Path::new("/dev/zero")),
        Value::Int(1),
        Value::Bool(true),
        Value::Null,
        Value::List(Vec::new()),
    ] {
        let request = Request::Elements {
            file: file.clone(),
            import_mode: "clipboard".into(),
        };
        assert_eq!(project_folder.import(&request), Outcome::Unreadable, "{file:?}");
    }
    assert!(files(root.path()).is_empty());
}

#[test]
fn what_inspect_would_refuse_fails_and_leaves_nothing() {
    let (outside, root) = (folder(), folder());
    let small = source(outside.path(), "small.jpg", b"small");
    let large = source(outside.path(), "large.jpg", &vec![0; FILE_BYTES as usize + 1]);
    let project_folder = open(root.path());
    let request = |file: &str, name: Value, focal_length: Value| Request::Image {
        file: file.into(),
        name,
        focal_length,
    };
    for request in [
        image(&large, "Default"),
        request(&small, Value::Int(5), "50".into()),
        request(&small, "".into(), "50".into()),
        request(&small, "Default".into(), "wide".into()),
        request(&small, "Default".into(), Value::Float(f64::NAN)),
        request(&small, "Default".into(), Value::Int(-1)),
        Request::Elements {
            file: small.as_str().into(),
            import_mode: "new stage".into(),
        },
        Request::Elements {
            file: small.as_str().into(),
            import_mode: Value::Null,
        },
    ] {
        assert_eq!(project_folder.import(&request), Outcome::Failed, "{request:?}");
    }
    assert!(files(root.path()).is_empty());
    assert!(
        fs::read_dir(root.path().join(".labwire/incoming"))
            .unwrap()
            .next()
            .is_none()
    );
}

/// Any name gives one folder inside, which is no other series' folder.
#[test]
fn names_do_not_lead_out_or_together() {
    let (outside, root) = (folder(), folder());
    let file = source(outside.path(), "..\\..\\x.jpg", b"x");
    let project_folder = open(root.path());
    let names = [
        "..",
        ".",
        "../../x",
        "/etc",
        "a/../b",
        "C:\\x",
        "s",
        "S",
        "s.",
        "a\0b",
        "ä\u{301}",
        "-rf",
    ];
    for name in names {
        assert_eq!(project_folder.import(&image(&file, name)), Outcome::Imported);
    }
    let mut folders: Vec<String> = files(root.path())
        .iter()
        .filter_map(|name| name.strip_prefix("measurement_series/")?.strip_suffix("/x.jpg"))
        .map(str::to_lowercase)
        .collect();
    folders.sort_unstable();
    folders.dedup();
    assert_eq!(folders.len(), names.len());
    assert!(folders.iter().all(|folder| !folder.contains('/')));
    assert_eq!(files(root.path()).len(), names.len() + 1);
    assert_eq!(files(outside.path()).len(), 1);
}

#[test]
fn a_project_that_is_not_understood_is_left_alone() {
    let root = folder();
    let path = root.path().join("project.json");
    for (text, version) in [("{\"version\": 2, \"new\": []}", Some(2)), ("{", None)] {
        fs::write(&path, text).unwrap();
        match ProjectFolder::open(root.path(), limits()) {
            Err(ProjectError::Version(found)) => assert_eq!(Some(found), version),
            Err(ProjectError::Malformed(_)) => assert_eq!(version, None),
            other => panic!("{other:?}"),
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn a_project_that_an_editor_has_written_is_read() {
    let root = folder();
    let path = root.path().join("project.json");
    let text = r#"{"version": 1, "measurement_series": [], "elements": []}"#;
    fs::write(&path, format!("\u{feff}{text}")).unwrap();
    ProjectFolder::open(root.path(), limits()).unwrap();
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(&path, &wide).unwrap();
    let error = ProjectFolder::open(root.path(), limits())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("project.json") && error.contains("UTF-16"),
        "{error}"
    );
    assert_eq!(fs::read(&path).unwrap(), wide);
}

/// The project may be somebody else's: imports into it stay inside.
#[test]
fn a_project_with_names_that_lead_out_of_it_is_refused() {
    let root = folder();
    let path = root.path().join("project.json");
    for name in ["../../out", "/tmp", "..", "", "a/b", "C:", "a\\\\b"] {
        let series = format!(r#"{{"name": "s", "focal_length_mm": 5, "folder": "{name}", "images": []}}"#);
        let image = format!(
            r#"{{"name": "s", "focal_length_mm": 5, "folder": "s", "images": [{{"file": "{name}", "source": "x"}}]}}"#
        );
        let elements = format!(r#"{{"file": "{name}", "source": "x", "import_mode": "clipboard"}}"#);
        for (series, elements) in [(&*series, ""), (&image, ""), ("", &elements)] {
            let text =
                format!(r#"{{"version": 1, "measurement_series": [{series}], "elements": [{elements}]}}"#);
            fs::write(&path, &text).unwrap();
            let error = ProjectFolder::open(root.path(), limits()).unwrap_err();
            assert!(matches!(error, ProjectError::FileName(_)), "{error} {text}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
}

#[test]
fn two_services_may_share_a_folder() {
    let (outside, root) = (folder(), folder());
    let file = source(outside.path(), "a.jpg", b"a");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let project_folder = open(root.path());
                for _ in 0..10 {
                    assert_eq!(project_folder.import(&image(&file, "s")), Outcome::Imported);
                }
            });
        }
    });
    let recorded = &project(root.path())["measurement_series"][0]["images"];
    assert_eq!(recorded.as_array().unwrap().len(), 40);
    assert_eq!(files(root.path()).len(), 41);
}

#[test]
fn requests_become_inspects_commands() {
    let (outside, root) = (folder(), folder());
    let file = source(outside.path(), "it's.jpg", b"");
    let path = root.path().join("import.py");
    let script = Script::open(&path, limits()).unwrap();
    assert_eq!(script.import(&image("/no/such/file", "s")), Outcome::Unreadable);
    assert_eq!(script.import(&image(&file, "µ \"1\"")), Outcome::Imported);
    let elements = Request::elements(&file, ImportMode::Clipboard).unwrap();
    assert_eq!(
        Script::open(&path, limits()).unwrap().import(&elements),
        Outcome::Imported
    );
    let hostile = Request::Elements {
        file: file.as_str().into(),
        import_mode: Value::List(Vec::new()),
    };
    assert_eq!(script.import(&hostile), Outcome::Failed);
    let expected = format!(
        r#"# Written by labwire: what clients asked for. To be run inside ZEISS INSPECT.
import gom

try:
    gom.app.project.measurement_series['µ "1"']
except gom.RequestError:
    gom.script.sys.create_measurement_series_for_other_images(camera_focal_length='50.0', name='µ "1"')
gom.script.sys.import_other_images(
    image_files=[gom.File("{file}")], measurement_series=gom.app.project.measurement_series['µ "1"'])

gom.script.sys.import_gom_inspection_exchange(files=["{file}"], import_mode='clipboard')
"#
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
}

/// Only files below the root are read, wherever links lead.
#[cfg(unix)]
#[test]
fn nothing_outside_of_the_root_is_read() {
    let [root, sources, elsewhere] = [folder(), folder(), folder()];
    let secret = source(elsewhere.path(), "secret", b"secret");
    let link = sources.path().join("link.jpg");
    std::os::unix::fs::symlink(&secret, &link).expect("a link");
    let inside = source(sources.path(), "a.jpg", b"image");
    let mut limits = limits();
    limits.root = sources.path().to_owned();
    let project = ProjectFolder::open(root.path(), limits.clone()).expect("a usable folder");
    let script = Script::open(&root.path().join("script.py"), limits).expect("a usable folder");
    let around = format!(
        "{}/../{}",
        sources.path().display(),
        secret.trim_start_matches("/tmp/")
    );
    for outside in [
        &secret,
        link.to_str().expect("UTF-8"),
        &around,
        "/etc/passwd",
        "relative",
    ] {
        assert_eq!(
            project.import(&image(outside, "s")),
            Outcome::Unreadable,
            "{outside}"
        );
        assert_eq!(
            script.import(&image(outside, "s")),
            Outcome::Unreadable,
            "{outside}"
        );
    }
    assert_eq!(project.import(&image(&inside, "s")), Outcome::Imported);
    assert_eq!(script.import(&image(&inside, "s")), Outcome::Imported);
}

#[test]
fn a_project_grows_up_to_its_limit() {
    let [root, sources] = [folder(), folder()];
    let mut limits = limits();
    limits.project_bytes = 25;
    let project = ProjectFolder::open(root.path(), limits).expect("a usable folder");
    let file = source(sources.path(), "a.jpg", b"ten bytes.");
    let outcomes = [(); 3].map(|()| project.import(&image(&file, "s")));
    assert_eq!(outcomes, [Outcome::Imported, Outcome::Imported, Outcome::Failed]);
    let small = source(sources.path(), "b.gxml", b"five.");
    let elements = Request::elements(&small, ImportMode::Clipboard).expect("valid input");
    assert_eq!(project.import(&elements), Outcome::Imported, "it still fits");
    assert_eq!(files(root.path()).len(), 4);
}

/// Nobody can read a copy who could not read its source, and links in the project lead nowhere.
#[cfg(unix)]
#[test]
fn copies_are_as_private_as_their_sources_and_links_are_not_followed() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let [root, sources, elsewhere] = [folder(), folder(), folder()];
    let project = open(root.path());
    for (mode, series) in [(0o600, "private"), (0o640, "group"), (0o444, "public")] {
        let file = source(sources.path(), series, b"image");
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("its owner");
        assert_eq!(project.import(&image(&file, series)), Outcome::Imported);
        let copy = root.path().join("measurement_series").join(series).join(series);
        let of_copy = fs::metadata(copy).expect("a copy").permissions().mode();
        assert_eq!(of_copy & 0o077 & !mode, 0, "{of_copy:o} of {mode:o}");
    }
    symlink(elsewhere.path(), root.path().join("measurement_series/linked")).expect("a link");
    symlink(elsewhere.path(), root.path().join("elements")).expect("a link");
    let file = source(sources.path(), "a", b"image");
    assert_eq!(project.import(&image(&file, "linked")), Outcome::Failed);
    let elements = Request::elements(&file, ImportMode::Clipboard).expect("valid input");
    assert_eq!(project.import(&elements), Outcome::Failed);
    assert_eq!(fs::read_dir(elsewhere.path()).expect("a folder").count(), 0);
    let linked = folder();
    symlink(elsewhere.path(), linked.path().join(".labwire")).expect("a link");
    assert!(ProjectFolder::open(linked.path(), limits()).is_err());
}

/// A copy that `project.json` does not list because its import was killed; files of others stay.
#[test]
fn what_a_killed_import_left_is_removed() {
    let root = folder();
    let file = source(root.path(), "a.jpg", b"image");
    assert_eq!(open(root.path()).import(&image(&file, "s")), Outcome::Imported);
    let series = root.path().join("measurement_series/s");
    for (unfinished, is_left) in [("b.jpg", false), ("a.jpg", true), ("../../a.jpg", true)] {
        fs::write(series.join("b.jpg"), "image").expect("a writable folder");
        fs::write(series.join("own.jpg"), "image").expect("a writable folder");
        let note = root.path().join(".labwire/unfinished");
        fs::write(&note, format!("measurement_series/s/{unfinished}")).expect("a writable folder");
        open(root.path());
        assert_eq!(series.join(unfinished).exists(), is_left, "{unfinished}");
        assert!(series.join("a.jpg").exists() && series.join("own.jpg").exists() && !note.exists());
    }
}

/// Set for the process that is going to be killed: the folder it serves.
const VICTIM: &str = "LABWIRE_TEST_ZEISS_VICTIM";

/// Not a test by itself: serves a project folder in its own process until it is killed.
#[test]
fn victim() {
    let Some(root) = std::env::var_os(VICTIM) else {
        return;
    };
    let project_folder = open(Path::new(&root));
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("\nlistening {}", listener.local_addr().unwrap());
        std::io::stdout().flush().unwrap();
        let service = service(
            Transport::Tcp,
            Limits::default(),
            Permission::Local,
            move |request| project_folder.import(request),
        );
        let host = Host::start("victim", service, HostLimits::default());
        serve(listener, &host, &CancellationToken::new()).await
    });
}

fn start_victim(root: &Path) -> (Child, SocketAddr) {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["victim", "--exact", "--nocapture"])
        .env(VICTIM, root)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let address = lines
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("listening ").map(str::to_owned))
        .expect("it listens");
    (child, address.parse().expect("an address"))
}

/// An import that was answered `O.k.` is complete after every one of many kills at any moment.
#[test]
fn kill_9_loses_nothing_that_was_answered() {
    let (outside, root) = (folder(), folder());
    let mut answered = Vec::new();
    // Each kill comes a little later than the previous one, so that every stage of an import is hit sooner or later.
    for round in 0.. {
        if answered.len() > 30 {
            break;
        }
        let (mut child, address) = start_victim(root.path());
        let content = vec![round as u8; 200_000];
        let killer = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_micros(500 * round));
            child.kill().expect("a living process");
            child.wait().expect("a dead one");
        });
        for number in 0.. {
            let name = format!("{round}-{number}.jpg");
            let file = source(outside.path(), &name, &content);
            let Some(answer) = try_ask(address, &image(&file, "s").to_text()) else {
                break;
            };
            assert_eq!(answer, "O.k.\r\n");
            answered.push((name, content.clone()));
        }
        killer.join().expect("no panic");
    }
    let project_folder = open(root.path());
    assert!(
        fs::read_dir(root.path().join(".labwire/incoming"))
            .unwrap()
            .next()
            .is_none()
    );
    let recorded = match root.path().join("project.json").exists() {
        true => project(root.path())["measurement_series"][0]["images"].clone(),
        false => serde_json::Value::Null,
    };
    for (name, content) in &answered {
        let is_recorded = |image: &serde_json::Value| image["file"] == *name.as_str();
        assert!(
            recorded
                .as_array()
                .is_some_and(|images| images.iter().any(is_recorded)),
            "{name}"
        );
        let copy = fs::read(root.path().join("measurement_series/s").join(name)).unwrap();
        assert_eq!(copy, *content);
    }
    // The folder remains usable.
    let file = source(outside.path(), "last.jpg", b"last");
    assert_eq!(project_folder.import(&image(&file, "s")), Outcome::Imported);
}

/// Answer of the server, unless it is dead.
fn try_ask(address: SocketAddr, text: &str) -> Option<String> {
    let mut peer = RawPeer::try_connect(address)?;
    peer.try_send(text.as_bytes()).ok()?;
    peer.try_send(b"\x04").ok()?;
    peer.try_read_to_end().filter(|answer| !answer.is_empty())
}
