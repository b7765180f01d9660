//! Container images made from files of this machine, without a container engine: archives that containerd imports.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::json;
use tar::{Builder, EntryType, Header};

/// What an image has at a path.
#[derive(Clone, Debug)]
enum Content {
    Folder,
    Copy(PathBuf),
    Text(String),
    Link(String),
}

/// An image of one layer; paths in it have no slash at the start.
#[derive(Clone, Debug)]
pub struct Image {
    name: String,
    entry: Vec<String>,
    content: Vec<(String, Content)>,
}

impl Image {
    /// An image with a few empty folders and the users root and `user` (1000).
    pub fn new(name: &str, entry: &[&str]) -> Image {
        let folders = ["bin", "dev", "etc", "proc", "run", "sys", "tmp", "var"];
        let mut content: Vec<(String, Content)> =
            folders.iter().map(|path| ((*path).to_owned(), Content::Folder)).collect();
        let users = "root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n";
        content.push(("etc/passwd".into(), Content::Text(users.into())));
        content.push(("etc/group".into(), Content::Text("root:x:0:\nuser:x:1000:\n".into())));
        Image { name: name.into(), entry: entry.iter().map(|word| (*word).into()).collect(), content }
    }

    /// The image's name with its tag.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same with busybox and all of its commands in `bin`.
    ///
    /// # Errors
    /// There is no static busybox.
    pub fn busybox(mut self) -> Result<Image> {
        let busybox = Path::new("/bin/busybox");
        let list = printed(Command::new(busybox).arg("--list")).context("install busybox-static")?;
        self.content.push(("bin/busybox".into(), Content::Copy(busybox.into())));
        let commands = list.lines().filter(|name| *name != "busybox");
        self.content.extend(commands.map(|name| (format!("bin/{name}"), Content::Link("busybox".into()))));
        Ok(self)
    }

    /// The same with a program in `bin`, and the shared libraries it needs at the paths where they are here.
    ///
    /// # Errors
    /// The program or a library is not there.
    pub fn program(mut self, program: &Path) -> Result<Image> {
        let name = program.file_name().and_then(|name| name.to_str()).context("a program needs a name")?;
        self.content.push((format!("bin/{name}"), Content::Copy(program.into())));
        for line in printed(Command::new("ldd").arg(program))?.lines() {
            // "libc.so.6 => /lib/…/libc.so.6 (0x…)", "/lib64/ld-linux….so.2 (0x…)", "linux-vdso.so.1 (0x…)"
            let at = line.rsplit("=> ").next().and_then(|rest| rest.split_whitespace().next());
            if let Some(inside) = at.and_then(|path| path.strip_prefix('/')) {
                self.content.push((inside.into(), Content::Copy(Path::new("/").join(inside))));
            }
        }
        Ok(self)
    }

    /// Writes the image as an archive in the format of `docker save`.
    ///
    /// # Errors
    /// A file cannot be read, or the archive cannot be written.
    pub fn write(&self, to: &Path) -> Result<()> {
        let layer = self.layer()?;
        let layer_name = format!("{}.tar", digest(&layer));
        let config = json!({
            "architecture": "amd64", "os": "linux",
            "config": {"Env": ["PATH=/bin"], "Entrypoint": self.entry},
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", digest(&layer))]},
        })
        .to_string();
        let config_name = format!("{}.json", digest(config.as_bytes()));
        let manifest = json!([{"Config": config_name, "RepoTags": [self.name], "Layers": [layer_name]}]);
        let mut archive = Builder::new(std::fs::File::create(to)?);
        add(&mut archive, &config_name, config.as_bytes(), 0o644)?;
        add(&mut archive, &layer_name, &layer, 0o644)?;
        add(&mut archive, "manifest.json", manifest.to_string().as_bytes(), 0o644)?;
        archive.into_inner()?;
        Ok(())
    }

    fn layer(&self) -> Result<Vec<u8>> {
        let mut layer = Builder::new(Vec::new());
        for (path, content) in &self.content {
            match content {
                Content::Folder => {
                    let mut header =
                        header(EntryType::Directory, 0, if path == "tmp" { 0o1777 } else { 0o755 });
                    layer.append_data(&mut header, path, std::io::empty())?;
                }
                Content::Copy(from) => {
                    let bytes = std::fs::read(from).with_context(|| from.display().to_string())?;
                    add(&mut layer, path, &bytes, 0o755)?;
                }
                Content::Text(text) => add(&mut layer, path, text.as_bytes(), 0o644)?,
                Content::Link(to) => {
                    layer.append_link(&mut header(EntryType::Symlink, 0, 0o777), path, to)?;
                }
            }
        }
        Ok(layer.into_inner()?)
    }
}

fn add<W: std::io::Write>(archive: &mut Builder<W>, path: &str, bytes: &[u8], mode: u32) -> Result<()> {
    let mut header = header(EntryType::Regular, bytes.len() as u64, mode);
    Ok(archive.append_data(&mut header, path, bytes)?)
}

/// A header of root's, always of the same date.
fn header(kind: EntryType, size: u64, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header
}

fn digest(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn printed(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{:?} does not start", command.get_program()))?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}
