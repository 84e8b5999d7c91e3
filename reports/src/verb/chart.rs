//! `chart`: runs configurations, draws their measurements, and writes picture and numbers.

use std::sync::atomic::AtomicBool;

use sim::duration::show_us;

use crate::args::{ChartArgs, ChartVerb, Format};
use crate::chart::figure::Figure;
use crate::chart::quantile::Quantile;
use crate::chart::timeline::Timeline;
use crate::chart::{Chart, canvas};
use crate::engine::{Engine, Problem};
use crate::json::chart_json::ChartJson;
use crate::json::to_text;
use crate::output::{OutputTarget, Streams, write_whole};
use crate::show::columns::thousands;

mod configured;
pub mod gallery;
mod measure;
mod request;
mod runs_figure;

use measure::Made;
use request::Request;

/// Checks the request, runs every configuration, draws, writes.
pub fn run(
    what: &ChartVerb,
    engine: &dyn Engine,
    interrupted: &AtomicBool,
    streams: &mut Streams<'_>,
) -> Result<u8, Problem> {
    let request = Request::of(what)?;
    let args = request.args;
    let format = format(args)?;
    let targets = Targets::checked(args)?;
    let prepared = configured::prepare(&request, engine)?;
    canvas::prepare()?;
    let Made { figure, code } = measure::make(&request, &prepared, interrupted, streams)?;
    if figure.is_empty() {
        return Ok(code);
    }
    match format {
        Format::Svg => write_whole(&args.output, figure.svg(args.theme)?)?,
        Format::Png => write_whole(&args.output, figure.png(args.theme)?)?,
    }
    targets.write(&figure, streams)?;
    let text = text(&figure, args);
    match targets.are_on_stdout() {
        true => streams.hint(text.trim_end()),
        false => streams.result(&text)?,
    }
    Ok(code)
}

/// Where the numbers go.
struct Targets {
    csv: Option<OutputTarget>,
    json: Option<OutputTarget>,
}

impl Targets {
    fn checked(args: &ChartArgs) -> Result<Targets, Problem> {
        let csv = args.csv.as_deref().map(OutputTarget::checked).transpose()?;
        let json = args.json.as_deref().map(OutputTarget::checked).transpose()?;
        OutputTarget::checked(&args.output)?;
        let picture = OutputTarget::File(args.output.clone());
        OutputTarget::distinct(&[("-o", Some(&picture)), ("--csv", csv.as_ref()), ("--json", json.as_ref())])?;
        Ok(Targets { csv, json })
    }

    fn write(&self, figure: &Figure, streams: &mut Streams<'_>) -> Result<(), Problem> {
        if let Some(csv) = &self.csv {
            csv.write(&figure.csv(), streams)?;
        }
        if let Some(json) = &self.json {
            json.write(&to_text(&ChartJson::from(figure)), streams)?;
        }
        Ok(())
    }

    fn are_on_stdout(&self) -> bool {
        [&self.csv, &self.json].contains(&&Some(OutputTarget::Stdout))
    }
}

fn format(args: &ChartArgs) -> Result<Format, Problem> {
    let ending = args.output.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    let of_name = match ending.as_deref() {
        Some("svg") => Some(Format::Svg),
        Some("png") => Some(Format::Png),
        _ => None,
    };
    let name = args.output.display();
    match (args.format, of_name) {
        (Some(format), Some(other)) if format != other => {
            Err(Problem::new(format!("{name} is given with --format {}: give one of the two", format.ending())))
        }
        (format, of_name) => format.or(of_name).ok_or_else(|| {
            Problem::new(format!(
                "{name}: a chart is an SVG or a PNG; give a name that ends in .svg or .png, or --format svg or png"
            ))
        }),
    }
}

/// The numbers for a terminal, and what was written.
fn text(figure: &Figure, args: &ChartArgs) -> String {
    let mut text = match figure {
        Figure::Timeline(timeline) => lanes(timeline),
        _ => figure.chart().map(table).unwrap_or_default(),
    };
    text.push_str(&format!("wrote {}", args.output.display()));
    for path in [&args.csv, &args.json].into_iter().flatten().filter(|path| path.as_os_str() != "-") {
        text.push_str(&format!(", {}", path.display()));
    }
    text.push('\n');
    text
}

fn lanes(timeline: &Timeline) -> String {
    let mut text = format!("{}: {}\n", timeline.title, timeline.remarks);
    for (_, kind, name, meaning) in timeline.lanes() {
        text.push_str(&format!("  {name:<10}  n {:>6}  {meaning}\n", thousands(timeline.count(kind) as u64)));
    }
    text
}

fn table(chart: &Chart) -> String {
    let wide = chart.lines.iter().map(|line| line.label().chars().count()).max().unwrap_or(0);
    let mut text = format!("{}: {}\n", chart.title(), chart.remarks);
    let at = |us: Option<u64>| us.map_or_else(|| "–".to_owned(), show_us);
    for line in &chart.lines {
        let (all, unended) = (&line.times.total.all, &line.times.unended.all);
        let unended = match unended.count() {
            0 => String::new(),
            n => format!("  not ended {n}, the longest after {}", at(unended.max_us())),
        };
        text.push_str(&format!(
            "  {:<wide$}  n {:>6}  p50 {:>8}  p90 {:>8}  p99 {:>8}  max {:>8}{unended}\n",
            line.label(),
            thousands(all.count()),
            Quantile::P50.text(all),
            Quantile::P90.text(all),
            Quantile::P99.text(all),
            at(all.max_us()),
        ));
    }
    text
}
