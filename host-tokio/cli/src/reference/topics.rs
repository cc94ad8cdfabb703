//! Topics of `labwire help`, which are also the pages of the book's reference.

use labwire_core::design::keys as experiment;
use labwire_core::problem::keys as problem;
use labwire_core::text::Table;

/// Tables of keys that belong together.
pub(super) struct Topic {
    pub(super) title: &'static str,
    pub(super) about: &'static str,
    pub(super) tables: Vec<&'static Table>,
    pub(super) extra: Extra,
}

/// What a topic has beside tables of keys.
#[derive(Clone, Copy)]
pub(super) enum Extra {
    None,
    /// The functions of expressions.
    Functions,
    /// The default configuration.
    Configuration,
}

/// Names of all topics.
pub(crate) const TOPIC_NAMES: [&str; 10] = [
    "problem",
    "ocp",
    "sets",
    "solver",
    "experiment",
    "settings",
    "priors",
    "options",
    "functions",
    "config",
];

/// Topic of this name.
pub(super) fn find(name: &str) -> Option<Topic> {
    let (title, about, tables) = match name {
        "problem" => (
            "Problem files",
            "A problem file is JSON. It has `variables` and `cost`, or `ocp`. `labwire example` prints some to begin with, `labwire check FILE` says what a file states, or what is wrong with it.",
            vec![
                &problem::problem::TABLE,
                &problem::optimal_control::TABLE,
                &problem::common::TABLE,
                &problem::f1::TABLE,
                &problem::constraint::TABLE,
                &problem::named_expression::TABLE,
                &problem::solver::TABLE,
                &problem::graph::TABLE,
            ],
        ),
        "ocp" => (
            "Optimal control",
            "A problem file with the key `ocp` states one stage of a problem; it is compiled once, whatever the horizon.",
            vec![
                &problem::ocp::TABLE,
                &problem::stage_parameter::TABLE,
                &problem::free_value::TABLE,
                &problem::phase::TABLE,
                &problem::dynamics::TABLE,
                &problem::path_constraint::TABLE,
                &problem::terminal_constraint::TABLE,
            ],
        ),
        "sets" => (
            "Sets",
            "Sets of decision variables (`constraints`, `input_bounds`) and of constraints (`set`), such as `{\"ball2\": {\"radius\": 1.5}}`.",
            vec![
                &problem::set::TABLE,
                &problem::set_box::TABLE,
                &problem::ball::TABLE,
                &problem::ball_p::TABLE,
                &problem::alpha::TABLE,
                &problem::plane::TABLE,
                &problem::affine_space::TABLE,
                &problem::finite_set::TABLE,
            ],
        ),
        "solver" => (
            "Settings of the solver",
            "The key `solver` of a problem file.",
            vec![&problem::solver::TABLE],
        ),
        "experiment" => (
            "Experiment files",
            "An experiment file is JSON. `labwire experiment FILE simulate` simulates what it would save, `labwire serve --experiment FILE` serves it.",
            vec![
                &experiment::experiment::TABLE,
                &experiment::setting::TABLE,
                &experiment::prior::TABLE,
                &experiment::discrete::TABLE,
                &experiment::options::TABLE,
            ],
        ),
        "settings" => (
            "Settings of an experiment",
            "The key `settings` of an experiment file: knobs and their values.",
            vec![&experiment::setting::TABLE],
        ),
        "priors" => (
            "Priors",
            "The key `parameters` of an experiment file: parameters and their priors.",
            vec![&experiment::prior::TABLE, &experiment::discrete::TABLE],
        ),
        "options" => (
            "Options of the design",
            "The key `options` of an experiment file.",
            vec![&experiment::options::TABLE],
        ),
        "functions" => (
            "Expressions and functions",
            "An expression is a string or a number: numbers, names, elements `u[i]` counted from 0, `+ - * / ^`, comparisons, and calls. `^` binds tighter than a minus before it, and to the right: `-2^2` is -4, `2^3^2` is 512. `sum(i in a..b, e)` and `prod(i in a..b, e)` run over a, ..., b-1; `[e for i in a..b]` makes a vector. Operators and functions of one number act on each element of a vector. The constants are `pi`, `e` and `inf`.",
            Vec::new(),
        ),
        "config" => (
            "The configuration",
            "A file in TOML, given with `--config FILE` or in the environment as LABWIRE_CONFIG. Every key, with its default:",
            Vec::new(),
        ),
        _ => return None,
    };
    let extra = match name {
        "functions" => Extra::Functions,
        "config" => Extra::Configuration,
        _ => Extra::None,
    };
    Some(Topic {
        title,
        about,
        tables,
        extra,
    })
}
