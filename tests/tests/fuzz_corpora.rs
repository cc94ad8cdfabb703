//! Corpora of the fuzz targets, and mutations of them.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use labwire_tests::fuzz::{TARGETS, Target};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// Mutations for each target.
const MUTATIONS: usize = 300;
/// Longest mutation, in bytes.
const LENGTH: usize = 4096;

fn fuzz_folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz"))
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = fuzz_folder().join("corpus").join(target);
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    // The same mutations on every machine.
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn every_target_has_its_program_and_corpus() {
    let names = |folder: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(fuzz_folder().join(folder)).unwrap();
        let stem = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
        entries.map(|entry| stem(&entry.unwrap().path())).collect()
    };
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(names("fuzz_targets"), targets);
    assert_eq!(names("corpus"), targets);
    for name in &targets {
        let program = fs::read_to_string(fuzz_folder().join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(program.contains(&format!("labwire_tests::fuzz::{name}(input)")));
    }
}

#[test]
fn corpora_and_mutations_of_them_do_no_harm() {
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        assert!(!corpus.is_empty(), "{name}");
        for input in &corpus {
            target(input);
        }
        mutate(target, &corpus);
    }
}

fn mutate(target: Target, corpus: &[Vec<u8>]) {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut below = |bound: usize| (random.next_u64() % bound.max(1) as u64) as usize;
    for _ in 0..MUTATIONS {
        let mut input = corpus[below(corpus.len())].clone();
        for _ in 0..=below(4) {
            let start = below(input.len());
            let end = (start + 1 + below(16)).min(input.len());
            match below(5) {
                0 => drop(input.drain(start..end)),
                1 => input[start..end]
                    .iter_mut()
                    .for_each(|byte| *byte ^= 1 << below(8)),
                2 => drop(input.splice(start..start, (0..4).map(|_| below(256) as u8))),
                3 => {
                    let other = &corpus[below(corpus.len())];
                    let from = below(other.len());
                    input.splice(start..end, other[from..].iter().copied());
                }
                _ => {
                    let piece = input[start..end].to_vec();
                    input.splice(end..end, piece);
                }
            }
            input.truncate(LENGTH);
        }
        target(&input);
    }
}
