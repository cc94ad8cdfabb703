//! Reads JSON texts, one hexadecimal line each, and prints their forms in Python's dialect: `dumps`, a tab and
//! `repr`, or `error: ` and the reason. tests/peers/python_json compares the lines with CPython's own.

use std::io::{BufRead, BufWriter, Write};

use labwire_core::python_json::{Limits, dumps, parse, repr};

fn main() -> std::io::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let text = unhex(&line?).ok_or(std::io::ErrorKind::InvalidInput)?;
        match parse(&text, &Limits::default()) {
            Ok(value) => writeln!(out, "{}\t{}", dumps(&value), repr(&value))?,
            Err(error) => writeln!(out, "error: {error}")?,
        }
    }
    out.flush()
}

fn unhex(line: &str) -> Option<Vec<u8>> {
    let digits = line.trim_end().as_bytes();
    let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).ok());
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}
