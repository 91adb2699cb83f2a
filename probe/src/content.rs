//! Payloads: fresh for every repetition, the same on every seeder.
//!
//! In: a seed and a size. Out: bytes of a `ChaCha8` stream, never compressible, and their SHA-256.

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, Read, Write},
    path::Path,
};

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How much is generated and hashed at a time.
const BLOCK: usize = 64 * 1024;

/// Names one payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// File name, also the torrent's; unique to the repetition.
    pub name: String,
    /// Seed of the stream, 64 hex digits.
    pub seed: String,
    /// Size in bytes.
    pub bytes: u64,
}

impl Content {
    /// Seed of the content that these words name: SHA-256 (hex) over the words, each after its length.
    ///
    /// The lengths keep `["ab", "c"]` and `["a", "bc"]` apart.
    pub fn seed(parts: &[&str]) -> String {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        hex(&hash.finalize())
    }

    /// The payload, from its first byte.
    pub fn reader(&self) -> io::Result<ContentReader> {
        let key = unhex(&self.seed).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let Some(key) = key else {
            let detail = format!("the seed of {} is not 64 hex digits: {:?}", self.name, self.seed);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, detail));
        };
        Ok(ContentReader { stream: ChaCha8Rng::from_seed(key), block: vec![0; BLOCK], used: BLOCK, left: self.bytes })
    }

    /// Writes the payload to a file, which is replaced; gives its SHA-256 (hex).
    pub fn write_to(&self, path: &Path) -> io::Result<String> {
        let mut file = File::create(path)?;
        let digest = copy_hashed(&mut self.reader()?, &mut file)?;
        file.flush()?;
        Ok(digest)
    }

    /// SHA-256 (hex) of the payload.
    pub fn sha256(&self) -> io::Result<String> {
        copy_hashed(&mut self.reader()?, &mut io::sink())
    }
}

/// Streams a [`Content`]; the bytes don't depend on the sizes of the reads.
#[derive(Debug)]
pub struct ContentReader {
    stream: ChaCha8Rng,
    block: Vec<u8>,
    used: usize,
    left: u64,
}

impl Read for ContentReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || out.is_empty() {
            return Ok(0);
        }
        if self.used == self.block.len() {
            // Always whole blocks: a generator asked for three bytes throws the rest of its word away.
            self.stream.fill_bytes(&mut self.block);
            self.used = 0;
        }
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let count = out.len().min(self.block.len() - self.used).min(left);
        out[..count].copy_from_slice(&self.block[self.used..self.used + count]);
        self.used += count;
        self.left -= count as u64;
        Ok(count)
    }
}

/// Copies everything; gives its SHA-256 (hex).
pub fn copy_hashed(from: &mut dyn Read, to: &mut dyn Write) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut block = vec![0; BLOCK];
    loop {
        let count = match from.read(&mut block) {
            Ok(0) => return Ok(hex(&hash.finalize())),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(&block[..count]);
        to.write_all(&block[..count])?;
    }
}

/// Lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Bytes of hex digits, or nothing where they are not.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|value| u8::try_from(value).ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(bytes: u64) -> Content {
        Content { name: "c".to_owned(), seed: Content::seed(&["cell", "1"]), bytes }
    }

    #[test]
    fn the_stream_does_not_depend_on_the_reads() {
        let content = content(200_001);
        let mut whole = Vec::new();
        content.reader().unwrap().read_to_end(&mut whole).unwrap();
        assert_eq!(whole.len(), 200_001);
        let mut reader = content.reader().unwrap();
        let mut odd = Vec::new();
        let mut step = [0_u8; 37];
        loop {
            let count = reader.read(&mut step).unwrap();
            if count == 0 {
                break;
            }
            odd.extend_from_slice(&step[..count]);
        }
        assert!(whole == odd);
        let mut shorter = Vec::new();
        Content { bytes: 1000, ..content }.reader().unwrap().read_to_end(&mut shorter).unwrap();
        assert_eq!(shorter, whole[..1000]);
    }

    #[test]
    fn the_stream_is_chacha8_of_the_seed() {
        let zeros = Content { name: "c".to_owned(), seed: "0".repeat(64), bytes: 8 };
        let mut bytes = Vec::new();
        zeros.reader().unwrap().read_to_end(&mut bytes).unwrap();
        // First key stream bytes of ChaCha8 with a key of zeros (draft-strombergson-chacha-test-vectors, TC1).
        assert_eq!(hex(&bytes), "3e00ef2f895f40d6");
    }

    #[test]
    fn a_file_has_the_digest_of_the_stream() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("c");
        let content = content(100_000);
        let digest = content.write_to(&path).unwrap();
        assert_eq!(digest, content.sha256().unwrap());
        assert_eq!(digest, copy_hashed(&mut File::open(&path).unwrap(), &mut io::sink()).unwrap());
        assert_eq!(path.metadata().unwrap().len(), 100_000);
    }

    #[test]
    fn seeds_keep_their_parts_apart() {
        assert_ne!(Content::seed(&["ab", "c"]), Content::seed(&["a", "bc"]));
        assert_eq!(Content::seed(&["x"]).len(), 64);
    }

    #[test]
    fn nothing_is_a_payload_too() {
        let digest = content(0).sha256().unwrap();
        assert_eq!(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn a_bad_seed_is_an_error() {
        let bad = Content { name: "c".to_owned(), seed: "xyz".to_owned(), bytes: 1 };
        assert!(bad.reader().unwrap_err().to_string().contains("64 hex digits"));
        assert_eq!(unhex("0aFf"), Some(vec![10, 255]));
        assert_eq!(unhex("0"), None);
    }
}
