//! Why a zone's file cannot be shown or changed.

use admin_api::{Mistake, Problem};
use zones::document::DocumentError;
use zones::{ConfigError, ConfigErrors};

/// Why a zone's file cannot be shown or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The decision was to refuse.
    Refused(Problem),
    /// The configuration would be wrong.
    Wrong(ConfigErrors),
    /// The zones of this gateway do not come from files.
    NoFiles,
    /// No zone may be called so.
    BadName,
    /// Something else stands where the file would be made: what.
    Taken(String),
    /// A gateway without any zone would not start.
    LastZone,
    /// The configuration is right, but cannot be served: why.
    NotServed(String),
    /// Too many changes wait.
    Busy,
    /// The system refuses, or the gateway stops: why.
    Failed(String),
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(problem) => problem,
            Fault::Wrong(errors) => wrong(errors.0.into_iter().map(mistake).collect()),
            Fault::NoFiles => {
                conflict("the zones of this gateway do not come from files (a demo): they are as they are")
            }
            Fault::BadName => {
                let reason = "no zone name: 1 to 64 letters, digits, \"-\", \"_\" and \".\"";
                wrong(vec![Mistake {
                    file: String::new(),
                    line: None,
                    key: "name".to_owned(),
                    reason: reason.to_owned(),
                }])
            }
            Fault::Taken(file) => {
                conflict(&format!("{file} is there and describes no zone of this name: put it right or move it away"))
            }
            Fault::LastZone => conflict("this is the last zone: a gateway without zones would not start"),
            Fault::NotServed(reason) => conflict(&format!("nothing was changed: {reason}")),
            Fault::Busy => Self::new(503, "Service Unavailable", "too many changes wait: try again"),
            Fault::Failed(reason) => Self::new(500, "Internal Server Error", reason),
        }
    }
}

/// 422 with everything that is wrong.
pub(crate) fn wrong(errors: Vec<Mistake>) -> Problem {
    let detail = "nothing was changed: the configuration would be wrong, see errors";
    Problem { errors, ..Problem::new(422, "Unprocessable Content", detail) }
}

/// What is wrong in a document that is no file yet.
pub(super) fn from_document(error: DocumentError) -> Mistake {
    let DocumentError { key, reason } = error;
    Mistake { file: String::new(), line: None, key, reason }
}

fn mistake(error: ConfigError) -> Mistake {
    let ConfigError { file, line, key, reason } = error;
    Mistake { file: file.display().to_string(), line: line.map(|line| line as u64), key, reason }
}

fn conflict(detail: &str) -> Problem {
    Problem::new(409, "Conflict", detail)
}
