//! Limits as they are sent, and as the house keeps them.

use admin_api::{Mistake, Problem, QuotaBasis, QuotaLimits, QuotaSettings};

use crate::documents::wrong;

/// What the house is to keep.
///
/// Errors: 422 (limits that contradict each other; all of them).
pub(super) fn parse(settings: &QuotaSettings) -> Result<vfs::QuotaSettings, Problem> {
    let mut mistakes = Vec::new();
    for (key, limits) in [("bytes", &settings.bytes), ("inodes", &settings.inodes)] {
        let pairs =
            [("advisory", limits.advisory, "soft", limits.soft), ("advisory", limits.advisory, "hard", limits.hard)];
        for (low, below, high, above) in pairs.into_iter().chain([("soft", limits.soft, "hard", limits.hard)]) {
            if let (Some(below), Some(above)) = (below, above)
                && below > above
            {
                mistakes
                    .push(mistake(format!("{key}.{low}"), format!("{below} is above {key}.{high}, which is {above}")));
            }
        }
    }
    let has_soft = settings.bytes.soft.is_some() || settings.inodes.soft.is_some();
    if has_soft && settings.grace_seconds == 0 {
        mistakes.push(mistake(
            "grace_seconds".to_owned(),
            "a soft limit needs a time of grace of 1 second or more".to_owned(),
        ));
    }
    if mistakes.is_empty() { Ok(kept(settings)) } else { Err(wrong(mistakes)) }
}

fn mistake(key: String, reason: String) -> Mistake {
    Mistake { file: String::new(), line: None, key, reason }
}

fn kept(settings: &QuotaSettings) -> vfs::QuotaSettings {
    let limits =
        |limits: QuotaLimits| vfs::QuotaLimits { hard: limits.hard, soft: limits.soft, advisory: limits.advisory };
    vfs::QuotaSettings {
        basis: match settings.basis {
            QuotaBasis::Application => vfs::QuotaBasis::Application,
            QuotaBasis::Logical => vfs::QuotaBasis::Logical,
            QuotaBasis::Physical => vfs::QuotaBasis::Physical,
        },
        bytes: limits(settings.bytes),
        inodes: limits(settings.inodes),
        grace_seconds: settings.grace_seconds,
        enforced: settings.enforced,
        container: settings.container,
    }
}

/// As they are told.
pub(super) fn told(settings: &vfs::QuotaSettings) -> QuotaSettings {
    let limits =
        |limits: vfs::QuotaLimits| QuotaLimits { hard: limits.hard, soft: limits.soft, advisory: limits.advisory };
    QuotaSettings {
        basis: match settings.basis {
            vfs::QuotaBasis::Application => QuotaBasis::Application,
            vfs::QuotaBasis::Logical => QuotaBasis::Logical,
            vfs::QuotaBasis::Physical => QuotaBasis::Physical,
        },
        bytes: limits(settings.bytes),
        inodes: limits(settings.inodes),
        grace_seconds: settings.grace_seconds,
        enforced: settings.enforced,
        container: settings.container,
    }
}
