//! One change of a zone file: decided, tried out, served, and then written. A file that the gateway could not start with
//! is never written, whenever the power fails.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use admin_server::{Changed, Decision, Fault, ZoneChange};
use tokio::task::spawn_blocking;
use vfs::Vfs;
use zones::document::Document;
use zones::{ConfigErrors, Replaced, ZoneDefinition, find_document, load_replaced, new_zone_file};

use crate::assemble::House;
use crate::replace::{PLAIN_MODE, remove, replace};

/// A change that is right as far as files tell.
struct Prepared {
    old: Option<String>,
    new: Replaced,
    is_dry_run: bool,
    zones: Vec<ZoneDefinition>,
    warnings: Vec<String>,
}

/// Makes a change. When this fails, files and zones served are as before.
pub(crate) async fn make<V: Vfs>(house: &mut House<V>, change: ZoneChange) -> Result<Changed, Fault> {
    let folder = house.zone_folder().ok_or(Fault::NoFiles)?;
    let Prepared { old, new, is_dry_run, zones, warnings } = blocking(move || prepare(&folder, change)).await?;
    let changed = Changed { old, new: new.text.clone(), warnings, is_applied: !is_dry_run };
    if is_dry_run {
        return Ok(changed);
    }
    house.take(zones).await.map_err(|error| Fault::NotServed(format!("{error:#}")))?;
    if changed.old != changed.new
        && let Err(fault) = blocking(move || write(&new)).await
    {
        // Those of the files, as before.
        if let Err(error) = house.reload().await {
            tracing::error!(error = format!("{error:#}"), "the zones before a change that failed are not served");
        }
        return Err(fault);
    }
    Ok(changed)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Fault> + Send + 'static) -> Result<T, Fault> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(Fault::Failed(error.to_string())))
}

fn prepare(folder: &Path, change: ZoneChange) -> Result<Prepared, Fault> {
    let ZoneChange { name, decide } = change;
    let old = find_document(folder, &name).map_err(|errors| Fault::Failed(errors.to_string()))?;
    let Decision { text, is_dry_run } = decide(old.as_ref()).map_err(Fault::Refused)?;
    let new = Replaced { file: place(folder, &name, old.as_ref())?, text };
    let zones = load_replaced(folder, &new).map_err(|errors| refusal(folder, &new, errors))?;
    let written = zones.iter().filter(|zone| zone.file() == new.file);
    let warnings = written.flat_map(|zone| zone.warnings()).map(ToString::to_string).collect();
    Ok(Prepared { old: old.map(|document| document.text), new, is_dry_run, zones, warnings })
}

/// The file of a zone: its own, or one that is not there yet.
fn place(folder: &Path, name: &str, old: Option<&Document>) -> Result<PathBuf, Fault> {
    if let Some(old) = old {
        return Ok(old.file.clone());
    }
    let file = new_zone_file(folder, name).ok_or(Fault::BadName)?;
    if fs::symlink_metadata(&file).is_ok() {
        return Err(Fault::Taken(file.display().to_string()));
    }
    Ok(file)
}

fn refusal(folder: &Path, new: &Replaced, errors: ConfigErrors) -> Fault {
    // What is wrong is not a file: there is none left.
    let is_last = new.text.is_none() && errors.0.iter().any(|error| error.file == folder);
    if is_last { Fault::LastZone } else { Fault::Wrong(errors) }
}

fn write(new: &Replaced) -> Result<(), Fault> {
    let written = match &new.text {
        Some(text) => replace(&new.file, text, PLAIN_MODE),
        None => remove(&new.file),
    };
    let refuse = |error: io::Error| format!("cannot write {}: {error}", new.file.display());
    written.map_err(|error| Fault::Failed(refuse(error)))
}
