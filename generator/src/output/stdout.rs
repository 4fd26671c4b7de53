//! Standard output, for the one thing that must not get lost on its way: the install archive with the private key.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, fstat, fsync};
use rustix::io::{Errno, ioctl_fionread};
use rustix::stdio::{dup2_stdout, stdout};

/// How often it is asked whether the other end of a pipe has read everything.
const PAUSE: Duration = Duration::from_millis(5);

/// Nobody took the install archive.
#[derive(Debug, thiserror::Error)]
#[error(
    "the install archive was not read from standard output; no bundle was written\n  if a private key was made, it is gone: correct the command behind the pipe, then run this command again"
)]
pub(crate) struct NotTaken(#[source] io::Error);

/// Writes all of it, waits until the other end of a pipe has read it, and closes standard output.
///
/// A pipe takes some kilobytes that nobody reads, so writing alone proves nothing. What the reader does with the bytes
/// afterwards cannot be seen from here.
pub(crate) fn hand_over(bytes: &[u8]) -> Result<(), NotTaken> {
    let mut out = io::stdout().lock();
    let written = out.write_all(bytes).and_then(|()| out.flush());
    written.and_then(|()| wait_for_reader(stdout())).and_then(|()| close()).map_err(NotTaken)
}

/// Whether whatever is written to standard output is lost.
pub(crate) fn is_null_device() -> bool {
    let null = File::open("/dev/null").ok().and_then(|null| fstat(&null).ok()).map(|null| null.st_rdev);
    let device = fstat(stdout()).ok().filter(|out| FileType::from_raw_mode(out.st_mode) == FileType::CharacterDevice);
    null.is_some() && device.map(|out| out.st_rdev) == null
}

fn wait_for_reader(out: BorrowedFd<'_>) -> io::Result<()> {
    if FileType::from_raw_mode(fstat(out)?.st_mode) != FileType::Fifo {
        return match fsync(out) {
            // Not everything can be synchronised.
            Err(Errno::INVAL | Errno::NOTSUP | Errno::ROFS) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        };
    }
    while ioctl_fionread(out)? > 0 {
        let mut state = [PollFd::new(&out, PollFlags::empty())];
        poll(&mut state, Some(&Timespec::default()))?;
        if state.iter().any(|state| state.revents().contains(PollFlags::ERR)) {
            return Err(ErrorKind::BrokenPipe.into());
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

/// Puts nothing in the place of standard output, which closes it: a reader then sees the end.
fn close() -> io::Result<()> {
    let nothing = File::options().write(true).open("/dev/null")?;
    Ok(dup2_stdout(nothing)?)
}
