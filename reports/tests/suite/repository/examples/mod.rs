//! Runs every command that a document prints, as a reader would run it.
//!
//! A `console` block holds commands (`$ …`) and their complete output, on both streams. A shell runs them in order in a
//! folder that looks like the top of the repository, one folder for each document, so a command may read the files of
//! an earlier one. In the output `…` matches any text within a line, and a line of `…` alone matches any lines:
//! wall-clock times and rates are never printed. If the exit code matters, `$ echo $?` shows it; no command ends with 2
//! (bad usage or input), a panic or a signal, unless that is shown. Blocks of any other language print no `$`. Blocks
//! of `sh` hold commands that would take too long here: only their flags are parsed.
//!
//! `UPDATE_DOCUMENTS=1 cargo test --release -p reports --test suite examples` writes the current output into the
//! documents; each `…` that still matches stays.

mod elision;

use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Parser;
use elision::{all_fit, fits, lines_today};

use crate::fake::folder;

/// The exit codes of commands that ran, with any verdict.
const VERDICTS: [i32; 4] = [0, 1, 3, 4];

/// A fenced block: its language, the number of its first line from 0, and its lines.
struct Block {
    language: String,
    first: usize,
    lines: Vec<String>,
}

/// A command, and its output with its place in the document.
struct Example {
    command: String,
    first: usize,
    printed: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository")
}

/// All Markdown files of the project.
fn documents(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.is_dir() && !name.starts_with('.') && name != "target" && name != "kraftsim-out" {
            found.extend(documents(&path));
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn blocks(text: &str) -> Vec<Block> {
    let (mut blocks, mut open): (Vec<Block>, Option<Block>) = (Vec::new(), None);
    for (at, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(language), None) => {
                open = Some(Block { language: language.trim().to_owned(), first: at + 1, lines: Vec::new() });
            }
            (None, Some(block)) => block.lines.push(line.to_owned()),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is never closed");
    blocks
}

/// The commands of a `console` block; a line that ends with `\` continues in the next.
fn examples(block: &Block) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut goes_on = false;
    for (at, line) in block.lines.iter().enumerate() {
        let below = block.first + at + 1;
        match (line.strip_prefix("$ "), examples.last_mut()) {
            (Some(command), _) => {
                examples.push(Example { command: command.to_owned(), first: below, printed: Vec::new() });
            }
            (None, Some(last)) if goes_on => {
                last.command = format!("{}\n{line}", last.command);
                last.first = below;
            }
            (None, Some(last)) => last.printed.push(line.clone()),
            (None, None) => panic!("the block in line {} begins without a command", block.first),
        }
        goes_on = (goes_on || line.starts_with("$ ")) && line.ends_with('\\');
    }
    examples
}

/// A folder in which the paths of the documents are valid, and in which files may be written.
fn reader_folder(document: &str) -> PathBuf {
    let here = folder(&format!("examples-{}", document.replace('/', "-")));
    for name in ["fuzz", "scenarios", "reports"] {
        std::os::unix::fs::symlink(root().join(name), here.join(name)).expect("a link");
    }
    here
}

/// The output that remains on a terminal, which erases the progress, and the exit code.
fn shown(command: &str, last_code: i32, here: &Path) -> (Vec<String>, i32) {
    let binary = Path::new(env!("CARGO_BIN_EXE_kraftsim")).parent().expect("a folder");
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("PATH={}:$PATH; (exit {last_code})\n{command}", binary.display()));
    shell.current_dir(here).env_remove("GITHUB_ACTIONS").env_remove("GITHUB_STEP_SUMMARY").env_remove("COLUMNS");
    shell.stdin(Stdio::null()).stdout(writer.try_clone().expect("a pipe")).stderr(writer);
    let mut child = shell.spawn().expect("a shell");
    drop(shell);
    let mut text = String::new();
    reader.read_to_string(&mut text).expect("text");
    let code = child.wait().expect("it ends").code().expect("an exit code");
    // `why` prints what it does, after the seconds so far, once it has taken ten of them.
    let of_why = |line: &str| line.split_once("s: ").is_some_and(|(seconds, _)| seconds.parse::<u64>().is_ok());
    let progress = |line: &str| {
        line.starts_with('[') && line.contains("%] ") || line.contains(" operations left, trying ") || of_why(line)
    };
    (text.lines().filter(|line| !progress(line)).map(|line| line.trim_end().to_owned()).collect(), code)
}

/// The errors in the document's `console` blocks, and the corrected document.
fn run_document(path: &Path) -> (Vec<String>, String) {
    let text = fs::read_to_string(path).expect("a document");
    let name = path.strip_prefix(root()).expect("in the repository").display().to_string();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let (mut wrong, mut shift, mut here) = (Vec::new(), 0_isize, None);
    for block in blocks(&text).iter().filter(|block| block.language == "console") {
        let here = here.get_or_insert_with(|| reader_folder(&name));
        let examples = examples(block);
        let mut code = 0;
        for (at, example) in examples.iter().enumerate() {
            let (shown, exit) = shown(&example.command, code, here);
            code = exit;
            let place = format!("{name}:{}: $ {}", example.first, example.command);
            let is_shown = examples.get(at + 1).is_some_and(|next| next.command == "echo $?");
            if !VERDICTS.contains(&code) && !is_shown {
                wrong.push(format!("{place}\nexits with {code}, which no `$ echo $?` says:\n{}", shown.join("\n")));
            } else if !all_fit(&example.printed, &shown) {
                let mut both = format!("{place}\nprints something else than the document:\n");
                example.printed.iter().for_each(|line| _ = writeln!(both, "  document  {line}"));
                shown.iter().for_each(|line| _ = writeln!(both, "  printed   {line}"));
                wrong.push(both);
                let today = lines_today(&example.printed, &shown);
                let first = example.first.checked_add_signed(shift).expect("a line");
                shift += today.len().cast_signed() - example.printed.len().cast_signed();
                lines.splice(first..first + example.printed.len(), today);
            }
        }
    }
    (wrong, lines.join("\n") + "\n")
}

/// The words of a command, as a shell splits them.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in command.chars() {
        match (c, quote) {
            ('#', None) if word.is_none() => break,
            ('\'' | '"', None) => (quote, word) = (Some(c), Some(word.unwrap_or_default())),
            (_, Some(end)) if c == end => quote = None,
            (_, None) if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[test]
fn every_printed_example_is_what_the_command_prints() {
    let paths = documents(&root());
    let results: Vec<_> = std::thread::scope(|scope| {
        let runs: Vec<_> = paths.iter().map(|path| scope.spawn(|| run_document(path))).collect();
        runs.into_iter().map(|run| run.join().expect("the document is read")).collect()
    });
    let update = std::env::var_os("UPDATE_DOCUMENTS").is_some();
    if update {
        for (path, (wrong, text)) in paths.iter().zip(&results) {
            if !wrong.is_empty() {
                fs::write(path, text).expect("the document can be written");
            }
        }
    }
    let wrong: Vec<String> = results.into_iter().flat_map(|(wrong, _)| wrong).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_printed_command_can_be_typed() {
    let mut wrong = Vec::new();
    for path in documents(&root()) {
        let text = fs::read_to_string(&path).expect("a document");
        for block in blocks(&text) {
            let joined = block.lines.join("\n").replace("\\\n", " ");
            for line in joined.lines().map(str::trim).filter(|_| block.language != "console") {
                if line.starts_with("$ ") {
                    wrong.push(format!("{}: `{line}` is not in a console block", path.display()));
                }
                let line = line.replace("cargo run --release -- ", "kraftsim ");
                if block.language == "sh" && line.starts_with("kraftsim ") {
                    wrong.extend(refused(&line).map(|error| format!("{}: `{line}`: {error}", path.display())));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The reason why the command line is rejected.
fn refused(command: &str) -> Option<String> {
    let error = reports::args::Cli::try_parse_from(words(command)).err()?;
    error.use_stderr().then(|| error.to_string())
}

#[test]
fn what_a_document_leaves_out() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(fits("ran 5 in … s, … left", "ran 5 in 0.3 s, 7 left") && !fits("ran … s", "ran 5"));
    assert!(all_fit(&lines("a\n…\nd"), &lines("a\nb\nc\nd")) && all_fit(&lines("a\n…"), &lines("a")));
    assert!(!all_fit(&lines("a\n…\nc"), &lines("a\nb\nc\nd")) && !all_fit(&lines("a"), &lines("a\nb")));
    let today = lines_today(&lines("runs 5 in … s\n…\nend 1"), &lines("runs 6 in 0.2 s\nnew\nend 2"));
    assert_eq!(today, lines("runs 6 in … s\n…\nend 2"));
    assert_eq!(words("kraftsim sweep --set 'a=<= 4s' # why"), ["kraftsim", "sweep", "--set", "a=<= 4s"]);
    assert!(refused("kraftsim sweep --sceds 5").is_some() && refused("kraftsim sweep --seeds 5").is_none());
}
