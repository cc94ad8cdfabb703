//! Program as a model of experiments: it reads lines of settings and parameters, and does what its argument says.
#![allow(clippy::print_stdout, reason = "its output is its answer")]

use std::io::{self, BufRead as _, Write as _};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

fn main() -> io::Result<()> {
    let manner = std::env::args().nth(1).unwrap_or_default();
    match manner.as_str() {
        "ends" => return Ok(()),
        "speaks-first" => println!("hello"),
        "never-ends-a-line" => loop {
            io::stdout().write_all(&[b'1'; 65_536])?;
        },
        // What it starts keeps its output open.
        "starts-another" => {
            let mut another = Command::new("sleep");
            let another = another.arg("60").stdin(Stdio::null()).spawn()?;
            std::fs::write("pid", another.id().to_string())?;
        }
        "tells-its-process" => std::fs::write("pid", std::process::id().to_string())?,
        _ => {}
    }
    for line in io::stdin().lock().lines() {
        let points: Value = serde_json::from_str(&line?)?;
        let column = |name: &str| points[name].as_array().cloned().unwrap_or_default();
        let numbers = |name: &str| column(name).into_iter().filter_map(|value| value.as_f64());
        let answer = match manner.as_str() {
            "decays" => json!(
                numbers("t")
                    .zip(numbers("k"))
                    .map(|(t, k)| (-k * t).exp())
                    .collect::<Vec<_>>()
            ),
            // The second channel cannot be computed above 3.
            "doubles" => json!([
                column("t"),
                numbers("t")
                    .map(|t| (t <= 3.0).then_some(2.0 * t))
                    .collect::<Vec<_>>()
            ]),
            "is-silent" => {
                thread::sleep(Duration::from_secs(60));
                continue;
            }
            _ => json!([0.5]),
        };
        println!("{answer}");
    }
    Ok(())
}
