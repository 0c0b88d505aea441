//! The command line.

use std::path::PathBuf;

use admin_api::Role;
use clap::{Args, Parser, Subcommand, value_parser};
use clap_complete::Shell;

/// A NAS gateway: tenants mount the shares of their own access zone.
#[derive(Debug, Parser)]
#[command(name = "berth", version, about)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Serves the zones of a configuration until SIGTERM.
    Serve(ServeArguments),
    /// Looks for damage in a store that no gateway serves; changes nothing that it holds.
    Check(CheckArguments),
    /// Changes a store that no gateway serves.
    #[command(subcommand)]
    Store(StoreVerb),
    /// Tells how a running gateway is doing: what wants attention first.
    Status(StatusArguments),
    /// Connections of a running gateway.
    #[command(subcommand)]
    Session(ListVerb),
    /// Locks that clients of a running gateway hold and wait for.
    #[command(subcommand)]
    Lock(ListVerb),
    /// What a running gateway does behind what its clients ask for.
    #[command(subcommand)]
    Job(JobVerb),
    /// What a running gateway exports, to whom.
    #[command(subcommand)]
    Export(ListVerb),
    /// What a running gateway shares with clients of SMB.
    #[command(subcommand)]
    Share(ListVerb),
    /// Zones of a running gateway: shown, changed, taken away.
    #[command(subcommand)]
    Zone(ZoneVerb),
    /// Limits on what lies below directories of a zone, and what is used of them.
    #[command(subcommand)]
    Quota(QuotaVerb),
    /// What was told of the quotas of a zone, and whether it arrived.
    #[command(subcommand)]
    Notification(NotificationVerb),
    /// Writable clones of snapshots of a zone: made, shown, deleted.
    #[command(subcommand)]
    Clone(CloneVerb),
    /// Snapshots of directories of a zone: taken, shown, locked, deleted.
    #[command(subcommand)]
    Snapshot(SnapshotVerb),
    /// Directories of a zone that become again what a snapshot shows: begun, listed, given up.
    #[command(subcommand)]
    Revert(RevertVerb),
    /// Users of a zone and their passwords, in the files that the zone names.
    #[command(subcommand)]
    User(UserVerb),
    /// Tokens by which others than the gateway's own user ask it, over its TLS port.
    #[command(subcommand)]
    Token(TokenVerb),
    /// Writes man pages of all verbs.
    Man(ManArguments),
    /// Prints completions for a shell.
    Completions(CompletionsArguments),
    /// Serves two zones, contoso on 127.0.0.1 and fabrikam on 127.0.0.2, from a store in a folder.
    Demo(DemoArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// The settings file (berth.toml).
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Only say whether settings and zone files are right.
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// The settings file that names the store.
    #[arg(long, value_name = "FILE", required_unless_present = "data", conflicts_with = "data")]
    pub(crate) config: Option<PathBuf>,
    /// The folder of the store.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreVerb {
    /// Moves the metadata log to the folder that the settings name (`metadata.log`), or back into the store when they
    /// name none. May be cut short at any time, and is then run again.
    MoveLog(MoveLogArguments),
}

#[derive(Debug, Args)]
pub(crate) struct MoveLogArguments {
    /// The settings file that names the store and the folder.
    #[arg(long, value_name = "FILE", default_value = "/etc/berth/berth.toml")]
    pub(crate) config: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ListVerb {
    /// Lists them.
    List(ListArguments),
}

#[derive(Debug, Subcommand)]
pub(crate) enum JobVerb {
    /// Lists it.
    List(JobListArguments),
}

#[derive(Debug, Args)]
pub(crate) struct JobListArguments {
    #[command(flatten)]
    pub(crate) client: ClientArguments,
    #[command(flatten)]
    pub(crate) watch: WatchArguments,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ZoneVerb {
    /// Lists them.
    List(ListArguments),
    /// Shows the file of one.
    Show(ZoneShowArguments),
    /// Makes one what a file says, after showing what that changes.
    Apply(ZoneApplyArguments),
    /// Takes one away. What it serves stays in the store.
    Delete(ZoneDeleteArguments),
    /// Tells what clients of one did, as far as `[audit]` of its file has it recorded: the newest, oldest of them first.
    Events(ZoneEventsArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ZoneEventsArguments {
    #[command(flatten)]
    pub(crate) client: ClientArguments,
    /// The zone.
    pub(crate) name: String,
    /// Most of them to show.
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    pub(crate) limit: usize,
    /// Goes on with those that come.
    #[arg(long)]
    pub(crate) follow: bool,
    /// Only these: logon, logoff, mount, create, read, write, delete, rename, `set_security`, denied, lost.
    #[arg(long, value_name = "EVENT")]
    pub(crate) event: Option<String>,
    /// Only what this user did, by name or uid.
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Only what was done to this path, or below.
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ZoneShowArguments {
    #[command(flatten)]
    pub(crate) client: ClientArguments,
    /// The zone.
    pub(crate) name: String,
    /// Print the file as it stands, comments too; the default.
    #[arg(long, conflicts_with = "json")]
    pub(crate) toml: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ZoneApplyArguments {
    #[command(flatten)]
    pub(crate) client: ClientArguments,
    /// The zone file: TOML, which is taken as it stands, or *.json, which keeps the comments of the file that is there.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Only say what it would change.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Ask nothing.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ZoneDeleteArguments {
    #[command(flatten)]
    pub(crate) client: ClientArguments,
    /// The zone.
    pub(crate) name: String,
    /// Only say what it would change.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Ask nothing.
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Which gateway, and how its answer is shown. Without `--socket`, the variable `BERTH_ADMIN_SOCKET` names the socket;
/// without that, the settings file does.
#[derive(Debug, Args)]
pub(crate) struct ClientArguments {
    /// The admin socket of the gateway.
    #[arg(long, value_name = "PATH", conflicts_with = "config")]
    pub(crate) socket: Option<PathBuf>,
    /// The settings file of the gateway; /etc/berth/berth.toml when nothing names a socket.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Whether to ask again and again.
#[derive(Debug, Args)]
pub(crate) struct WatchArguments {
    /// Ask again every so many seconds (2 when not said), until Ctrl-C; with --json one object a line.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2",
        value_parser = value_parser!(u64).range(1..=3600))]
    pub(crate) watch: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    pub(crate) client: ClientArguments,
    #[command(flatten)]
    pub(crate) watch: WatchArguments,
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    pub(crate) client: ClientArguments,
    #[command(flatten)]
    pub(crate) watch: WatchArguments,
    /// Only those of this zone.
    #[arg(long, value_name = "NAME")]
    pub(crate) zone: Option<String>,
    /// Most of them to ask for.
    #[arg(long, value_name = "NUMBER", default_value_t = LIMIT)]
    pub(crate) limit: usize,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NotificationVerb {
    /// Lists the last thousand of a zone, newest first.
    List(QuotaListArguments),
}

#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotVerb {
    /// Lists those of a zone, oldest first.
    List(QuotaListArguments),
    /// Lists what the zone file has taken by itself: when the last was due, and the next is.
    Schedules(QuotaListArguments),
    /// Shows one.
    Show(SnapshotArguments),
    /// Takes one: what is there at this moment, whatever is being written.
    Take(SnapshotTakeArguments),
    /// Tells what differs between one and a younger one, or now.
    Changes(SnapshotChangesArguments),
    /// Tells in which ranges a file differs between one and a younger one, or now.
    Ranges(SnapshotRangesArguments),
    /// Changes when one goes by itself.
    Expire(SnapshotExpireArguments),
    /// Gives one another name; clients see it at once.
    Rename(SnapshotRenameArguments),
    /// Keeps one from being deleted and from going by itself.
    Lock(SnapshotArguments),
    /// Lets one be deleted again.
    Unlock(SnapshotArguments),
    /// Deletes one; its space comes back in the background.
    Delete(SnapshotArguments),
}

/// Which snapshot.
#[derive(Debug, Args)]
pub(crate) struct SnapshotArguments {
    #[command(flatten)]
    pub(crate) client: ClientArguments,
    /// The zone.
    #[arg(long, value_name = "NAME")]
    pub(crate) zone: String,
    /// Its name, as clients see it below .snapshot.
    #[arg(value_name = "SNAPSHOT")]
    pub(crate) name: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CloneVerb {
    /// Lists those of a zone, oldest first.
    List(QuotaListArguments),
    /// Shows one.
    Show(CloneArguments),
    /// Makes one of a directory of a snapshot: at once, whatever is below it.
    Make(CloneMakeArguments),
    /// Deletes one with its snapshots; its space comes back in the background.
    Delete(CloneArguments),
}

/// Which clone.
#[derive(Debug, Args)]
pub(crate) struct CloneArguments {
    #[command(flatten)]
    pub(crate) client: ClientArguments,
    /// The zone.
    #[arg(long, value_name = "NAME")]
    pub(crate) zone: String,
    /// Its name.
    #[arg(value_name = "CLONE")]
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct CloneMakeArguments {
    #[command(flatten)]
    pub(crate) clone: CloneArguments,
    /// The snapshot that it is made of.
    #[arg(long, value_name = "SNAPSHOT")]
    pub(crate) snapshot: String,
    /// The directory of the snapshot, below that on which it stands.
    #[arg(long, value_name = "DIRECTORY", default_value = "/")]
    pub(crate) directory: String,
    /// Where it hangs, below the base of the zone: the last name must be free there.
    #[arg(long, value_name = "PATH")]
    pub(crate) path: String,
}

#[derive(Debug, Args)]
pub(crate) struct SnapshotTakeArguments {
    #[command(flatten)]
    pub(crate) snapshot: SnapshotArguments,
    /// The directory that it stands on, below the base of the zone.
    #[arg(long, value_name = "DIRECTORY", default_value = "/")]
    pub(crate) path: String,
    /// Delete it by itself after this time: 90m, 24h, 7d, 4w.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) keep: Option<u64>,
    /// Lock it at once.
    #[arg(long)]
    pub(crate) locked: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SnapshotRenameArguments {
    #[command(flatten)]
    pub(crate) snapshot: SnapshotArguments,
    /// Its new name.
    #[arg(value_name = "NAME")]
    pub(crate) to: String,
}

#[derive(Debug, Args)]
pub(crate) struct SnapshotChangesArguments {
    #[command(flatten)]
    pub(crate) snapshot: SnapshotArguments,
    /// The younger snapshot; now when not given.
    #[arg(long, value_name = "SNAPSHOT")]
    pub(crate) to: Option<String>,
    /// Only what is in this directory, below that on which the snapshot stands.
    #[arg(long, value_name = "DIRECTORY", default_value = "/")]
    pub(crate) directory: String,
}

#[derive(Debug, Args)]
pub(crate) struct SnapshotRangesArguments {
    #[command(flatten)]
    pub(crate) snapshot: SnapshotArguments,
    /// The file, below the directory on which the snapshot stands, as it was called then.
    #[arg(value_name = "FILE")]
    pub(crate) file: String,
    /// The younger snapshot; now when not given.
    #[arg(long, value_name = "SNAPSHOT")]
    pub(crate) to: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SnapshotExpireArguments {
    #[command(flatten)]
    pub(crate) snapshot: SnapshotArguments,
    /// Delete it by itself after this time from now: 90m, 24h, 7d, 4w.
    #[arg(long, value_name = "TIME", value_parser = parse_duration, conflicts_with = "never", required_unless_present = "never")]
    pub(crate) keep: Option<u64>,
    /// Keep it until somebody deletes it.
    #[arg(long)]
    pub(crate) never: bool,
}

fn parse_duration(text: &str) -> Result<u64, String> {
    zones::parse_duration(text).ok_or_else(|| format!("\"{text}\" is no time such as 90m, 24h, 7d or 4w"))
}

#[derive(Debug, Subcommand)]
pub(crate) enum RevertVerb {
    /// Makes a directory and all below it again what a snapshot shows, and waits for it.
    Begin(RevertBeginArguments),
    /// Lists those of a zone that go on, and the last ones that ended.
    List(QuotaListArguments),
    /// Shows one.
    Show(RevertArguments),
    /// Gives one up: what it has done stays.
    Cancel(RevertArguments),
}

/// Which revert.
#[derive(Debug, Args)]
pub(crate) struct RevertArguments {
    #[command(flatten)]
    pub(crate) client: ClientArguments,
    /// The zone.
    #[arg(long, value_name = "NAME")]
    pub(crate) zone: String,
    /// Its number.
    #[arg(value_name = "NUMBER")]
    pub(crate) id: u64,
}

#[derive(Debug, Args)]
pub(crate) struct RevertBeginArguments {
    #[command(flatten)]
    pub(crate) snapshot: SnapshotArguments,
    /// The directory, below that on which the snapshot stands.
    #[arg(long, value_name = "DIRECTORY", default_value = "/")]
    pub(crate) directory: String,
    /// Name of the snapshot that is taken first of what is there; before-revert- and the time when not given.
    #[arg(long, value_name = "SNAPSHOT")]
    pub(crate) keep_as: Option<String>,
    /// Take none: what is there is lost.
    #[arg(long, conflicts_with = "keep_as")]
    pub(crate) keep_nothing: bool,
    /// Do not wait for it.
    #[arg(long)]
    pub(crate) detach: bool,
    /// Ask nothing.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QuotaVerb {
    /// Lists those of a zone, by directory.
    List(QuotaListArguments),
    /// Shows the one of a directory.
    Show(QuotaArguments),
    /// Sets limits of a directory, which hold from that moment; those that are not said stay as they are.
    Set(QuotaSetArguments),
    /// Takes the limits of a directory away.
    Delete(QuotaDeleteArguments),
    /// Lists those of a zone, the fullest first.
    Report(QuotaReportArguments),
}

#[derive(Debug, Args)]
pub(crate) struct QuotaListArguments {
    #[command(flatten)]
    pub(crate) client: ClientArguments,
    #[command(flatten)]
    pub(crate) watch: WatchArguments,
    /// The zone.
    #[arg(long, value_name = "NAME")]
    pub(crate) zone: String,
}

#[derive(Debug, Args)]
pub(crate) struct QuotaReportArguments {
    #[command(flatten)]
    pub(crate) client: ClientArguments,
    #[command(flatten)]
    pub(crate) watch: WatchArguments,
    /// The zone.
    #[arg(long, value_name = "NAME")]
    pub(crate) zone: String,
    /// What it is written as; --json is short for --format json.
    #[arg(long, value_enum, conflicts_with = "json")]
    pub(crate) format: Option<ReportFormatArgument>,
    /// Write it to this file instead, which is replaced as a whole.
    #[arg(long, value_name = "FILE", conflicts_with = "watch")]
    pub(crate) output: Option<PathBuf>,
}

/// What a report is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ReportFormatArgument {
    /// For the terminal.
    Table,
    /// For programs.
    Json,
    /// Comma-separated values (RFC 4180), all numbers whole.
    Csv,
    /// A page for a browser, which needs nothing else.
    Html,
}

/// Which quota.
#[derive(Debug, Args)]
pub(crate) struct QuotaArguments {
    #[command(flatten)]
    pub(crate) client: ClientArguments,
    /// The zone.
    #[arg(long, value_name = "NAME")]
    pub(crate) zone: String,
    /// The directory, below the base of the zone: /projects.
    #[arg(value_name = "DIRECTORY")]
    pub(crate) path: String,
    #[command(flatten)]
    pub(crate) whose: WhoseArguments,
}

/// Whose quota; without any of these everybody's together.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct WhoseArguments {
    /// What this user owns there, by name or number, whoever writes it.
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// What this group owns there, by name or number.
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Option<String>,
    /// What each user without limits of its own owns there.
    #[arg(long)]
    pub(crate) default_user: bool,
    /// What each group without limits of its own owns there.
    #[arg(long)]
    pub(crate) default_group: bool,
}

#[derive(Debug, Args)]
pub(crate) struct QuotaDeleteArguments {
    #[command(flatten)]
    pub(crate) quota: QuotaArguments,
}

#[derive(Debug, Args)]
pub(crate) struct QuotaSetArguments {
    #[command(flatten)]
    pub(crate) quota: QuotaArguments,
    /// Bytes that are never exceeded: 10GiB, 500M, 4096. 0 takes the limit away, here and below.
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    pub(crate) hard: Option<u64>,
    /// Bytes that are exceeded for the time of grace only.
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    pub(crate) soft: Option<u64>,
    /// Bytes beyond which reports say so.
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    pub(crate) advisory: Option<u64>,
    /// As --hard, of files and directories.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) inodes_hard: Option<u64>,
    /// As --soft, of files and directories.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) inodes_soft: Option<u64>,
    /// As --advisory, of files and directories.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) inodes_advisory: Option<u64>,
    /// How long soft limits may be exceeded, in seconds.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) grace: Option<u64>,
    /// What counts as bytes.
    #[arg(long, value_enum)]
    pub(crate) basis: Option<BasisArgument>,
    /// Whether the limits bind; otherwise they are only told.
    #[arg(long, value_name = "true|false")]
    pub(crate) enforced: Option<bool>,
    /// Whether clients see the limit as the size of the file system.
    #[arg(long, value_name = "true|false")]
    pub(crate) container: Option<bool>,
    /// Also on the base of the zone.
    #[arg(long)]
    pub(crate) force: bool,
}

/// What counts as bytes.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum BasisArgument {
    /// Lengths of files, as applications see them.
    Application,
    /// Allocated blocks.
    Logical,
    /// What the blocks take in the store.
    Physical,
}

impl From<BasisArgument> for admin_api::QuotaBasis {
    fn from(basis: BasisArgument) -> Self {
        match basis {
            BasisArgument::Application => Self::Application,
            BasisArgument::Logical => Self::Logical,
            BasisArgument::Physical => Self::Physical,
        }
    }
}

/// A number of bytes with or without a unit; units are powers of 1024.
fn parse_bytes(text: &str) -> Result<u64, String> {
    let end = text.find(|one: char| !one.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let shift = match unit.trim().to_ascii_lowercase().trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        "p" => 50,
        _ => return Err(format!("\"{unit}\" is no unit; allowed are K, M, G, T, P, also as KiB or KB, of 1024 each")),
    };
    let number: u64 = number.parse().map_err(|_| "no number of bytes".to_owned())?;
    number.checked_mul(1 << shift).ok_or_else(|| "more than 2^64 bytes".to_owned())
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserVerb {
    /// Lists them.
    List(UserListArguments),
    /// Adds one, with a password from the terminal or the first line of standard input.
    Add(UserAddArguments),
    /// Sets a password, from the terminal or the first line of standard input.
    Passwd(UserArguments),
    /// Lets one that was disabled log on by password again.
    Enable(UserArguments),
    /// Lets one not log on by password any more. NFS asks for none and goes on.
    Disable(UserArguments),
    /// Takes one away. What it owns stays.
    Delete(UserArguments),
}

/// Which zone.
#[derive(Debug, Args)]
pub(crate) struct ZoneArguments {
    /// The settings file of the gateway.
    #[arg(long, value_name = "FILE", default_value = "/etc/berth/berth.toml")]
    pub(crate) config: PathBuf,
    /// The zone.
    #[arg(long, value_name = "NAME")]
    pub(crate) zone: String,
}

#[derive(Debug, Args)]
pub(crate) struct UserArguments {
    #[command(flatten)]
    pub(crate) zone: ZoneArguments,
    /// The user.
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct UserAddArguments {
    #[command(flatten)]
    pub(crate) user: UserArguments,
    /// Its uid; one more than the highest below 60000 when not set, at least 1000.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) uid: Option<u32>,
    /// Its primary group: a name of the zone or a number; its uid when not set.
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct UserListArguments {
    #[command(flatten)]
    pub(crate) zone: ZoneArguments,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenVerb {
    /// Adds one and prints it; it cannot be shown again.
    Add(TokenAddArguments),
    /// Lists them: names and what they allow, not the tokens.
    List(TokenListArguments),
    /// Takes one away: it opens nothing any more, at once.
    Delete(TokenDeleteArguments),
}

#[derive(Debug, Args)]
pub(crate) struct TokenAddArguments {
    /// The settings file of the gateway.
    #[arg(long, value_name = "FILE", default_value = "/etc/berth/berth.toml")]
    pub(crate) config: PathBuf,
    /// What to call it.
    pub(crate) name: String,
    /// What it allows: cluster-admin (everything), zone-admin (one zone, without where it lies) or zone-auditor (reads one
    /// zone).
    #[arg(long)]
    pub(crate) role: Role,
    /// The zone, for a zone-admin and a zone-auditor.
    #[arg(long, value_name = "NAME")]
    pub(crate) zone: Option<String>,
    /// Days until it opens nothing any more; never when not set.
    #[arg(long, value_name = "DAYS", value_parser = value_parser!(u32).range(1..=36_500))]
    pub(crate) expires: Option<u32>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TokenListArguments {
    /// The settings file of the gateway.
    #[arg(long, value_name = "FILE", default_value = "/etc/berth/berth.toml")]
    pub(crate) config: PathBuf,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TokenDeleteArguments {
    /// The settings file of the gateway.
    #[arg(long, value_name = "FILE", default_value = "/etc/berth/berth.toml")]
    pub(crate) config: PathBuf,
    /// The token.
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct ManArguments {
    /// The folder to write to, such as /usr/local/share/man/man1.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// The shell.
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// The folder of the store; kept between runs.
    #[arg(long, value_name = "DIR", default_value = "berth-demo")]
    pub(crate) data: PathBuf,
    /// Print one JSON line when ready, instead of how to mount.
    #[arg(long)]
    pub(crate) json: bool,
    /// Serve what smbtorture expects too: shares torture to torture4 and hideunread, users peer and peer2, and an FSCTL
    /// that no other server should answer.
    #[arg(long)]
    pub(crate) torture: bool,
}

const LIMIT: usize = 10_000;

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn bytes_may_have_units() {
        let sizes = ["0", "4096", "1k", "10GiB", "3 TB", "2MiB"].map(parse_bytes);
        assert_eq!(sizes, [0, 4096, 1024, 10 << 30, 3 << 40, 2 << 20].map(Ok));
        for wrong in ["", "GiB", "1.5G", "1X", "-1", "99999999P"] {
            assert!(parse_bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn check_wants_one_store() {
        let parse = |line: &str| Arguments::try_parse_from(line.split(' ')).is_ok();
        assert!(parse("berth check --data store") && parse("berth check --config berth.toml --json"));
        assert!(!parse("berth check") && !parse("berth check --data store --config berth.toml"));
        assert!(parse("berth demo") && parse("berth demo --data here --json --torture"));
        assert!(parse("berth status") && parse("berth session list --zone a --limit 5 --json"));
        assert!(parse("berth status --watch") && parse("berth lock list --watch 5 --json"));
        assert!(!parse("berth status --watch 0"));
        assert!(parse("berth man here") && parse("berth completions bash") && !parse("berth completions cmd"));
        assert!(parse("berth store move-log --config a") && !parse("berth store"));
        assert!(parse("berth user add --zone a --uid 7 anna") && !parse("berth user add anna"));
        assert!(parse("berth token add ci --role zone-admin --zone a --expires 30") && parse("berth token list"));
        assert!(
            !parse("berth token add ci --role root") && !parse("berth token add ci --role cluster-admin --expires 0")
        );
        assert!(!parse("berth status --socket a --config b") && !parse("berth session"));
        assert!(!parse("berth serve") && parse("berth serve --config berth.toml --check"));
    }
}
