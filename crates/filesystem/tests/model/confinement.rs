//! `..` never leads out of the directory that a door gave as root.

use std::sync::Arc;

use testkit::{ManualClock, block_on};
use vfs::{
    Admin, Case, Cookie, InodeId, ListedAttributes, LookupName, LookupRequest, MkdirRequest, Name, Namespace,
    OpContext, ReaddirRequest, RenameRequest, SetAttributes, ShardId, ZoneRootRequest,
};

use crate::house::{Engines, House};

/// A zone `/z` with the directories `inner` and `inner/moved`.
struct Scene {
    house: House,
    zone: InodeId,
    inner: InodeId,
    moved: InodeId,
}

impl Scene {
    async fn set() -> Self {
        let house = Engines::default().open(Arc::new(ManualClock::standing())).await;
        let ctx = OpContext::internal(InodeId::root_of(ShardId::ROOT));
        let base = vec![name("z")];
        let made = house.zone_root(&ctx, ZoneRootRequest { base, attributes: SetAttributes::default() }).await.unwrap();
        let zone = made.attributes.inode;
        let inner = mkdir(&house, zone, "inner").await;
        let moved = mkdir(&house, inner, "moved").await;
        Self { house, zone, inner, moved }
    }

    async fn up(&self, root: InodeId, from: InodeId) -> InodeId {
        let request = LookupRequest { parent: from, name: LookupName::Parent, case: Case::Sensitive };
        let looked = self.house.lookup(&OpContext::internal(root), request).await.unwrap().attributes.inode;
        let request =
            ReaddirRequest { directory: from, after: Cookie::DOT, entries_max: 1, attributes: ListedAttributes::None };
        let listed = self.house.readdir(&OpContext::internal(root), request).await.unwrap();
        assert_eq!(listed.entries[0].inode, looked, "a listing says the same");
        looked
    }
}

#[test]
fn above_the_root_there_is_nothing() {
    block_on(async {
        let scene = Scene::set().await;
        assert_eq!(scene.up(scene.inner, scene.moved).await, scene.inner);
        assert_eq!(scene.up(scene.inner, scene.inner).await, scene.inner);
        assert_eq!(scene.up(scene.zone, scene.zone).await, scene.zone);
        assert_eq!(scene.up(InodeId::root_of(ShardId::ROOT), scene.zone).await, InodeId::root_of(ShardId::ROOT));
    });
}

#[test]
fn a_directory_that_was_moved_out_of_the_root_leads_nowhere() {
    block_on(async {
        let scene = Scene::set().await;
        let request = RenameRequest {
            from_parent: scene.inner,
            from_name: name("moved"),
            to_parent: scene.zone,
            to_name: name("outside"),
            replace: true,
        };
        scene.house.rename(&OpContext::internal(scene.zone), request).await.unwrap();
        assert_eq!(scene.up(scene.inner, scene.moved).await, scene.moved);
        assert_eq!(scene.up(scene.zone, scene.moved).await, scene.zone);
    });
}

async fn mkdir(house: &House, parent: InodeId, text: &str) -> InodeId {
    let request = MkdirRequest { parent, name: name(text), attributes: SetAttributes::default() };
    house.mkdir(&OpContext::internal(parent), request).await.unwrap().attributes.inode
}

fn name(text: &str) -> Name {
    Name::try_from(text).unwrap()
}
