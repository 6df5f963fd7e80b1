//! The last values of a series in order: what `basic` bands are made of.
//!
//! A ring says which value is the oldest; a sorted copy gives quantiles without sorting. Each new value moves at most
//! [`WINDOW`] numbers, in one memmove.

/// Values that a basic band looks back on.
pub(super) const WINDOW: usize = 128;

/// One standard deviation below and above the median, where values are normal.
const LOW: f64 = 0.16;
const HIGH: f64 = 0.84;

/// The last [`WINDOW`] values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rolling {
    ring: [f32; WINDOW],
    sorted: [f32; WINDOW],
    len: u16,
    next: u16,
}

impl Rolling {
    pub(super) fn new() -> Self {
        Self { ring: [0.0; WINDOW], sorted: [0.0; WINDOW], len: 0, next: 0 }
    }

    pub(super) fn push(&mut self, value: f32) {
        let mut len = usize::from(self.len);
        let next = usize::from(self.next);
        if len == WINDOW {
            let old = self.ring[next];
            let at = self.sorted.partition_point(|held| *held < old);
            self.sorted.copy_within(at + 1..len, at);
            len -= 1;
        }
        let at = self.sorted[..len].partition_point(|held| *held < value);
        self.sorted.copy_within(at..len, at + 1);
        self.sorted[at] = value;
        self.ring[next] = value;
        // Both are at most WINDOW.
        self.len = (len + 1) as u16;
        self.next = ((next + 1) % WINDOW) as u16;
    }

    /// The value below which this share of the values is, between two of them on a straight line; zero when there are none.
    pub(super) fn quantile(&self, share: f64) -> f64 {
        let Some(last) = usize::from(self.len).checked_sub(1) else { return 0.0 };
        let at = share * last as f64;
        let low = (at.floor() as usize).min(last);
        let high = (low + 1).min(last);
        let (below, above) = (f64::from(self.sorted[low]), f64::from(self.sorted[high]));
        below + (at - low as f64) * (above - below)
    }

    /// How far the values scatter below and above their median, and the median. Where most values are one, quantiles do not
    /// scatter; half of `learned` is the least.
    pub(super) fn scales(&self, learned: [f64; 2]) -> ([f64; 2], f64) {
        let middle = self.quantile(0.5);
        let (below, above) = (middle - self.quantile(LOW), self.quantile(HIGH) - middle);
        ([below.max(0.5 * learned[0]), above.max(0.5 * learned[1])], middle)
    }

    pub(super) fn visit(&self, mut each: impl FnMut(u32)) {
        self.ring.iter().for_each(|value| each(value.to_bits()));
        each(u32::from(self.len));
        each(u32::from(self.next));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_last_values() {
        let mut rolling = Rolling::new();
        for step in 0..1000_u16 {
            rolling.push(f32::from(step.wrapping_mul(7919) % 1000));
            let mut last: Vec<f32> =
                (0..=step).rev().take(WINDOW).map(|step| f32::from(step.wrapping_mul(7919) % 1000)).collect();
            last.sort_by(f32::total_cmp);
            assert!((rolling.quantile(0.0) - f64::from(last[0])).abs() < 1e-6);
            assert!((rolling.quantile(1.0) - f64::from(last[last.len() - 1])).abs() < 1e-6);
            if last.len() % 2 == 1 {
                assert!((rolling.quantile(0.5) - f64::from(last[last.len() / 2])).abs() < 1e-6);
            }
        }
    }
}
