//! Works with files by the client of the crate `smb`, and prints what it finds: `smb-rs HOST PORT USER PASSWORD`.

use std::error::Error;
use std::str::FromStr;

use futures_util::StreamExt;
use smb::{
    Client, ClientConfig, ConnectionConfig, CreateOptions, Dialect, DirAccessMask, Directory, FileAccessMask,
    FileAttributes, FileCreateArgs, FileDirectoryInformation, FileDispositionInformation, ReadAt, UncPath, WriteAt,
    connection::EncryptionMode,
};

const BYTES: usize = 1 << 20;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let [host, port, user, password] =
        std::env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "arguments")?;
    for dialect in [Dialect::Smb021, Dialect::Smb030, Dialect::Smb0302, Dialect::Smb0311] {
        for encryption_mode in [EncryptionMode::Allowed, EncryptionMode::Required] {
            if dialect == Dialect::Smb021 && encryption_mode == EncryptionMode::Required {
                continue;
            }
            let connection = ConnectionConfig {
                port: Some(port.parse()?),
                min_dialect: Some(dialect),
                max_dialect: Some(dialect),
                encryption_mode,
                ..ConnectionConfig::default()
            };
            let client = Client::new(ClientConfig { connection, ..ClientConfig::default() });
            let share = UncPath::from_str(&format!(r"\\{host}\projects"))?;
            client.share_connect(&share, &user, password.clone()).await?;
            work(&client, &share).await?;
            println!("{dialect:?} {encryption_mode:?}");
        }
    }
    Ok(())
}

async fn work(client: &Client, share: &UncPath) -> Result<(), Box<dyn Error>> {
    let at = |name: &str| share.clone().with_path(name);
    let is_directory = FileAttributes::new().with_directory(true);
    let args = FileCreateArgs::make_create_new(is_directory, CreateOptions::new().with_directory_file(true));
    client.create_file(&at("crate"), &args).await?.unwrap_dir().close().await?;
    let data: Vec<u8> = (0..BYTES).map(|index| (index % 251) as u8).collect();
    let new = FileCreateArgs::make_create_new(FileAttributes::default(), CreateOptions::default());
    let file = client.create_file(&at(r"crate\file"), &new).await?.unwrap_file();
    let mut written = 0;
    while written < data.len() {
        written += file.write_at(&data[written..], written as u64).await?;
    }
    file.flush().await?;
    file.close().await?;
    let reading = FileCreateArgs::make_open_existing(FileAccessMask::new().with_generic_read(true).with_delete(true));
    let file = client.create_file(&at(r"crate\FILE"), &reading).await?.unwrap_file();
    let (mut back, mut read) = (vec![0; BYTES], 0);
    while read < back.len() {
        read += file.read_at(&mut back[read..], read as u64).await?;
    }
    assert!(back == data, "what was written is read");
    let listing = DirAccessMask::new().with_list_directory(true).with_synchronize(true).with_delete(true);
    let directory = client.create_file(&at("crate"), &FileCreateArgs::make_open_existing(listing.into())).await?;
    let directory = std::sync::Arc::new(directory.unwrap_dir());
    let mut names: Vec<String> = Directory::query::<FileDirectoryInformation>(&directory, "*")
        .await?
        .map(|entry| entry.map(|entry| entry.file_name.to_string()))
        .collect::<Vec<_>>()
        .await
        .into_iter()
        .collect::<Result<_, _>>()?;
    names.sort();
    assert_eq!(names, [".", "..", "file"]);
    file.set_info(FileDispositionInformation::default()).await?;
    file.close().await?;
    directory.set_info(FileDispositionInformation::default()).await?;
    directory.close().await?;
    Ok(())
}
