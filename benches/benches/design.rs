//! Experiment designer: cycles, resampling, each utility, and their growth with particles, settings and channels.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use labwire_benches::experiments::{TRUTH, closure, lorentzian};
use labwire_core::design::{Designer, Experiment, Simulator, Utility};

/// Designer after a few measurements, so that its weights are not all equal.
fn begun(experiment: Experiment) -> (Designer, Simulator) {
    let instrument = Simulator::new(experiment.clone(), Some(TRUTH.to_vec()), None, 1);
    let mut instrument = instrument.expect("a truth");
    let mut designer = Designer::new(experiment, 1).expect("priors");
    for _ in 0..5 {
        measure(&mut designer, &mut instrument);
    }
    (designer, instrument)
}

/// One cycle: suggest, measure, update.
fn measure(designer: &mut Designer, instrument: &mut Simulator) {
    let setting = designer.suggest();
    let values = instrument.measure(&setting);
    designer.update(&setting, &values, None).expect("a measurement");
}

fn cycles(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cycle");
    for particles in [1_000, 10_000, 50_000, 100_000, 1_000_000] {
        let text = lorentzian(particles, 200);
        for (name, experiment) in [("text", text.clone()), ("closure", closure(text))] {
            let (mut designer, mut instrument) = begun(experiment);
            group.bench_function(BenchmarkId::new(name, particles), |bencher| {
                bencher.iter(|| measure(&mut designer, &mut instrument));
            });
        }
    }
    group.finish();
}

/// An update after which resampling is always due, and the same update without resampling.
fn resampling(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("update");
    for (name, threshold) in [("resampled", 1.0), ("not resampled", 1e-9)] {
        for particles in [10_000, 50_000, 1_000_000] {
            let mut experiment = closure(lorentzian(particles, 200));
            experiment.options.resample_threshold = threshold;
            let (mut designer, _) = begun(experiment);
            group.bench_function(BenchmarkId::new(name, particles), |bencher| {
                // Far from the peak, where hardly anything is learned.
                bencher.iter(|| designer.update(&[1.5], &[50200.0], Some(&[1e6])));
            });
        }
    }
    group.finish();
}

fn utilities(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("utility");
    for utility in [
        Utility::VarianceApprox,
        Utility::PseudoUtility,
        Utility::FullKld,
        Utility::MaxMin,
        Utility::InformationGain,
    ] {
        let mut experiment = closure(lorentzian(10_000, 200));
        experiment.options.utility = utility;
        let (mut designer, _) = begun(experiment);
        group.bench_function(
            BenchmarkId::new("200 settings", format!("{utility:?}")),
            |bencher| {
                bencher.iter(|| black_box(designer.utility()));
            },
        );
    }
    for settings in [100, 1_000, 10_000, 100_000, 1_000_000] {
        let (mut designer, _) = begun(lorentzian(1_000, settings));
        group.bench_function(BenchmarkId::new("settings", settings), |bencher| {
            bencher.iter(|| black_box(designer.optimal_setting()));
        });
    }
    group.finish();
}

fn channels(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("channels");
    for channels in [1, 2, 4, 8] {
        let (mut designer, mut instrument) = begun(labwire_benches::experiments::channels(10_000, channels));
        group.bench_function(BenchmarkId::from_parameter(channels), |bencher| {
            bencher.iter(|| measure(&mut designer, &mut instrument));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = cycles, resampling, utilities, channels
}
criterion_main!(benches);
