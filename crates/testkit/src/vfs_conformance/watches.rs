//! Being told of changes: who hears what, of which names, in which order.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use vfs::acl::AccessMask;
use vfs::{
    Case, CloseRequest, DeletePendingRequest, Disposition, FsError, InodeId, Mailbox, Notice, NoticeKind, Noticed,
    Notices, OpenId, OpenRequest, OpenTarget, SetAttributes, ShareMode, Vfs, WatchFilter, WatchRequest,
};

use super::actor::{Actor, Scene, named};

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    names_come_go_and_change(scene).await;
    only_what_is_asked_for_is_told(scene).await;
    trees_hear_of_all_below(scene).await;
    what_is_replaced_goes_first(scene).await;
    what_changes_in_a_file_is_told_by_its_name(scene).await;
    watches_go_with_their_opens(scene).await;
    not_everything_can_be_watched(scene).await;
}

const ALL: WatchFilter = WatchFilter(0xfff);

impl<V: Vfs> Actor<'_, V> {
    async fn open_directory(&self, inode: InodeId, access: AccessMask) -> OpenId {
        let request = OpenRequest {
            target: OpenTarget::Inode(inode),
            stream: None,
            disposition: Disposition::Open,
            directory: None,
            opens_links: true,
            access,
            share: ShareMode { read: true, write: true, delete: true },
            lease: None,
            delete_on_close: false,
            attributes: SetAttributes::default(),
            persistent: None,
            mailbox: Arc::new(Mailbox::default()),
        };
        self.house.open(self.next(), request).await.unwrap().open
    }

    async fn watch(&self, inode: InodeId, filter: WatchFilter, recursive: bool) -> (OpenId, Arc<Notices>) {
        let open = self.open_directory(inode, AccessMask::READ_DATA).await;
        let notices = Arc::<Notices>::default();
        let request = WatchRequest { open, recursive, filter, notices: Arc::clone(&notices) };
        self.house.watch(self.next(), request).await.unwrap();
        (open, notices)
    }
}

fn told(notices: &Notices) -> Vec<(NoticeKind, String)> {
    let shown = |notice: Notice| {
        let path: Vec<_> =
            notice.path.iter().map(|name| String::from_utf8_lossy(name.as_bytes()).into_owned()).collect();
        (notice.kind, path.join("/"))
    };
    match notices.poll(&Context::from_waker(Waker::noop())) {
        Poll::Pending => Vec::new(),
        Poll::Ready(Noticed::Changes(changes)) => changes.into_iter().map(shown).collect(),
        Poll::Ready(other) => panic!("{other:?}"),
    }
}

fn expected(changes: &[(NoticeKind, &str)]) -> Vec<(NoticeKind, String)> {
    changes.iter().map(|(kind, path)| (*kind, (*path).to_owned())).collect()
}

async fn names_come_go_and_change<V: Vfs>(scene: &Scene<'_, V>) {
    let alice = scene.alice();
    let (stage, other) = (scene.stage("names", 0o755).await, scene.stage("other", 0o755).await);
    let (_, notices) = alice.watch(stage, ALL, false).await;
    let (_, elsewhere) = alice.watch(other, ALL, false).await;
    let file = alice.create(stage, "file", 0o644).await.unwrap();
    alice.mkdir(stage, "directory", 0o755).await.unwrap();
    alice.symlink(stage, "symlink", b"file").await.unwrap();
    alice.link(file, stage, "link").await.unwrap();
    let come = [NoticeKind::Added; 4].into_iter().zip(["file", "directory", "symlink", "link"]).collect::<Vec<_>>();
    assert_eq!(told(&notices), expected(&come));
    alice.rename((stage, "file"), (stage, "renamed")).await.unwrap();
    let renamed =
        [(NoticeKind::RenamedFrom, "file"), (NoticeKind::RenamedTo, "renamed"), (NoticeKind::Modified, "renamed")];
    assert_eq!(told(&notices), expected(&renamed));
    alice.rename((stage, "directory"), (other, "arrived")).await.unwrap();
    alice.remove(stage, "link").await.unwrap();
    assert_eq!(told(&notices), expected(&[(NoticeKind::Removed, "directory"), (NoticeKind::Removed, "link")]));
    assert_eq!(told(&elsewhere), expected(&[(NoticeKind::Added, "arrived")]));
    alice.rmdir(other, "arrived").await.unwrap();
    assert_eq!(told(&elsewhere), expected(&[(NoticeKind::Removed, "arrived")]));
    assert_eq!(alice.create(stage, "symlink", 0o644).await.unwrap_err(), FsError::Exists);
    assert_eq!(told(&notices), [], "what fails is not told");
}

async fn only_what_is_asked_for_is_told<V: Vfs>(scene: &Scene<'_, V>) {
    let alice = scene.alice();
    let stage = scene.stage("filters", 0o755).await;
    let (_, files) = alice.watch(stage, WatchFilter::FILE_NAME, false).await;
    let (_, directories) = alice.watch(stage, WatchFilter::DIRECTORY_NAME, false).await;
    let (_, sizes) = alice.watch(stage, WatchFilter::SIZE, false).await;
    let (_, security) = alice.watch(stage, WatchFilter::SECURITY, false).await;
    let (_, attributes) = alice.watch(stage, WatchFilter::ATTRIBUTES, false).await;
    let file = alice.create(stage, "file", 0o644).await.unwrap();
    alice.mkdir(stage, "directory", 0o755).await.unwrap();
    alice.write(file, 0, b"text").await.unwrap();
    alice.chmod(file, 0o600).await.unwrap();
    assert_eq!(told(&files), expected(&[(NoticeKind::Added, "file")]));
    assert_eq!(told(&directories), expected(&[(NoticeKind::Added, "directory")]));
    assert_eq!(told(&sizes), expected(&[(NoticeKind::Modified, "file")]));
    assert_eq!(told(&security), expected(&[(NoticeKind::Modified, "file")]));
    alice.rename((stage, "file"), (stage, "renamed")).await.unwrap();
    alice.rename((stage, "directory"), (stage, "moved")).await.unwrap();
    assert_eq!(told(&attributes), expected(&[(NoticeKind::Modified, "renamed")]), "of files only");
}

async fn trees_hear_of_all_below<V: Vfs>(scene: &Scene<'_, V>) {
    let alice = scene.alice();
    let stage = scene.stage("trees", 0o755).await;
    let a = alice.mkdir(stage, "a", 0o755).await.unwrap();
    let b = alice.mkdir(a, "b", 0o755).await.unwrap();
    let (_, flat) = alice.watch(stage, ALL, false).await;
    let (_, deep) = alice.watch(stage, ALL, true).await;
    let (_, inner) = alice.watch(b, ALL, true).await;
    let file = alice.create(b, "file", 0o644).await.unwrap();
    alice.write(file, 0, b"text").await.unwrap();
    alice.rename((b, "file"), (a, "up")).await.unwrap();
    assert_eq!(
        told(&deep),
        expected(&[
            (NoticeKind::Added, "a/b/file"),
            (NoticeKind::Modified, "a/b/file"),
            (NoticeKind::Removed, "a/b/file"),
            (NoticeKind::Added, "a/up"),
            (NoticeKind::Modified, "a/up"),
        ])
    );
    assert_eq!(
        told(&inner),
        expected(&[(NoticeKind::Added, "file"), (NoticeKind::Modified, "file"), (NoticeKind::Removed, "file")])
    );
    assert_eq!(told(&flat), [], "it lies deeper");
    alice.rename((stage, "a"), (stage, "z")).await.unwrap();
    alice.create(b, "after", 0o644).await.unwrap();
    let renamed = [(NoticeKind::RenamedFrom, "a"), (NoticeKind::RenamedTo, "z")];
    assert_eq!(told(&flat), expected(&renamed));
    assert_eq!(told(&deep), expected(&[renamed[0], renamed[1], (NoticeKind::Added, "z/b/after")]));
}

async fn what_is_replaced_goes_first<V: Vfs>(scene: &Scene<'_, V>) {
    let alice = scene.alice();
    let stage = scene.stage("replaced", 0o755).await;
    alice.create(stage, "old", 0o644).await.unwrap();
    alice.create(stage, "new", 0o644).await.unwrap();
    let (_, notices) = alice.watch(stage, ALL, false).await;
    alice.rename((stage, "new"), (stage, "old")).await.unwrap();
    assert_eq!(
        told(&notices),
        expected(&[
            (NoticeKind::Removed, "old"),
            (NoticeKind::RenamedFrom, "new"),
            (NoticeKind::RenamedTo, "old"),
            (NoticeKind::Modified, "old")
        ])
    );
}

async fn what_changes_in_a_file_is_told_by_its_name<V: Vfs>(scene: &Scene<'_, V>) {
    let alice = scene.alice();
    let stage = scene.stage("changes", 0o755).await;
    let file = alice.create(stage, "file", 0o644).await.unwrap();
    let (_, notices) = alice.watch(stage, ALL, true).await;
    alice.write(file, 0, b"some text").await.unwrap();
    assert_eq!(told(&notices), expected(&[(NoticeKind::Modified, "file")]));
    alice.truncate(file, 4).await.unwrap();
    assert_eq!(told(&notices), expected(&[(NoticeKind::Modified, "file")]));
    alice.commit(file).await.unwrap();
    alice.read(file, 0, 4).await.unwrap();
    assert_eq!(told(&notices), [], "nothing that anybody sees");
    alice.remove(stage, "file").await.unwrap();
    assert_eq!(told(&notices), expected(&[(NoticeKind::Removed, "file")]));
}

async fn watches_go_with_their_opens<V: Vfs>(scene: &Scene<'_, V>) {
    let alice = scene.alice();
    let stage = scene.stage("opens", 0o755).await;
    let (open, notices) = alice.watch(stage, ALL, true).await;
    alice.house.close(alice.next(), CloseRequest { open }).await.unwrap();
    alice.create(stage, "unheard", 0o644).await.unwrap();
    assert_eq!(told(&notices), []);
    let empty = alice.mkdir(stage, "empty", 0o755).await.unwrap();
    let (_, notices) = alice.watch(empty, ALL, false).await;
    let target = OpenTarget::Child { parent: stage, name: named("empty"), case: Case::Sensitive };
    let request = OpenRequest {
        target,
        stream: None,
        disposition: Disposition::Open,
        directory: Some(true),
        opens_links: true,
        access: AccessMask::DELETE,
        share: ShareMode { read: true, write: true, delete: true },
        lease: None,
        delete_on_close: false,
        attributes: SetAttributes::default(),
        persistent: None,
        mailbox: Arc::new(Mailbox::default()),
    };
    let going = alice.house.open(alice.next(), request.clone()).await.unwrap().open;
    let pending = DeletePendingRequest { open: going, pending: true };
    alice.house.set_delete_pending(alice.next(), pending).await.unwrap();
    let is_deleted =
        |notices: &Notices| notices.poll(&Context::from_waker(Waker::noop())) == Poll::Ready(Noticed::Deleted);
    assert!(is_deleted(&notices));
    let pending = DeletePendingRequest { open: going, pending: false };
    alice.house.set_delete_pending(alice.next(), pending).await.unwrap();
    let (_, notices) = alice.watch(empty, ALL, false).await;
    let marking = OpenRequest { delete_on_close: true, ..request };
    let marking = alice.house.open(alice.next(), marking).await.unwrap().open;
    assert_eq!(told(&notices), [], "not before its close");
    alice.house.close(alice.next(), CloseRequest { open: marking }).await.unwrap();
    assert!(is_deleted(&notices));
}

async fn not_everything_can_be_watched<V: Vfs>(scene: &Scene<'_, V>) {
    let alice = scene.alice();
    let stage = scene.stage("refused", 0o755).await;
    let file = alice.create(stage, "file", 0o644).await.unwrap();
    let refusal = async |open: OpenId| {
        let request = WatchRequest { open, recursive: false, filter: ALL, notices: Arc::default() };
        alice.house.watch(alice.next(), request).await.unwrap_err().error
    };
    assert_eq!(refusal(OpenId(u64::MAX)).await, FsError::BadOpen);
    let open = alice.open_directory(file, AccessMask::READ_DATA).await;
    assert_eq!(refusal(open).await, FsError::NotDirectory);
    let open = alice.open_directory(stage, AccessMask::READ_ATTRIBUTES).await;
    assert_eq!(refusal(open).await, FsError::AccessDenied);
}
