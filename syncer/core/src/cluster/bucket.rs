//! A token bucket that bounds the rate of requests; time is an argument.

use std::time::Duration;

/// Allows `rate` requests a second on average and a burst of twice as many.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// Time that one request takes up; zero for no limit.
    cost: Duration,
    burst: Duration,
    /// When the requests so far are paid for.
    paid: Duration,
}

impl Bucket {
    /// A bucket for `rate` requests a second; zero means no limit.
    pub fn new(rate: u32) -> Self {
        let cost = Duration::from_secs(1).checked_div(rate).unwrap_or_default();
        Self { cost, burst: cost.saturating_mul(rate.saturating_mul(2)), paid: Duration::ZERO }
    }

    /// Takes up one request and says how long to wait before it is sent.
    pub fn take(&mut self, now: Duration) -> Duration {
        self.paid = self.paid.max(now).saturating_add(self.cost);
        self.paid.saturating_sub(now.saturating_add(self.burst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let mut bucket = Bucket::new(10);
        let now = Duration::from_secs(100);
        let waits: Vec<u128> = (0..23).map(|_| bucket.take(now).as_millis()).collect();
        assert!(waits.iter().take(20).all(|wait| *wait == 0));
        assert_eq!(waits.get(20..), Some([100, 200, 300].as_slice()));
        assert_eq!(bucket.take(now + Duration::from_secs(10)), Duration::ZERO);
        let mut free = Bucket::new(0);
        assert!((0..1000).all(|_| free.take(now).is_zero()));
    }
}
