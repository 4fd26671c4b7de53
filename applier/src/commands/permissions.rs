//! `airlock-applier permissions`: the least IAM policy for what is to be done with a bundle. No call to AWS is made.

use std::io::{Write, stderr, stdout};

use bundle_schema::exit::ExitCode;
use serde::Serialize;

use super::{Failure, admit, print};
use crate::cli::{Format, PermissionsArgs};
use crate::permissions::policies;

pub(super) fn run(args: &PermissionsArgs) -> Result<ExitCode, Failure> {
    let admitted = admit(&args.bundle)?;
    let documents = policies(admitted.bundle().contents(), args.purpose, args.prune);
    match args.bundle.format {
        Format::Text => {
            if documents.len() > 1 {
                // Nobody may be listening.
                let _ = writeln!(
                    stderr(),
                    "{} documents follow: one managed policy cannot hold all of it",
                    documents.len()
                );
            }
            for document in &documents {
                print(&mut stdout(), format_args!("{}\n", pretty(document)))?;
            }
        }
        Format::Json => print(&mut stdout(), format_args!("{}\n", pretty(&documents)))?,
    }
    Ok(ExitCode::Done)
}

fn pretty(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
