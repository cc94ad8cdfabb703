//! Embeds the page, if it has been built, and notes what `labwire version` tells of the build.
#![allow(
    clippy::disallowed_macros,
    clippy::print_stdout,
    reason = "what it prints is for cargo"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    note_build();
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    let files = match env::var_os("CARGO_FEATURE_PAGE") {
        Some(_) => page(&out),
        None => Ok(Vec::new()),
    };
    // Where it vanishes in the middle, it is being built.
    let files = files.unwrap_or_else(|error| {
        println!("cargo::warning=the page is not embedded: {error}");
        Vec::new()
    });
    let text = format!(
        "/// Files of the page; none if it had not been built.\npub(crate) static FILES: &[PageFile] = &[{}];\n",
        files.concat()
    );
    fs::write(out.join("page.rs"), text)
}

fn note_build() {
    let compiler = env::var("RUSTC")
        .ok()
        .and_then(|rustc| output(&rustc, &["--version"]));
    for (name, value) in [
        ("BUILD_COMMIT", commit()),
        ("BUILD_TARGET", env::var("TARGET").ok()),
        ("BUILD_COMPILER", compiler),
    ] {
        println!("cargo::rustc-env={name}={}", value.unwrap_or_default());
    }
}

/// Commit that is compiled: of a package as it notes it, and otherwise git's. Debug builds have none, because every commit
/// would compile the program anew.
fn commit() -> Option<String> {
    const SHORT: usize = 12;
    let noted = fs::read_to_string(".cargo_vcs_info.json").ok();
    let noted = noted.as_ref().and_then(|info| info.split_once("\"sha1\": \""));
    if let Some((_, hash)) = noted {
        return hash.get(..SHORT).map(str::to_owned);
    }
    if env::var("PROFILE").ok()? != "release" {
        return None;
    }
    let log = output("git", &["rev-parse", "--git-path", "logs/HEAD"])?;
    if !Path::new(&log).is_file() {
        // Without it nothing would tell when the commit is another one.
        return None;
    }
    println!("cargo::rerun-if-changed={log}");
    let hash = output("git", &["rev-parse", "HEAD"])?;
    hash.get(..SHORT).map(str::to_owned)
}

/// What a program prints, if there is one and it succeeds.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Entries of the page's files, whose contents are copied to `out`. None if there is no page.
fn page(out: &Path) -> io::Result<Vec<String>> {
    let folder = Path::new("../../host-wasm/dist");
    // What is not there would make cargo compile the program anew every time.
    if folder.is_dir() {
        println!("cargo::rerun-if-changed={}", folder.display());
    }
    if !folder.join("index.html").is_file() {
        return Ok(Vec::new());
    }
    let copies = out.join("page");
    fs::create_dir_all(&copies)?;
    let mut entries = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let mut paths = fs::read_dir(next)?
            .map(|entry| Ok(entry?.path()))
            .collect::<io::Result<Vec<_>>>()?;
        paths.sort();
        for path in paths {
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name() != Some(".gitignore".as_ref()) && !is_packed(&path) {
                let copy = copies.join(entries.len().to_string());
                fs::write(&copy, fs::read(&path)?)?;
                entries.push(entry(&path, folder, &copy)?);
            }
        }
    }
    Ok(entries)
}

/// Whether the file is there compressed as well: that stands for both.
fn is_packed(path: &Path) -> bool {
    let mut packed = path.as_os_str().to_owned();
    packed.push(".gz");
    Path::new(&packed).is_file()
}

/// `PageFile` of a file.
fn entry(path: &Path, folder: &Path, copy: &Path) -> io::Result<String> {
    let modified = fs::metadata(path)?.modified()?.duration_since(UNIX_EPOCH);
    let modified = modified.map_or(0, |since| since.as_nanos());
    let mut name = String::new();
    for part in path.strip_prefix(folder).unwrap_or(path) {
        let slash = if name.is_empty() { "" } else { "/" };
        let _ = write!(name, "{slash}{}", part.display());
    }
    // Vite puts a hash of the content in the names of all files there.
    let is_immutable = name.starts_with("assets/");
    let bytes = copy.display().to_string();
    Ok(format!(
        "\n    PageFile {{ path: {name:?}, bytes: include_bytes!({bytes:?}), modified: {modified}, is_immutable: {is_immutable} }},"
    ))
}
