//! `chart gallery`: makes the charts of `reports/gallery`.

use std::sync::atomic::AtomicBool;

use clap::Parser;

use super::configured;
use super::measure::{self, Made};
use super::request::Request;
use crate::args::{ChartGalleryArgs, Cli, ProgressMode, Verb};
use crate::chart::canvas;
use crate::chart::gallery::{GALLERY, Picture};
use crate::chart::theme::Theme;
use crate::engine::{Engine, Problem};
use crate::exit;
use crate::json::chart_json::ChartJson;
use crate::json::to_text;
use crate::output::{Streams, check_folder, write_whole};

/// Makes each chart, or those that are named; the exit code is the first that is not 0.
pub fn run(
    args: &ChartGalleryArgs,
    engine: &dyn Engine,
    interrupted: &AtomicBool,
    streams: &mut Streams<'_>,
) -> Result<u8, Problem> {
    check_folder(&args.output)?;
    canvas::prepare()?;
    let is_meant = |picture: &&Picture| args.only.is_empty() || args.only.iter().any(|name| name == picture.name);
    let pictures: Vec<&Picture> = GALLERY.iter().filter(is_meant).collect();
    let mut code = exit::HOLDS;
    for (number, picture) in pictures.iter().enumerate() {
        if args.progress != ProgressMode::None {
            streams.hint(&format!("{} of {}: {}", number + 1, pictures.len(), picture.command()));
        }
        let own = one(picture, args, engine, interrupted, streams)?;
        code = if code == exit::HOLDS { own } else { code };
        if own == exit::INTERRUPTED {
            return Ok(own);
        }
        let files = format!("{0}.svg, {0}-dark.svg, {0}.csv, {0}.json", picture.name);
        streams.result(&format!("wrote {files} in {}\n", args.output.display()))?;
    }
    Ok(code)
}

/// Runs one chart and writes its files; an interrupted one is not written.
fn one(
    picture: &Picture,
    args: &ChartGalleryArgs,
    engine: &dyn Engine,
    interrupted: &AtomicBool,
    streams: &mut Streams<'_>,
) -> Result<u8, Problem> {
    let file = |ending: &str| args.output.join(format!("{}{ending}", picture.name));
    let words = ["kraftsim", "chart"].iter().chain(picture.words).chain(&["-o", "gallery.svg"]);
    let wrong = |said: String| Problem::new(format!("the chart {} of the gallery: {said}", picture.name));
    let cli = Cli::try_parse_from(words).map_err(|error| wrong(error.to_string()))?;
    let Some(Verb::Chart { what }) = cli.verb else { return Err(wrong("not a chart".to_owned())) };
    let mut request = Request::of(&what)?;
    let chart = crate::args::ChartArgs { jobs: args.jobs, progress: args.progress, ..request.args.clone() };
    request.args = &chart;
    let configured = configured::prepare(&request, engine).map_err(|problem| wrong(problem.message))?;
    let Made { figure, code } = measure::make(&request, &configured, interrupted, streams)?;
    if code == exit::INTERRUPTED || figure.is_empty() {
        return Ok(code);
    }
    write_whole(&file(".svg"), figure.svg(Theme::Light)?)?;
    write_whole(&file("-dark.svg"), figure.svg(Theme::Dark)?)?;
    write_whole(&file(".csv"), figure.csv())?;
    write_whole(&file(".json"), to_text(&ChartJson::from(&figure)))?;
    Ok(code)
}
