//! The trace of a replayed run: the file, the page, the exports, and the log on the terminal; the dialogue of a node.

use fuzz::case::story::Describer;
use fuzz::seeds::show_seed;
use scenarios::report::{RunOutcome, RunReport};
use scenarios::trace::{client, controller, dialogue, partition};
use scenarios::wire::Versions;

use crate::args::ReplayArgs;
use crate::engine::Problem;
use crate::exit;
use crate::json::show_digest;
use crate::output::{OutputTarget, Streams};
use crate::page::{self, Heading, Side, witness};
use crate::pcap;
use crate::perfetto;
use crate::trace::json;
use crate::trace::log::{self, Filter};
use crate::trace::screen::Screen;
use crate::verb;
use crate::verb::against::{Traced, name};
use crate::verb::job::Job;

/// The requested outputs of a trace.
pub struct TraceOutputs {
    file: Option<OutputTarget>,
    html: Option<OutputTarget>,
    pcap: Option<(OutputTarget, Versions)>,
    perfetto: Option<OutputTarget>,
    log: Option<Filter>,
    dialogue: Option<Recorded>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum DialogueOf {
    RaftClient,
    Controller,
    Client,
    Partition,
}

/// A dialogue: whose, and its file.
struct Recorded {
    of: DialogueOf,
    /// The index of the node.
    node: usize,
    /// `TOPIC-N`, of [`DialogueOf::Partition`].
    partition: String,
    file: OutputTarget,
}

impl TraceOutputs {
    /// Checks the flags before anything is run; `None` if none is given.
    pub fn of(args: &ReplayArgs, job: &Job) -> Result<Option<TraceOutputs>, Problem> {
        let file = args.trace.as_deref().map(OutputTarget::checked).transpose()?;
        let html = args.html.as_deref().map(OutputTarget::checked).transpose()?;
        let pcap = args.pcap.as_deref().map(OutputTarget::checked).transpose()?;
        let pcap = pcap.map(|file| (file, args.pcap_versions.into()));
        let perfetto = args.perfetto.as_deref().map(OutputTarget::checked).transpose()?;
        let names = || job.scenario.prepared.ready().map_or_else(Vec::new, |ready| ready.nodes(job.seed));
        let (broker, partition) = replica(args.partition_dialogue.as_deref())?;
        let requested = [
            (DialogueOf::RaftClient, "--dialogue", &args.dialogue),
            (DialogueOf::Controller, "--controller-dialogue", &args.controller_dialogue),
            (DialogueOf::Client, "--client-dialogue", &args.client_dialogue),
            (DialogueOf::Partition, "--partition-dialogue", &broker),
        ];
        let requested = requested.into_iter().find_map(|(of, flag, node)| Some((of, flag, node.as_ref()?)));
        let dialogue = match (requested, &args.output) {
            (Some((of, flag, node)), Some(path)) => {
                let is_client = |name: &str| name.starts_with("producer-") || name.starts_with("consumer-");
                let is_one = |name: &&String| if of == DialogueOf::Client { is_client(name) } else { is_server(name) };
                let all = names();
                let nodes: Vec<String> = all.iter().filter(is_one).cloned().collect();
                let node = log::nodes(flag, std::slice::from_ref(node), &nodes)?;
                let name = &nodes[usize::from(node[0].0)];
                let node = all.iter().position(|other| other == name).unwrap_or_default();
                Some(Recorded { of, node, partition, file: OutputTarget::checked(path)? })
            }
            _ => None,
        };
        let filter = || {
            if args.to.is_some_and(|to| to < args.from.unwrap_or(0)) {
                return Err(Problem::new("--to is earlier than --from"));
            }
            Ok(Filter {
                nodes: log::nodes("--node", &args.node, &names())?,
                from_ns: args.from.unwrap_or(0),
                to_ns: args.to,
                around: args.around,
                apis: log::apis(&args.grep)?,
                about: args.about.clone(),
            })
        };
        let log = args.log.then(filter).transpose()?;
        let requested = TraceOutputs { file, html, pcap, perfetto, log, dialogue };
        let report = args.json.as_deref().map(OutputTarget::checked).transpose()?;
        let files = |(_, file): &(&str, Option<&OutputTarget>)| file.is_some_and(|file| *file != OutputTarget::Stdout);
        let flags = requested.flags().into_iter().chain([("--json", report.as_ref())]);
        OutputTarget::distinct(&flags.filter(files).collect::<Vec<_>>())?;
        let json = args.json.as_deref().is_some_and(|path| path == std::path::Path::new("-"));
        let files = requested.files().filter(|file| **file == OutputTarget::Stdout).count();
        let others = [json, requested.is_dialogue_on_stdout(), requested.log.is_some()];
        if files + others.into_iter().filter(|is| *is).count() > 1 {
            return Err(Problem::new(
                "only one of --json -, --trace -, --html -, --pcap -, --perfetto -, --dialogue with -o - and --log can write \
                 to standard output",
            ));
        }
        let of_trace = requested.files().next().is_some() || requested.log.is_some();
        let is_any = of_trace || requested.dialogue.is_some();
        Ok(is_any.then_some(requested))
    }

    /// Does it write to standard output?
    pub fn takes_stdout(&self) -> bool {
        let on_stdout = self.files().any(|file| *file == OutputTarget::Stdout);
        self.log.is_some() || on_stdout || self.is_dialogue_on_stdout()
    }

    /// Those that are made of a trace.
    fn files(&self) -> impl Iterator<Item = &OutputTarget> {
        self.flags().into_iter().filter_map(|(_, file)| file)
    }

    /// Each flag with its file.
    fn flags(&self) -> [(&'static str, Option<&OutputTarget>); 4] {
        [
            ("--trace", self.file.as_ref()),
            ("--html", self.html.as_ref()),
            ("--pcap", self.pcap.as_ref().map(|(file, _)| file)),
            ("--perfetto", self.perfetto.as_ref()),
        ]
    }

    pub fn has_dialogue(&self) -> bool {
        self.dialogue.is_some()
    }

    fn is_dialogue_on_stdout(&self) -> bool {
        matches!(&self.dialogue, Some(Recorded { file: OutputTarget::Stdout, .. }))
    }

    /// Runs the seed once more, records the trace, and shows it, on the page beside another run if given. `Some`: the digest of that run differs, so the run is
    /// not deterministic. Write errors are added to `problems`.
    pub fn show(
        &self,
        job: &Job,
        until_ns: Option<u64>,
        (run, against): (&RunReport, Option<&Traced>),
        problems: &mut Vec<Problem>,
        streams: &mut Streams<'_>,
    ) -> Result<Option<u8>, Problem> {
        let prepared = &job.scenario.prepared;
        let ready = prepared.ready().ok_or_else(|| Problem::new("this engine writes no traces"))?;
        if let Some(Recorded { of, node, partition, file }) = &self.dialogue {
            let (recorded, text) = match of {
                DialogueOf::RaftClient => {
                    let (recorded, dialogue) = ready.dialogue(job.seed, until_ns, *node).map_err(Problem::new)?;
                    (recorded, dialogue::json::text(&dialogue, head(run)))
                }
                DialogueOf::Controller => {
                    let (recorded, dialogue) =
                        ready.controller_dialogue(job.seed, until_ns, *node).map_err(Problem::new)?;
                    (recorded, controller::json::text(&dialogue, head(run)))
                }
                DialogueOf::Client => {
                    let (recorded, dialogue) =
                        ready.client_dialogue(job.seed, until_ns, *node).map_err(Problem::new)?;
                    (recorded, client::json::text(&dialogue, head(run)))
                }
                DialogueOf::Partition => {
                    let (recorded, dialogue) =
                        ready.partition_dialogue(job.seed, until_ns, *node, partition).map_err(Problem::new)?;
                    (recorded, partition::json::text(&dialogue, head(run)))
                }
            };
            // It goes on behind a violation.
            let is_whole = !matches!(run.outcome, RunOutcome::Violated(_));
            if is_whole && differs(run, &recorded, "a dialogue", streams) {
                return Ok(Some(exit::NONDETERMINISM));
            }
            problems.extend(file.write(&text, streams).err());
        }
        if self.files().next().is_none() && self.log.is_none() {
            return Ok(None);
        }
        let (traced, trace) = ready.trace(job.seed, until_ns).map_err(Problem::new)?;
        if differs(run, &traced, "a trace", streams) {
            return Ok(Some(exit::NONDETERMINISM));
        }
        if let Some(file) = &self.file {
            problems.extend(file.write(&json::text(&trace, run), streams).err());
        }
        let case = prepared.case(job.seed)?;
        let describer = Describer::of(&case).map_err(Problem::new)?;
        let in_words = verb::against::in_words(&describer);
        if let Some(html) = &self.html {
            let heading = Heading::of(job, run, until_ns).with_turning(run, &case, until_ns, streams)?;
            let witness = witness::of(job, run, until_ns);
            let this = Side { title: name(job), heading, witness, trace: &trace, fault: &in_words };
            let text = match against {
                None => page::text(&this),
                Some(other) => {
                    let describer = other.describer()?;
                    let heading = Heading::of(&other.job, &other.run, until_ns);
                    let witness = witness::of(&other.job, &other.run, until_ns);
                    let fault = &verb::against::in_words(&describer);
                    page::text_of_two(
                        &this,
                        &Side { title: other.title(), heading, witness, trace: &other.trace, fault },
                    )
                }
            };
            problems.extend(html.write(&text, streams).err());
        }
        if let Some((file, versions)) = &self.pcap {
            let capture = pcap::capture(&trace, run, *versions);
            problems.extend(file.write(&capture.bytes, streams).err());
            capture.notes().iter().for_each(|note| streams.note(note));
        }
        if let Some(file) = &self.perfetto {
            problems.extend(file.write(&perfetto::bytes(&trace, &in_words), streams).err());
        }
        let Some(filter) = &self.log else { return Ok(None) };
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

/// Whether the run that was recorded is another one.
pub fn differs(run: &RunReport, recorded: &RunReport, with: &str, streams: &mut Streams<'_>) -> bool {
    if recorded.digest == run.digest {
        return false;
    }
    let (one, other) = (show_digest(run.digest), show_digest(recorded.digest));
    streams.hint(&format!("DIGEST MISMATCH: {one}, and {other} with {with}"));
    true
}

/// What the header of a dialogue says of the run.
fn head(run: &RunReport) -> serde_json::Map<String, serde_json::Value> {
    let digest = show_digest(run.digest);
    let fields =
        [("version", crate::VERSION), ("scenario", &run.scenario), ("seed", &show_seed(run.seed)), ("digest", &digest)];
    fields.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect()
}

/// BROKER:TOPIC-N
fn replica(argument: Option<&str>) -> Result<(Option<String>, String), Problem> {
    let Some(argument) = argument else { return Ok((None, String::new())) };
    let parts = argument.split_once(':').filter(|(_, partition)| {
        partition.rsplit_once('-').is_some_and(|(topic, n)| !topic.is_empty() && n.parse::<u16>().is_ok())
    });
    let problem =
        || Problem::new(format!("--partition-dialogue {argument}: not BROKER:TOPIC-N, such as 101:topic-0-0"));
    let (broker, partition) = parts.ok_or_else(problem)?;
    Ok((Some(broker.to_owned()), partition.to_owned()))
}

fn is_server(name: &str) -> bool {
    name.starts_with("controller-") || name.starts_with("broker-")
}
