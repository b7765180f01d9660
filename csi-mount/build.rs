//! Makes the messages and services of the two protocols from their descriptions; no protoc is needed.

/// What kubelet sends with a volume holds tokens: its `Debug` is written by hand.
const SECRET: &str = ".csi.v1.NodePublishVolumeRequest";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let described = protox::compile(["csi.proto", "pluginregistration.proto"], ["proto"])?;
    tonic_prost_build::configure().skip_debug([SECRET]).btree_map(".").compile_fds(described)?;
    Ok(())
}
