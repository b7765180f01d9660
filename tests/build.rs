//! Makes messages, servers and clients of the storage interface from the driver's description and the controller's part.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=../csi-mount/proto");
    let described = protox::compile(["csi.proto", "controller.proto"], ["../csi-mount/proto", "proto"])?;
    tonic_prost_build::configure().compile_fds(described)?;
    Ok(())
}
