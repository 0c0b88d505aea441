//! An NFSv3 client of our own: it caches nothing and retries nothing, so what it was told is what the server said.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use nfs_wire::mount::{DirPath, v3 as mount3};
use nfs_wire::nfs3::{
    Commit, CommitArgs, Create, CreateArgs, CreateHow, DirOpArgs, Fattr3, FileHandle, Filename, Getattr, GetattrArgs,
    Lookup, LookupArgs, Mkdir, MkdirArgs, NewObjectOk, Nfsstat3, ReadArgs, Readdir, ReaddirArgs, Remove, RemoveArgs,
    Rename, RenameArgs, Reply3, Rmdir, RmdirArgs, Sattr3, Setattr, SetattrArgs, Verifier, WriteArgs,
};
use nfs_wire::rpc::{
    AuthSys, CallHeader, OpaqueAuth, Procedure, RECORD_MARKER_BYTES, RecordLimits, RecordReader, ReplyHeader,
    begin_record, finish_record,
};
use nfs_wire::xdr::{Decode, DecodeError, Decoder, Encode, Encoder, Opaque};

/// Why a call brought no result.
#[derive(Debug)]
pub enum CallFailure {
    /// The connection broke or timed out: whether the server did it is unknown.
    Lost(std::io::Error),
    /// The server refused.
    Refused(Nfsstat3),
    /// MOUNT refused.
    MountRefused(mount3::Mountstat3),
    /// The answer is none that RFC 5531 or RFC 1813 allow here.
    Nonsense(String),
}

/// One connection, acting as root until told otherwise.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    reader: RecordReader,
    received: BytesMut,
    credential: OpaqueAuth,
    xid: u32,
}

/// What one call says, or why not.
pub type Answer<T> = Result<T, CallFailure>;

impl Client {
    /// Connects; every later wait for an answer is limited too.
    pub fn connect(address: SocketAddr) -> Answer<Self> {
        Self::over(TcpStream::connect_timeout(&address, ANSWER_LIMIT)?)
    }

    /// Connects from a local address of choice, such as another one of 127.0.0.0/8.
    pub fn connect_from(source: IpAddr, address: SocketAddr) -> Answer<Self> {
        let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(source, 0).into())?;
        socket.connect_timeout(&address.into(), ANSWER_LIMIT)?;
        Self::over(socket.into())
    }

    /// Makes further calls as another user, without further groups.
    pub fn act_as(&mut self, uid: u32, gid: u32) {
        self.credential = credential(uid, gid);
    }

    fn over(stream: TcpStream) -> Answer<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        let limits = RecordLimits { record_max_bytes: RECORD_MAX_BYTES, fragments_max: 1024 };
        let (reader, received) = (RecordReader::new(limits), BytesMut::new());
        // Two connections that began with one xid would be one client that repeats its calls.
        let xid = u32::from(stream.local_addr()?.port()) << 16;
        Ok(Self { stream, reader, received, credential: credential(0, 0), xid })
    }

    /// MNT of an export's path: the handle of its root.
    pub fn mount(&mut self, path: &str) -> Answer<FileHandle> {
        let path: DirPath = opaque(path)?;
        match self.call::<mount3::Mnt>(&path)? {
            mount3::MountResult::Ok(body) => Ok(body.fhandle),
            mount3::MountResult::Failed(status) => Err(CallFailure::MountRefused(status)),
        }
    }

    /// GETATTR.
    pub fn getattr(&mut self, object: &FileHandle) -> Answer<Fattr3> {
        let args = GetattrArgs { object: object.clone() };
        accepted(self.call::<Getattr>(&args)?).map(|body| body.obj_attributes)
    }

    /// LOOKUP of one name.
    pub fn lookup(&mut self, folder: &FileHandle, name: &str) -> Answer<FileHandle> {
        let args = LookupArgs { what: place(folder, name)? };
        accepted(self.call::<Lookup>(&args)?).map(|body| body.object)
    }

    /// LOOKUP name by name from `root`; the empty path is `root` itself.
    pub fn walk(&mut self, root: &FileHandle, path: &str) -> Answer<FileHandle> {
        let names = path.split('/').filter(|name| !name.is_empty());
        names.into_iter().try_fold(root.clone(), |folder, name| self.lookup(&folder, name))
    }

    /// SETATTR without a guard.
    pub fn setattr(&mut self, object: &FileHandle, new_attributes: Sattr3) -> Answer<()> {
        let args = SetattrArgs { object: object.clone(), new_attributes, guard: None };
        accepted(self.call::<Setattr>(&args)?).map(drop)
    }

    /// CREATE, GUARDED.
    pub fn create(&mut self, folder: &FileHandle, name: &str, mode: u32) -> Answer<FileHandle> {
        let how = CreateHow::Guarded(Sattr3 { mode: Some(mode), ..Sattr3::default() });
        let made = accepted(self.call::<Create>(&CreateArgs { place: place(folder, name)?, how })?)?;
        self.handle_of(made, folder, name)
    }

    /// MKDIR.
    pub fn mkdir(&mut self, parent: &FileHandle, name: &str, mode: u32) -> Answer<FileHandle> {
        let attributes = Sattr3 { mode: Some(mode), ..Sattr3::default() };
        let made = accepted(self.call::<Mkdir>(&MkdirArgs { place: place(parent, name)?, attributes })?)?;
        self.handle_of(made, parent, name)
    }

    /// WRITE of all of the data; the verifier of the reply. A short write or a weaker promise than asked is nonsense here.
    pub fn write(&mut self, args: &WriteArgs) -> Answer<Verifier> {
        let body = accepted(self.call::<nfs_wire::nfs3::Write>(args)?)?;
        if body.count != args.count || body.committed < args.stable {
            let asked = (args.count, args.stable);
            return Err(CallFailure::Nonsense(format!("WRITE of {asked:?} answered {body:?}")));
        }
        Ok(body.verf)
    }

    /// COMMIT of the whole file; the verifier of the reply.
    pub fn commit(&mut self, file: &FileHandle) -> Answer<Verifier> {
        let args = CommitArgs { file: file.clone(), offset: 0, count: 0 };
        accepted(self.call::<Commit>(&args)?).map(|body| body.verf)
    }

    /// READ of the whole file, in pieces.
    pub fn read_all(&mut self, file: &FileHandle) -> Answer<Vec<u8>> {
        let mut content = Vec::new();
        loop {
            let offset = u64::try_from(content.len()).unwrap_or(u64::MAX);
            let args = ReadArgs { file: file.clone(), offset, count: PIECE_BYTES };
            let body = accepted(self.call::<nfs_wire::nfs3::Read>(&args)?)?;
            if body.data.is_empty() && !body.eof {
                return Err(CallFailure::Nonsense(format!("READ at {offset} gives nothing and no end")));
            }
            content.extend_from_slice(&body.data);
            if body.eof {
                return Ok(content);
            }
        }
    }

    /// READDIR to the end: the names without `.` and `..`, in the server's order.
    pub fn readdir(&mut self, dir: &FileHandle) -> Answer<Vec<String>> {
        let (mut names, mut cookie, mut cookieverf) = (Vec::new(), 0, Verifier::default());
        loop {
            let args = ReaddirArgs { dir: dir.clone(), cookie, cookieverf, count: PIECE_BYTES };
            let body = accepted(self.call::<Readdir>(&args)?)?;
            cookieverf = body.cookieverf;
            let entries = body.entries.into_vec();
            if entries.is_empty() && !body.eof {
                return Err(CallFailure::Nonsense("READDIR gives nothing and no end".to_owned()));
            }
            cookie = entries.last().map_or(cookie, |entry| entry.cookie);
            names.extend(entries.iter().map(|entry| String::from_utf8_lossy(&entry.name).into_owned()));
            if body.eof {
                names.retain(|name| name != "." && name != "..");
                return Ok(names);
            }
        }
    }

    /// REMOVE.
    pub fn remove(&mut self, folder: &FileHandle, name: &str) -> Answer<()> {
        accepted(self.call::<Remove>(&RemoveArgs { object: place(folder, name)? })?).map(drop)
    }

    /// RMDIR.
    pub fn rmdir(&mut self, parent: &FileHandle, name: &str) -> Answer<()> {
        accepted(self.call::<Rmdir>(&RmdirArgs { object: place(parent, name)? })?).map(drop)
    }

    /// RENAME.
    pub fn rename(&mut self, from: (&FileHandle, &str), to: (&FileHandle, &str)) -> Answer<()> {
        let args = RenameArgs { from: place(from.0, from.1)?, to: place(to.0, to.1)? };
        accepted(self.call::<Rename>(&args)?).map(drop)
    }

    /// Any procedure: one call, one answer.
    pub fn call<P: Procedure>(&mut self, args: &P::Args) -> Answer<P::Result> {
        let record = self.record::<P>(args);
        self.send::<P>(&record)
    }

    /// The bytes of a call with the next xid, for [`Client::send`].
    pub fn record<P: Procedure>(&mut self, args: &P::Args) -> BytesMut {
        self.xid = self.xid.wrapping_add(1);
        let header = CallHeader {
            xid: self.xid,
            program: P::PROGRAM,
            version: P::VERSION,
            procedure: P::NUMBER,
            credential: self.credential.clone(),
            verifier: OpaqueAuth::none(),
        };
        let mut record = BytesMut::with_capacity(RECORD_MARKER_BYTES + header.encoded_size() + args.encoded_size());
        let start = begin_record(&mut record);
        header.encode(&mut Encoder::new(&mut record));
        args.encode(&mut Encoder::new(&mut record));
        finish_record(&mut record, start, 0);
        record
    }

    /// Sends the bytes of a call, perhaps not for the first time, and takes its answer.
    pub fn send<P: Procedure>(&mut self, record: &[u8]) -> Answer<P::Result> {
        let xid = record.get(RECORD_MARKER_BYTES..).and_then(<[u8]>::first_chunk).copied().map(u32::from_be_bytes);
        self.stream.write_all(record)?;
        let mut decoder = Decoder::new(self.receive()?);
        let reply = ReplyHeader::decode(&mut decoder)?;
        if Some(reply.xid) != xid || !reply.is_success() {
            return Err(CallFailure::Nonsense(format!("{} answered {reply:?}", P::NAME)));
        }
        let result = P::Result::decode(&mut decoder)?;
        decoder.finish()?;
        Ok(result)
    }

    fn receive(&mut self) -> Answer<Bytes> {
        let mut piece = vec![0; RECEIVE_BYTES];
        loop {
            let record = self.reader.next_record(&mut self.received);
            if let Some(record) = record.map_err(|error| CallFailure::Nonsense(error.to_string()))? {
                return Ok(record);
            }
            let count = self.stream.read(&mut piece)?;
            if count == 0 {
                return Err(CallFailure::Lost(std::io::ErrorKind::UnexpectedEof.into()));
            }
            self.received.extend_from_slice(piece.get(..count).unwrap_or_default());
        }
    }

    fn handle_of(&mut self, made: NewObjectOk, folder: &FileHandle, name: &str) -> Answer<FileHandle> {
        made.obj.map_or_else(|| self.lookup(folder, name), Ok)
    }
}

impl From<std::io::Error> for CallFailure {
    fn from(error: std::io::Error) -> Self {
        Self::Lost(error)
    }
}

impl From<DecodeError> for CallFailure {
    fn from(error: DecodeError) -> Self {
        Self::Nonsense(error.to_string())
    }
}

impl std::fmt::Display for CallFailure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lost(error) => write!(formatter, "connection lost: {error}"),
            Self::Refused(status) => formatter.write_str(status.name()),
            Self::MountRefused(status) => formatter.write_str(status.name()),
            Self::Nonsense(what) => formatter.write_str(what),
        }
    }
}

impl std::error::Error for CallFailure {}

fn credential(uid: u32, gid: u32) -> OpaqueAuth {
    let machine_name = Opaque::from_static("integration");
    OpaqueAuth::sys(&AuthSys { stamp: 0, machine_name, uid, gid, gids: Default::default() })
}

fn accepted<Ok3, Fail3>(reply: Reply3<Ok3, Fail3>) -> Answer<Ok3> {
    reply.into_result().map_err(CallFailure::Refused)
}

fn place(folder: &FileHandle, name: &str) -> Answer<DirOpArgs> {
    let name: Filename = opaque(name)?;
    Ok(DirOpArgs { dir: folder.clone(), name })
}

fn opaque<const MAX: usize>(text: &str) -> Answer<Opaque<MAX>> {
    Ok(Opaque::new(Bytes::copy_from_slice(text.as_bytes()))?)
}

const ANSWER_LIMIT: Duration = Duration::from_secs(60);
const RECORD_MAX_BYTES: usize = 4 << 20;
const RECEIVE_BYTES: usize = 256 << 10;
const PIECE_BYTES: u32 = 64 << 10;
