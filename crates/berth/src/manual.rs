//! `berth man` and `berth completions`: the command line, told to people and shells.

use std::fs;
use std::io::{self, Write};

use anyhow::{Context, Result};
use clap::CommandFactory;

use crate::arguments::{Arguments, CompletionsArguments, ManArguments};

/// Writes a page for each verb.
pub(crate) fn man(ManArguments { folder }: &ManArguments) -> Result<()> {
    let cannot = || format!("cannot write man pages to {}", folder.display());
    fs::create_dir_all(folder).with_context(cannot)?;
    clap_mangen::generate_to(Arguments::command(), folder).with_context(cannot)
}

/// Prints what a shell wants to know.
pub(crate) fn completions(CompletionsArguments { shell }: &CompletionsArguments) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(*shell, &mut Arguments::command(), "berth", &mut script);
    Ok(io::stdout().lock().write_all(&script)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_a_page() {
        let folder = tempfile::tempdir().unwrap();
        let pages = folder.path().join("man1");
        man(&ManArguments { folder: pages.clone() }).unwrap();
        let mut left = vec![("berth".to_owned(), Arguments::command())];
        while let Some((name, command)) = left.pop() {
            let page = fs::read_to_string(pages.join(format!("{name}.1"))).unwrap_or_else(|_| panic!("{name}"));
            assert!(page.contains(".SH SYNOPSIS"), "{page}");
            left.extend(command.get_subcommands().map(|verb| (format!("{name}-{}", verb.get_name()), verb.clone())));
        }
        let apply = fs::read_to_string(pages.join("berth-zone-apply.1")).unwrap();
        assert!(apply.contains("after showing what that changes") && apply.contains("dry\\-run"), "{apply}");
    }
}
