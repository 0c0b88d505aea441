//! A report of quotas as a page for people: it needs no script and nothing from elsewhere.

use admin_api::{QuotaKind, QuotaReport, QuotaState, ReportedQuota};

/// A report as a page.
#[must_use]
pub fn quota_report_html(report: &QuotaReport) -> String {
    let zone = text(&report.zone);
    let fullest: String = report.items.iter().take(FULLEST).map(row).collect();
    let mut by_path: Vec<_> = report.items.iter().collect();
    by_path.sort_by(|one, other| (&one.quota.path, one.quota.kind).cmp(&(&other.quota.path, other.quota.kind)));
    let all: String = by_path.into_iter().map(row).collect();
    let counted = match report.total {
        0 => "This zone has no quotas.".to_owned(),
        total if total > report.items.len() as u64 => format!("{} of {total} quotas, the fullest.", report.items.len()),
        total => format!("{total} quotas."),
    };
    let tables = match report.items.len() {
        0 => String::new(),
        1..=FULLEST => table("All, the fullest first", &fullest),
        _ => table("The fullest", &fullest) + &table("All, by directory", &all),
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>Quotas of {zone}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<h1>Quotas of {zone}</h1>\n<p>{} (UTC). {counted}</p>\n{tables}</body>\n</html>\n",
        text(&report.made)
    )
}

fn table(title: &str, rows: &str) -> String {
    format!(
        "<h2>{title}</h2>\n<table>\n<thead><tr><th>Directory</th><th>Whose</th><th>State</th><th>Bytes used</th><th>of</th>\
         <th>Full</th><th>Files used</th><th>of</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n"
    )
}

fn row(item: &ReportedQuota) -> String {
    let quota = &item.quota;
    let or_none = |number: Option<String>| number.unwrap_or_else(|| "&ndash;".to_owned());
    let limit = quota.bytes.hard.or(quota.bytes.soft).or(quota.bytes.advisory);
    let files = quota.inodes.hard.or(quota.inodes.soft).or(quota.inodes.advisory);
    format!(
        "<tr class=\"{}\"><td>{}</td><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td>\
         <td class=\"n\">{}</td><td class=\"n\">{}</td></tr>\n",
        item.state.name(),
        text(&quota.path),
        text(&whose(item)),
        state(item),
        bytes(quota.usage.bytes),
        or_none(limit.map(bytes)),
        bar(item.bytes_percent.max(item.inodes_percent)),
        quota.usage.inodes,
        or_none(files.map(|files| files.to_string())),
    )
}

fn bar(percent: Option<u64>) -> String {
    let Some(percent) = percent else { return String::new() };
    format!("<meter min=\"0\" max=\"100\" value=\"{}\">{percent} %</meter> {percent} %", percent.min(100))
}

fn state(item: &ReportedQuota) -> String {
    let quota = &item.quota;
    let since = quota.bytes_exceeded_since.as_ref().or(quota.inodes_exceeded_since.as_ref());
    let since = since.map(|since| format!(" since {}", text(since))).unwrap_or_default();
    let told = match (item.state, item.grace_left_seconds) {
        (QuotaState::Ok, _) => "ok".to_owned(),
        (QuotaState::Advisory, _) => "above advisory limit".to_owned(),
        (QuotaState::Soft, left) => {
            format!("above soft limit{since}, {} h of grace left", left.unwrap_or(quota.grace_seconds).div_ceil(3600))
        }
        (QuotaState::Expired, _) => format!("above soft limit{since}, grace is over"),
        (QuotaState::Full, _) => "full".to_owned(),
    };
    let notes = [(!quota.enforced).then_some(", not enforced"), (!quota.ready).then_some(", being counted")];
    notes.into_iter().flatten().fold(told, |told, note| told + note)
}

fn whose(item: &ReportedQuota) -> String {
    let quota = &item.quota;
    let owner = quota.owner_name.as_deref().or(quota.owner.as_deref()).unwrap_or_default();
    match quota.kind {
        QuotaKind::Directory => "all together".to_owned(),
        QuotaKind::User => format!("user {owner}"),
        QuotaKind::Group => format!("group {owner}"),
        QuotaKind::EveryUser => "each user".to_owned(),
        QuotaKind::EveryGroup => "each group".to_owned(),
    }
}

/// As a browser shows it and nothing else: names come from tenants. What would turn the text around is not sent either.
fn text(name: &str) -> String {
    let mut shown = String::with_capacity(name.len());
    for one in name.chars() {
        match one {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '\'' => shown.push_str("&#39;"),
            one if one.is_control()
                || matches!(one, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
            {
                shown.push(char::REPLACEMENT_CHARACTER);
            }
            one => shown.push(one),
        }
    }
    shown
}

/// With one digit and the unit that fits, rounded down.
fn bytes(count: u64) -> String {
    let scale = count.checked_ilog2().unwrap_or(0) / 10;
    match usize::try_from(scale).ok().and_then(|scale| UNITS.get(scale.wrapping_sub(1))) {
        None => format!("{count} B"),
        Some(unit) => {
            let tenths = u128::from(count) * 10 / (1_u128 << (scale * 10));
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        }
    }
}

const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
/// How many stand in the first table.
const FULLEST: usize = 10;
const STYLE: &str = "body { font: 15px sans-serif; margin: 2em }\n\
                     table { border-collapse: collapse }\n\
                     th, td { padding: .3em .8em; text-align: left; border-bottom: 1px solid #ddd; overflow-wrap: anywhere }\n\
                     .n { text-align: right; white-space: nowrap }\n\
                     meter { width: 8em }\n\
                     .advisory, .soft { background: #fff6dd }\n\
                     .expired, .full { background: #fde4e1 }\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_its_cell() {
        assert_eq!(text("<script>\"&'\u{202e}\u{7}"), "&lt;script&gt;&quot;&amp;&#39;\u{fffd}\u{fffd}");
        assert_eq!(text("/größe"), "/größe");
        let shown = [0, 1023, 1024, 1536, (1 << 30) - 1, u64::MAX].map(bytes);
        assert_eq!(shown, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1023.9 MiB", "15.9 EiB"]);
    }
}
