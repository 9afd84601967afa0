//! A small generator of numbers that are always the same (SplitMix64). Not for secrets.

/// State of the generator.
pub struct Random(u64);

impl Random {
    /// Starts from a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below `bound` (which must not be 0; then it is 0).
    pub fn below(&mut self, bound: u64) -> u64 {
        // The high half of a product is uniform enough for what is made up here.
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// A number between both, inclusive.
    pub fn between(&mut self, low: i32, high: i32) -> i32 {
        let width = u64::from(high.abs_diff(low)) + 1;
        let offset = i64::try_from(self.below(width)).unwrap_or(0);
        i32::try_from(i64::from(low.min(high)) + offset).unwrap_or(low)
    }

    /// One of them; `None` of an empty list.
    pub fn try_pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let index = self.below(from.len() as u64);
        from.get(usize::try_from(index).ok()?)
    }

    /// One of a list that is not empty by its type.
    pub fn pick<'a, T, const N: usize>(&mut self, from: &'a [T; N]) -> &'a T {
        const { assert!(N > 0) };
        let index = self.below(N as u64) as usize;
        &from[index % N]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_splitmix64() {
        // First outputs for seed 1234567, as published with the algorithm.
        let mut random = Random::new(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn bounds_hold() {
        let mut random = Random::new(1);
        let drawn: Vec<i32> = (0..2_000).map(|_| random.between(-3, 3)).collect();
        assert!((-3..=3).all(|number| drawn.contains(&number)));
        assert!(drawn.iter().all(|number| (-3..=3).contains(number)));
        assert_eq!(random.try_pick::<u8>(&[]), None);
    }
}
