//! `berth token`: who may ask the gateway over the network, in the file that the settings name. No gateway needs to run; one
//! that does takes the changes at once.

mod list;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use admin_server::{Token, TokenHash, is_token_name};
use anyhow::{Context, Result, anyhow, bail, ensure};
use zones::edit::set_line;
use zones::find_document;

use crate::admin::Tokens;
use crate::arguments::{TokenAddArguments, TokenDeleteArguments, TokenVerb};
use crate::replace::{SECRET_MODE, replace};
use crate::settings::Settings;

/// Does what the verb says, and says what was done.
pub(crate) fn run(verb: &TokenVerb) -> Result<()> {
    match verb {
        TokenVerb::Add(arguments) => add(arguments),
        TokenVerb::List(arguments) => list::run(arguments),
        TokenVerb::Delete(arguments) => delete(arguments),
    }
}

/// The file of tokens.
struct Book {
    file: PathBuf,
    text: String,
    tokens: Vec<Token>,
}

fn add(arguments: &TokenAddArguments) -> Result<()> {
    let TokenAddArguments { config, name, role, zone, expires, json } = arguments;
    let settings = Settings::load(config)?;
    ensure!(is_token_name(name), "\"{}\" is no name of a token: {NAMES}", name.escape_default());
    match zone {
        Some(zone) if !role.is_of_zone() => bail!("--zone {zone}: a {role} is of no zone"),
        None if role.is_of_zone() => bail!("--zone: missing: a {role} is of one zone"),
        Some(zone) if find_document(&settings.zones, zone)?.is_none() => bail!("--zone {zone}: there is no such zone"),
        _ => {}
    }
    let _lock = lock(config)?;
    let book = Book::open(&settings)?;
    ensure!(!book.has(name), "there is a token {name} already; `berth token delete` takes it away");
    let secret = secret()?;
    let token = Token {
        name: name.clone(),
        role: *role,
        zone: zone.clone(),
        hash: TokenHash::of(&secret),
        expires: expires.map(|days| now_s().saturating_add(u64::from(days) * DAY_S)),
    };
    book.set(name, Some(&token.line()))?;
    let mut output = io::stdout().lock();
    if *json {
        return Ok(writeln!(
            output,
            "{}",
            serde_json::json!({ "token": secret, "about": list::json_of(&token, now_s()) })
        )?);
    }
    Ok(writeln!(output, "{secret}")?)
}

fn delete(arguments: &TokenDeleteArguments) -> Result<()> {
    let TokenDeleteArguments { config, name } = arguments;
    let settings = Settings::load(config)?;
    let _lock = lock(config)?;
    let book = Book::open(&settings)?;
    ensure!(book.has(name), "there is no token {}", name.escape_default());
    book.set(name, None)?;
    Ok(writeln!(io::stdout().lock(), "token {name} opens nothing any more")?)
}

impl Book {
    fn open(settings: &Settings) -> Result<Self> {
        let file = settings.admin.tokens_file.clone().context("set admin.tokens_file in the settings")?;
        let text = Tokens::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let tokens = Token::parse_file(&text).map_err(|mistake| anyhow!("{}: {mistake}", file.display()))?;
        Ok(Self { file, text, tokens })
    }

    fn has(&self, name: &str) -> bool {
        self.tokens.iter().any(|token| token.name == name)
    }

    fn set(&self, name: &str, line: Option<&str>) -> Result<()> {
        let text = set_line(&self.text, name, line);
        Token::parse_file(&text).map_err(|mistake| anyhow!("nothing was changed: {mistake}"))?;
        replace(&self.file, &text, SECRET_MODE).with_context(|| format!("cannot write {}", self.file.display()))
    }
}

/// Held while the file of tokens is changed: the settings file is there whether it is or not.
fn lock(config: &Path) -> Result<File> {
    let lock = File::open(config).and_then(|file| file.lock().map(|()| file));
    lock.with_context(|| format!("cannot lock {}", config.display()))
}

/// 256 bits that nobody can guess, behind a word by which tools find tokens that lie around.
fn secret() -> Result<String> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| anyhow!("no random numbers: {error}"))?;
    Ok(random.iter().fold("berth_".to_owned(), |text, byte| text + &format!("{byte:02x}")))
}

#[expect(clippy::disallowed_methods, reason = "a moment for people, as the gateway's own clock tells it")]
fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

const NAMES: &str = "1 to 64 letters, digits, \"-\", \"_\" and \".\"";
const DAY_S: u64 = 86_400;
