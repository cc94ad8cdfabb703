//! Files that were written by others, or cut short.

use std::fs;
use std::path::Path;
use std::time::Duration;

use labwire_core::design::{Designer, Experiment};
use labwire_core::obe::{Reply, Request, RunName};
use labwire_core::python_json::Object;
use labwire_core::service::Handler;
use labwire_core::service::designer::{Begun, DesignerHandler};
use labwire_core::time::Instant;
use labwire_core::zeiss::{ImportMode, Outcome, Request as Import};
use labwire_host::zeiss::{ImportLimits, ProjectFolder};
use labwire_host::{RunFolder, measurements};

use super::sessions::{Nowhere, small_design, small_designer, small_text};

/// Two knobs, two channels, noise that is reported, and a constraint.
const PAIR: &str = r#"{"settings": {"f": [0, 1, 2], "power": [1, 2]},
    "parameters": {"rate": {"uniform": [0, 1]}, "spins": {"normal": [1, 0.5]}}, "constraints": ["spins > 0"],
    "model": ["exp(-rate*f)", "spins*power"], "options": {"particles": 50}}"#;

fn experiment(choice: u8) -> Experiment {
    let text = match choice % 2 {
        0 => small_text(),
        _ => PAIR.to_owned(),
    };
    Experiment::from_json(&text, &[], &small_design()).expect("a valid experiment")
}

/// Posteriors of strangers: any text is read or refused; a designer that was read goes on, within the priors.
///
/// Input: a byte for the experiment, then the posterior.
pub fn posterior_file(input: &[u8]) {
    let [choice, text @ ..] = input else { return };
    let Ok(text) = str::from_utf8(text) else { return };
    let experiment = experiment(*choice);
    let mut designer = match Designer::from_posterior(experiment.clone(), text) {
        Ok(designer) => designer,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    for value in [0.5, 0.9] {
        let setting = designer.suggest();
        assert!(experiment.grid.contains(&setting));
        let values = vec![value; experiment.channels()];
        // It may be refused.
        let _ = designer.update(&setting, &values, Some(&[0.1]));
        let weights = designer.weights();
        assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        for (row, parameter) in experiment.parameters.iter().enumerate() {
            let [low, high] = parameter.prior.support();
            let particles = designer.particle_snapshot();
            assert!(particles.row(row).iter().all(|it| (low..=high).contains(it)));
        }
    }
    let saved = designer.posterior();
    let loaded = Designer::from_posterior(experiment, &saved).expect("it was just written");
    assert_eq!(loaded.posterior(), saved);
}

/// Tables of measurements: any text is read or refused; what was read is written and read as the same.
///
/// Input: a byte for the experiment, then the table.
pub fn measurement_table(input: &[u8]) {
    let [choice, text @ ..] = input else { return };
    let Ok(text) = str::from_utf8(text) else { return };
    let experiment = experiment(*choice);
    let table = match measurements::from_csv(text, &experiment) {
        Ok(table) => table,
        Err(error) => return assert!(error.to_string().len() < 1000 + text.len()),
    };
    for it in &table {
        assert_eq!(it.setting.len(), experiment.grid.knobs().len());
        assert_eq!(it.values.len(), experiment.channels());
    }
    let written = measurements::to_csv(&experiment, &table);
    let again = measurements::from_csv(&written, &experiment).expect("it was just written");
    // Nothing equals a NaN.
    assert_eq!(format!("{again:?}"), format!("{table:?}"));
    let averages = measurements::averages_to_csv(&experiment, &table);
    assert!((2..=table.len() + 1).contains(&averages.lines().count()) || table.is_empty());
}

/// Projects: any `project.json` is taken or refused; in a project that was taken, imports are listed at the end, what was
/// listed before stays, and nothing is written outside of the folder.
///
/// Input: `project.json`.
pub fn project_folder(input: &[u8]) {
    let home = tempfile::tempdir().expect("a folder");
    let root = home.path().join("a/b/project");
    fs::create_dir_all(&root).expect("a folder");
    let source = home.path().join("image.png");
    fs::write(&source, "an image").expect("a folder that can be written to");
    let (json, source) = (root.join("project.json"), source.display().to_string());
    fs::write(&json, input).expect("a folder that can be written to");
    let before = entries(home.path());
    let project = match ProjectFolder::open(&root, ImportLimits::default()) {
        Ok(project) => project,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return assert_eq!(fs::read(&json).expect("it was there"), input);
        }
    };
    let image = Import::image(&source, "Default", 50.0).expect("a valid request");
    let elements = Import::elements(&source, ImportMode::Clipboard).expect("a valid request");
    let listed = |name: &str| {
        let text = fs::read(&json).expect("the list");
        let list: serde_json::Value = serde_json::from_slice(&text).expect("it was just written");
        list[name].as_array().expect("a list").clone()
    };
    for (request, name) in [(image, "measurement_series"), (elements, "elements")] {
        let is_imported = project.import(&request) == Outcome::Imported;
        assert!(is_imported, "an import into a project that was opened failed");
        assert!(!listed(name).is_empty());
    }
    let (series, elements) = (listed("measurement_series"), listed("elements"));
    drop(project);
    let again = ProjectFolder::open(&root, ImportLimits::default());
    again.expect("it was just written");
    assert_eq!(
        (listed("measurement_series"), listed("elements")),
        (series, elements)
    );
    let outside = entries(home.path());
    assert_eq!(before, outside, "a file outside of the project");
}

/// Everything in a folder but below `a/b/project`.
fn entries(home: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for folder in ["", "a", "a/b"] {
        let entries = fs::read_dir(home.join(folder)).expect("a folder");
        names.extend(entries.map(|it| it.expect("an entry").path().display().to_string()));
    }
    names.sort();
    names
}

/// Logs of runs: whatever is in them, a server begins, answers and measures; killed then, the next one goes on with the
/// same posterior.
///
/// Input: `state.json`, and the logs of the runs 1, 2 and so on, with a zero byte between them.
pub fn run_logs(input: &[u8]) {
    let home = tempfile::tempdir().expect("a folder");
    let mut files = input.split(|&byte| byte == 0).take(4);
    let state = files.next().unwrap_or_default();
    fs::write(home.path().join("state.json"), state).expect("a folder that can be written to");
    for (file, number) in files.zip(1..) {
        let path = home.path().join(format!("run-{number}.log"));
        fs::write(path, file).expect("a folder that can be written to");
    }
    let (mut handler, begun) = server(home.path());
    if let Begun::WentOn { run, measurements } = begun {
        assert!(run > 0);
        assert_eq!(handler.designer().history().len(), measurements);
    }
    // The default run has now the text with which this server was started, or one that was restored from it.
    ask(&mut handler, Request::NewRun(Object::new()));
    let setting = handler.designer().experiment().grid.setting(0);
    for y in [0.9, 0.95] {
        ask(&mut handler, measured(&setting, y));
    }
    ask(&mut handler, Request::Undo);
    let posterior = handler.designer().posterior();
    drop(handler);
    let (mut handler, begun) = server(home.path());
    if matches!(begun, Begun::WentOn { .. }) {
        assert_eq!(handler.designer().posterior(), posterior);
    }
    ask(&mut handler, Request::Runs).expect("a list");
    for number in 1..4 {
        ask(
            &mut handler,
            Request::Resume {
                run: RunName::Number(number),
            },
        );
        ask(&mut handler, Request::Mean);
        ask(&mut handler, Request::Undo);
    }
    handler.end();
}

fn server(folder: &Path) -> (DesignerHandler<Nowhere>, Begun) {
    let mut handler = small_designer();
    let runs = RunFolder::open(folder)
        .expect("nobody else has it")
        .without_sync();
    let begun = handler.keep_runs(Box::new(runs), false);
    (handler, begun.expect("a folder that can be written to"))
}

fn measured(setting: &[f64], y: f64) -> Request {
    Request::NewData(labwire_core::obe::Measurement {
        x: setting.to_vec(),
        y: vec![y],
        s: Some(labwire_core::obe::Sigma::Every(0.1)),
    })
}

/// Reply to a request, if it is not an error.
fn ask(handler: &mut DesignerHandler<Nowhere>, request: Request) -> Option<Reply> {
    let mut now = Instant::ZERO;
    let mut answer = handler.begin(now, request);
    while answer.is_none() {
        now = now + Duration::from_millis(10);
        answer = handler.step(now, 64);
    }
    let answer = answer.expect("the loop ended");
    answer
        .inspect_err(|error| assert!(!error.message.is_empty()))
        .ok()
}
