//! Topics of `labwire help`, which are also the pages of the book's reference.

use labwire_core::design::keys as experiment;
use labwire_core::problem::keys as problem;
use labwire_core::text::Table;

/// Tables of keys that belong together.
pub(super) struct Topic {
    name: &'static str,
    pub(super) title: &'static str,
    pub(super) about: &'static str,
    pub(super) tables: &'static [&'static Table],
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

/// All topics.
static TOPICS: [Topic; 10] = [
    Topic {
        name: "problem",
        title: "Problem files",
        about: "A problem file is JSON. It has `variables` and `cost`, or `ocp`. `labwire example` prints some to begin with, `labwire check FILE` says what a file states, or what is wrong with it.",
        tables: &[
            &problem::problem::TABLE,
            &problem::optimal_control::TABLE,
            &problem::common::TABLE,
            &problem::variable::TABLE,
            &problem::parameter::TABLE,
            &problem::definition::TABLE,
            &problem::f1::TABLE,
            &problem::constraint::TABLE,
            &problem::named_expression::TABLE,
            &problem::soft::TABLE,
            &problem::data::TABLE,
            &problem::solver::TABLE,
            &problem::graph::TABLE,
        ],
        extra: Extra::None,
    },
    Topic {
        name: "ocp",
        title: "Optimal control",
        about: "A problem file with the key `ocp` states one stage of a problem; it is compiled once, whatever the horizon.",
        tables: &[
            &problem::ocp::TABLE,
            &problem::variable::TABLE,
            &problem::stage_parameter::TABLE,
            &problem::horizon_parameter::TABLE,
            &problem::stage_values::TABLE,
            &problem::step::TABLE,
            &problem::horizon_variable::TABLE,
            &problem::free_value::TABLE,
            &problem::phase::TABLE,
            &problem::dynamics::TABLE,
            &problem::algebraic::TABLE,
            &problem::path_constraint::TABLE,
            &problem::terminal_constraint::TABLE,
            &problem::soft::TABLE,
            &problem::definition::TABLE,
            &problem::data::TABLE,
        ],
        extra: Extra::None,
    },
    Topic {
        name: "sets",
        title: "Sets",
        about: "Sets of decision variables (`constraints`, `input_bounds`) and of constraints (`set`), such as `{\"ball2\": {\"radius\": 1.5}}`.",
        tables: &[
            &problem::set::TABLE,
            &problem::set_box::TABLE,
            &problem::ball::TABLE,
            &problem::ball_p::TABLE,
            &problem::alpha::TABLE,
            &problem::plane::TABLE,
            &problem::affine_space::TABLE,
            &problem::finite_set::TABLE,
        ],
        extra: Extra::None,
    },
    Topic {
        name: "solver",
        title: "Settings of the solver",
        about: "The key `solver` of a problem file.",
        tables: &[&problem::solver::TABLE],
        extra: Extra::None,
    },
    Topic {
        name: "experiment",
        title: "Experiment files",
        about: "An experiment file is JSON. `labwire experiment FILE simulate` simulates what it would save, `labwire serve --experiment FILE` serves it.",
        tables: &[
            &experiment::experiment::TABLE,
            &experiment::setting::TABLE,
            &experiment::prior::TABLE,
            &experiment::bounds::TABLE,
            &experiment::discrete::TABLE,
            &experiment::multivariate_normal::TABLE,
            &experiment::model::TABLE,
            &experiment::equations::TABLE,
            &experiment::noise::TABLE,
            &experiment::likelihood::TABLE,
            &experiment::until::TABLE,
            &experiment::options::TABLE,
        ],
        extra: Extra::None,
    },
    Topic {
        name: "settings",
        title: "Settings of an experiment",
        about: "The key `settings` of an experiment file: knobs and their values.",
        tables: &[&experiment::setting::TABLE],
        extra: Extra::None,
    },
    Topic {
        name: "priors",
        title: "Priors",
        about: "The key `parameters` of an experiment file: parameters and their priors.",
        tables: &[
            &experiment::prior::TABLE,
            &experiment::bounds::TABLE,
            &experiment::discrete::TABLE,
            &experiment::multivariate_normal::TABLE,
        ],
        extra: Extra::None,
    },
    Topic {
        name: "options",
        title: "Options of the design",
        about: "The key `options` of an experiment file.",
        tables: &[&experiment::options::TABLE],
        extra: Extra::None,
    },
    Topic {
        name: "functions",
        title: "Expressions and functions",
        about: "An expression is a string or a number: numbers, names, elements `u[i]` counted from 0, `+ - * / ^`, comparisons, and calls. `^` binds tighter than a minus before it, and to the right: `-2^2` is -4, `2^3^2` is 512. `sum(i in a..b, e)` and `prod(i in a..b, e)` run over a, ..., b-1; `[e for i in a..b]` makes a vector. Operators and functions of one number act on each element of a vector. The constants are `pi`, `e` and `inf`.",
        tables: &[],
        extra: Extra::Functions,
    },
    Topic {
        name: "config",
        title: "The configuration",
        about: "A file in TOML: `labwire/config.toml` in the user's folder for configurations, or another, given with `--config FILE` or in the environment as LABWIRE_CONFIG. Every key, with its default:",
        tables: &[],
        extra: Extra::Configuration,
    },
];

/// Names of all topics.
pub(crate) fn topic_names<'a>() -> impl Iterator<Item = &'a str> {
    TOPICS.iter().map(|topic| topic.name)
}

/// Topic of this name.
pub(super) fn find(name: &str) -> Option<&'static Topic> {
    TOPICS.iter().find(|topic| topic.name == name)
}
