//! A report of quotas for spreadsheets.

use admin_api::{QuotaKind, QuotaLimits, QuotaReport, ReportedQuota};

/// A report as comma-separated values (RFC 4180), all numbers whole.
#[must_use]
pub fn quota_report_csv(report: &QuotaReport) -> String {
    let lines = report.items.iter().map(line);
    std::iter::once(HEAD.to_owned()).chain(lines).collect()
}

fn line(item: &ReportedQuota) -> String {
    let quota = &item.quota;
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    let limits = |limits: &QuotaLimits| [limits.hard, limits.soft, limits.advisory].map(number);
    let text = |text: Option<&str>| cell(text.unwrap_or_default());
    let [bytes_hard, bytes_soft, bytes_advisory] = limits(&quota.bytes);
    let [inodes_hard, inodes_soft, inodes_advisory] = limits(&quota.inodes);
    let cells = [
        cell(&quota.zone),
        cell(&quota.path),
        kind(quota.kind).to_owned(),
        text(quota.owner.as_deref()),
        text(quota.owner_name.as_deref()),
        item.state.name().to_owned(),
        quota.usage.bytes.to_string(),
        bytes_hard,
        bytes_soft,
        bytes_advisory,
        number(item.bytes_percent),
        quota.bytes_exceeded_since.clone().unwrap_or_default(),
        quota.usage.inodes.to_string(),
        inodes_hard,
        inodes_soft,
        inodes_advisory,
        number(item.inodes_percent),
        quota.inodes_exceeded_since.clone().unwrap_or_default(),
        number(item.grace_left_seconds),
        quota.enforced.to_string(),
    ];
    cells.join(",") + "\r\n"
}

/// Text that comes from tenants. What a spreadsheet would take for a formula has an apostrophe before it.
fn cell(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

fn kind(kind: QuotaKind) -> &'static str {
    match kind {
        QuotaKind::Directory => "directory",
        QuotaKind::User => "user",
        QuotaKind::Group => "group",
        QuotaKind::EveryUser => "every-user",
        QuotaKind::EveryGroup => "every-group",
    }
}

const HEAD: &str = "zone,path,kind,owner,owner_name,state,used_bytes,hard_bytes,soft_bytes,advisory_bytes,bytes_percent,bytes_exceeded_since,\
                    used_inodes,hard_inodes,soft_inodes,advisory_inodes,inodes_percent,inodes_exceeded_since,grace_left_seconds,enforced\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_becomes_a_formula_or_ends_its_cell() {
        for (text, expected) in [
            ("/projects", "\"/projects\""),
            ("=1+1", "\"'=1+1\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@x", "\"'@x\""),
            ("\tx", "\"'\tx\""),
            ("a\",b\nc", "\"a\"\",b\nc\""),
        ] {
            assert_eq!(cell(text), expected);
        }
    }
}
