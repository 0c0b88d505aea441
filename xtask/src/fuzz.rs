//! Fuzzing the decoders under libFuzzer: build it, run every target, sum up, keep the inputs that reach most.
//!
//! A target is called `PACKAGE/MESSAGE`. It starts from the fixtures of its message and from `fuzz/corpus/PACKAGE`, a file
//! of hex lines for each target;
//! what it finds collects below the target folder, where the next run goes on.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::command::{Task, root};
use crate::report::now;

#[derive(Args)]
pub(crate) struct FuzzOptions {
    /// Only this target, or all of this package; may be repeated. Default: all.
    #[arg(long)]
    target: Vec<String>,
    /// Executions of each target under libFuzzer, guided by coverage.
    #[arg(long, default_value_t = 1_000_000)]
    executions: u64,
    /// Executions after these on changes of what was found, without guidance: several times as fast.
    #[arg(long, default_value_t = 1_000_000)]
    mutations: u64,
    /// Print the names of the targets and do nothing else.
    #[arg(long)]
    list: bool,
    /// Afterwards put the smallest inputs that together reach everything into `fuzz/corpus`.
    #[arg(long)]
    keep: bool,
}

/// Builds the fuzzer and runs the targets one after the other; the first finding ends it.
pub(crate) fn run(options: &FuzzOptions) -> Result<()> {
    let fuzzer = Fuzzer::build()?;
    let names = fuzzer.names()?;
    if options.list {
        return names.iter().try_for_each(|name| say(name));
    }
    if let Some(unknown) = options.target.iter().find(|wanted| !names.iter().any(|name| is_meant(wanted, name))) {
        bail!("there is no target {unknown:?}; `cargo xtask fuzz --list` names them");
    }
    say("target\tguided executions\tper second\tseconds\tpeak MiB\tcoverage\tmutations\tper second")?;
    let is_wanted = |name: &str| options.target.iter().any(|wanted| is_meant(wanted, name));
    for name in names.iter().filter(|name| options.target.is_empty() || is_wanted(name)) {
        fuzzer.fuzz(name, options)?;
        if options.keep {
            fuzzer.keep(name)?;
        }
    }
    Ok(())
}

/// `smb-wire/smb2 READ request` is meant by its whole name, by its package and by its message.
fn is_meant(wanted: &str, name: &str) -> bool {
    name == wanted || name.split_once('/').is_some_and(|(package, message)| package == wanted || message == wanted)
}

/// Inputs above it are not tried: every limit of the protocols lies below.
const INPUT_MAX_BYTES: usize = 2048;
/// Kept in the repository for each target.
const KEPT_BYTES: usize = 2048;
/// What cargo-fuzz passes for coverage on a stable compiler: edges, counters, and the operands of comparisons.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                        -Cllvm-args=-sanitizer-coverage-pc-table \
                        -Cllvm-args=-sanitizer-coverage-trace-compares";

struct Fuzzer {
    /// Tells libFuzzer which code an input reaches.
    guided: PathBuf,
    /// The same without that, several times as fast.
    plain: PathBuf,
    /// Corpora, logs and findings.
    folder: PathBuf,
}

impl Fuzzer {
    fn build() -> Result<Self> {
        let base = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
        let folder = base.join("fuzz");
        let (guided, plain) = (build(&folder.join("guided"), COVERAGE)?, build(&folder.join("plain"), "")?);
        Ok(Self { guided, plain, folder })
    }

    fn names(&self) -> Result<Vec<String>> {
        let output = Command::new(&self.plain).env_remove("BERTH_FUZZ_TARGET").output()?;
        ensure!(output.status.success(), "the fuzzer does not name its targets");
        Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
    }

    fn fuzz(&self, name: &str, options: &FuzzOptions) -> Result<()> {
        let (seeds, found) = (self.fresh("seeds", name)?, self.path("corpus", name));
        fs::create_dir_all(&found)?;
        write_inputs(&seeds, &seed_inputs(name)?)?;
        let findings = self.path("findings", name);
        fs::create_dir_all(findings.parent().context("the findings have a folder")?)?;
        let log = self.run(
            name,
            &[
                format!("-runs={}", options.executions),
                format!("-max_len={INPUT_MAX_BYTES}"),
                format!("-artifact_prefix={}-", findings.display()),
                "-print_final_stats=1".to_owned(),
                "-rss_limit_mb=1024".to_owned(),
                "-timeout=10".to_owned(),
                // Both only choose among inputs that reach the same; they cost a third of the speed.
                "-entropic=0".to_owned(),
                "-reduce_inputs=0".to_owned(),
                found.to_string_lossy().into_owned(),
                seeds.to_string_lossy().into_owned(),
            ],
        )?;
        let rate = self.mutate(name, options.mutations)?;
        say(&format!("{name}\t{}\t{}\t{rate:.0}", Figures::of(&log), options.mutations))
    }

    /// How many in a second.
    fn mutate(&self, name: &str, mutations: u64) -> Result<f64> {
        let folders = ["corpus", "seeds"].map(|kind| self.path(kind, name).to_string_lossy().into_owned()).join(":");
        let start = now();
        let output = Command::new(&self.plain)
            .env("BERTH_FUZZ_TARGET", name)
            .env("BERTH_FUZZ_MUTATIONS", mutations.to_string())
            .env("BERTH_FUZZ_SEEDS", folders)
            .output()?;
        let finding = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{finding}\n{name}: finding among the mutations");
        let mutations = u32::try_from(mutations).unwrap_or(u32::MAX);
        Ok(f64::from(mutations) / start.elapsed().as_secs_f64().max(0.001))
    }

    fn keep(&self, name: &str) -> Result<()> {
        let merged = self.fresh("merged", name)?;
        let mut arguments = vec!["-merge=1".to_owned()];
        arguments.extend([&merged, &self.path("corpus", name)].map(|folder| folder.to_string_lossy().into_owned()));
        self.run(name, &arguments)?;
        let mut inputs = read_inputs(&merged)?;
        inputs.sort_by_key(|input| (input.len(), input.clone()));
        let fixtures = fixtures(name)?;
        let mut budget = KEPT_BYTES;
        let mut lines = String::new();
        for input in inputs.iter().filter(|input| !input.is_empty() && !fixtures.contains(input)) {
            let Some(rest) = budget.checked_sub(input.len()) else { break };
            budget = rest;
            lines.extend(input.iter().map(|byte| format!("{byte:02x}")));
            lines.push('\n');
        }
        fs::create_dir_all(kept_file(name).parent().context("the corpus has a folder")?)?;
        Ok(fs::write(kept_file(name), lines)?)
    }

    /// Runs libFuzzer and returns what it wrote.
    fn run(&self, name: &str, arguments: &[String]) -> Result<String> {
        let file = self.path("logs", name).with_extension("log");
        fs::create_dir_all(file.parent().context("the logs have a folder")?)?;
        let status = Command::new(&self.guided)
            .args(arguments)
            .env("BERTH_FUZZ_TARGET", name)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&file)?)
            .status()?;
        let log = fs::read(&file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())?;
        ensure!(status.success(), "{log}\n{name}: finding, or the fuzzer failed ({status}); log in {}", file.display());
        Ok(log)
    }

    fn path(&self, kind: &str, name: &str) -> PathBuf {
        self.folder.join(kind).join(slug(name))
    }

    fn fresh(&self, kind: &str, name: &str) -> Result<PathBuf> {
        let folder = self.path(kind, name);
        fs::remove_dir_all(&folder).ok();
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }
}

/// With a target named, the flags reach neither build scripts nor macros.
fn build(folder: &Path, flags: &str) -> Result<PathBuf> {
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let task = Task::cargo(&["build", "--quiet", "--release", "--locked", "--manifest-path", "fuzz/Cargo.toml"])
        .with(&["--target".to_owned(), triple.clone()])
        .with(&["--target-dir".to_owned(), folder.to_string_lossy().into_owned()])
        .set("RUSTFLAGS", flags);
    ensure!(task.run()?.success, "`{task}` failed");
    Ok(folder.join(triple).join("release/fuzz"))
}

/// The sum of a run as libFuzzer prints it.
struct Figures<'log> {
    log: &'log str,
}

impl<'log> Figures<'log> {
    const fn of(log: &'log str) -> Self {
        Self { log }
    }

    fn after(&self, key: &str) -> &'log str {
        self.log.rsplit_once(key).and_then(|(_, rest)| rest.split_whitespace().next()).unwrap_or("?")
    }
}

impl std::fmt::Display for Figures<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.log.rsplit_once(" runs in ").and_then(|(_, rest)| rest.split_whitespace().next());
        let figures = [
            self.after("stat::number_of_executed_units:"),
            self.after("stat::average_exec_per_sec:"),
            seconds.unwrap_or("?"),
            self.after("stat::peak_rss_mb:"),
            self.after(" cov: "),
        ];
        formatter.write_str(&figures.join("\t"))
    }
}

fn say(line: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

fn slug(name: &str) -> String {
    name.replace(' ', "-")
}

fn kept_file(name: &str) -> PathBuf {
    root().join("fuzz/corpus").join(format!("{}.hex", slug(name)))
}

/// The fixtures of the message and the kept inputs of the target.
fn seed_inputs(name: &str) -> Result<Vec<Vec<u8>>> {
    let mut inputs = fixtures(name)?;
    let kept = fs::read_to_string(kept_file(name)).unwrap_or_default();
    for line in kept.lines() {
        inputs.push(octets(line).with_context(|| format!("the kept inputs of {name}"))?);
    }
    Ok(inputs)
}

/// `NAME.hex` and its variants `NAME.VARIANT.hex`; `#` to the end of a line is a remark.
fn fixtures(name: &str) -> Result<Vec<Vec<u8>>> {
    let mut inputs = Vec::new();
    let (package, message) = name.split_once('/').context("a target has a package")?;
    let prefix = format!("{}.", slug(message));
    for entry in fs::read_dir(root().join("crates").join(package).join("tests/fixtures"))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            let text = fs::read_to_string(entry.path())?;
            let digits: String = text.lines().flat_map(|line| line.split('#').next()).collect();
            inputs.push(octets(&digits).with_context(|| entry.path().display().to_string())?);
        }
    }
    Ok(inputs)
}

fn octets(text: &str) -> Result<Vec<u8>> {
    let digits: Vec<char> = text.chars().filter(|digit| !digit.is_whitespace()).collect();
    digits.chunks(2).map(|pair| Ok(u8::from_str_radix(&pair.iter().collect::<String>(), 16)?)).collect()
}

fn write_inputs(folder: &Path, inputs: &[Vec<u8>]) -> Result<()> {
    for (number, input) in inputs.iter().enumerate() {
        fs::write(folder.join(number.to_string()), input)?;
    }
    Ok(())
}

fn read_inputs(folder: &Path) -> Result<Vec<Vec<u8>>> {
    fs::read_dir(folder)?.map(|entry| Ok(fs::read(entry?.path())?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_of_a_run() {
        let log = "#1\tNEW cov: 7 ft: 8\n#9\tDONE   cov: 31 ft: 44 corp: 5/60b\nDone 900 runs in 3 second(s)\n\
                   stat::number_of_executed_units: 900\nstat::average_exec_per_sec:     300\nstat::peak_rss_mb: 41\n";
        assert_eq!(Figures::of(log).to_string(), "900\t300\t3\t41\t31");
        assert_eq!(Figures::of("").to_string(), "?\t?\t?\t?\t?");
    }

    #[test]
    fn targets_are_named_with_and_without_package() {
        let is_meant_by = |wanted| is_meant(wanted, "smb-wire/smb2 READ request");
        assert!(["smb-wire", "smb2 READ request", "smb-wire/smb2 READ request"].into_iter().all(is_meant_by));
        assert!(!is_meant_by("nfs-wire") && !is_meant_by("smb2 READ"));
    }

    #[test]
    fn hex_with_and_without_blanks() {
        assert_eq!(octets("00ff 1A").unwrap(), [0, 255, 26]);
        assert!(octets("0g").is_err());
    }
}
