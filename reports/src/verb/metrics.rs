//! `inspect metrics`: Kafka's metrics over a run, as sparklines, CSV and JSON, and the alerts that fired.

use fuzz::case::story::Describer;
use scenarios::instruments::metrics::{Alert, Metrics, NOT_REGISTERED, Values, decimals};
use scenarios::instruments::moment::At;
use serde_json::{Value, json};
use sim::duration::show_us;
use sim::fault::Fault;

use crate::args::InspectMetricsArgs;
use crate::engine::{Engine, Problem};
use crate::exit;
use crate::json::to_text;
use crate::output::{OutputTarget, Streams};
use crate::trace::disturbed::{Nearby, before, disturbances};
use crate::verb::instruments::{begin, go_to, load, name_of};
use crate::verb::job::Job;
use fuzz::seeds::show_seed;

/// Cells of a sparkline.
const WIDTH: usize = 48;
/// The most samples of a run.
const SAMPLES: u64 = 100_000;
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Samples the run, shows, writes.
pub fn run(args: &InspectMetricsArgs, engine: &dyn Engine, streams: &mut Streams<'_>) -> Result<u8, Problem> {
    let json = args.json.as_deref().map(OutputTarget::checked).transpose()?;
    let csv = args.csv.as_deref().map(OutputTarget::checked).transpose()?;
    OutputTarget::distinct(&[("--json", json.as_ref()), ("--csv", csv.as_ref())])?;
    let job = load(&args.subject, "inspect metrics", engine, streams)?;
    let until_ns = match args.subject.at {
        Some(at @ (At::Event(_) | At::BeforeViolation(_))) => {
            let mut there = begin(&job)?;
            go_to(&mut there, at, streams)?;
            there.now_ns()
        }
        Some(At::Time(at_ns)) => at_ns,
        Some(At::End) | None => u64::MAX,
    };
    let mut moment = begin(&job)?;
    let only = args.node.as_deref().map(|node| name_of(&moment, node)).transpose()?;
    let sampled_ns = until_ns.min(moment.end_ns()).saturating_sub(args.from);
    if args.every < sampled_ns / SAMPLES || args.every == 0 {
        let least = show_us((sampled_ns / SAMPLES).div_ceil(1000).max(1));
        return Err(Problem::new(format!("inspect metrics: --every: at most {SAMPLES} samples, so at least {least}")));
    }
    go_to(&mut moment, At::Time(args.from), streams)?;
    let mut metrics = Metrics::of(&mut moment, until_ns, args.every);
    if let Some(only) = &only {
        metrics.series.retain(|(node, _), _| node == only);
    }
    for text in &args.metric {
        if !metrics.series.keys().any(|(_, mbean)| mbean.contains(&**text)) {
            return Err(Problem::new(format!("inspect metrics: --metric {text}: no metric of this run contains that")));
        }
    }
    let is_asked = |mbean: &str| args.metric.is_empty() || args.metric.iter().any(|text| mbean.contains(&**text));
    metrics.series.retain(|(_, mbean), _| is_asked(mbean));
    let whys = whys(&job, until_ns, &metrics.alerts)?;
    if let Some(target) = &csv {
        target.write(&as_csv(&metrics), streams)?;
    }
    if let Some(target) = &json {
        let mut all = as_json(&metrics, &whys);
        all["scenario"] = job.scenario.name.clone().into();
        all["seed"] = show_seed(job.seed).into();
        all["every_ns"] = args.every.into();
        target.write(&to_text(&all), streams)?;
    }
    if ![&json, &csv].iter().any(|target| **target == Some(OutputTarget::Stdout)) {
        streams.result(&as_text(&metrics, &whys))?;
    }
    Ok(exit::HOLDS)
}

/// What disturbed the cluster before each alert.
fn whys(job: &Job, until_ns: u64, alerts: &[Alert]) -> Result<Vec<Nearby>, Problem> {
    if alerts.is_empty() {
        return Ok(Vec::new());
    }
    let ready = job.scenario.prepared.ready().ok_or_else(|| Problem::new("this engine writes no traces"))?;
    let until_ns = Some(until_ns).filter(|until_ns| *until_ns < u64::MAX);
    let (_, trace) = ready.trace(job.seed, until_ns).map_err(Problem::new)?;
    let case = job.scenario.prepared.case(job.seed)?;
    let describer = Describer::of(&case).map_err(Problem::new)?;
    let words = |fault: &Fault| describer.fault(&Fault { on: None, ..fault.clone() });
    let all = disturbances(&trace, &words);
    Ok(alerts.iter().map(|alert| before(&all, alert.from_ns)).collect())
}

fn as_text(metrics: &Metrics, whys: &[Nearby]) -> String {
    let mut text = String::from("alerts\n");
    for (alert, why) in metrics.alerts.iter().zip(whys) {
        text += &format!("  {}: {}; {}\n", period(alert), alert.condition, alert.seen);
        why.mentioned.iter().for_each(|disturbance| text += &format!("    {disturbance}\n"));
        if why.mentioned.len() < why.all.len() {
            text += &format!("    and {} more\n", why.all.len() - why.mentioned.len());
        }
        if why.all.is_empty() {
            text += "    no fault in the 10 s before\n";
        }
    }
    if metrics.alerts.is_empty() {
        text += "  none\n";
    }
    let mut last = "";
    for ((node, mbean), values) in &metrics.series {
        if node != last {
            text += &format!("\n{node}\n");
            last = node;
        }
        let (min, max) = range(values);
        let end = values.last().map_or(0, |(_, value)| *value);
        let [min, max, end] = [min, max, end].map(|value| shown(mbean, value));
        match min == max {
            true => text += &format!("  {mbean}: {end}\n"),
            false => text += &format!("  {mbean}: {min} to {max}, {end} at the end\n    {}\n", sparkline(values)),
        }
    }
    let remarks = NOT_REGISTERED.iter().filter(|(name, _)| metrics.series.keys().any(|(_, mbean)| mbean == name));
    for (number, (mbean, remark)) in remarks.enumerate() {
        text += if number == 0 { "\nnames\n" } else { "" };
        text += &format!("  {mbean}: {remark}\n");
    }
    text
}

/// With the decimals of the metric.
fn shown(mbean: &str, value: i64) -> String {
    match decimals(mbean) {
        0 => value.to_string(),
        count => {
            let unit = 10_i64.pow(count);
            format!("{}.{:0width$}", value / unit, value % unit, width = count as usize)
        }
    }
}

fn period(alert: &Alert) -> String {
    let [from, to] = [alert.from_ns, alert.to_ns].map(|at_ns| show_us(at_ns / 1000));
    if from == to { format!("at {from}") } else { format!("{from} to {to}") }
}

fn range(values: &Values) -> (i64, i64) {
    let all = || values.iter().map(|(_, value)| *value);
    (all().min().unwrap_or(0), all().max().unwrap_or(0))
}

/// The last value in each of some equal parts of the samples.
fn sparkline(values: &Values) -> String {
    let (min, max) = range(values);
    let cells = WIDTH.min(values.len());
    let cell = |cell: usize| {
        let (_, value) = values[(cell + 1) * values.len() / cells - 1];
        let level = i128::from(value - min) * (LEVELS.len() as i128 - 1) / i128::from((max - min).max(1));
        LEVELS[usize::try_from(level).unwrap_or(0).min(LEVELS.len() - 1)]
    };
    (0..cells).map(cell).collect()
}

fn as_csv(metrics: &Metrics) -> String {
    let mut text = String::from("at_ns,node,metric,value\n");
    for ((node, mbean), values) in &metrics.series {
        for (at_ns, value) in values {
            // A name has commas.
            text += &format!("{at_ns},{node},\"{mbean}\",{}\n", shown(mbean, *value));
        }
    }
    text
}

fn as_json(metrics: &Metrics, whys: &[Nearby]) -> Value {
    let series = metrics.series.iter().map(|((node, mbean), values)| {
        let remark = NOT_REGISTERED.iter().find(|(name, _)| name == mbean).map(|(_, remark)| *remark);
        let number = |value: i64| shown(mbean, value).parse::<serde_json::Number>().map_or(Value::Null, Value::Number);
        let values: Vec<Value> = values.iter().map(|(at_ns, value)| json!([at_ns, number(*value)])).collect();
        json!({ "node": node, "metric": mbean, "remark": remark, "values": values })
    });
    let alerts = metrics.alerts.iter().zip(whys).map(|(alert, why)| {
        let (from_ns, to_ns) = (alert.from_ns, alert.to_ns);
        json!({ "condition": alert.condition, "from_ns": from_ns, "to_ns": to_ns, "seen": alert.seen, "faults": why.all })
    });
    json!({
        "schema": "kraftsim.metrics.v1",
        "series": series.collect::<Vec<Value>>(),
        "alerts": alerts.collect::<Vec<Value>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparkline_has_the_last_value_of_each_part() {
        let values: Values = (0..8).map(|n| (n, n as i64 * 10)).collect();
        assert_eq!(sparkline(&values), "▁▂▃▄▅▆▇█");
        let many: Values = (0..96).map(|n| (n, i64::from(n >= 48))).collect();
        assert_eq!(sparkline(&many), format!("{}{}", "▁".repeat(24), "█".repeat(24)));
    }
}
