//! Named sets of hosts, from a file in the shape of netgroup(5): `name (host,user,domain) other-group ...`.
//!
//! Users and domains of the triples are not used. A `\` at the end of a line joins it with the next.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::lines::{Fault, Faults};

/// The netgroups of a zone.
#[derive(Debug, Default)]
pub(crate) struct Netgroups {
    groups: HashMap<String, Netgroup>,
}

#[derive(Debug)]
struct Netgroup {
    line: usize,
    /// `None` is a triple for every host.
    hosts: Vec<Option<String>>,
    includes: Vec<String>,
}

/// A part of a line after the name.
enum Part<'a> {
    Triple(&'a str),
    Include(&'a str),
}

impl Netgroups {
    /// Parses a file.
    ///
    /// Errors: every line that is wrong, groups that stand there twice, groups that are included but not there; when
    /// there is nothing of this, a group that includes itself.
    pub(crate) fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        let (mut parsed, mut faults) = (Self::default(), Faults::default());
        for (line, text) in joined_lines(text) {
            if let Err(reason) = parsed.add(line, &text) {
                faults.add(line, reason);
            }
        }
        for (name, group) in parsed.in_order() {
            let missing = group.includes.iter().filter(|include| !parsed.groups.contains_key(*include));
            for include in missing {
                let reason = format!("netgroup \"{name}\" includes \"{include}\", which this file does not have");
                faults.add(group.line, reason);
            }
        }
        let parsed = faults.finish(parsed)?;
        match parsed.cycle() {
            Some(fault) => Err(vec![fault]),
            None => Ok(parsed),
        }
    }

    /// The hosts of a group and of all it includes, sorted.
    ///
    /// Errors: no such group; a triple without a host, which would stand for every host; more than
    /// [`NETGROUP_HOSTS_MAX`] hosts.
    pub(crate) fn hosts(&self, name: &str) -> Result<BTreeSet<&str>, String> {
        let (mut hosts, mut seen, mut waiting) = (BTreeSet::new(), HashSet::from([name]), vec![name]);
        while let Some(next) = waiting.pop() {
            let group = self.groups.get(next).ok_or_else(|| format!("netgroup \"{next}\" is not in netgroup_file"))?;
            for host in &group.hosts {
                hosts.insert(host.as_deref().ok_or_else(|| every_host(name, next, group.line))?);
            }
            if hosts.len() > NETGROUP_HOSTS_MAX {
                return Err(format!("netgroup \"{name}\" has more than {NETGROUP_HOSTS_MAX} hosts"));
            }
            waiting.extend(group.includes.iter().map(String::as_str).filter(|include| seen.insert(include)));
        }
        Ok(hosts)
    }

    fn add(&mut self, line: usize, text: &str) -> Result<(), String> {
        let (name, mut rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        if !is_name(name) {
            return Err(format!("\"{}\" is no name of a netgroup", cut(name)));
        }
        let mut group = Netgroup { line, hosts: Vec::new(), includes: Vec::new() };
        while let Some((part, after)) = next_part(rest)? {
            match part {
                Part::Triple(triple) => group.hosts.extend(parse_triple(triple)?),
                Part::Include(include) if is_name(include) => group.includes.push(include.to_owned()),
                Part::Include(other) => return Err(format!("\"{}\" is no name of a netgroup", cut(other))),
            }
            rest = after;
        }
        match self.groups.insert(name.to_owned(), group) {
            Some(first) => Err(format!("netgroup \"{name}\" stands in line {} already", first.line)),
            None => Ok(()),
        }
    }

    /// A group that includes itself, over whatever others. Walks without recursion: each group is entered once.
    fn cycle(&self) -> Option<Fault> {
        let mut done: HashSet<&str> = HashSet::new();
        self.in_order().into_iter().find_map(|(name, _)| self.cycle_from(name, &mut done))
    }

    /// The groups as they stand in the file.
    fn in_order(&self) -> Vec<(&str, &Netgroup)> {
        let mut groups: Vec<_> = self.groups.iter().map(|(name, group)| (name.as_str(), group)).collect();
        groups.sort_unstable_by_key(|(_, group)| group.line);
        groups
    }

    fn cycle_from<'a>(&'a self, start: &'a str, done: &mut HashSet<&'a str>) -> Option<Fault> {
        // The groups from the start to the one looked at, each with the number of its includes already seen.
        let mut way: Vec<(&str, usize)> = vec![(start, 0)];
        let mut on_way = HashSet::from([start]);
        while let Some((name, next)) = way.last_mut() {
            let name = *name;
            let group = self.groups.get(name)?;
            let include = group.includes.get(*next).map(String::as_str);
            *next += 1;
            match include {
                Some(include) if on_way.contains(include) => return Some(cycle_fault(&way, include, group.line)),
                Some(include) if done.contains(include) => {}
                Some(include) => {
                    on_way.insert(include);
                    way.push((include, 0));
                }
                None => {
                    done.insert(name);
                    on_way.remove(name);
                    way.pop();
                }
            }
        }
        None
    }
}

fn cycle_fault(way: &[(&str, usize)], again: &str, line: usize) -> Fault {
    let circle = way.iter().map(|(name, _)| *name).skip_while(|name| *name != again);
    let shown: Vec<_> = circle.take(CYCLE_SHOWN_MAX).chain([again]).collect();
    Fault { line, reason: format!("netgroup \"{again}\" includes itself: {}", shown.join(" > ")) }
}

fn every_host(asked: &str, group: &str, line: usize) -> String {
    format!(
        "netgroup \"{asked}\" stands for every host by a triple without a host (of \"{group}\", line {line} of \
         netgroup_file): write the host, or \"-\" for none"
    )
}

/// Lines without comments, those that end with `\` joined with the next; the number is that of the first.
fn joined_lines(text: &str) -> Vec<(usize, String)> {
    let mut joined: Vec<(usize, String)> = Vec::new();
    let mut is_open = false;
    for (index, line) in text.lines().enumerate() {
        let without_comment = line.split('#').next().unwrap_or_default().trim_end();
        let (part, goes_on) = match without_comment.strip_suffix('\\') {
            Some(part) => (part, true),
            None => (without_comment, false),
        };
        match joined.last_mut().filter(|_| is_open) {
            Some((_, whole)) => {
                whole.push(' ');
                whole.push_str(part);
            }
            None => joined.push((index + 1, part.to_owned())),
        }
        is_open = goes_on;
    }
    joined.iter_mut().for_each(|(_, line)| *line = line.trim().to_owned());
    joined.retain(|(_, line)| !line.is_empty());
    joined
}

fn next_part(text: &str) -> Result<Option<(Part<'_>, &str)>, String> {
    let text = text.trim_start();
    if text.is_empty() {
        return Ok(None);
    }
    if let Some(inside) = text.strip_prefix('(') {
        let (triple, after) = inside.split_once(')').ok_or("a \"(\" without its \")\"")?;
        return Ok(Some((Part::Triple(triple), after)));
    }
    let end = text.find(|c: char| c.is_whitespace() || c == '(').unwrap_or(text.len());
    let (include, after) = text.split_at(end);
    Ok(Some((Part::Include(include), after)))
}

/// The host of a triple: nothing when it is `-`, `Some(None)` when it stands for all.
fn parse_triple(triple: &str) -> Result<Option<Option<String>>, String> {
    let fields: Vec<_> = triple.split(',').map(str::trim).collect();
    let [host, _, _] = fields.as_slice() else {
        return Err(format!("\"({})\" is no triple: write (host,user,domain), or (host,,)", cut(triple)));
    };
    Ok(match *host {
        "-" => None,
        "" => Some(None),
        host => Some(Some(host.to_owned())),
    })
}

fn is_name(text: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_legal)
}

/// For messages.
fn cut(text: &str) -> String {
    text.chars().take(64).collect::<String>().escape_default().to_string()
}

/// Longest name of a netgroup, in bytes.
const NAME_BYTES_MAX: usize = 256;
/// Most hosts of one netgroup, with those it includes: each is resolved when the file is read.
pub(crate) const NETGROUP_HOSTS_MAX: usize = 65_536;
/// Groups of a circle that a message names.
const CYCLE_SHOWN_MAX: usize = 16;
