//! Collections of problems with known optima, and what the solver has reached on them.

use labwire_core::problem::{ProblemSolver, Solution};
use labwire_core::solve::{Counters, Structure};

use crate::{KnownProblem, Truth, Verdict, judge, known_problems};

/// Tolerance of residual and violation in every file.
const TOLERANCE: f64 = 1e-6;

/// Collection of problems.
#[derive(Clone, Copy, Debug)]
pub struct Collection {
    /// Folder under `tests/problems`.
    pub folder: &'static str,
    /// Totals that have been reached: raised when the solver improves.
    pub reached: Totals,
}

/// W. Hock and K. Schittkowski, 1981: up to 16 variables with constraints of all kinds.
pub const HOCK_SCHITTKOWSKI: Collection = Collection {
    folder: "hs",
    reached: Totals {
        optima: 108,
        kkt_points: 115,
        false_claims: 0,
        work: 26.0,
    },
};

/// J. J. Moré, B. S. Garbow and K. E. Hillstrom, 1981: sums of squares without constraints.
pub const MORE_GARBOW_HILLSTROM: Collection = Collection {
    folder: "mgh",
    reached: Totals {
        optima: 39,
        kkt_points: 39,
        false_claims: 0,
        work: 35.0,
    },
};

/// Totals over a collection.
#[derive(Clone, Copy, Debug)]
pub struct Totals {
    /// Problems that converged, to the listed optimum or a lower cost.
    pub optima: usize,
    /// Problems solved to a KKT point.
    pub kkt_points: usize,
    /// Claims that are untrue.
    pub false_claims: usize,
    /// Geometric mean of the evaluations: cost and gradient count as one, a Hessian as one, a product with it as two.
    pub work: f64,
}

/// Judged answer to a problem.
#[derive(Clone, Debug)]
pub struct Row {
    /// The problem.
    pub known: KnownProblem,
    /// The answer.
    pub solution: Solution,
    /// The truth about the answer.
    pub truth: Truth,
    /// The truth about the claim.
    pub verdict: Verdict,
}

impl Collection {
    /// Solves and judges every problem.
    ///
    /// # Panics
    /// If a file cannot be read.
    pub fn solve(&self) -> Vec<Row> {
        known_problems(self.folder).into_iter().map(Row::new).collect()
    }
}

impl Totals {
    /// Totals of judged answers.
    #[must_use]
    pub fn new(rows: &[Row]) -> Self {
        let count = |is_so: fn(&Row) -> bool| rows.iter().filter(|row| is_so(row)).count();
        let logarithms: f64 = rows.iter().map(|row| work(&row.solution.counters).ln()).sum();
        Self {
            optima: count(Row::is_optimum),
            kkt_points: count(|row| row.truth.is_kkt_point(TOLERANCE)),
            false_claims: count(|row| row.verdict.is_false()),
            work: (logarithms / rows.len() as f64).exp(),
        }
    }

    /// Whether these totals are at least as good as `other`.
    #[must_use]
    pub fn hold(&self, other: &Self) -> bool {
        self.optima >= other.optima
            && self.kkt_points >= other.kkt_points
            && self.false_claims <= other.false_claims
            && self.work <= other.work
    }
}

impl Row {
    fn new(known: KnownProblem) -> Self {
        let mut solver = ProblemSolver::new(&known.problem).expect("the settings are valid");
        let solution = solver.solve(&[]).expect("there are no parameters");
        let structure = Structure::from(&known.problem);
        let multipliers = [&*solution.f1_multipliers, &solution.f2_multipliers].concat();
        let truth = judge(
            &mut known.problem.evaluator(),
            &structure,
            &solution.u,
            &multipliers,
        );
        let verdict = Verdict::new(&solution.status, &truth, TOLERANCE);
        Self {
            known,
            solution,
            truth,
            verdict,
        }
    }

    /// Whether the solve converged, to the listed optimum or a lower cost.
    #[must_use]
    pub fn is_optimum(&self) -> bool {
        self.verdict == Verdict::Converged && self.truth.reaches(self.known.optimum, TOLERANCE)
    }

    /// Truth at another point.
    pub(crate) fn truth_at(&self, u: &[f64]) -> Truth {
        let problem = &self.known.problem;
        judge(&mut problem.evaluator(), &Structure::from(problem), u, &[])
    }

    /// Header of a table of rows.
    pub const HEADER: &'static str = "problem                     n   m  class          evals  hess  prods  cost             \
                                      above optimum  residual  violation  status";
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (problem, truth) = (&self.known.problem, &self.truth);
        write!(
            f,
            "{:<24} {:>4} {:>3}  {:<13} {:>6} {:>5} {:>6}  {:<15.9e} {:>14.1e} {:>9.1e} {:>10.1e}  {}{} {}",
            problem.name(),
            problem.num_variables(),
            problem.num_f1() + problem.num_f2(),
            self.known.class,
            self.solution.counters.evaluations,
            self.solution.counters.hessian_evaluations,
            self.solution.counters.hessian_products,
            truth.cost,
            truth.cost - self.known.optimum,
            truth.residual,
            truth.violation,
            self.solution.status.name(),
            if self.is_optimum() {
                ""
            } else {
                ", not the optimum"
            },
            self.verdict.remark(),
        )
    }
}

/// Evaluations: cost and gradient count as one, a Hessian as one, a product with it as two.
pub(crate) fn work(counters: &Counters) -> f64 {
    (counters.evaluations + counters.hessian_evaluations + 2 * counters.hessian_products) as f64
}
