//! How long a provider is waited for: attempts with growing pauses, all within one time-out.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::failure::{Failure, Passing};
use crate::crypto::fill_random;

/// The first pause, at most; doubles from attempt to attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// No pause is longer, unless the provider asks for it.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// One attempt may take this part of the whole time, so that one that hangs is not the only one.
const SHARE_OF_ONE: u32 = 3;
/// No attempt is given up sooner.
const SHORTEST_ATTEMPT: Duration = Duration::from_millis(500);

/// How long to try.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    total: Duration,
}

impl Patience {
    pub(super) fn new(total: Duration) -> Self {
        Self { total }
    }

    /// How long one attempt may take.
    pub(super) fn of_one(self) -> Duration {
        (self.total / SHARE_OF_ONE).max(SHORTEST_ATTEMPT).min(self.total)
    }

    /// Tries until it works, fails for good, or the time is over. The error comes with the number of attempts.
    pub(super) async fn persist<T, F, A>(self, mut attempt: A) -> Result<T, (Failure, u32)>
    where
        A: FnMut() -> F,
        F: Future<Output = Result<T, Failure>>,
    {
        let began = Instant::now();
        let mut attempts = 0u32;
        loop {
            attempts = attempts.saturating_add(1);
            let left = self.total.saturating_sub(began.elapsed());
            let outcome = tokio::time::timeout(self.of_one().min(left), attempt()).await;
            let failure = match outcome {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(failure)) => failure,
                Err(_) => Failure::Passing(Passing::TimedOut, String::new()),
            };
            let Failure::Passing(passing, _) = &failure else { return Err((failure, attempts)) };
            let asked = match passing {
                Passing::Throttled(asked) => asked.unwrap_or_default(),
                _ => Duration::ZERO,
            };
            let pause = pause(attempts).max(asked);
            // A pause that leaves no time for another attempt is time lost, and what comes of an attempt that is cut
            // short would hide what is the matter.
            if began.elapsed() + pause + SHORTEST_ATTEMPT > self.total {
                return Err((failure, attempts));
            }
            tokio::time::sleep(pause).await;
        }
    }
}

/// Between half and the whole of a pause that doubles, so that proxies started together do not ask together.
fn pause(attempts: u32) -> Duration {
    let doubled = 2u32.saturating_pow(attempts.saturating_sub(1).min(16));
    let whole = FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE);
    let mut random = [0u8; 2];
    // Without randomness the pause is merely regular.
    let _ = fill_random(&mut random);
    let half = whole / 2;
    half + half.mul_f64(f64::from(u16::from_be_bytes(random)) / f64::from(u16::MAX))
}

/// Runs what blocks on a thread of its own. One that hangs (a library's call cannot be stopped) then holds up
/// neither a session nor the end of the process.
pub(super) async fn blocking<T, W>(work: W) -> Result<T, Failure>
where
    T: Send + 'static,
    W: FnOnce() -> Result<T, Failure> + Send + 'static,
{
    let (done, outcome) = oneshot::channel();
    let thread = std::thread::Builder::new().name("root-key".to_owned()).spawn(move || {
        let _ = done.send(work());
    });
    if let Err(error) = thread {
        return Err(Failure::Passing(Passing::Unavailable, format!("no thread for it: {error}")));
    }
    let lost = || Err(Failure::Passing(Passing::Unavailable, "its thread ended".to_owned()));
    outcome.await.unwrap_or_else(|_| lost())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::super::failure::Final;
    use super::*;

    fn run<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
    }

    #[test]
    fn what_passes_is_tried_again_and_what_stays_is_not() {
        let patience = Patience::new(Duration::from_secs(20));
        let tried = Cell::new(0);
        let outcome = run(patience.persist(|| {
            tried.set(tried.get() + 1);
            let number = tried.get();
            async move {
                if number < 3 {
                    return Err(Failure::Passing(Passing::Unreachable, String::new()));
                }
                Ok(number)
            }
        }));
        assert_eq!(outcome, Ok(3));
        let denied = Failure::Final(Final::Denied, "no".to_owned());
        let outcome = run(patience.persist(|| async { Err::<(), _>(denied.clone()) }));
        assert_eq!(outcome, Err((denied, 1)));
    }

    #[test]
    fn the_whole_is_bounded_whatever_an_attempt_does() {
        let total = Duration::from_millis(900);
        let began = Instant::now();
        let outcome = run(Patience::new(total).persist(std::future::pending::<Result<(), _>>));
        let (failure, _) = outcome.unwrap_err();
        assert!(matches!(failure, Failure::Passing(Passing::TimedOut, _)));
        assert!(began.elapsed() < total + Duration::from_secs(2), "{:?}", began.elapsed());

        // A provider that asks for more time than there is: not waited for.
        let began = Instant::now();
        let throttled = Failure::Passing(Passing::Throttled(Some(Duration::from_secs(60))), String::new());
        let outcome = run(Patience::new(total).persist(|| async { Err::<(), _>(throttled.clone()) }));
        assert_eq!(outcome.unwrap_err().1, 1);
        assert!(began.elapsed() < Duration::from_secs(2));

        // None is begun that would be cut short at once, so the reason stays the provider's own.
        let sealed = Failure::Passing(Passing::Unavailable, "sealed".to_owned());
        let outcome = run(Patience::new(total).persist(|| async { Err::<(), _>(sealed.clone()) }));
        assert_eq!(outcome.unwrap_err().0, sealed);
    }

    #[test]
    fn pauses_grow_and_vary_within_bounds() {
        for attempt in 1..40 {
            let whole =
                FIRST_PAUSE.saturating_mul(2u32.saturating_pow(attempt.min(17) - 1)).min(LONGEST_PAUSE);
            let pause = pause(attempt);
            assert!(pause >= whole / 2 && pause <= whole, "{attempt}: {pause:?} of {whole:?}");
        }
        let several: std::collections::BTreeSet<Duration> = (0..8).map(|_| pause(10)).collect();
        assert!(several.len() > 1);
    }

    #[test]
    fn a_panic_in_a_library_call_is_an_error() {
        let outcome = run(blocking(|| -> Result<(), Failure> { panic!("as a binding might") }));
        assert!(outcome.unwrap_err().is_passing());
    }
}
