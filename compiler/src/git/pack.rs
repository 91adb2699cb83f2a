use std::{
    fs::{self, File, Permissions},
    io::{self, BufWriter, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use flate2::{Compression, Crc, write::ZlibEncoder};
use git2::{ObjectType, Oid};
use sha1::{Digest, Sha1};
use tempfile::NamedTempFile;

/// One object as a pack holds it: a header with type and size, then the deflated bytes.
#[derive(Debug)]
pub(super) struct PackEntry {
    pub(super) kind: ObjectType,
    header: usize,
    bytes: Vec<u8>,
}

impl PackEntry {
    /// The deflated bytes alone.
    pub(super) fn deflated(&self) -> &[u8] {
        &self.bytes[self.header..]
    }
}

/// Deflates one object after another without setting up the compressor anew.
pub(super) struct Deflater(ZlibEncoder<Vec<u8>>);

impl Deflater {
    pub(super) fn new() -> Self {
        Self(ZlibEncoder::new(Vec::new(), Compression::fast()))
    }

    /// The object with these bytes.
    pub(super) fn entry(&mut self, kind: ObjectType, bytes: &[u8]) -> io::Result<PackEntry> {
        let header = header(kind, bytes.len());
        let length = header.len();
        *self.0.get_mut() = header;
        self.0.write_all(bytes)?;
        Ok(PackEntry { kind, header: length, bytes: self.0.reset(Vec::new())? })
    }
}

/// Type in three bits, size in four and then seven bits a byte, lowest first.
fn header(kind: ObjectType, size: usize) -> Vec<u8> {
    let number: u8 = match kind {
        ObjectType::Commit => 1,
        ObjectType::Tree => 2,
        _ => 3,
    };
    let low = |size: usize, bits: u32| u8::try_from(size & ((1 << bits) - 1)).unwrap_or_default();
    let mut bytes = vec![number << 4 | low(size, 4)];
    let mut rest = size >> 4;
    while rest > 0 {
        if let Some(last) = bytes.last_mut() {
            *last |= 0x80;
        }
        bytes.push(low(rest, 7));
        rest >>= 7;
    }
    bytes
}

/// Writes one pack with its index into `objects/pack`. Both appear whole and are on the disk when this returns.
///
/// The library's own writer fills the pack through a memory map, and a full disk is then no error but the end of the
/// process.
pub(super) fn write_pack(folder: &Path, entries: &[(Oid, PackEntry)]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let (pack, checksum, offsets) = pack(folder, entries)?;
    let index = index(folder, entries, &offsets, &checksum)?;
    let name = Oid::from_bytes(&checksum).map_err(io::Error::other)?;
    // Readers look for indexes, so the index is the last to come.
    pack.persist(folder.join(format!("pack-{name}.pack")))?;
    index.persist(folder.join(format!("pack-{name}.idx")))?;
    File::open(folder)?.sync_all()
}

type Checksum = [u8; 20];

/// The entries one after another; where each begins.
fn pack(folder: &Path, entries: &[(Oid, PackEntry)]) -> io::Result<(NamedTempFile, Checksum, Vec<u32>)> {
    let mut out = Hashed::create(folder, "tmp_pack_")?;
    out.write(b"PACK")?;
    out.write(&2_u32.to_be_bytes())?;
    out.write(&u32::try_from(entries.len()).map_err(io::Error::other)?.to_be_bytes())?;
    let mut offsets = Vec::with_capacity(entries.len());
    for (_, entry) in entries {
        offsets.push(out.length);
        out.write(&entry.bytes)?;
    }
    let (file, checksum) = out.finish()?;
    // Offsets with the highest bit set mean something else to readers of an index.
    let offsets = offsets.into_iter().map(|at| i32::try_from(at).map(i32::cast_unsigned)).collect::<Result<_, _>>();
    Ok((file, checksum, offsets.map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?))
}

/// Version 2: how many ids start with at most each byte, the ids in order, checksums, offsets.
fn index(folder: &Path, entries: &[(Oid, PackEntry)], offsets: &[u32], pack: &Checksum) -> io::Result<NamedTempFile> {
    let mut out = Hashed::create(folder, "tmp_idx_")?;
    out.write(b"\xfftOc")?;
    out.write(&2_u32.to_be_bytes())?;
    for first in 0..=u8::MAX {
        let count = entries.partition_point(|(id, _)| id.as_bytes()[0] <= first);
        out.write(&u32::try_from(count).map_err(io::Error::other)?.to_be_bytes())?;
    }
    for (id, _) in entries {
        out.write(id.as_bytes())?;
    }
    for (_, entry) in entries {
        let mut sum = Crc::new();
        sum.update(&entry.bytes);
        out.write(&sum.sum().to_be_bytes())?;
    }
    for offset in offsets {
        out.write(&offset.to_be_bytes())?;
    }
    out.write(pack)?;
    Ok(out.finish()?.0)
}

/// A temporary file that ends with the checksum of all that is before it. Git's own clean-up knows the prefix.
struct Hashed {
    file: BufWriter<NamedTempFile>,
    hash: Sha1,
    length: u64,
}

impl Hashed {
    fn create(folder: &Path, prefix: &str) -> io::Result<Self> {
        let permissions = Permissions::from_mode(0o444);
        let file = tempfile::Builder::new().prefix(prefix).permissions(permissions).tempfile_in(folder)?;
        Ok(Self { file: BufWriter::new(file), hash: Sha1::new(), length: 0 })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.length += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    fn finish(mut self) -> io::Result<(NamedTempFile, Checksum)> {
        let checksum: Checksum = self.hash.finalize().into();
        self.file.write_all(&checksum)?;
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        Ok((file, checksum))
    }
}
