//! What it costs to read a call and to write its reply: GETATTR, READ and WRITE.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on shall end")]

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use criterion::{Criterion, Throughput};
use nfs_wire::nfs3::{
    Fattr3, FileHandle, Ftype3, Getattr, GetattrArgs, GetattrOk, GetattrResult, Nfstime3, Read, ReadArgs, ReadHead,
    Reply3, Specdata3, StableHow, Write, WriteArgs,
};
use nfs_wire::rpc::{
    AuthSys, CallHeader, OpaqueAuth, Procedure, ReplyHeader, begin_record, call_message, finish_record,
};
use nfs_wire::xdr::{Decode, Decoder, Encode, Encoder, Opaque};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    calls(&mut criterion);
    replies(&mut criterion);
    criterion.final_summary();
}

fn calls(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode call");
    let file = handle();
    let getattr = message::<Getattr>(&GetattrArgs { object: file.clone() });
    let read = message::<Read>(&ReadArgs { file: file.clone(), offset: 1 << 30, count: 1 << 20 });
    let data = Bytes::from(vec![0x5a; 1 << 20]);
    let write =
        message::<Write>(&WriteArgs { file, offset: 1 << 30, count: 1 << 20, stable: StableHow::Unstable, data });
    group.throughput(Throughput::Elements(1));
    group.bench_function("GETATTR", |bencher| bencher.iter(|| decode::<Getattr>(black_box(&getattr))));
    group.bench_function("READ", |bencher| bencher.iter(|| decode::<Read>(black_box(&read))));
    group.bench_function("WRITE 1 MiB", |bencher| bencher.iter(|| decode::<Write>(black_box(&write))));
    group.finish();
}

fn replies(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode reply");
    group.throughput(Throughput::Elements(1));
    let mut buffer = BytesMut::with_capacity(4096);
    let result: GetattrResult = Reply3::Ok(GetattrOk { obj_attributes: attributes() });
    group.bench_function("GETATTR", |bencher| {
        bencher.iter(|| record(&mut buffer, 0, |encoder| black_box(&result).encode(encoder)));
    });
    let head = ReadHead { file_attributes: Some(attributes()), count: 1 << 20, eof: false };
    group.bench_function("READ, head", |bencher| {
        bencher.iter(|| record(&mut buffer, head.payload_bytes(), |encoder| black_box(&head).encode_head(encoder)));
    });
    group.finish();
}

/// A call of a user, as it lies in a record.
fn message<P: Procedure>(args: &P::Args) -> Bytes {
    let user = AuthSys {
        stamp: 0,
        machine_name: Opaque::from_static("client"),
        uid: 1000,
        gid: 1000,
        gids: Default::default(),
    };
    call_message::<P>(7, OpaqueAuth::sys(&user), args)
}

fn decode<P: Procedure>(message: &Bytes) -> (CallHeader, P::Args) {
    let mut decoder = Decoder::new(message.clone());
    let header = CallHeader::decode_call(&mut decoder).unwrap();
    (header, P::Args::decode(&mut decoder).unwrap())
}

fn record(buffer: &mut BytesMut, payload_bytes: usize, body: impl FnOnce(&mut Encoder<'_>)) {
    buffer.clear();
    let start = begin_record(buffer);
    let mut encoder = Encoder::new(buffer);
    ReplyHeader::success(7).encode(&mut encoder);
    body(&mut encoder);
    finish_record(buffer, start, payload_bytes);
    black_box(buffer);
}

fn handle() -> FileHandle {
    FileHandle::new(vec![7; 32]).unwrap()
}

fn attributes() -> Fattr3 {
    let time = Nfstime3 { seconds: 1, nanoseconds: 2 };
    Fattr3 {
        file_type: Ftype3::Regular,
        mode: 0o644,
        nlink: 1,
        uid: 1000,
        gid: 1000,
        size: 1 << 30,
        used: 1 << 30,
        rdev: Specdata3::default(),
        fsid: 1,
        fileid: 42,
        atime: time,
        mtime: time,
        ctime: time,
    }
}
