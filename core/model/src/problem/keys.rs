//! Keys of problem files. The tables are what the reader takes, what its errors list, what JSON Schemas and the book are made
//! from: a new key is a line here, and its reading.

use crate::text::Kind;

/// A problem file: an object with `variables` and `cost`, or with `ocp`.
pub static FILE: Kind = Kind::Either(&[
    Kind::Object(&optimal_control::TABLE),
    Kind::Object(&problem::TABLE),
]);

/// Set of the constraints or variables of one name.
static SET: Kind = Kind::Either(&[
    Kind::Word(&["all", "zero", "epigraph_squared_norm"]),
    Kind::Object(&set::TABLE),
]);
const NUMBER: &Kind = &Kind::Number;
/// Constraints: comparisons or expressions as they are, or objects.
const CONSTRAINT: Kind = Kind::Either(&[Kind::Expression, Kind::Object(&constraint::TABLE)]);
const ZERO: Kind = Kind::Either(&[Kind::Expression, Kind::Object(&named_expression::TABLE)]);
const PATH_CONSTRAINT: Kind = Kind::Either(&[Kind::Expression, Kind::Object(&path_constraint::TABLE)]);
const TERMINAL_CONSTRAINT: Kind =
    Kind::Either(&[Kind::Expression, Kind::Object(&terminal_constraint::TABLE)]);
const BOUNDS: Kind = Kind::Each(&Kind::Either(&[Kind::Bound, Kind::Text]));
const STEPS: Kind = Kind::Either(&[Kind::Each(&Kind::Positive), Kind::Text]);
const STEP: Kind = Kind::Either(&[
    Kind::Each(&Kind::Positive),
    Kind::Text,
    Kind::Object(&step::TABLE),
]);
const INPUT_BOUNDS: Kind = Kind::Either(&[Kind::Object(&set_box::TABLE), SET]);
/// As [`NAMES_OR_LENGTHS`], with parameters of stages.
const PARAMETERS: Kind = Kind::Either(&[
    Kind::List(&Kind::Text),
    Kind::Map(&Kind::Either(&[
        Kind::Whole(1, u32::MAX),
        Kind::Object(&stage_parameter::TABLE),
        Kind::Object(&horizon_parameter::TABLE),
    ])),
]);
const HORIZON_VARIABLES: Kind = Kind::Either(&[
    Kind::List(&Kind::Text),
    Kind::Map(&Kind::Object(&horizon_variable::TABLE)),
]);
const INITIAL_STATE: Kind = Kind::Each(&Kind::Either(&[
    Kind::Expression,
    Kind::Object(&free_value::TABLE),
]));
const NUMBERS: Kind = Kind::Each(NUMBER);
static ALGEBRAIC: Kind = Kind::Either(&[Kind::Expression, Kind::Object(&algebraic::TABLE)]);
/// Length of a vector, or rows and columns of a matrix.
const SHAPE: Kind = Kind::Either(&[
    Kind::Whole(1, u32::MAX),
    Kind::Items(2, &Kind::Whole(1, u32::MAX)),
]);
/// Definition: an expression, a list of them, of rows or of numbers, the same with a unit, or a table in a file.
static DEFINITION: Kind = Kind::Either(&[
    Kind::Expression,
    Kind::Object(&data::TABLE),
    Kind::Object(&definition::TABLE),
    VALUES,
]);
const VALUES: Kind = Kind::List(&Kind::Either(&[Kind::Expression, Kind::List(&Kind::Expression)]));
/// Variables: lengths, or objects.
const VARIABLE: Kind = Kind::Either(&[SHAPE, Kind::Object(&variable::TABLE)]);
const PARAMETER: Kind = Kind::Either(&[SHAPE, Kind::Object(&parameter::TABLE)]);
/// Names of numbers, or names of vectors and their lengths.
const NAMES_OR_LENGTHS: Kind = Kind::Either(&[Kind::List(&Kind::Text), Kind::Map(&VARIABLE)]);
/// Meanings of keys that several tables have.
const UNIT: &str = "Unit, such as `\"kW\"`, `\"m/s^2\"`, `\"EUR/(kW h)\"`, or `\"1\"` for a number without one. Units are compared, never converted.";
const LABEL: &str = "Label for people, beside the name.";
const SCALE: &str = "Typical magnitude, which the solver may take as the size instead of measuring it.";

crate::keys! {
    /// Keys of every problem file.
    pub common {
        "$schema": Text, Optional, "Address of the JSON Schema that `labwire schema problem` prints, for editors. The reader ignores it.";
        "version": Whole(1, 1), Default("1"), "Version of the format.";
        "name": Text, Default("\"unnamed\""), "Name of the problem, at most 1,000 characters.";
        "solver": Object(&solver::TABLE), Optional, "Settings of the solver.";
        "initial_guess": NUMBERS, Optional,
            "Point from which solves start: a number for every decision variable, or one number for all. With `ocp`, a number for every element of the inputs holds for every stage. Without the key, solves start at 0.";
        "initial_penalty": Positive, Optional, "Penalty parameter with which solves start. Without the key, the solver chooses it.";
    }

    /// A problem with variables, cost and constraints: minimize `cost` over the variables, each in its set of `constraints`, subject to `f1` in its set and `f2` = 0.
    pub problem with common {
        "variables": Map(&VARIABLE), Required, "Decision variables: names and lengths, or shapes `[rows, columns]` of matrices, or objects with more. They are laid out in this order.";
        "parameters": Map(&PARAMETER), Optional,
            "Parameters: names and lengths, or shapes, or objects with more. Each solve brings their values, laid out in this order.";
        "let": Map(&DEFINITION), Optional,
            "Definitions for use in later expressions: names, or functions such as `\"d(i)\"`, and their expressions; of names also lists, and tables in files. A definition may use those above it.";
        "graph": Object(&graph::TABLE), Optional,
            "Instructions in place of expressions, as `labwire_casadi.py` exports them. The first output is the cost if there is no `cost`.";
        "cost": Expression, Optional, "The function to be minimized. Required unless there is a `graph`.";
        "constraints": Map(&SET), Optional, "Sets of the decision variables: names of variables and their sets. Variables without one are free.";
        "f1": Either(&[Object(&f1::TABLE), List(&CONSTRAINT)]), Optional, "Constraints of the form \"expressions in a set\", and comparisons: a list of constraints, or an object.";
        "f2": Kind::Each(&ZERO), Optional,
            "Constraints of the form \"expression = 0\", and comparisons. `max(0, h)` stands for h <= 0. A list; vectors count as their elements.";
        "integers": Kind::Each(&Text), Optional,
            "Decision variables that take only integer values: names, or elements such as `\"u[0]\"` and `\"u[2..5]\"`. Each needs a box with two finite bounds in `constraints`; 0 and 1 for on/off.";
    }

    /// A problem of optimal control, stated by its stages.
    pub optimal_control with common {
        "ocp": Object(&ocp::TABLE), Required, "Stages: states, inputs, dynamics, costs and constraints.";
    }

    /// A vector of decision variables, states or inputs.
    pub variable {
        "length": SHAPE, Default("1"), "Length, or shape `[rows, columns]` of a matrix.";
        "unit": Text, Optional, UNIT;
        "label": Text, Optional, LABEL;
        "scale": Positive, Optional, SCALE;
    }

    /// A vector of parameters.
    pub parameter {
        "length": SHAPE, Default("1"), "Length, or shape `[rows, columns]` of a matrix.";
        "unit": Text, Optional, UNIT;
        "label": Text, Optional, LABEL;
    }

    /// A definition with a unit.
    pub definition {
        "value": Kind::Either(&[Kind::Expression, VALUES]), Required, "An expression, or a list of expressions or of rows.";
        "unit": Text, Optional, UNIT;
    }

    /// Table of numbers in a CSV file beside the problem, whose first line may name the columns. Only for a problem that is named on the command line or in the configuration.
    pub data {
        "csv": Text, Required, "Name of the file.";
        "column": Kind::Either(&[Text, Whole(0, u32::MAX)]), Optional, "Name of a column, or its number from 0: a vector. Without the key, the whole table: a matrix.";
        "unit": Text, Optional, UNIT;
    }

    /// Expressions that must lie in a set.
    pub f1 {
        "expressions": Kind::Each(&CONSTRAINT), Required, "The expressions. A list; vectors count as their elements.";
        "set": SET, Optional, "Set of all these expressions together. Required unless all are comparisons.";
    }

    /// A constraint with a name or a set. A comparison such as `1 <= x + y <= 3` needs neither, and may stand in place of the object.
    pub constraint {
        "name": Text, Optional, "Name for messages.";
        "expression": Expressions, Required, "An expression, or a list of them; or comparisons.";
        "unit": Text, Optional, UNIT;
        "scale": Positive, Optional, SCALE;
        "soft": Object(&soft::TABLE), Optional, "Prices of the slack: the constraint moves to the cost.";
        "set": SET, Optional, "Set of these expressions together. Required unless they are comparisons, or share the set of a whole.";
    }

    /// A constraint of `f2` with a name.
    pub named_expression {
        "name": Text, Optional, "Name for messages.";
        "expression": Expressions, Required, "An expression, or a list of them, that must be 0; or comparisons.";
        "unit": Text, Optional, UNIT;
        "scale": Positive, Optional, SCALE;
        "soft": Object(&soft::TABLE), Optional, "Prices of the slack: the constraint moves to the cost.";
    }

    /// Prices of the slack of a soft constraint, `l1`, `l2` or both: expressions in parameters. Of a violation v of a component, the cost is `l1 v + l2 v^2`.
    pub soft {
        "l1": Expression, Optional, "Price of the violation. Above the multiplier of the constraint, it holds to within `smoothing`.";
        "l2": Expression, Optional, "Price of the square of the violation.";
        "smoothing": Positive, Default("1e-3"), "Violation s up to which `l1` counts as v^2/(2 s); beyond it as v - s/2.";
    }

    /// Settings of the solver.
    pub solver {
        "tolerance": Positive, Default("1e-5"), "Largest residual of the stationarity conditions at a solution, in units of the cost per unit of a variable.";
        "initial_tolerance": Positive, Default("0.1"), "Tolerance of the first inner problem, as a fraction of the residual at the start; each outer iteration reduces it tenfold.";
        "delta_tolerance": Positive, Default("1e-5"), "Largest violation of a constraint at a solution, in the units of the constraint.";
        "max_inner_iterations": Whole(1, u32::MAX), Default("5000"), "Limit of the iterations of an inner problem.";
        "max_outer_iterations": Whole(1, u32::MAX), Default("50"), "Limit of the updates of multipliers and penalty.";
        "max_nodes": Whole(1, u32::MAX), Default("100000"), "Limit of the nodes of a search for `integers`, each a solve without that condition. Then the best solution found is the result.";
        "integer_gap": Positive, Default("1e-6"), "Part of the cost up to which a better solution in `integers` is given up.";
        "max_duration_ms": Positive, Optional, "Time limit of a solve in milliseconds. Then the best point found is the result.";
        "lbfgs_memory": Whole(1, 1000), Optional, "Number of pairs of the L-BFGS memory. Without the key, the solver chooses it.";
    }

    /// Stages t = 0, 1, ..., N-1 with states and inputs, and the end of the horizon, N, with states only. The decision variables are the inputs of all stages, stage by stage.
    pub ocp {
        "horizon": Whole(1, u32::MAX), Optional, "Number N of stages. Required unless there are `phases`.";
        "step": STEP, Optional,
            "Length of the stages in time: a number, a list with one for each stage, or an expression of parameters, `data`, `k` and `horizon_variables`, or an object with its unit. Required with `derivative`.";
        "states": NAMES_OR_LENGTHS, Required, "States: a list of names of numbers, or names and lengths of vectors, or objects with more.";
        "inputs": NAMES_OR_LENGTHS, Required, "Inputs, as `states`.";
        "parameters": PARAMETERS, Optional,
            "Parameters: names, or names and lengths, or with `{\"per_stage\": 1}` for values of each stage. Each solve brings the values of all, laid out in this order.";
        "data": Map(&Kind::Either(&[List(&NUMBERS), Object(&stage_values::TABLE)])), Optional,
            "Names and lists with a number, or a row of numbers, for each stage 0 to N-1, or 0 to N. In expressions the name is the number or the row of the stage.";
        "horizon_variables": HORIZON_VARIABLES, Optional,
            "Numbers that a solve decides, the same for all stages: a list of names, or names with bounds and guesses. They are the first decision variables, before free elements of the initial state.";
        "previous": Kind::Each(&Text), Optional,
            "Inputs whose last value has a name in expressions: that of `u` is `u_previous`. Its value before stage 0 is a parameter of that name, after all others.";
        "initial_state": INITIAL_STATE, Required,
            "An expression in parameters for each state: its value at stage 0. `\"free\"`, or an object with bounds and a guess, in place of an element or of all, lets a solve decide.";
        "initial_cost": Expression, Optional, "Cost of the state at stage 0, where something of it is free, and of `horizon_variables`.";
        "let": Map(&DEFINITION), Optional,
            "Definitions for use in later expressions, as in other problems; of states, inputs and parameters of the same stage, of its index `k` and its time `t`.";
        "algebraic": Map(&ALGEBRAIC), Optional, "Unknowns and their equations, which are solved inside of a stage, by Newton's method: all later expressions, and `let`, may use the unknowns.";
        "dynamics": Object(&dynamics::TABLE), Optional, "State of the next stage. Required unless all `phases` have their own.";
        "stage_cost": Expression, Optional, "Cost of a stage, in states and inputs; the sum over all stages is minimized. Required unless there is a `terminal_cost`.";
        "terminal_cost": Expression, Optional, "Cost of the states at the end of the horizon.";
        "input_bounds": INPUT_BOUNDS, Optional,
            "Bounds of the inputs: `min`, `max` or both, or any set, the same at every stage. Bounds may be expressions: those of `data`, `k` and numbers are kept by projection, others become constraints in F1.";
        "integers": Kind::Each(&Text), Optional,
            "Inputs that take only integer values at every stage: names, or elements such as `\"u[0]\"`. Each needs two finite bounds in `input_bounds`, numbers or `data`; 0 and 1 for on/off.";
        "state_bounds": Object(&set_box::TABLE), Optional,
            "Bounds of the states, as of `input_bounds`, at stages 1 to N, and at 0 if the initial state is free.";
        "path_constraints": List(&PATH_CONSTRAINT), Optional,
            "Constraints at the stages 0 to N-1, unless `at` says otherwise. The end of the horizon has its own.";
        "terminal_constraints": List(&TERMINAL_CONSTRAINT), Optional, "Constraints at the end of the horizon, on states only.";
        "terminal_set": SET, Optional, "Set of the vector of all states at the end of the horizon.";
        "blocks": List(&Whole(1, u32::MAX)), Optional,
            "Numbers of stages over which the inputs are held, one block after the other; together N. Decision variables of stages that hold an input are 0 and have no effect.";
        "phases": List(&Object(&phase::TABLE)), Optional, "Phases with functions of their own, one after the other, in place of `horizon`.";
        "shooting": Word(&["auto", "single", "multiple"]), Default("\"auto\""),
            "Whether states may leave the trajectory of the inputs while the solver is on its way (`auto`), never do (`single`), or are decision variables with the dynamics as constraints of F2 (`multiple`).";
        "warm_start": Word(&["keep", "shift"]), Default("\"keep\""),
            "Start of the next solve on the same connection: the last solution, or that without its first stage, with the last one repeated.";
    }

    /// Parameter with values of each stage.
    pub stage_parameter {
        "per_stage": Whole(1, u32::MAX), Required,
            "Length of the value of one stage. The parameter has N of them, stage by stage; in expressions its name is the value of the stage.";
        "at_end": Truth, Default("false"), "Whether there is one for the end of the horizon too, N + 1 in all.";
        "unit": Text, Optional, UNIT;
        "label": Text, Optional, LABEL;
    }

    /// Parameter of the whole horizon.
    pub horizon_parameter {
        "length": Whole(1, u32::MAX), Default("1"), "Length.";
        "unit": Text, Optional, UNIT;
        "label": Text, Optional, LABEL;
    }

    /// Numbers of stages with a unit.
    pub stage_values {
        "values": List(&NUMBERS), Required, "A number, or a row of numbers, for each stage, as without the object.";
        "unit": Text, Optional, UNIT;
    }

    /// Length of the stages with the unit of time. Where states have units, those of `derivative` are theirs over this one.
    pub step {
        "value": STEPS, Required, "The step, as without the object.";
        "unit": Text, Optional, UNIT;
    }

    /// Variable of the whole horizon.
    pub horizon_variable {
        "min": Bound, Default("null"), "Lower bound; `null` for none.";
        "max": Bound, Default("null"), "Upper bound; `null` for none.";
        "guess": Number, Optional, "Value from which solves start. Without the key, the number within the bounds that is nearest to 0.";
        "unit": Text, Optional, UNIT;
        "label": Text, Optional, LABEL;
        "scale": Positive, Optional, SCALE;
    }

    /// Element of the initial state that a solve decides.
    pub free_value {
        "min": Bound, Default("null"), "Lower bound; `null` for none.";
        "max": Bound, Default("null"), "Upper bound; `null` for none.";
        "guess": Number, Optional, "Value from which solves start. Without the key, the number within the bounds that is nearest to 0.";
    }

    /// Consecutive stages with functions of their own. What a phase does not have is that of `ocp`.
    pub phase {
        "stages": Whole(1, u32::MAX), Required, "Number of stages.";
        "step": STEP, Optional, "As in `ocp`; a list has the steps of the phase.";
        "dynamics": Object(&dynamics::TABLE), Optional, "As in `ocp`.";
        "stage_cost": Expression, Optional, "As in `ocp`.";
        "input_bounds": INPUT_BOUNDS, Optional, "As in `ocp`.";
        "path_constraints": List(&CONSTRAINT), Optional, "Constraints at all stages of the phase, besides those of `ocp`.";
    }

    /// Equation for an unknown. Without a guess, the equation may stand in place of the object.
    pub algebraic {
        "equation": Expression, Required, "Equation, `a == b`, or an expression that must be 0. Together the equations determine their unknowns.";
        "guess": Expression, Default("0"), "Expression in states, inputs and parameters from which Newton's method starts.";
        "unit": Text, Optional, UNIT;
    }

    /// Dynamics: `next` or `derivative`.
    pub dynamics {
        "next": Expressions, Optional, "An expression for each state: its value at the next stage.";
        "derivative": Expressions, Optional, "An expression for each state: its derivative with respect to time. Inputs are constant during a stage.";
        "integrator": Word(&["euler", "rk4", "backward_euler", "radau2", "gauss2", "gauss4"]), Default("\"rk4\""), "Method that integrates `derivative` over a stage: Euler's, the classical one of Runge and Kutta, and implicit ones, of order 1, 3, 4 and 8. A rate above some 2.5 per step (Euler: 2) lets the first two grow without end: for such stiff dynamics take `backward_euler` or `radau2`, in which what is fast dies out, or more `substeps`. In `gauss2` and `gauss4`, which suit oscillations, it does not die out.";
        "substeps": Whole(1, 1000), Default("1"), "Number of steps of the integrator in a stage.";
    }

    /// Constraint at stages. A comparison may stand in place of the object.
    pub path_constraint {
        "name": Text, Optional, "Name for messages.";
        "expression": Expressions, Required, "An expression, or a list of them, in states, inputs and parameters; or comparisons.";
        "unit": Text, Optional, UNIT;
        "scale": Positive, Optional, SCALE;
        "soft": Object(&soft::TABLE), Optional, "Prices of the slack: the constraint moves to the cost.";
        "set": SET, Optional, "Set of all these expressions together, at each stage. Required unless they are comparisons.";
        "from": Whole(0, u32::MAX), Default("0"), "First stage at which the constraint holds. At N and beyond: none.";
        "at": Kind::Either(&[Whole(0, u32::MAX), Text]), Optional,
            "Stages at which the constraint holds, in place of `from`: `\"all\"` (0 to N), `\"after_first\"` (1 to N, all states that a solve decides), `\"stages\"` (0 to N-1), one such as 5, or a range such as `\"2..5\"` (2, 3, 4). At N, the expressions have no inputs.";
    }

    /// Constraint at the end of the horizon. A comparison may stand in place of the object.
    pub terminal_constraint {
        "name": Text, Optional, "Name for messages.";
        "expression": Expressions, Required, "An expression, or a list of them, in states and parameters; or comparisons.";
        "unit": Text, Optional, UNIT;
        "scale": Positive, Optional, SCALE;
        "soft": Object(&soft::TABLE), Optional, "Prices of the slack: the constraint moves to the cost.";
        "set": SET, Optional, "Set of all these expressions together. Required unless they are comparisons.";
    }

    /// A set: its name and its parameters. Where a set is given for n expressions or variables, one number stands for a vector of n equal numbers. `"all"`, `"zero"` and `"epigraph_squared_norm"` may be written as words.
    pub set (choice) {
        "all": Object(&empty::TABLE), Optional, "All vectors.";
        "zero": Object(&empty::TABLE), Optional, "The vector 0 alone: equality constraints.";
        "box": Object(&set_box::TABLE), Optional, "Bounds: min <= x <= max.";
        "ball1": Object(&ball::TABLE), Optional, "Ball of the 1-norm: sum of |x - center| <= radius.";
        "ball2": Object(&ball::TABLE), Optional, "Ball of the Euclidean norm: |x - center| <= radius.";
        "ball_inf": Object(&ball::TABLE), Optional, "Ball of the maximum norm: every |x - center| <= radius.";
        "ball_p": Object(&ball_p::TABLE), Optional, "Ball of the p-norm.";
        "sphere2": Object(&ball::TABLE), Optional, "Sphere: |x - center| = radius. Not convex.";
        "simplex": Object(&alpha::TABLE), Optional, "Simplex: x >= 0 with the sum alpha.";
        "halfspace": Object(&plane::TABLE), Optional, "Halfspace: normal . x <= offset.";
        "hyperplane": Object(&plane::TABLE), Optional, "Hyperplane: normal . x = offset.";
        "affine_space": Object(&affine_space::TABLE), Optional, "Affine space: A x = b.";
        "second_order_cone": Object(&alpha::TABLE), Optional, "Second-order cone: vectors (z, t) with |z| <= alpha t; t is the last element.";
        "epigraph_squared_norm": Object(&empty::TABLE), Optional, "Epigraph of the squared norm: vectors (z, t) with |z|^2 <= t; t is the last element.";
        "finite_set": Object(&finite_set::TABLE), Optional, "Finitely many vectors. Not convex.";
        "product": Map(&SET), Optional, "Product of sets: ranges of indices such as `\"0..2\"`, which follow one another without gaps, and their sets.";
    }

    /// Bounds, of one vector or of each element.
    pub set_box {
        "min": BOUNDS, Default("null"), "Lower bounds; `null` for none. In `constraints`, `input_bounds` and `state_bounds` they may be expressions; those that parameters decide become constraints in F1.";
        "max": BOUNDS, Default("null"), "Upper bounds, likewise.";
    }

    /// A ball or a sphere.
    pub ball {
        "radius": Positive, Required, "Radius.";
        "center": NUMBERS, Optional, "Center; the origin without the key.";
    }

    /// A ball of the p-norm.
    pub ball_p {
        "p": Number, Required, "Exponent p of the norm, above 1.";
        "radius": Positive, Required, "Radius.";
        "center": NUMBERS, Optional, "Center; the origin without the key.";
    }

    /// Size of a simplex, or slope of a cone.
    pub alpha {
        "alpha": Positive, Required, "The sum of a simplex, or the slope of a cone.";
    }

    /// A plane, or one side of it.
    pub plane {
        "normal": NUMBERS, Required, "Vector perpendicular to the plane.";
        "offset": Number, Required, "Product of the normal and a vector in the plane.";
    }

    /// Linear equations.
    pub affine_space {
        "A": List(&NUMBERS), Required, "Matrix, a list of rows.";
        "b": NUMBERS, Required, "Right side, a number for each row.";
    }

    /// Vectors of a finite set.
    pub finite_set {
        "points": List(&NUMBERS), Required, "List of vectors.";
    }

    /// Instructions and the names of their results. Each instruction is a list: the operation, by CasADi's name, and its operands, which are indices of earlier instructions. `["OP_INPUT", "x", 0]` is an element of a variable or parameter, `["OP_CONST", 2]` a number.
    pub graph {
        "instructions": List(&Any), Required, "List of instructions.";
        "outputs": Map(&List(&Whole(0, u32::MAX))), Required, "Names, and the instructions whose results they stand for.";
    }
}

/// An object without keys.
pub mod empty {
    use crate::text::Table;

    /// The names of no keys.
    pub const NAMES: &[&str] = &[];

    /// No keys.
    pub static TABLE: Table = Table::new("empty", "An object without keys: `{}`.", &[]);
}
