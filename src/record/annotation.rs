//! Names that both ways between a lock and a statement use.

/// Annotation: digest of the wheel that a part is used to build, where it is not the target itself.
pub(super) const FOR: &str = "for";
/// Annotation: digest of the image that a part belongs to.
pub(super) const IMAGE: &str = "image";
/// Role of the image that the target is built in.
pub(super) const BASE_IMAGE: &str = "base-image";
/// Role of an image that a wheel is built in.
pub(super) const WHEEL_IMAGE: &str = "wheel-image";
/// Role of the source distribution of a wheel that is built here.
pub(super) const SDIST: &str = "sdist";
