//! Lessons of the pattern `clock`.

use std::time::{Duration, SystemTime};

use testing::clock::Clock;
use tokio::time::sleep;

use crate::support::ms;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The code under test: a report at midnight, each day.
async fn report_at_midnight(clock: Clock, mut report: impl FnMut(SystemTime)) {
    loop {
        let today = clock.since(SystemTime::UNIX_EPOCH);
        let is_late = Duration::from_secs(today.as_secs() % DAY.as_secs());
        sleep(DAY - is_late).await;
        report(clock.now());
    }
}

/// freezegun: `tick` by hand, and `asyncio.sleep` does not wake. Tokio: a sleep moves the date on.
#[tokio::test(start_paused = true)]
async fn the_date_goes_on_with_the_paused_clock() {
    let evening = SystemTime::UNIX_EPOCH + DAY * 20_000 - Duration::from_secs(3600);
    let (clock, mut reports) = (Clock::starting_at(evening), Vec::new());
    let reporting = report_at_midnight(clock, |date| reports.push(date));
    assert!(tokio::time::timeout(DAY * 2, reporting).await.is_err());
    assert_eq!(reports, [20_000, 20_001].map(|day| SystemTime::UNIX_EPOCH + DAY * day));
}

/// The same clock serves on real time: it goes on as time does.
#[tokio::test]
async fn on_real_time_it_goes_on_as_time_does() {
    let clock = Clock::starting_at(SystemTime::UNIX_EPOCH);
    let before = clock.now();
    sleep(ms(2)).await;
    assert!(clock.now() >= before + ms(2));
}

/// A program takes the system's clock instead of the test's.
#[test]
fn the_program_has_the_systems_clock() {
    let before = SystemTime::now();
    let now = Clock::System.now();
    assert!(before <= now && now <= SystemTime::now());
}

/// A date in the future has no age: zero, and no panic.
#[tokio::test(start_paused = true)]
async fn a_date_in_the_future_has_no_age() {
    let clock = Clock::starting_at(SystemTime::UNIX_EPOCH);
    assert_eq!(clock.since(SystemTime::UNIX_EPOCH + DAY), Duration::ZERO);
    sleep(DAY * 2).await;
    assert_eq!(clock.since(SystemTime::UNIX_EPOCH + DAY), DAY);
}

/// A date goes on up to the last one that the system can tell, and stays there.
#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn the_last_date_of_all_stays() {
    let last = SystemTime::UNIX_EPOCH + Duration::from_secs(i64::MAX.unsigned_abs());
    let clock = Clock::starting_at(last);
    sleep(DAY).await;
    assert_eq!(clock.now(), last);
}
