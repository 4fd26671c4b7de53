//! Many values worked on at once, or two things, on the cores that there are.
//!
//! Input: a slice and what is done with each of its values. Output: the results in the order of the slice, or the error of
//! the first value that has one: the same, however many cores there are. A thread that cannot be started is one less.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Values that are taken at a time: starting a thread takes as long as reading a few dozen small documents.
const AT_A_TIME: usize = 32;
/// Threads at most, because each has memory of its own.
const MAX_THREADS: usize = 8;

/// What every value gives.
pub fn map<'a, T: Sync, R: Send>(values: &'a [T], one: impl Fn(&'a T) -> R + Sync) -> Vec<R> {
    match try_map(values, |value| Ok::<R, Infallible>(one(value))) {
        Ok(results) => results,
    }
}

/// What every value gives, or the first error.
pub fn try_map<'a, T: Sync, R: Send, E: Send>(
    values: &'a [T],
    one: impl Fn(&'a T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let cores = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
    in_parts(values.chunks(AT_A_TIME), cores, |part| part.iter().map(&one).collect())
}

/// As [`try_map`], one value in each thread, however few cores there are: for what does not work, but waits.
pub fn try_wait_for<'a, T: Sync, R: Send, E: Send>(
    values: &'a [T],
    one: impl Fn(&'a T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    in_parts(values.iter(), MAX_THREADS, |value| one(value).map(|result| vec![result]))
}

/// What the parts give one after the other, or the first error.
fn in_parts<P, R: Send, E: Send>(
    parts: impl ExactSizeIterator<Item = P> + Send,
    threads: usize,
    one: impl Fn(P) -> Result<Vec<R>, E> + Sync,
) -> Result<Vec<R>, E> {
    let threads = threads.min(parts.len());
    let left = Mutex::new(Some(parts.enumerate()));
    let take = || left.lock().unwrap_or_else(PoisonError::into_inner).as_mut().and_then(Iterator::next);
    let work = || {
        let mut done = Vec::new();
        while let Some((at, part)) = take() {
            let results = one(part);
            if results.is_err() {
                // Every part before this one was taken already.
                *left.lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
            done.push((at, results));
        }
        done
    };
    let mut done = thread::scope(|scope| {
        let start = |_| thread::Builder::new().spawn_scoped(scope, work).ok();
        let others: Vec<_> = (1..threads).filter_map(start).collect();
        let mut done = work();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    let mut all = Vec::new();
    for (_, results) in done {
        all.extend(results?);
    }
    Ok(all)
}

/// Two things at once.
pub fn both<A, B: Send>(one: impl FnOnce() -> A, other: impl Fn() -> B + Sync) -> (A, B) {
    thread::scope(|scope| {
        let thread = thread::Builder::new().spawn_scoped(scope, &other);
        let one = one();
        let other = match thread {
            Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(_) => other(),
        };
        (one, other)
    })
}

/// Frees a value that is large, without waiting for it: a program that ends meanwhile ends sooner.
pub fn dispose<T: Send + 'static>(value: T) {
    // Where no thread can be started, the value is freed here, with what the thread would have done.
    let _ = thread::Builder::new().spawn(move || drop(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_have_the_order_of_the_values() {
        for count in [0, 1, AT_A_TIME, 10 * AT_A_TIME + 1] {
            let values: Vec<usize> = (0..count).collect();
            assert_eq!(map(&values, |value| value + 1), (1..=count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_waits_waits_at_once() {
        let together = std::sync::Barrier::new(4);
        let wait = |value: &usize| {
            together.wait();
            if *value < 2 { Ok(*value) } else { Err(*value) }
        };
        assert_eq!(try_wait_for(&[0, 1, 2, 3], wait), Err(2));
        assert_eq!(try_wait_for(&[0, 1, 0, 1], wait), Ok(vec![0, 1, 0, 1]));
    }

    #[test]
    fn two_things_are_done_at_once() {
        let (said, heard) = std::sync::mpsc::sync_channel(0);
        // Neither ends before the other has begun.
        let heard = std::sync::Mutex::new(heard);
        assert_eq!(both(|| said.send(1), || heard.lock().unwrap().recv()), (Ok(()), Ok(1)));
    }

    #[test]
    fn the_first_error_is_the_one_that_is_told() {
        let values: Vec<usize> = (0..100 * AT_A_TIME).collect();
        let fail_from = |first: usize| try_map(&values, |value| if *value < first { Ok(*value) } else { Err(*value) });
        for first in [0, AT_A_TIME - 1, AT_A_TIME, 50 * AT_A_TIME + 7, values.len() - 1] {
            assert_eq!(fail_from(first), Err(first));
        }
        assert_eq!(fail_from(values.len()), Ok(values.clone()));
    }
}
