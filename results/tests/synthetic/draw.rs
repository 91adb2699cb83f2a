use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// Random numbers of one trial.
pub(crate) struct Draw(ChaCha8Rng);

impl Draw {
    /// The same words, the same numbers.
    pub(crate) fn new(words: [u64; 4]) -> Self {
        let mut seed = [0; 32];
        for (bytes, word) in seed.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(seed))
    }

    /// Evenly between 0 and 1, neither included.
    fn even(&mut self) -> f64 {
        (f64::from(self.0.next_u32()) + 0.5) / 4_294_967_296.0
    }

    /// Whether something of that probability happens.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        self.even() < probability
    }

    /// A factor whose logarithm is normal, with that standard deviation (Box and Muller 1958).
    pub(crate) fn factor(&mut self, log_sd: f64) -> f64 {
        let normal = (-2.0 * self.even().ln()).sqrt() * (std::f64::consts::TAU * self.even()).cos();
        (log_sd * normal).exp()
    }
}
