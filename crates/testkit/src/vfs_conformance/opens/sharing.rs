//! Share modes: of opens against each other, and against operations without one.

use vfs::{Disposition, FsError, OpenRequest, SessionId, Vfs};

use super::super::actor::Scene;
use super::{creating, opening, sharing};

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    opens_bind_each_other(scene).await;
    opens_bind_who_has_none(scene).await;
    overwriting_is_writing(scene).await;
    a_session_takes_its_opens_with_it(scene).await;
}

async fn opens_bind_each_other<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("both ways", 0o755).await);
    alice.create(root, "file", 0o755).await.unwrap();
    // (first: access, share; second: access, share; whether they get along)
    let table = [
        ("r", "r", "r", "r", true),
        ("r", "r", "w", "rw", false),
        ("r", "rw", "w", "r", true),
        ("r", "rw", "w", "w", false),
        ("rw", "", "r", "rwd", false),
        ("r", "rw", "d", "rwd", false),
        ("r", "rwd", "d", "r", true),
        ("d", "rwd", "r", "rw", false),
        ("x", "r", "r", "", false),
        ("a", "", "rwd", "", true),
        ("rwd", "", "as", "", true),
    ];
    let asked = |access, share| OpenRequest { share: sharing(share), ..opening(root, "FILE", access) };
    for (first, first_share, second, second_share, agree) in table {
        for (one, other) in
            [((first, first_share), (second, second_share)), ((second, second_share), (first, first_share))]
        {
            let held = alice.opened(asked(one.0, one.1)).await;
            let tried = alice.open(asked(other.0, other.1)).await;
            let expected = if agree { None } else { Some(FsError::ShareConflict) };
            assert_eq!(tried.as_ref().err().copied(), expected, "{one:?} before {other:?}");
            alice.close(held).await.unwrap();
            if let Ok(tried) = tried {
                alice.close(tried.open).await.unwrap();
            }
            let again = alice.opened(asked(other.0, other.1)).await;
            alice.close(again).await.unwrap();
        }
    }
}

async fn opens_bind_who_has_none<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("anonymous", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    alice.create(root, "other", 0o644).await.unwrap();
    let conflict = Some(FsError::ShareConflict);
    let held = alice.opened(OpenRequest { share: sharing("r"), ..opening(root, "file", "rw") }).await;
    alice.read(file, 0, 1).await.unwrap();
    assert_eq!(alice.write(file, 0, b"x").await.err(), conflict);
    assert_eq!(alice.truncate(file, 0).await.err(), conflict);
    assert_eq!(alice.remove(root, "file").await.err(), conflict);
    assert_eq!(alice.rename((root, "file"), (root, "new")).await.err(), conflict);
    assert_eq!(alice.rename((root, "other"), (root, "file")).await.err(), conflict, "the target too");
    alice.chmod(file, 0o600).await.expect("attributes are nobody's");
    alice.write_by((file, held), b"x").await.expect("its own open is not in its way");
    alice.close(held).await.unwrap();
    let held = alice.opened(OpenRequest { share: sharing("wd"), ..opening(root, "file", "r") }).await;
    assert_eq!(alice.read(file, 0, 1).await.err(), conflict);
    alice.write(file, 0, b"x").await.unwrap();
    alice.rename((root, "file"), (root, "new")).await.unwrap();
    let name = alice.house.open_state(&alice.ctx, held).unwrap().name.unwrap().1;
    assert_eq!(name.as_bytes(), b"new", "an open follows its name");
    alice.close(held).await.unwrap();
    alice.remove(root, "new").await.unwrap();
}

async fn overwriting_is_writing<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("overwriting", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    alice.write(file, 0, b"data").await.unwrap();
    let held = alice.opened(OpenRequest { share: sharing("r"), ..opening(root, "file", "r") }).await;
    let over = OpenRequest { disposition: Disposition::Overwrite, ..opening(root, "file", "r") };
    assert_eq!(alice.open(over.clone()).await.err(), Some(FsError::ShareConflict));
    assert_eq!(alice.attributes(file).await.unwrap().size, 4, "and nothing is cut");
    alice.close(held).await.unwrap();
    let held = alice.opened(over).await;
    let other = alice.opened(OpenRequest { share: sharing("r"), ..opening(root, "file", "r") }).await;
    alice.close(other).await.expect("once it is done, it only reads");
    alice.close(held).await.unwrap();
}

async fn a_session_takes_its_opens_with_it<V: Vfs>(scene: &Scene<'_, V>) {
    let (mut alice, root) = (scene.alice(), scene.stage("session", 0o755).await);
    alice.ctx.session = SessionId(4711);
    let going = OpenRequest { delete_on_close: true, ..creating(root, "going", "rd") };
    let going = alice.opened(going).await;
    let staying = alice.opened(OpenRequest { share: sharing(""), ..creating(root, "staying", "r") }).await;
    let mut other = scene.alice();
    other.ctx.session = SessionId(4712);
    assert_eq!(other.close(staying).await, Err(FsError::BadOpen), "another session's");
    assert_eq!(other.open(opening(root, "staying", "r")).await.err(), Some(FsError::ShareConflict));
    alice.house.end_session(SessionId(4711)).await;
    assert_eq!(alice.close(going).await, Err(FsError::BadOpen));
    assert_eq!(alice.close(staying).await, Err(FsError::BadOpen));
    assert!(!other.has(root, "going").await);
    let open = other.opened(opening(root, "staying", "r")).await;
    other.close(open).await.unwrap();
}
