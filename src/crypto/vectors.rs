//! Helpers of the vector tests: hexadecimal, and SHAKE-128 (FIPS 202), which the accumulated XAES test reads
//! its inputs from.

/// Decodes hexadecimal.
pub fn unhex(text: &str) -> Vec<u8> {
    assert_eq!(text.len() % 2, 0, "whole bytes");
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

const RATE: usize = 168;

/// SHAKE-128: absorb any number of times, then read any number of times.
pub struct Shake128 {
    state: [u64; 25],
    at: usize,
    reading: bool,
}

impl Shake128 {
    pub fn new() -> Self {
        Self { state: [0; 25], at: 0, reading: false }
    }

    pub fn absorb(&mut self, bytes: &[u8]) {
        assert!(!self.reading);
        for &byte in bytes {
            self.xor(self.at, byte);
            self.at += 1;
            if self.at == RATE {
                keccak_f(&mut self.state);
                self.at = 0;
            }
        }
    }

    pub fn read(&mut self, n: usize) -> Vec<u8> {
        if !self.reading {
            self.xor(self.at, 0x1F);
            self.xor(RATE - 1, 0x80);
            keccak_f(&mut self.state);
            self.at = 0;
            self.reading = true;
        }
        let mut out = Vec::with_capacity(n);
        for _ in 0..n {
            if self.at == RATE {
                keccak_f(&mut self.state);
                self.at = 0;
            }
            out.push((self.state[self.at / 8] >> (8 * (self.at % 8))) as u8);
            self.at += 1;
        }
        out
    }

    fn xor(&mut self, at: usize, byte: u8) {
        self.state[at / 8] ^= u64::from(byte) << (8 * (at % 8));
    }
}

/// Keccak-f[1600], lanes indexed x + 5 y.
fn keccak_f(a: &mut [u64; 25]) {
    let mut lfsr = 1u8;
    for _ in 0..24 {
        // theta
        let column: [u64; 5] = std::array::from_fn(|x| (0..5).fold(0, |sum, y| sum ^ a[x + 5 * y]));
        for x in 0..5 {
            let d = column[(x + 4) % 5] ^ column[(x + 1) % 5].rotate_left(1);
            for y in 0..5 {
                a[x + 5 * y] ^= d;
            }
        }
        // rho and pi
        let (mut x, mut y, mut lane) = (1, 0, a[1]);
        for t in 0..24u32 {
            (x, y) = (y, (2 * x + 3 * y) % 5);
            let rotated = lane.rotate_left(((t + 1) * (t + 2) / 2) % 64);
            lane = std::mem::replace(&mut a[x + 5 * y], rotated);
        }
        // chi
        for row in a.chunks_exact_mut(5) {
            let old: [u64; 5] = std::array::from_fn(|x| row[x]);
            for x in 0..5 {
                row[x] = old[x] ^ (!old[(x + 1) % 5] & old[(x + 2) % 5]);
            }
        }
        // iota: the round constant's bits come from a linear feedback shift register
        for j in 0..7 {
            if lfsr & 1 == 1 {
                a[0] ^= 1 << ((1u32 << j) - 1);
            }
            lfsr = (lfsr << 1) ^ ((lfsr >> 7) * 0x71);
        }
    }
}

#[test]
fn shake_begins_as_published() {
    assert_eq!(Shake128::new().read(16), unhex("7f9c2ba4e88f827d616045507605853e"));
}
