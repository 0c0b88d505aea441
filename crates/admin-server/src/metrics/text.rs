//! The text format: families of samples, each with its help and type.

use std::fmt::{Display, Write};

/// Text in the making.
#[derive(Debug, Default)]
pub(super) struct Text {
    text: String,
}

/// The name of a family and what it means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
}

/// Names and values of labels.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

/// How a family behaves.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Rises only.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Buckets, a sum and a count.
    Histogram,
}

/// A family without its samples.
pub(super) const fn family(name: &'static str, help: &'static str) -> Family {
    Family { name, help }
}

impl Text {
    /// Begins a family; its samples follow.
    pub(super) fn begin(&mut self, kind: Kind, family: Family) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let Family { name, help } = family;
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
    }

    /// A sample of the family that was begun; `name` has its suffix.
    pub(super) fn sample(&mut self, name: impl Display, labels: Labels<'_>, value: impl Display) {
        self.write(format_args!("{name}"));
        for (index, (label, text)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            self.write(format_args!("{before}{label}=\"{}\"", Escaped(text)));
        }
        if !labels.is_empty() {
            self.write(format_args!("}}"));
        }
        self.line(format_args!(" {value}"));
    }

    /// A counter with one sample.
    pub(super) fn counter(&mut self, family: Family, value: impl Display) {
        self.begin(Kind::Counter, family);
        self.sample(family.name, &[], value);
    }

    /// A gauge with one sample.
    pub(super) fn gauge(&mut self, family: Family, value: impl Display) {
        self.begin(Kind::Gauge, family);
        self.sample(family.name, &[], value);
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        self.write(line);
        self.text.push('\n');
    }

    fn write(&mut self, what: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        self.text.write_fmt(what).ok();
    }
}

/// The value of a label, with what the format reserves escaped.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.chars().try_for_each(|one| match one {
            '\\' => formatter.write_str("\\\\"),
            '"' => formatter.write_str("\\\""),
            '\n' => formatter.write_str("\\n"),
            _ => formatter.write_char(one),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_look_as_the_format_wants() {
        let mut text = Text::default();
        let bytes = family("a_bytes", "How many.");
        text.begin(Kind::Gauge, bytes);
        text.sample(bytes.name, &[("zone", "a\"b\\c\nd"), ("share", "/x")], 1.5);
        text.counter(family("b_total", "How often."), 7);
        assert_eq!(
            text.finish(),
            "# HELP a_bytes How many.\n# TYPE a_bytes gauge\na_bytes{zone=\"a\\\"b\\\\c\\nd\",share=\"/x\"} 1.5\n\
             # HELP b_total How often.\n# TYPE b_total counter\nb_total 7\n"
        );
    }
}
