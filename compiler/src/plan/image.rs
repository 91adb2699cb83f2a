//! Container images of a lab.

use crate::spec::Images;

/// The image to take: replaced where the lab says so.
///
/// `replace` knows an image by its whole reference, or by its name without tag and digest; a replacement without a tag
/// takes over what the name had.
pub(crate) fn replaced(images: &Images, image: &str) -> String {
    if let Some(other) = images.replace.get(image) {
        return other.clone();
    }
    let (name, version) = image.split_at(name_length(image));
    match images.replace.get(name) {
        Some(other) if name_length(other) == other.len() => format!("{other}{version}"),
        Some(other) => other.clone(),
        None => image.to_owned(),
    }
}

/// The image from where the lab gets it: its registry stood in for by the mirror, unless it is there already or was
/// replaced.
pub(crate) fn mirrored(images: &Images, image: &str) -> String {
    let taken = replaced(images, image);
    match &images.mirror {
        Some(mirror) if taken == image && !taken.starts_with(&format!("{mirror}/")) => {
            format!("{mirror}/{}", without_registry(&taken))
        }
        _ => taken,
    }
}

/// Whether the image may be another one tomorrow.
pub(super) fn moves(image: &str) -> bool {
    !image.contains("@sha256:")
}

/// Length of the name: up to the digest or the tag.
fn name_length(image: &str) -> usize {
    let end = image.find('@').unwrap_or(image.len());
    let last = image[..end].rfind('/').map_or(0, |slash| slash + 1);
    image[last..end].find(':').map_or(end, |colon| last + colon)
}

/// The name within its registry: the first part is one where it has a dot or a port, or is `localhost`.
fn without_registry(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => rest,
        _ => image,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_by_reference_or_name_and_mirrors() {
        let images = Images {
            mirror: Some("mirror.example:5000".to_owned()),
            replace: [("a.b/c:1", "x.y/c:2"), ("a.b/d", "x.y/d"), ("e", "x.y/e:t")]
                .map(|(from, to)| (from.to_owned(), to.to_owned()))
                .into(),
            ..Images::default()
        };
        for (image, other) in [
            ("a.b/c:1", "x.y/c:2"),
            ("a.b/d:7", "x.y/d:7"),
            ("a.b/d@sha256:00", "x.y/d@sha256:00"),
            ("e:1", "x.y/e:t"),
            ("docker.io/f/g:1", "mirror.example:5000/f/g:1"),
            ("f/g:1", "mirror.example:5000/f/g:1"),
            ("mirror.example:5000/f/g:1", "mirror.example:5000/f/g:1"),
        ] {
            assert_eq!(mirrored(&images, image), other, "{image}");
        }
    }
}
