//! `inspect quorum`, `shell`, `state` and `storage`: what Kafka's own tools show, of a run at an instant or of a log directory.

use std::hash::{BuildHasher, Hasher};
use std::path::Path;

use fuzz::seeds::show_seed;
use scenarios::instruments::image_tree::ImageNode;
use scenarios::instruments::moment::{At, Moment, ServerNow};
use scenarios::instruments::quorum::DescribedQuorum;
use scenarios::instruments::shell::{Command, difference};
use scenarios::instruments::{state, storage};
use scenarios::log_directory::{Inspection, METADATA_DIRECTORY};
use scenarios::trace::Value;
use sim::duration::show_us;

use crate::args::{
    InspectQuorumArgs, InspectShellArgs, InspectStateArgs, InspectStorageArgs, OneRun, StorageCommand, Subject,
};
use crate::engine::{Engine, Problem};
use crate::exit;
use crate::json;
use crate::log_folder::LogFolder;
use crate::output::{OutputTarget, Streams};
use crate::trace::json::Shown;
use crate::verb::job::Job;

/// `inspect quorum`.
pub fn quorum(args: &InspectQuorumArgs, engine: &dyn Engine, streams: &mut Streams<'_>) -> Result<u8, Problem> {
    let target = args.json.as_deref().map(OutputTarget::checked).transpose()?;
    let job = load(&args.subject, "inspect quorum", engine, streams)?;
    let mut moment = begin(&job)?;
    go_to(&mut moment, args.subject.at.unwrap_or(At::End), streams)?;
    let Some(found) = DescribedQuorum::of(&moment) else {
        streams.note("there is no leader of the quorum at that instant, so the tool would wait for one");
        return Ok(exit::INCONCLUSIVE);
    };
    if let Some(target) = &target {
        target.write(&json::to_text(&found.to_json()), streams)?;
    }
    if target != Some(OutputTarget::Stdout) {
        streams.result(&format!("{}\n{}", found.status(), found.replication()))?;
    }
    Ok(exit::HOLDS)
}

/// `inspect shell`.
pub fn shell(args: &InspectShellArgs, engine: &dyn Engine, streams: &mut Streams<'_>) -> Result<u8, Problem> {
    let command = Command::parse(&args.command).map_err(|wrong| Problem::new(format!("inspect shell: {wrong}")))?;
    if let Some(folder) = directory(&args.subject, args.node.as_deref(), "inspect shell")? {
        if args.diff.is_some() {
            return Err(Problem::new("inspect shell: --diff is for a run: a directory has one image"));
        }
        let (found, damage) = Inspection::image(&folder, None).ok_or_else(|| {
            let given = &args.subject.what;
            Problem::new(format!(
                "inspect shell: {given}: this has no {METADATA_DIRECTORY}, which holds the metadata log"
            ))
        })?;
        if found.without_place > 0 {
            streams.note(&format!(
                "records without a place in a simulated image, such as those of ACLs, quotas and credentials, are left out: {}",
                found.without_place
            ));
        }
        streams.result(&command.run(&ImageNode::root(&found.image)))?;
        return damage.first().map_or(Ok(exit::HOLDS), |first| {
            let more = if damage.len() > 1 {
                format!("; and {} more: see inspect log", damage.len() - 1)
            } else {
                String::new()
            };
            Err(Problem::new(format!("{}/{first}{more}", args.subject.what)))
        });
    }
    in_order("inspect shell", args.diff.as_deref())?;
    let job = load(&args.subject, "inspect shell", engine, streams)?;
    let mut moment = begin(&job)?;
    if !moment.has_metadata() {
        return Err(Problem::new(format!(
            "inspect shell: the log of {} holds records of a model, and no metadata of a cluster",
            job.scenario.name
        )));
    }
    let mut root_at = |at: At, streams: &mut Streams<'_>| -> Result<ImageNode, Problem> {
        go_to(&mut moment, at, streams)?;
        let server = one_server(&moment, args.node.as_deref())?;
        let image = server.image().ok_or_else(|| {
            Problem::new(format!("inspect shell: {} has no metadata log at that instant", server.name))
        })?;
        Ok(ImageNode::root(&image))
    };
    let Some([first, second]) = args.diff.as_deref() else {
        let root = root_at(args.subject.at.unwrap_or(At::End), streams)?;
        streams.result(&command.run(&root))?;
        return Ok(exit::HOLDS);
    };
    let before = root_at(*first, streams)?;
    let after = root_at(*second, streams)?;
    streams.result(&show_difference(&difference(&before, &after)))?;
    Ok(exit::HOLDS)
}

/// `inspect state`.
pub fn state(args: &InspectStateArgs, engine: &dyn Engine, streams: &mut Streams<'_>) -> Result<u8, Problem> {
    let target = args.json.as_deref().map(OutputTarget::checked).transpose()?;
    in_order("inspect state", args.diff.as_deref())?;
    let job = load(&args.subject, "inspect state", engine, streams)?;
    let mut moment = begin(&job)?;
    let mut state_at = |at: At, streams: &mut Streams<'_>| -> Result<Value, Problem> {
        go_to(&mut moment, at, streams)?;
        let servers = match args.node.as_slice() {
            [] => moment.servers(),
            nodes => {
                let mut servers: Vec<ServerNow<'_>> =
                    nodes.iter().map(|node| one_server(&moment, Some(node))).collect::<Result<_, _>>()?;
                servers.sort_by_key(|server| server.id);
                servers.dedup_by_key(|server| server.id);
                servers
            }
        };
        let of = |server: &ServerNow<'_>| (server.name.to_owned(), state::of_server(server));
        Ok(Value::Struct(servers.iter().map(of).collect()))
    };
    if let Some([first, second]) = args.diff.as_deref() {
        let before = state_at(*first, streams)?;
        let after = state_at(*second, streams)?;
        streams.result(&show_difference(&state::difference(&before, &after)))?;
        return Ok(exit::HOLDS);
    }
    let found = state_at(args.subject.at.unwrap_or(At::End), streams)?;
    if let Some(target) = &target {
        let (at_ns, events) = (moment.now_ns(), moment.events());
        let all = serde_json::json!({
            "schema": "kraftsim.state.v1",
            "scenario": job.scenario.name,
            "seed": show_seed(job.seed),
            "at_ns": at_ns,
            "events": events,
            "servers": Shown(&found),
        });
        target.write(&json::to_text(&all), streams)?;
    }
    if target != Some(OutputTarget::Stdout) {
        streams.result(&state::text(&found))?;
    }
    Ok(exit::HOLDS)
}

/// A run goes forward only.
fn in_order(verb: &str, instants: Option<&[At]>) -> Result<(), Problem> {
    let wrong = match instants {
        Some([At::Time(first), At::Time(second)] | [At::Event(first), At::Event(second)]) => {
            (second < first).then_some("T1 must not be later than T2")
        }
        Some([At::BeforeViolation(first), At::BeforeViolation(second)]) => {
            (first < second).then_some("T1 must not be later than T2")
        }
        Some(_) => Some("give two times, two numbers of events, or two of violation-N"),
        None => None,
    };
    wrong.map_or(Ok(()), |wrong| Err(Problem::new(format!("{verb}: --diff T1 T2: {wrong}"))))
}

/// By path: what it was, and is.
fn show_difference(differing: &[(String, Option<String>, Option<String>)]) -> String {
    let mut text = String::new();
    for (path, before, after) in differing {
        text += &format!("{path}\n");
        text += &before.as_ref().map_or_else(String::new, |before| format!("  - {before}\n"));
        text += &after.as_ref().map_or_else(String::new, |after| format!("  + {after}\n"));
    }
    text
}

/// `inspect storage`.
pub fn storage(args: &InspectStorageArgs, engine: &dyn Engine, streams: &mut Streams<'_>) -> Result<u8, Problem> {
    if args.subject.what == RANDOM_UUID {
        #[expect(clippy::disallowed_types, reason = "no run is concerned")]
        let draw = || std::hash::RandomState::new().build_hasher().finish();
        streams.result(&format!("{}\n", storage::random_uuid(&draw)))?;
        return Ok(exit::HOLDS);
    }
    let is_format = args.command == StorageCommand::Format;
    if let Some(folder) = directory(&args.subject, args.node.as_deref(), "inspect storage")? {
        let (text, is_problem) = storage::info(&folder, &args.subject.what);
        if is_format && is_problem {
            return Err(Problem::new(format!(
                "inspect storage: {} is not formatted; kafka-storage.sh formats it, this command changes nothing",
                args.subject.what
            )));
        }
        let text = if is_format { Err(storage::already_formatted(&args.subject.what)) } else { Ok((text, is_problem)) };
        return show_storage(text, streams);
    }
    let job = load(&args.subject, "inspect storage", engine, streams)?;
    let mut moment = begin(&job)?;
    // The disks of a run are formatted at its first event.
    let at = if is_format { At::Event(0) } else { At::End };
    go_to(&mut moment, args.subject.at.unwrap_or(at), streams)?;
    let servers = match args.node.as_deref() {
        Some(node) => vec![one_server(&moment, Some(node))?],
        None => moment.servers(),
    };
    let mut code = exit::HOLDS;
    for server in servers {
        let text = match is_format {
            true => storage::format(&moment, &server)
                .map(|text| (text, false))
                .ok_or_else(|| storage::already_formatted(server.name)),
            false => Ok(storage::info(&server.files(), server.name)),
        };
        code = code.max(show_storage(text, streams)?);
    }
    Ok(code)
}

/// In place of what is inspected.
const RANDOM_UUID: &str = "random-uuid";

/// The output of `kafka-storage.sh` for one log directory and whether it found a problem, or its error.
fn show_storage(output: Result<(String, bool), String>, streams: &mut Streams<'_>) -> Result<u8, Problem> {
    let is_problem = match output {
        Ok((text, is_problem)) => {
            streams.result(&text)?;
            is_problem
        }
        Err(error) => {
            streams.hint(&error);
            true
        }
    };
    Ok(if is_problem { exit::SAFETY } else { exit::HOLDS })
}

/// The directory that is inspected, unless it is a run.
fn directory(subject: &Subject, node: Option<&str>, verb: &'static str) -> Result<Option<LogFolder>, Problem> {
    let path = Path::new(&subject.what);
    if subject.seed.is_some() || !path.is_dir() {
        return Ok(None);
    }
    no_flags_of_a_run(subject, node, verb)?;
    LogFolder::open(path, verb).map(Some)
}

/// Refuses for a directory what only a run has.
pub fn no_flags_of_a_run(subject: &Subject, node: Option<&str>, verb: &str) -> Result<(), Problem> {
    if subject.at.is_some() || !subject.run.is_empty() {
        let what = &subject.what;
        return Err(Problem::new(format!(
            "{verb}: {what} is a directory, which has no instants and no flags of a run"
        )));
    }
    if node.is_some() {
        return Err(Problem::new(format!("{verb}: --node is for a run: a directory is of one node")));
    }
    Ok(())
}

/// Is it a run? A scenario without its seed is one, unless there is a directory of that name.
pub fn is_run(subject: &Subject, engine: &dyn Engine) -> bool {
    let path = Path::new(&subject.what);
    let is_named = || path.extension().is_some_and(|it| it == "json") || engine.find(&subject.what).is_some();
    subject.seed.is_some() || (!path.is_dir() && is_named())
}

/// The name of a node, and what its log directory holds at an instant.
pub fn files_of_one(
    subject: &Subject,
    node: Option<&str>,
    verb: &str,
    engine: &dyn Engine,
    streams: &mut Streams<'_>,
) -> Result<(String, Inspection), Problem> {
    let job = load(subject, verb, engine, streams)?;
    let mut moment = begin(&job)?;
    go_to(&mut moment, subject.at.unwrap_or(At::End), streams)?;
    files_at(&moment, node, verb)
}

/// The name of a node, and what its log directory holds.
pub fn files_at(moment: &Moment<'_>, node: Option<&str>, verb: &str) -> Result<(String, Inspection), Problem> {
    let server = one_server(moment, node)?;
    let found = Inspection::of(&server.files())
        .ok_or_else(|| Problem::new(format!("{verb}: the disk of {} is empty at that instant", server.name)))?;
    Ok((server.name.to_owned(), found))
}

pub fn load(subject: &Subject, verb: &str, engine: &dyn Engine, streams: &mut Streams<'_>) -> Result<Job, Problem> {
    if subject.seed.is_none() && Path::new(&subject.what).is_dir() {
        return Err(Problem::new(format!("{verb}: {} is a directory; give a run", subject.what)));
    }
    let one = OneRun { what: subject.what.clone(), seed: subject.seed };
    let job = Job::load(&one, &subject.run, verb, engine, streams)?;
    streams.wait(job.description());
    Ok(job)
}

/// The run before its first event.
pub fn begin(job: &Job) -> Result<Moment<'_>, Problem> {
    let ready = job.scenario.prepared.ready().ok_or_else(|| Problem::new("this engine has no instants"))?;
    ready.moment(job.seed).map_err(Problem::new)
}

/// Goes on to an instant, and says where the run is, if it has ended before.
pub fn go_to(moment: &mut Moment<'_>, at: At, streams: &mut Streams<'_>) -> Result<(), Problem> {
    if !moment.go_to(at) {
        if matches!(at, At::BeforeViolation(_)) {
            return Err(Problem::new(
                "this run violates no claim, or has fewer events before it: give another instant",
            ));
        }
        let (ended, events) = (show_us(moment.now_ns() / 1000), moment.events());
        streams.note(&format!("the run ended before that, at {ended} after {events} events"));
    }
    Ok(())
}

/// The named server; without a name the leader of the quorum, or the server with the highest high watermark.
fn one_server<'a>(moment: &'a Moment<'_>, node: Option<&str>) -> Result<ServerNow<'a>, Problem> {
    let servers = moment.servers();
    let Some(node) = node else {
        let most = || servers.iter().max_by_key(|server| server.high_watermark()).copied();
        return moment.leader().or_else(most).ok_or_else(|| Problem::new("the run has no servers"));
    };
    let found = servers.iter().find(|server| server.name == node || server.id.to_string() == node);
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = servers.iter().map(|server| server.name).collect();
        Problem::new(format!("--node {node}: there is no such node; the nodes are {}", names.join(", ")))
    })
}

/// The name of the node that is meant.
pub fn name_of(moment: &Moment<'_>, node: &str) -> Result<String, Problem> {
    one_server(moment, Some(node)).map(|server| server.name.to_owned())
}
