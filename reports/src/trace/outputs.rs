//! The trace of a replayed run: the file, and the log on the terminal.

use fuzz::case::story::Describer;
use scenarios::report::RunReport;

use crate::args::ReplayArgs;
use crate::engine::Problem;
use crate::exit;
use crate::json::show_digest;
use crate::output::{OutputTarget, Streams};
use crate::trace::json;
use crate::trace::log::{self, Filter};
use crate::trace::screen::Screen;
use crate::verb::job::Job;

/// The requested outputs of a trace.
pub struct TraceOutputs {
    file: Option<OutputTarget>,
    log: Option<Filter>,
}

impl TraceOutputs {
    /// Checks the flags before anything is run; `None` if none is given.
    pub fn of(args: &ReplayArgs, job: &Job) -> Result<Option<TraceOutputs>, Problem> {
        let file = args.trace.as_deref().map(OutputTarget::checked).transpose()?;
        let filter = || {
            if args.to.is_some_and(|to| to < args.from.unwrap_or(0)) {
                return Err(Problem::new("--to is earlier than --from"));
            }
            Ok(Filter {
                nodes: log::nodes(
                    &args.node,
                    &job.scenario.prepared.ready().map_or_else(Vec::new, |ready| ready.nodes(job.seed)),
                )?,
                from_ns: args.from.unwrap_or(0),
                to_ns: args.to,
                around: args.around,
                apis: log::apis(&args.grep)?,
            })
        };
        let log = args.log.then(filter).transpose()?;
        let requested = TraceOutputs { file, log };
        let json = args.json.as_deref().is_some_and(|path| path == std::path::Path::new("-"));
        let on_stdout = [json, requested.file == Some(OutputTarget::Stdout), requested.log.is_some()];
        if on_stdout.into_iter().filter(|is| *is).count() > 1 {
            return Err(Problem::new("only one of --json -, --trace - and --log can write to standard output"));
        }
        Ok((requested.file.is_some() || requested.log.is_some()).then_some(requested))
    }

    /// Does it write to standard output?
    pub fn takes_stdout(&self) -> bool {
        self.log.is_some() || self.file == Some(OutputTarget::Stdout)
    }

    /// Runs the seed once more, records the trace, and shows it. `Some`: the digest of that run differs, so the run is
    /// not deterministic. Write errors are added to `problems`.
    pub fn show(
        &self,
        job: &Job,
        until_ns: Option<u64>,
        run: &RunReport,
        problems: &mut Vec<Problem>,
        streams: &mut Streams<'_>,
    ) -> Result<Option<u8>, Problem> {
        let prepared = &job.scenario.prepared;
        let ready = prepared.ready().ok_or_else(|| Problem::new("this engine writes no traces"))?;
        let (traced, trace) = ready.trace(job.seed, until_ns).map_err(Problem::new)?;
        if traced.digest != run.digest {
            let (one, other) = (show_digest(run.digest), show_digest(traced.digest));
            streams.hint(&format!("DIGEST MISMATCH: {one}, and {other} with a trace"));
            return Ok(Some(exit::NONDETERMINISM));
        }
        if let Some(file) = &self.file {
            problems.extend(file.write(&json::text(&trace, run), streams).err());
        }
        let Some(filter) = &self.log else { return Ok(None) };
        let case = prepared.case(job.seed)?;
        let describer = Describer::of(&case).map_err(Problem::new)?;
        let in_words = |fault: &sim::fault::Fault| describer.fault(&sim::fault::Fault { on: None, ..fault.clone() });
        match log::text(&trace, filter, Screen::here(), &in_words) {
            Ok(text) => {
                if trace.violation().is_some() || filter.around.is_some() {
                    streams.hint(log::LEGEND);
                }
                problems.extend(streams.result(&text).err());
            }
            Err(nothing) => streams.note(&nothing),
        }
        Ok(None)
    }
}
