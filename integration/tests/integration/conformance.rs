//! The conformance suite of NFSv3 and MOUNT 3, and the tables of docs/testing.md.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use integration::conformance::client::{ProtocolClient, User};
use integration::conformance::{Finding, Setting, Stage, Verdict, play, table};
use integration::workspace_root;
use nfs_wire::nfs3::{FileHandle, Nfstime3, Sattr3, SetattrArgs};

#[test]
fn every_procedure_answers_as_the_specification_says() {
    let findings = play().unwrap();
    let failures: String = findings.iter().filter_map(failure).collect();
    assert!(failures.is_empty(), "the suite fails:\n{failures}");
    let now = table::render(&findings);
    if std::env::var_os("BERTH_UPDATE_TABLE").is_some() {
        table::update(&now).unwrap();
    }
    let written = table::written().unwrap();
    let differing = now.lines().zip(written.lines()).find(|(now, written)| now != written);
    assert!(
        now == written,
        "the table in {} is not what the suite finds (first difference: {differing:?}); set BERTH_UPDATE_TABLE=1 to \
         write it:\n{now}",
        table::FILE
    );
}

#[test]
fn every_answer_that_the_specification_names_is_accounted_for() {
    let holes = table::holes();
    assert!(holes.is_empty(), "neither a test nor a reason: {holes:?}");
}

/// Of two clients that change one file, each must see every change of the other between two of its own.
#[test]
fn what_is_told_of_before_a_change_is_atomic_with_it() {
    let stage = Stage::start(Setting::Roomy).unwrap();
    let file = stage.places.prepared.file.clone();
    let (on, of) = (&stage, &file);
    let mut changes: Vec<_> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4).map(|writer| scope.spawn(move || change_often(on, of, writer))).collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    changes.sort_by_key(|(_, after)| *after);
    for pair in changes.windows(2) {
        assert_eq!(pair[1].0, pair[0].1, "a change is missing before the one at {:?}", pair[1].1);
    }
    assert_eq!(changes.len(), 4 * CHANGES);
    stage.close().unwrap();
}

/// Sets modes that nobody else sets; ctime before and after each change.
fn change_often(stage: &Stage, file: &FileHandle, writer: u32) -> Vec<(Nfstime3, Nfstime3)> {
    let mut client = stage.own(User::ROOT).unwrap();
    let change = |number: usize| {
        let mode = Some(writer << 8 | u32::try_from(number).unwrap());
        let new_attributes = Sattr3 { mode, ..Sattr3::default() };
        let args = SetattrArgs { object: file.clone(), new_attributes, guard: None };
        let wcc = client.setattr(&args).unwrap().unwrap();
        (wcc.before.unwrap().ctime, wcc.after.unwrap().ctime)
    };
    (0..CHANGES).map(change).collect()
}

const CHANGES: usize = 100;

/// A name in a table is `module::function`, written as code.
#[test]
fn every_test_in_the_tables_exists() {
    let guide = std::fs::read_to_string(workspace_root().join(table::FILE)).unwrap();
    let sources = rust_files(&workspace_root());
    let (_, tables) = guide.split_once("\n## Conformance\n").unwrap();
    let rows = tables.lines().filter(|line| line.starts_with("| "));
    let code = rows.flat_map(|row| row.split('`').skip(1).step_by(2));
    let names: Vec<_> = code.filter_map(|code| code.rsplit_once("::")).filter(|(_, name)| !name.is_empty()).collect();
    let is_missing =
        |(module, name): &&(&str, &str)| !sources.iter().any(|(path, text)| defines((path, text), (module, name)));
    let missing: Vec<_> = names.iter().filter(is_missing).collect();
    assert!(names.len() > 200, "the tables are not where they were: {} names", names.len());
    assert!(missing.is_empty(), "named in {}, but not there: {missing:?}", table::FILE);
}

/// Whether a file belongs to the module and has a function of this name.
fn defines((path, text): (&Path, &str), (module, name): (&str, &str)) -> bool {
    let module = module.rsplit("::").next().unwrap();
    let is_module = path.file_stem().is_some_and(|stem| stem == module)
        || path.parent().and_then(Path::file_name).is_some_and(|folder| folder == module);
    is_module && text.contains(&format!("fn {name}("))
}

fn rust_files(root: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root.join("crates"), root.join("integration")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found
}

fn failure(finding: &Finding) -> Option<String> {
    let Verdict::Failed(why) = &finding.verdict else { return None };
    let mut line = String::new();
    let (case, client) = (finding.case, finding.implementation.name());
    writeln!(line, "  {}::{} by {client}: {why}", case.file, case.name).unwrap();
    Some(line)
}
