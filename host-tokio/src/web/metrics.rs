//! Metrics in Prometheus' text format, version 0.0.4.

use std::fmt::Write;
use std::time::Duration;

use labwire_host::Statistics;

/// Content type.
pub(super) const TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

type Metric = (&'static str, &'static str, &'static str, fn(&Statistics) -> u64);

/// Name, type, help and value of each metric per server.
const METRICS: [Metric; 6] = [
    ("labwire_connections", "gauge", "Open connections.", |of| {
        of.connections as u64
    }),
    (
        "labwire_connections_total",
        "counter",
        "Connections accepted.",
        |of| of.accepted,
    ),
    (
        "labwire_connections_refused_total",
        "counter",
        "Connections refused at a limit.",
        |of| of.refused,
    ),
    (
        "labwire_requests_total",
        "counter",
        "Requests that reached the server.",
        |of| of.requests,
    ),
    (
        "labwire_jobs_running",
        "gauge",
        "Long jobs in progress, such as solves.",
        |of| of.running,
    ),
    (
        "labwire_jobs_total",
        "counter",
        "Jobs started, long or short.",
        |of| of.jobs,
    ),
];

/// All metrics. Names are labwire's own, so that nothing has to be escaped.
pub(super) fn text(uptime: Duration, servers: &[(&str, Statistics)]) -> String {
    let mut text = String::new();
    let mut line = |arguments: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{arguments}");
    };
    line(format_args!(
        "# HELP labwire_info The program.\n# TYPE labwire_info gauge"
    ));
    line(format_args!(
        "labwire_info{{version=\"{}\"}} 1",
        env!("CARGO_PKG_VERSION")
    ));
    line(format_args!(
        "# HELP labwire_uptime_seconds Since the start.\n# TYPE labwire_uptime_seconds gauge"
    ));
    line(format_args!("labwire_uptime_seconds {}", uptime.as_secs_f64()));
    for (name, kind, help, value) in METRICS {
        line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
        for (server, statistics) in servers {
            line(format_args!(
                "{name}{{server=\"{server}\"}} {}",
                value(statistics)
            ));
        }
    }
    text
}
