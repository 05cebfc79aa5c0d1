//! Configurations.

use serde::Deserialize;

use super::OciError;
use super::manifest::WirePlatform;
use crate::digest::Sha256;
use crate::name::Platform;

/// What an image's configuration says that matters here (image-spec, "image configuration").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageConfig {
    /// Digest of each layer's uncompressed tar file, the lowest first.
    pub diff_ids: Vec<Sha256>,
    /// `PATH` of its environment, if it sets one.
    pub path: Option<String>,
    platform: WirePlatform,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(flatten)]
    platform: WirePlatform,
    config: Option<WireRun>,
    rootfs: Option<WireRootfs>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireRun {
    env: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct WireRootfs {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    diff_ids: Vec<String>,
}

impl ImageConfig {
    /// Reads a configuration.
    ///
    /// # Errors
    /// It is none, or names no layers by digest.
    pub fn parse(bytes: &[u8]) -> Result<Self, OciError> {
        let wire: Wire = serde_json::from_slice(bytes)
            .map_err(|error| OciError::Syntax { what: "configuration", problem: error.to_string() })?;
        let rootfs = wire.rootfs.filter(|rootfs| rootfs.kind == "layers").ok_or_else(|| OciError::Value {
            what: "configuration",
            problem: "without `rootfs` of type `layers`".to_owned(),
        })?;
        let diff_ids = rootfs.diff_ids.iter().map(|text| {
            Sha256::from_oci(text)
                .map_err(|error| OciError::Value { what: "configuration", problem: error.to_string() })
        });
        let env = wire.config.and_then(|run| run.env).unwrap_or_default();
        let path = env.iter().find_map(|entry| entry.strip_prefix("PATH=")).map(str::to_owned);
        Ok(Self { diff_ids: diff_ids.collect::<Result<_, _>>()?, path, platform: wire.platform })
    }

    /// Whether it is for a platform.
    #[must_use]
    pub fn is_for(&self, platform: Platform) -> bool {
        self.platform.is(platform)
    }

    /// Its platform, as messages show it.
    #[must_use]
    pub fn platform(&self) -> String {
        self.platform.shown()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_platform_and_path_are_read() {
        let digest = Sha256::of("layer");
        let text = format!(
            r#"{{"os": "linux", "architecture": "arm64", "variant": "v8", "config": {{"Env": ["A=1", "PATH=/x:/y"]}},
            "rootfs": {{"type": "layers", "diff_ids": ["sha256:{digest}"]}}}}"#
        );
        let config = ImageConfig::parse(text.as_bytes()).unwrap();
        assert_eq!(
            (config.diff_ids.as_slice(), config.path.as_deref()),
            ([digest].as_slice(), Some("/x:/y"))
        );
        assert!(config.is_for(Platform::LinuxArm64) && !config.is_for(Platform::LinuxAmd64));
        assert_eq!(config.platform(), "linux/arm64/v8");
        for wrong in ["{}", r#"{"os": "linux", "architecture": "amd64"}"#, "[]"] {
            assert!(ImageConfig::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
