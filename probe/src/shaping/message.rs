//! Netlink messages as bytes.
//!
//! In: header fields and attributes. Out: bytes in the kernel's order, every attribute padded to four; and the
//! attributes of the kernel's own messages.

/// Length of a message's header.
pub(super) const HEADER: usize = 16;
/// Bits of an attribute's type that are flags.
const TYPE: u16 = 0x3fff;

/// Bytes under construction: a message's payload, or a value of attributes.
#[derive(Debug, Clone, Default)]
pub(super) struct Message(pub(super) Vec<u8>);

impl Message {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    pub(super) fn u16(mut self, value: u16) -> Self {
        self.0.extend_from_slice(&value.to_ne_bytes());
        self
    }

    pub(super) fn u32(mut self, value: u32) -> Self {
        self.0.extend_from_slice(&value.to_ne_bytes());
        self
    }

    pub(super) fn i32(mut self, value: i32) -> Self {
        self.0.extend_from_slice(&value.to_ne_bytes());
        self
    }

    pub(super) fn u64(mut self, value: u64) -> Self {
        self.0.extend_from_slice(&value.to_ne_bytes());
        self
    }

    /// An attribute of raw bytes.
    pub(super) fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
        self.0.extend_from_slice(&length.to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    /// An attribute that holds attributes or a struct.
    pub(super) fn nested(self, kind: u16, value: &Message) -> Self {
        self.attribute(kind, &value.0)
    }

    /// An attribute of text, ended by a zero.
    pub(super) fn text(self, kind: u16, value: &str) -> Self {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.attribute(kind, &bytes)
    }

    /// The whole message, its header before the payload.
    pub(super) fn framed(self, kind: u16, flags: u16, sequence: u32) -> Vec<u8> {
        let length = u32::try_from(self.0.len() + HEADER).unwrap_or(u32::MAX);
        let mut bytes = Message::new().u32(length).u16(kind).u16(flags).u32(sequence).u32(0).0;
        bytes.extend_from_slice(&self.0);
        bytes
    }
}

/// Numbers at an offset.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_ne_bytes)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

pub(super) fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    bytes.get(at..at + 4)?.try_into().ok().map(i32::from_ne_bytes)
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_ne_bytes)
}

/// Attributes in turn: type and value; ends at the first that is broken.
pub(super) fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(rest, 0)?);
        let kind = u16_at(rest, 2)? & TYPE;
        let value = rest.get(4..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// The value of the first attribute of a type.
pub(super) fn attribute(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(bytes).find(|(found, _)| *found == kind).map(|(_, value)| value)
}

/// The text of an attribute's value, without its zero.
pub(super) fn text(value: &[u8]) -> String {
    let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
    String::from_utf8_lossy(&value[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_padded_and_read_back() {
        let inner = Message::new().attribute(7, &[1]).text(8, "tbf");
        let bytes = Message::new().nested(2, &inner).u32(0).0;
        assert_eq!(inner.0.len(), 16);
        let value = attribute(&bytes, 2).unwrap();
        assert_eq!(attribute(value, 7), Some(&[1_u8][..]));
        assert_eq!(text(attribute(value, 8).unwrap()), "tbf");
        assert_eq!(attribute(value, 9), None);
    }

    #[test]
    fn broken_attributes_end_the_list() {
        for broken in [&[][..], &[3, 0, 1, 0], &[200, 0, 1, 0, 0, 0, 0, 0], &[4, 0]] {
            assert_eq!(attributes(broken).count(), 0, "{broken:?}");
        }
    }

    #[test]
    fn messages_begin_with_their_length() {
        let bytes = Message::new().u32(5).framed(36, 1, 9);
        assert_eq!((u32_at(&bytes, 0), u16_at(&bytes, 4), u32_at(&bytes, 8)), (Some(20), Some(36), Some(9)));
    }
}
