//! The commands of Kafka's metadata shell, with its output: `ls`, `cat`, `find`, `tree`, not interactive, from `/`.

use std::collections::{BTreeMap, BTreeSet};

use super::glob::Glob;
use super::image_tree::ImageNode;

/// A command, and its paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub what: What,
    pub paths: Vec<String>,
}

/// See [`Command`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Ls,
    Cat,
    Find,
    Tree,
}

/// All commands, by name.
pub const COMMANDS: [(&str, What); 4] =
    [("ls", What::Ls), ("cat", What::Cat), ("find", What::Find), ("tree", What::Tree)];

impl Command {
    /// Reads the words of a command; without any it is `ls /image`. An error says what is wrong.
    pub fn parse(words: &[String]) -> Result<Command, String> {
        let Some((name, paths)) = words.split_first() else {
            return Ok(Command { what: What::Ls, paths: vec!["/image".to_owned()] });
        };
        let Some((_, what)) = COMMANDS.iter().find(|(other, _)| other == name) else {
            let names: Vec<&str> = COMMANDS.iter().map(|(name, _)| *name).collect();
            return Err(format!("there is no command {name}; give one of {}", names.join(", ")));
        };
        let is_needed = matches!(what, What::Cat | What::Tree);
        if is_needed && paths.is_empty() {
            return Err(format!("{name} needs a path, such as /image/features"));
        }
        Ok(Command { what: *what, paths: paths.to_vec() })
    }

    /// The output of the shell, line by line.
    pub fn run(&self, root: &ImageNode) -> String {
        let mut text = String::new();
        let out = &mut text;
        match self.what {
            What::Ls => ls(&self.effective_paths(), root, out),
            What::Cat => self.each(root, out, "cat", |node, path, out| match node {
                ImageNode::Directory(_) => line(out, &format!("cat: {path}: Is a directory")),
                ImageNode::Leaf(_) => print(node, 0, out),
            }),
            What::Tree => self.each(root, out, "tree", |node, _, out| print(node, 0, out)),
            What::Find => {
                for path in self.effective_paths() {
                    let is_found = visit(root, &path, &mut |_, node| find(&path, node, out));
                    if !is_found {
                        line(out, &format!("find: {path}: no such file or directory."));
                    }
                }
            }
        }
        text
    }

    fn each(
        &self,
        root: &ImageNode,
        out: &mut String,
        name: &str,
        mut does: impl FnMut(&ImageNode, &str, &mut String),
    ) {
        for path in &self.paths {
            let is_found = visit(root, path, &mut |_, node| does(node, path, out));
            if !is_found {
                line(out, &format!("{name}: {path}: No such file or directory."));
            }
        }
    }

    /// `CommandUtils.getEffectivePaths`
    fn effective_paths(&self) -> Vec<String> {
        let given: Vec<String> = self.paths.iter().filter(|path| !path.is_empty()).cloned().collect();
        if given.is_empty() { vec![".".to_owned()] } else { given }
    }
}

/// `GlobVisitor`: calls with each node of a path, and the last component of its name. False: there is none.
fn visit<'a>(root: &'a ImageNode, path: &str, found: &mut dyn FnMut(&str, &'a ImageNode)) -> bool {
    let mut components: Vec<&str> = Vec::new();
    for component in path.split('/').filter(|component| !component.is_empty() && *component != ".") {
        match component {
            ".." => drop(components.pop()),
            _ => components.push(component),
        }
    }
    visit_below(root, "/", &components, found)
}

fn visit_below<'a>(
    node: &'a ImageNode,
    name: &str,
    components: &[&str],
    found: &mut dyn FnMut(&str, &'a ImageNode),
) -> bool {
    let Some((first, rest)) = components.split_first() else {
        found(name, node);
        return true;
    };
    let ImageNode::Directory(children) = node else { return false };
    let glob = Glob::of(first);
    let matching = children.iter().filter(|(name, _)| glob.matches(name));
    let reached: Vec<bool> = matching.map(|(name, child)| visit_below(child, name, rest, found)).collect();
    reached.contains(&true)
}

/// `LsCommandHandler`, without a screen's width: one column.
fn ls(paths: &[String], root: &ImageNode, out: &mut String) {
    let (mut leaves, mut directories) = (Vec::new(), Vec::new());
    for path in paths {
        let is_found = visit(root, path, &mut |name, node| match node {
            ImageNode::Directory(children) => directories.push((name.to_owned(), children)),
            ImageNode::Leaf(_) => leaves.push(name.to_owned()),
        });
        if !is_found {
            line(out, &format!("ls: {path}: no such file or directory."));
        }
    }
    leaves.iter().for_each(|name| line(out, name));
    let has_titles = !leaves.is_empty() || directories.len() > 1;
    let mut is_first = leaves.is_empty();
    for (name, children) in directories {
        if has_titles && !children.is_empty() {
            if !is_first {
                line(out, "");
            }
            line(out, &format!("{name}:"));
        }
        is_first &= !has_titles;
        children.iter().for_each(|(name, _)| line(out, name));
    }
}

/// `MetadataNode.print` by a `ShellNodePrinter`.
fn print(node: &ImageNode, depth: usize, out: &mut String) {
    match node {
        ImageNode::Leaf(text) => line(out, &format!("{}{text}", "  ".repeat(depth))),
        ImageNode::Directory(children) => {
            for (name, child) in children {
                line(out, &format!("{}{name}:", "  ".repeat(depth)));
                print(child, depth + 1, out);
            }
        }
    }
}

fn find(path: &str, node: &ImageNode, out: &mut String) {
    line(out, path);
    if let ImageNode::Directory(children) = node {
        for (name, child) in children {
            let next = if path == "/" { format!("/{name}") } else { format!("{path}/{name}") };
            find(&next, child, out);
        }
    }
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

/// The leaves that differ, by path: what they were, and are; `None` where there is none.
pub fn difference(before: &ImageNode, after: &ImageNode) -> Vec<(String, Option<String>, Option<String>)> {
    let (before, after) = (before.leaves(), after.leaves());
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let of = |leaves: &BTreeMap<String, &str>, path: &String| leaves.get(path).map(|text| (*text).to_owned());
    let all = paths.into_iter().map(|path| (path.clone(), of(&before, path), of(&after, path)));
    all.filter(|(_, before, after)| before != after).collect()
}
