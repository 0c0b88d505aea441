//! Opens that change hands: what they hold goes along.

use std::sync::Arc;

use vfs::{FsError, LeaseGrant, OpContext, OpenId, OpenRequest, SessionId, TakeOverRequest, Vfs};

use super::super::actor::{Actor, Scene};
use super::leases::{Client, RH, RWH};
use super::{creating, opening, sharing};

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    an_open_goes_with_all_that_it_holds(scene).await;
    who_is_there_is_told_before_who_is_away(scene).await;
}

impl<V: Vfs> Actor<'_, V> {
    fn take(&self, (open, from): (OpenId, SessionId), to: (&Client, bool)) -> Result<LeaseGrant, FsError> {
        let (client, is_away) = to;
        let mailbox = Arc::clone(&client.mailbox);
        self.house.take_over(&self.ctx, TakeOverRequest { open, from, mailbox, is_away })
    }
}

fn of<V>(mut actor: Actor<'_, V>, session: SessionId) -> Actor<'_, V> {
    actor.ctx = OpContext { session, ..actor.ctx };
    actor
}

async fn an_open_goes_with_all_that_it_holds<V: Vfs>(scene: &Scene<'_, V>) {
    let (old, new) = (of(scene.alice(), FIRST), of(scene.alice(), SECOND));
    let (root, bob) = (scene.stage("takes over", 0o777).await, scene.bob());
    let (client, later) = (Client::new(41), Client::new(42));
    let request = OpenRequest { share: sharing("r"), ..creating(root, "file", "rw") };
    let opened = old.leased(client.asks(RWH, request)).await;
    let (open, inode) = (opened.open, opened.attributes.inode);
    assert_eq!(old.lock_by((inode, open)).await, Ok(()));
    let taken = new.take((open, FIRST), (&later, false)).unwrap();
    assert_eq!((taken.state, taken.is_breaking), (RWH, false));
    assert_eq!(new.take((open, FIRST), (&later, false)), Err(FsError::BadOpen), "it is not there any more");
    assert_eq!(new.take((OpenId(u64::MAX), SECOND), (&later, false)), Err(FsError::BadOpen));
    assert_eq!(old.close(open).await, Err(FsError::BadOpen));
    old.house.end_session(FIRST).await;
    assert_eq!(new.lock_by((inode, open)).await, Err(FsError::LockConflict), "its own lock is there still");
    assert!(bob.open(opening(root, "file", "r")).await.is_err(), "while the lease is broken");
    assert_eq!((client.told(), later.told()), (vec![], vec![(RH, true)]));
    let again = new.take((open, SECOND), (&client, true)).unwrap();
    assert_eq!((again.is_breaking, client.told()), (true, vec![]), "nobody is there");
    let again = new.take((open, SECOND), (&later, false)).unwrap();
    assert_eq!((again.is_breaking, later.told()), (true, vec![(RH, true)]), "it is told once more");
    let alone = OpenRequest { share: sharing(""), ..opening(root, "file", "r") };
    assert!(bob.open(alone.clone()).await.is_err(), "it stands in the way of others");
    new.house.end_session(SECOND).await;
    let open = bob.opened(alone).await;
    bob.close(open).await.expect("and it goes with its session");
}

async fn who_is_there_is_told_before_who_is_away<V: Vfs>(scene: &Scene<'_, V>) {
    let (old, new) = (of(scene.alice(), FIRST), of(scene.alice(), SECOND));
    let (root, bob) = (scene.stage("away", 0o777).await, scene.bob());
    let (there, away) = (Client::new(43), Client::new(43));
    let first = old.leased(there.asks(RWH, creating(root, "file", "r"))).await.open;
    assert!(new.take((first, FIRST), (&away, true)).is_ok());
    let second = old.leased(there.asks(RWH, opening(root, "file", "r"))).await.open;
    assert!(bob.open(opening(root, "file", "r")).await.is_err());
    assert_eq!((away.told(), there.told()), (vec![], vec![(RH, true)]));
    old.close(second).await.unwrap();
    new.close(first).await.unwrap();
}

const FIRST: SessionId = SessionId(5711);
const SECOND: SessionId = SessionId(5712);
