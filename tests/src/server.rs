//! A server in Python that a test starts: it prints its port on its first line, and ends when its standard input closes, so it
//! cannot outlive the process that started it, however that ends.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::{SetupError, crate_file};

/// A running server; it ends with this value.
pub(crate) struct Server {
    process: Child,
    port: u16,
}

impl Server {
    /// Starts a script of `support/` and waits for its port. `what` is its name in an error.
    pub(crate) fn start<S: AsRef<OsStr>>(
        what: &str,
        python: impl AsRef<OsStr>,
        script: &str,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<Self, SetupError> {
        let failed = |reason: String| SetupError(format!("{what} does not start: {reason}"));
        let mut process = Command::new(python)
            .arg(crate_file("support").join(script))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let mut line = String::new();
        if let Some(stdout) = process.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).map_err(|error| failed(error.to_string()))?;
        }
        let port = line.trim().parse().map_err(|_| failed(format!("it printed {line:?} in place of its port")))?;
        Ok(Self { process, port })
    }

    /// The port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody left to tell.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
