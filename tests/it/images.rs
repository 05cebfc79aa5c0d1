//! Images by reference: pulled from registries, layouts and engines, unpacked safely, locked and built in.

mod base;
mod build;
mod engine;
mod hostile;
mod layout;
mod make;
mod registry;
mod unpack;
