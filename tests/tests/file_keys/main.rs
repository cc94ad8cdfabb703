//! The tables of keys and the readers of files: a reader takes exactly the keys of its table, with the defaults and the words
//! that the table states, and every file of the repository fits its table.

mod fit;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fit::{Object, fits, objects, tables};
use labwire_core::design::{self, DesignLimits, Experiment};
use labwire_core::problem::{DataTable, DataTables, Problem, TextError, TextLimits, keys};
use labwire_core::text::{Json, Key, Kind, Need, parse_json};

/// A format of files.
struct Format {
    kind: &'static Kind,
    /// Reads a text; gives all that the reader makes of it, as text.
    read: fn(&str) -> Result<String, TextError>,
    /// Folders of the repository with files of the format.
    folders: &'static [&'static str],
}

const PROBLEMS: Format = Format {
    kind: &keys::FILE,
    read: |text| {
        let file = |_: &str| Ok(DataTable::new(vec!["head".into()], vec![vec![1.0], vec![2.0]]));
        let files = DataTables::new(&file);
        let problem = Problem::from_json_with_tables(text, &TextLimits::default(), files);
        problem.map(|problem| format!("{problem:?}"))
    },
    folders: &[
        "core/model/problems",
        "host-wasm/page/problems",
        "tests/problems",
        "tests/tests/file_keys/problems",
    ],
};

const EXPERIMENTS: Format = Format {
    kind: &design::keys::FILE,
    read: |text| {
        let experiment = Experiment::from_json(text, &[], &DesignLimits::default());
        experiment.map(|experiment| format!("{experiment:?}"))
    },
    folders: &["core/design/experiments", "tests/tests/file_keys/experiments"],
};

const FORMATS: [Format; 2] = [PROBLEMS, EXPERIMENTS];

impl Format {
    fn files(&self) -> Vec<PathBuf> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut files = Vec::new();
        for folder in self.folders {
            collect(&root.join(folder), &mut files);
        }
        files.retain(|file| {
            file.extension().is_some_and(|end| end == "json") && !file.ends_with("optima.json")
        });
        assert!(!files.is_empty());
        files.sort();
        files
    }

    /// Texts of the files with which keys are tried: those of the collections have nothing that others lack.
    fn examples(&self) -> Vec<String> {
        let is_collected = |file: &PathBuf| {
            ["control", "hs", "mgh", "ocp"]
                .iter()
                .any(|folder| file.components().any(|part| part.as_os_str() == *folder))
        };
        let files = self.files().into_iter().filter(|file| !is_collected(file));
        let texts = files.map(|file| fs::read_to_string(file).expect("a text"));
        texts.filter(|text| text.len() < 4000).collect()
    }
}

fn json(text: &str) -> Json<'_> {
    parse_json(text, &TextLimits::default()).expect("JSON")
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => collect(&path, files),
            false => files.push(path),
        }
    }
}

/// The file with a key of an object set: beside the others of the object, and beside none but the required ones.
fn variants(file: &str, object: &Object<'_>, key: &str, value: &str) -> [String; 2] {
    let is_required = |name: &str| {
        let known = object.table.all_keys().find(|known| known.name == name);
        known.is_some_and(|known| known.need == Need::Required)
    };
    // What is common to all choices stands beside one.
    let common = object.table.common.map_or(&[][..], |common| common.keys);
    let is_common = |name: &str| common.iter().any(|key| key.name == name);
    let kept = |name: &str| match object.table.is_choice {
        true => [is_common(name) || is_common(key); 2],
        false => [true, is_required(name)],
    };
    [0, 1].map(|variant| {
        let entries = object.entries();
        let others = entries
            .iter()
            .filter(|(name, _)| *name != key && kept(name)[variant]);
        let others = others.map(|(name, value)| format!("\"{name}\": {value}, "));
        let (start, end) = (object.json.at, object.json.at + object.json.raw.len());
        let others: String = others.collect();
        format!("{}{{{others}\"{key}\": {value}}}{}", &file[..start], &file[end..])
    })
}

/// A value that is no value of the key.
fn wrong(key: &Key) -> &'static str {
    match key.kind {
        Kind::Truth => "3",
        _ => "true",
    }
}

fn path(object: &Object<'_>, key: &str) -> String {
    match object.path.is_empty() {
        true => key.to_owned(),
        false => format!("{}.{key}", object.path),
    }
}

#[test]
fn every_file_of_the_repository_fits_its_table() {
    for format in FORMATS {
        for file in format.files() {
            let text = fs::read_to_string(&file).unwrap();
            assert!(fits(format.kind, &json(&text)), "{}", file.display());
        }
    }
}

#[test]
fn every_key_is_read() {
    for format in FORMATS {
        let mut unread = BTreeSet::new();
        for table in tables(format.kind) {
            unread.extend(table.keys.iter().map(|key| (table.name, key.name)));
        }
        for file in format.examples() {
            for object in objects(format.kind, &json(&file)) {
                for key in object.table.all_keys() {
                    let is_refused = |file: &String| {
                        let error = (format.read)(file).expect_err(key.name);
                        error.path == path(&object, key.name) && !error.message.contains("cannot be combined")
                    };
                    if variants(&file, &object, key.name, wrong(key))
                        .iter()
                        .any(is_refused)
                    {
                        unread.retain(|(table, name)| *name != key.name || !object.has_table(table));
                    }
                }
            }
        }
        assert!(unread.is_empty(), "no file makes the reader look at {unread:?}");
    }
}

#[test]
fn every_other_key_is_refused() {
    for format in FORMATS {
        for file in format.examples() {
            (format.read)(&file).unwrap();
            for object in objects(format.kind, &json(&file)) {
                let [beside_all, _] = variants(&file, &object, "zzz", "1");
                let error = (format.read)(&beside_all).unwrap_err();
                assert!(
                    error.message.starts_with("unknown ") && error.message.contains("`zzz`"),
                    "{error}"
                );
                let help = error.help.unwrap_or_default();
                let mut known = object.table.all_keys().map(|key| key.name);
                assert!(known.all(|name| help.contains(name)), "{help}");
            }
        }
    }
}

#[test]
fn defaults_are_those_of_the_table() {
    for format in FORMATS {
        for file in format.examples() {
            let read = (format.read)(&file).unwrap();
            for object in objects(format.kind, &json(&file)) {
                for key in object.table.all_keys() {
                    let is_there = object.entries().iter().any(|(name, _)| *name == key.name);
                    if let (Need::Default(default), false) = (key.need, is_there) {
                        assert!(fits(&key.kind, &json(default)), "{}: {default}", key.name);
                        let [with_default, _] = variants(&file, &object, key.name, default);
                        // Where others of the object exclude the key, it has no default.
                        if let Ok(same) = (format.read)(&with_default) {
                            assert!(same == read, "{}: {default} is not the default", key.name);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn words_are_those_of_the_table() {
    for format in FORMATS {
        for file in format.examples() {
            for object in objects(format.kind, &json(&file)) {
                for key in object.table.all_keys() {
                    let Kind::Word(words) = key.kind else { continue };
                    let error = |word: &str| {
                        let [file, _] = variants(&file, &object, key.name, &format!("\"{word}\""));
                        (format.read)(&file)
                            .err()
                            .filter(|error| error.path == path(&object, key.name))
                    };
                    let is_other = |error: TextError| !error.message.starts_with("expected ");
                    assert!(
                        words.iter().all(|word| error(word).is_none_or(is_other)),
                        "{words:?}"
                    );
                    let error = error("zzz").expect(key.name).message;
                    assert!(
                        error.contains("takes no") || words.iter().all(|word| error.contains(word)),
                        "{error}"
                    );
                }
            }
        }
    }
}
