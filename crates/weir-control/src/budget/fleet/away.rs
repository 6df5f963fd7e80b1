//! What a gateway grants by itself, while Redis is away or has lost its memory.
//!
//! The bounds, for an account with a limit of L and N gateways:
//!
//! - `allow`: each gateway holds its own amounts to L, so all together use up to N times L.
//! - `deny`: nothing is granted, and what was granted before is within L.
//! - `local_share`: each may commit what it had committed, and one Nth of what was left as it last knew. As long as all
//!   gateways are away together and had last heard the same, all together stay within L. A gateway that is away while others
//!   are not may pass L by its share; and it cannot know of what was committed since it last heard of an account, which is at
//!   most a heartbeat ago for as many accounts as a heartbeat tells.

use std::sync::Arc;

use smallvec::SmallVec;

use super::super::ledger::Wanted;
use super::super::{Amount, Reservation};
use super::entries::{Entries, Share};
use super::{NotReserved, OnUnavailable, Touched};

/// An absence of Redis, as one gateway sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Absence {
    /// Its number.
    pub(super) outage: u64,
    /// How many gateways there were; 0 when this one has never known.
    pub(super) gateways: u64,
    pub(super) mode: OnUnavailable,
}

impl Absence {
    /// Grants all that a call wants, or nothing.
    pub(super) fn decide(
        self,
        entries: &mut Entries,
        touched: &Arc<Touched>,
        wanted: SmallVec<[Wanted; 2]>,
    ) -> Result<Reservation, NotReserved> {
        let mut over = Vec::new();
        for (place, want) in wanted.iter().enumerate() {
            let (account, limit) = (&want.slot.account, want.spec.limit());
            let after = account.committed().saturating_add(want.amount);
            if !want.is_enforced() {
                if after.saturating_add(account.others()) > limit {
                    over.push(place);
                }
                continue;
            }
            match self.mode {
                OnUnavailable::Allow if after <= limit => {}
                OnUnavailable::Allow => return Err(NotReserved::Full(want.denial())),
                OnUnavailable::LocalShare if after <= self.committed_max(entries, want, limit) => {}
                OnUnavailable::LocalShare if after.saturating_add(account.others()) > limit => {
                    return Err(NotReserved::Full(want.denial()));
                }
                mode => {
                    let may_want_less = mode == OnUnavailable::LocalShare;
                    return Err(NotReserved::Away { limit: Arc::clone(&want.spec), may_want_less });
                }
            }
        }
        let accounts: SmallVec<[_; 2]> = wanted.iter().map(|want| Arc::clone(&want.slot.account)).collect();
        let granted = Reservation::granted(Arc::clone(touched), wanted, &over);
        accounts.iter().for_each(|account| touched.add(account));
        Ok(granted)
    }

    /// What this gateway may commit in an account during the absence. It is fixed when it is first asked for: what was
    /// settled for less in the meantime makes the rest larger by as much as it makes what is committed smaller.
    fn committed_max(self, entries: &mut Entries, want: &Wanted, limit: Amount) -> Amount {
        let account = &want.slot.account;
        let entry = entries.of(account);
        if let Some(share) = entry.share
            && share.outage == self.outage
            && share.limit == limit
        {
            return share.committed_max;
        }
        let Ok(gateways @ 1..) = Amount::try_from(self.gateways) else { return Amount::MIN };
        let own = account.committed();
        let left = limit.saturating_sub(own).saturating_sub(account.others()).max(0);
        let committed_max = own.saturating_add(left / gateways);
        entry.share = Some(Share { outage: self.outage, limit, committed_max });
        committed_max
    }
}
