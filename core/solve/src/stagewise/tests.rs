//! Pieces of the method on a linear-quadratic problem, whose optimality conditions one step has to fulfil.

use alloc::vec;
use alloc::vec::Vec;

use super::Stagewise;
use super::active::Origin;
use super::model::Model;
use super::riccati::{Parts, Riccati};
use super::trajectory::Trajectory;
use crate::functions::{StageFunctions, StageStructure};
use crate::merit::AugmentedLagrangian;
use crate::random::Random;
use crate::sets::Set;
use crate::{Constraint, Settings, Structure, Tuning, math};

const HORIZON: usize = 6;
const NX: usize = 3;
const NU: usize = 2;
const NZ: usize = NX + NU;

/// `l = z'Qz/2 + q'z`, `f = [A B] z + c`, one constraint `g = d'z` a stage; unstable, and coupled between state and input.
struct Quadratic {
    hessians: Vec<[[f64; NZ]; NZ]>,
    slopes: Vec<[f64; NZ]>,
    dynamics: Vec<[[f64; NZ]; NX]>,
    offsets: Vec<[f64; NX]>,
    rows: Vec<[f64; NZ]>,
    points: Vec<[f64; NZ]>,
}

impl Quadratic {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed, 0);
        let mut entry = move || 2.0 * random.uniform() - 1.0;
        let mut problem = Self {
            hessians: Vec::new(),
            slopes: Vec::new(),
            dynamics: Vec::new(),
            offsets: Vec::new(),
            rows: Vec::new(),
            points: vec![[0.0; NZ]; HORIZON + 1],
        };
        for _ in 0..=HORIZON {
            let root: [[f64; NZ]; NZ] = core::array::from_fn(|_| core::array::from_fn(|_| entry()));
            problem.hessians.push(core::array::from_fn(|i| {
                core::array::from_fn(|j| {
                    let product: f64 = (0..NZ).map(|k| root[i][k] * root[j][k]).sum();
                    product + if i == j { 0.1 } else { 0.0 }
                })
            }));
            problem.slopes.push(core::array::from_fn(|_| entry()));
            problem
                .dynamics
                .push(core::array::from_fn(|_| core::array::from_fn(|_| 1.5 * entry())));
            problem.offsets.push(core::array::from_fn(|_| entry()));
            problem.rows.push(core::array::from_fn(|_| entry()));
        }
        problem
    }
}

impl StageFunctions for Quadratic {
    fn initial_state(&mut self, state: &mut [f64]) {
        state.copy_from_slice(&[1.0, -0.5, 0.3]);
    }

    fn forward(&mut self, t: usize, state: &[f64], input: &[f64], next: &mut [f64], g: &mut [f64]) -> f64 {
        let mut z = [0.0; NZ];
        for (place, entry) in z.iter_mut().zip(state.iter().chain(input)) {
            *place = *entry;
        }
        self.points[t] = z;
        for (i, next) in next.iter_mut().enumerate() {
            *next = math::dot(&self.dynamics[t][i], &z) + self.offsets[t][i];
        }
        g[0] = math::dot(
            &self.rows[t][..state.len() + input.len()],
            &z[..state.len() + input.len()],
        );
        let curved = (0..NZ).fold(0.0, |sum, i| sum + z[i] * math::dot(&self.hessians[t][i], &z));
        0.5 * curved + math::dot(&self.slopes[t], &z)
    }

    fn reverse(&mut self, t: usize, adjoint: &[f64], y: &[f64], gradient: &mut [f64]) {
        let z = self.points[t];
        for (a, slope) in gradient.iter_mut().enumerate() {
            *slope = math::dot(&self.hessians[t][a], &z) + self.slopes[t][a] + y[0] * self.rows[t][a];
            for (i, adjoint) in adjoint.iter().enumerate() {
                *slope += self.dynamics[t][i][a] * adjoint;
            }
        }
    }

    fn expand(&mut self, t: usize, jacobian: &mut [f64], hessian: &mut [f64]) {
        let size = if t == HORIZON { NX } else { NZ };
        let width = if t == HORIZON { 1 } else { NX + 1 };
        for a in 0..size {
            for i in 0..width - 1 {
                jacobian[a * width + i] = self.dynamics[t][i][a];
            }
            jacobian[a * width + width - 1] = self.rows[t][a];
            hessian[a * size..(a + 1) * size].copy_from_slice(&self.hessians[t][a][..size]);
        }
    }
}

fn structure() -> StageStructure {
    StageStructure {
        horizon: HORIZON,
        num_states: NX,
        num_inputs: NU,
        first_constraints: (0..HORIZON + 2).collect(),
        has_free_states: true,
        expansion_work: 1.0,
    }
}

fn merit(set: Set) -> AugmentedLagrangian {
    let constraints = vec![Constraint {
        len: HORIZON + 1,
        set,
        has_multipliers: true,
    }];
    let structure = Structure {
        num_variables: HORIZON * NU,
        set: Set::All,
        constraints,
    };
    AugmentedLagrangian::new(structure, Tuning::default())
}

/// Somewhere, with gaps and multipliers that are no solution's.
fn anywhere(problem: &mut Quadratic, merit: &mut AugmentedLagrangian) -> Trajectory {
    let structure = structure();
    let mut trajectory = Trajectory::new(&structure, HORIZON + 1);
    for (i, u) in trajectory.point.u.iter_mut().enumerate() {
        *u = 0.1 * i as f64 - 0.5;
    }
    for (i, x) in trajectory.states.iter_mut().enumerate() {
        *x = 0.3 - 0.05 * i as f64;
    }
    problem.initial_state(&mut trajectory.states[..NX]);
    trajectory.adjoints.fill(0.7);
    trajectory.evaluate(&structure, merit, problem, |_, _, _| None);
    trajectory.point.multipliers.fill(0.0);
    trajectory.differentiate(&structure, problem, false);
    trajectory
}

/// The trajectory after a whole step.
fn step(
    problem: &mut Quadratic,
    merit: &mut AugmentedLagrangian,
    riccati: &Riccati,
    from: &Trajectory,
    multipliers: &[f64],
) -> Trajectory {
    let structure = structure();
    let mut next = from.clone();
    for (i, u) in next.point.u.iter_mut().enumerate() {
        *u = riccati.clamp(i, *u + riccati.inputs[i]);
    }
    math::add(&mut next.states, 1.0, &riccati.states);
    next.adjoints.copy_from_slice(&riccati.adjoints);
    next.evaluate(&structure, merit, problem, |_, _, _| None);
    next.point.multipliers.copy_from_slice(multipliers);
    next.differentiate(&structure, problem, false);
    next
}

fn assert_solved(riccati: &Riccati, trajectory: &Trajectory) {
    let point = &trajectory.point;
    assert!(trajectory.gap().scaled < 1e-9, "{:?}", trajectory.gap());
    let states = trajectory.state_residual(&structure());
    assert!(states.scaled < 1e-8, "{states:?}");
    let inputs = riccati.residual(&point.u, &point.gradient);
    assert!(inputs.scaled < 1e-8, "{inputs:?}");
}

#[test]
fn one_step_solves_without_bounds() {
    for seed in 0..20 {
        let (mut problem, mut merit) = (Quadratic::new(seed), merit(Set::All));
        let trajectory = anywhere(&mut problem, &mut merit);
        let structure = structure();
        let mut model = Model::new(&structure);
        model.expand(&structure, &mut problem, &trajectory, false, |_| 0.0);
        let bounds = (
            vec![f64::NEG_INFINITY; HORIZON * NU],
            vec![f64::INFINITY; HORIZON * NU],
        );
        let mut riccati = Riccati::new(&structure, bounds);
        let mut parts = Parts {
            structure: &structure,
            model: &mut model,
            trajectory: &trajectory,
        };
        assert!(riccati.minimize_free(&mut parts));
        let next = step(
            &mut problem,
            &mut merit,
            &riccati,
            &trajectory,
            &[0.0; HORIZON + 1],
        );
        assert_solved(&riccati, &next);
    }
}

#[test]
fn one_minimisation_finds_the_bounds_that_hold() {
    for seed in 0..20 {
        let (mut problem, mut merit) = (Quadratic::new(seed), merit(Set::All));
        let trajectory = anywhere(&mut problem, &mut merit);
        let structure = structure();
        let mut model = Model::new(&structure);
        model.expand(&structure, &mut problem, &trajectory, false, |_| 0.0);
        let bounds = (vec![-0.6; HORIZON * NU], vec![0.6; HORIZON * NU]);
        let mut riccati = Riccati::new(&structure, bounds);
        let mut parts = Parts {
            structure: &structure,
            model: &mut model,
            trajectory: &trajectory,
        };
        assert!(riccati.minimize(&mut parts, 30));
        let next = step(
            &mut problem,
            &mut merit,
            &riccati,
            &trajectory,
            &[0.0; HORIZON + 1],
        );
        assert_solved(&riccati, &next);
        assert!(next.point.u.iter().any(|u| u.abs() == 0.6));
    }
}

#[test]
fn a_stage_without_minimum_is_refused() {
    let (mut problem, mut merit) = (Quadratic::new(1), merit(Set::All));
    problem.hessians[HORIZON - 1][NX][NX] = -1e3;
    let trajectory = anywhere(&mut problem, &mut merit);
    let structure = structure();
    let mut model = Model::new(&structure);
    model.expand(&structure, &mut problem, &trajectory, false, |_| 0.0);
    let bounds = (
        vec![f64::NEG_INFINITY; HORIZON * NU],
        vec![f64::INFINITY; HORIZON * NU],
    );
    let mut riccati = Riccati::new(&structure, bounds);
    let mut parts = Parts {
        structure: &structure,
        model: &mut model,
        trajectory: &trajectory,
    };
    assert!(!riccati.minimize_free(&mut parts));
    parts.model.shift_all(&structure, 1e4);
    assert!(riccati.minimize_free(&mut parts));
}

/// Bounds of inputs and constraints, and an equation, all in one step.
#[test]
fn one_step_finds_the_constraints_that_hold() {
    for seed in 0..20 {
        let mut max = vec![0.5; HORIZON + 1];
        let mut min = vec![f64::NEG_INFINITY; HORIZON + 1];
        (min[2], max[2]) = (0.1, 0.1);
        let set = Set::Box {
            min,
            max: max.clone(),
        };
        let (mut problem, mut merit) = (Quadratic::new(seed), merit(set));
        let inputs = (vec![-10.0; HORIZON * NU], vec![10.0; HORIZON * NU]);
        let settings = Settings::default();
        let mut solver = Stagewise::new(structure(), &merit.structure.clone(), inputs, 5, &settings);
        solver.current = anywhere(&mut problem, &mut merit);
        assert!(solver.begin_active(&mut merit, &mut problem, Origin::Start));
        // The later steps take away what the finite curvature of the first leaves of the constraints.
        for _ in 0..3 {
            assert!(solver.step_active(&mut merit, &mut problem, 1e9), "{seed}");
        }
        let point = &solver.current.point;
        assert!(
            solver.current.gap().scaled < 1e-9 && point.violation < 1e-9,
            "{seed}: {}",
            point.violation
        );
        assert!(solver.residual.scaled < 1e-6, "{seed}: {:?}", solver.residual);
        for (i, (y, g)) in point.multipliers.iter().zip(&point.constraints).enumerate() {
            let is_complementary = i == 2 || (*y >= 0.0 && (*y == 0.0 || (g - max[i]).abs() < 1e-9));
            assert!(
                is_complementary,
                "{seed}: constraint {i} is {g} with multiplier {y}"
            );
        }
    }
}
