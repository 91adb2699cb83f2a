//! Torrents: bencoding, and the metainfo of one file.
//!
//! In: a file and an announce URL. Out: the bytes of its `.torrent` (version 1, private) and its infohash. Equal
//! content of an equal name gives equal bytes on every seeder.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::{self, Read},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha1::{Digest, Sha1};

use super::Handle;
use crate::content::hex;

/// Piece length of all but huge files.
pub(super) const PIECE_LENGTH: u64 = 256 * 1024;

/// A torrent grows with its pieces; beyond this many (8 GiB) they become longer.
const MOST_PIECES: u64 = 32 * 1024;

/// Nesting beyond which a bencoded value is refused.
const DEPTH: usize = 32;

/// Names a torrent: SHA-1 of its info dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct InfoHash(pub [u8; 20]);

impl fmt::Display for InfoHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&hex(&self.0))
    }
}

/// A bencoded value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bencode {
    /// `i42e`
    Int(i64),
    /// `4:spam`
    Bytes(Vec<u8>),
    /// `l..e`
    List(Vec<Bencode>),
    /// `d..e`, sorted by key
    Dict(BTreeMap<Vec<u8>, Bencode>),
}

impl Bencode {
    /// A text.
    pub fn text(text: &str) -> Self {
        Self::Bytes(text.as_bytes().to_vec())
    }

    /// A number; one beyond 2^63 is cut.
    pub fn number(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }

    /// A dictionary of these entries.
    pub fn dict<const N: usize>(entries: [(&str, Self); N]) -> Self {
        Self::Dict(entries.into_iter().map(|(key, value)| (key.as_bytes().to_vec(), value)).collect())
    }

    /// The bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode_to(&mut out);
        out
    }

    /// Reads one value that fills the input.
    pub fn decode(input: &[u8]) -> Option<Self> {
        let mut rest = input;
        let value = Self::take(&mut rest, DEPTH)?;
        rest.is_empty().then_some(value)
    }

    /// The value of a key, where this is a dictionary that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Dict(entries) => entries.get(key.as_bytes()),
            _ => None,
        }
    }

    /// The number, where this is one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The bytes, where these are some.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    fn encode_to(&self, out: &mut Vec<u8>) {
        match self {
            Self::Int(number) => out.extend_from_slice(format!("i{number}e").as_bytes()),
            Self::Bytes(bytes) => encode_bytes(bytes, out),
            Self::List(items) => {
                out.push(b'l');
                for item in items {
                    item.encode_to(out);
                }
                out.push(b'e');
            }
            Self::Dict(entries) => {
                out.push(b'd');
                for (key, value) in entries {
                    encode_bytes(key, out);
                    value.encode_to(out);
                }
                out.push(b'e');
            }
        }
    }

    fn take(rest: &mut &[u8], depth: usize) -> Option<Self> {
        let depth = depth.checked_sub(1)?;
        match *rest.first()? {
            b'i' => {
                *rest = &rest[1..];
                take_number(rest, b'e').map(Self::Int)
            }
            b'l' => {
                *rest = &rest[1..];
                let mut items = Vec::new();
                while *rest.first()? != b'e' {
                    items.push(Self::take(rest, depth)?);
                }
                *rest = &rest[1..];
                Some(Self::List(items))
            }
            b'd' => {
                *rest = &rest[1..];
                let mut entries = BTreeMap::new();
                while *rest.first()? != b'e' {
                    let key = take_bytes(rest)?;
                    entries.insert(key, Self::take(rest, depth)?);
                }
                *rest = &rest[1..];
                Some(Self::Dict(entries))
            }
            _ => take_bytes(rest).map(Self::Bytes),
        }
    }
}

fn encode_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{}:", bytes.len()).as_bytes());
    out.extend_from_slice(bytes);
}

fn take_number(rest: &mut &[u8], end: u8) -> Option<i64> {
    let length = rest.iter().position(|byte| *byte == end)?;
    let number = std::str::from_utf8(&rest[..length]).ok()?.parse().ok()?;
    *rest = &rest[length + 1..];
    Some(number)
}

fn take_bytes(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let length = usize::try_from(take_number(rest, b':')?).ok()?;
    let bytes = rest.get(..length)?.to_vec();
    *rest = &rest[length..];
    Some(bytes)
}

/// What a leecher must know of a torrent of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metainfo {
    /// The `.torrent` file.
    pub torrent: Vec<u8>,
    /// Its name.
    pub infohash: InfoHash,
    /// Name of the file.
    pub name: String,
    /// Size of the file.
    pub bytes: u64,
    /// Length of every piece but the last.
    pub piece_length: u64,
}

impl Metainfo {
    /// Reads a file and describes it.
    pub fn of_file(path: &Path, name: &str, announce: &str) -> io::Result<Self> {
        let bytes = path.metadata()?.len();
        Self::of_reader(&mut File::open(path)?, bytes, name, announce)
    }

    /// Reads that many bytes and describes them.
    pub fn of_reader(from: &mut dyn Read, bytes: u64, name: &str, announce: &str) -> io::Result<Self> {
        let piece_length = piece_length(bytes);
        let info = Bencode::dict([
            ("length", Bencode::number(bytes)),
            ("name", Bencode::text(name)),
            ("piece length", Bencode::number(piece_length)),
            ("pieces", Bencode::Bytes(pieces(from, bytes, piece_length)?)),
            ("private", Bencode::Int(1)),
        ]);
        let infohash = InfoHash(Sha1::digest(info.encode()).into());
        let torrent = Bencode::dict([("announce", Bencode::text(announce)), ("info", info)]).encode();
        Ok(Self { torrent, infohash, name: name.to_owned(), bytes, piece_length })
    }

    /// Reads a `.torrent` of one file.
    pub fn parse(torrent: &[u8]) -> Option<Self> {
        let decoded = Bencode::decode(torrent)?;
        let info = decoded.get("info")?;
        let number = |key: &str| u64::try_from(info.get(key)?.as_int()?).ok();
        Some(Self {
            torrent: torrent.to_vec(),
            infohash: InfoHash(Sha1::digest(info.encode()).into()),
            name: String::from_utf8(info.get("name")?.as_bytes()?.to_vec()).ok()?,
            bytes: number("length")?,
            piece_length: number("piece length").filter(|length| *length > 0)?,
        })
    }

    /// The torrent as a handle.
    pub fn handle(&self) -> Handle {
        Handle(STANDARD.encode(&self.torrent))
    }

    /// The torrent of a handle.
    pub fn of_handle(handle: &Handle) -> Option<Self> {
        Self::parse(&STANDARD.decode(&handle.0).ok()?)
    }

    /// Bytes of that many whole pieces.
    pub fn verified(&self, pieces: u64) -> u64 {
        pieces.saturating_mul(self.piece_length).min(self.bytes)
    }
}

/// The infohash of a handle that is a torrent: what the tracker is asked for.
pub fn infohash(handle: &Handle) -> Option<InfoHash> {
    Metainfo::of_handle(handle).map(|metainfo| metainfo.infohash)
}

fn piece_length(bytes: u64) -> u64 {
    let mut length = PIECE_LENGTH;
    while bytes.div_ceil(length) > MOST_PIECES {
        length *= 2;
    }
    length
}

fn pieces(from: &mut dyn Read, bytes: u64, piece_length: u64) -> io::Result<Vec<u8>> {
    let mut hashes = Vec::new();
    let mut piece = Vec::new();
    let mut left = bytes;
    while left > 0 {
        let want = left.min(piece_length);
        piece.clear();
        if io::copy(&mut from.take(want), &mut piece)? < want {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        hashes.extend_from_slice(&Sha1::digest(&piece));
        left -= want;
    }
    Ok(hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bencode_goes_out_and_back() {
        let value = Bencode::dict([
            ("list", Bencode::List(vec![Bencode::Int(-3), Bencode::text("")])),
            ("a", Bencode::dict([])),
        ]);
        assert_eq!(value.encode(), b"d1:ade4:listli-3e0:ee");
        assert_eq!(Bencode::decode(&value.encode()), Some(value));
    }

    #[test]
    fn broken_bencode_is_refused() {
        for broken in ["", "i1", "i1ei2e", "5:abc", "l", "d1:a", "di1ei2ee", "-1:a", "99999999999999999999:a"] {
            assert_eq!(Bencode::decode(broken.as_bytes()), None, "{broken}");
        }
        assert_eq!(Bencode::decode("l".repeat(100_000).as_bytes()), None);
    }

    #[test]
    fn a_torrent_goes_through_its_handle() {
        let bytes = vec![7_u8; 600_000];
        let made = Metainfo::of_reader(&mut &bytes[..], 600_000, "x.bin", "http://t:6969/announce").unwrap();
        let read = Metainfo::of_handle(&made.handle()).unwrap();
        assert_eq!(made, read);
        assert_eq!(infohash(&made.handle()), Some(made.infohash));
        let info = Bencode::decode(&made.torrent).unwrap();
        let pieces = info.get("info").unwrap().get("pieces").unwrap().as_bytes().unwrap().len();
        assert_eq!(pieces, 60);
        assert_eq!((made.verified(0), made.verified(2), made.verified(3)), (0, 524_288, 600_000));
        assert_eq!(made.infohash.to_string().len(), 40);
        assert_eq!(infohash(&Handle("{}".to_owned())), None);
    }

    #[test]
    fn a_file_that_is_too_short_is_an_error() {
        assert!(Metainfo::of_reader(&mut &b"abc"[..], 4, "x", "http://t/").is_err());
    }

    #[test]
    fn pieces_grow_only_for_huge_files() {
        assert_eq!(piece_length(5_000_000_000), 256 * 1024);
        assert_eq!(piece_length(100_000_000_000), 4 * 1024 * 1024);
        assert_eq!(piece_length(0), 256 * 1024);
    }
}
