//! BrokerHeartbeat, and the periodic fencing of brokers whose sessions have expired (controller-broker.md §3.3, §3.4).

use std::rc::Rc;

use super::heartbeats::{BrokerControlState, BrokerHeartbeatManager};
use crate::bugs::Bug;
use crate::controller::replication::{self, View};
use crate::controller::result::{ControllerResult, EndOffsetHook};
use crate::controller::settings::ControllerSettings;
use crate::controller::state::ControllerState;
use crate::fixes::Fix;
use crate::ids::Offset;
use crate::message::ErrorCode;
use crate::message::cluster::{BrokerHeartbeatRequest, BrokerHeartbeatResponse};
use crate::metadata::image::BrokerRegistration;

/// Step B. Returns the records of the new state, then those of offline and of cordoned directories.
pub fn process_heartbeat(
    state: &ControllerState,
    heartbeats: &mut BrokerHeartbeatManager,
    settings: &ControllerSettings,
    request: &BrokerHeartbeatRequest,
    next_write_offset: Offset,
) -> Result<ControllerResult<BrokerHeartbeatResponse>, ErrorCode> {
    let (id, epoch) = (request.broker_id, request.broker_epoch);
    let broker = registered(state, request)?;
    let registered_at = if settings.bugs.has(Bug::Kafka13959UnfencedAtLogEndOnly) {
        Some(Offset(next_write_offset.0 - 1))
    } else {
        state.cluster.registration_offset(id)
    };
    let is_caught_up = registered_at.is_some_and(|at| request.current_metadata_offset >= at.0);
    let view = View { state, heartbeats, settings };
    let current = heartbeats.control_state(id).unwrap_or(BrokerControlState::Fenced);
    let next = next_state(view, current, request, is_caught_up);

    let mut records = Vec::new();
    if next == BrokerControlState::ShutdownNow || next != current {
        match next {
            BrokerControlState::Fenced | BrokerControlState::ShutdownNow => {
                replication::broker_fenced(view, id, epoch, &mut records);
            }
            BrokerControlState::Unfenced => replication::broker_unfenced(view, id, epoch, &mut records),
            BrokerControlState::ControlledShutdown => replication::controlled_shutdown(view, id, epoch, &mut records),
        }
    }
    replication::directories_offline(view, id, broker, &request.offline_log_dirs, &mut records);
    replication::directories_cordoned(view, id, broker, request.cordoned_log_dirs.as_ref(), &mut records);
    let is_fenced = matches!(next, BrokerControlState::Fenced | BrokerControlState::ShutdownNow);
    heartbeats.touch(id, is_fenced, request.current_metadata_offset);
    let response = BrokerHeartbeatResponse {
        error: ErrorCode::None,
        is_caught_up,
        is_fenced,
        should_shut_down: next == BrokerControlState::ShutdownNow,
    };
    let hook = match next {
        BrokerControlState::ControlledShutdown => EndOffsetHook::ControlledShutdown(id),
        _ => EndOffsetHook::None,
    };
    Ok(ControllerResult { hook, ..ControllerResult::of(records, response) })
}

fn next_state(
    view: View<'_>,
    current: BrokerControlState,
    request: &BrokerHeartbeatRequest,
    is_caught_up: bool,
) -> BrokerControlState {
    use BrokerControlState::{ControlledShutdown, Fenced, ShutdownNow, Unfenced};
    let leads = || view.state.topics.has_leaderships(request.broker_id);
    let is_leaving =
        || view.state.cluster.broker(request.broker_id).is_some_and(|broker| broker.in_controlled_shutdown);
    let stays_fenced = || view.settings.fixes.has(Fix::StayFencedInShutdown) && is_leaving();
    match current {
        Fenced if request.want_shut_down => ShutdownNow,
        Fenced if !request.want_fence && is_caught_up && !stays_fenced() => Unfenced,
        Fenced | ShutdownNow => Fenced,
        Unfenced if request.want_fence && request.want_shut_down => ShutdownNow,
        Unfenced if request.want_fence && !view.settings.bugs.has(Bug::RestartKeepsRoles) => Fenced,
        Unfenced if request.want_shut_down && leads() => ControlledShutdown,
        Unfenced if request.want_shut_down => ShutdownNow,
        Unfenced => Unfenced,
        ControlledShutdown if leads() => ControlledShutdown,
        ControlledShutdown if view.settings.bugs.has(Bug::LetGoEarly) => ShutdownNow,
        ControlledShutdown if view.heartbeats.may_shut_down(request.broker_id) => ShutdownNow,
        ControlledShutdown => ControlledShutdown,
    }
}

/// A heartbeat exceeded its deadline in the queue. Its metadata offset still counts, so that an overloaded controller
/// does not delay other brokers.
pub fn touch_timed_out(
    state: &ControllerState,
    heartbeats: &mut BrokerHeartbeatManager,
    request: &BrokerHeartbeatRequest,
) {
    if let Ok(broker) = registered(state, request) {
        heartbeats.touch(request.broker_id, broker.fenced, request.current_metadata_offset);
    }
}

fn registered<'a>(
    state: &'a ControllerState,
    request: &BrokerHeartbeatRequest,
) -> Result<&'a BrokerRegistration, ErrorCode> {
    let broker = state.cluster.broker(request.broker_id).map(Rc::as_ref);
    broker.filter(|broker| broker.epoch == request.broker_epoch).ok_or(ErrorCode::StaleBrokerEpoch)
}

/// `maybeFenceStaleBroker`: at most one session. `true`: a session was removed, so the task runs again soon.
pub fn fence_stale_broker(
    state: &ControllerState,
    heartbeats: &mut BrokerHeartbeatManager,
    settings: &ControllerSettings,
    now_ns: u64,
) -> ControllerResult<bool> {
    let mut records = Vec::new();
    let mut expired = false;
    while let Some((id, epoch)) = heartbeats.remove_expired(now_ns) {
        expired = true;
        match state.cluster.broker(id) {
            None => heartbeats.remove(id),
            Some(broker) if broker.epoch == epoch || settings.bugs.has(Bug::ExpiredSessionOfFormerProcess) => {
                let view = View { state, heartbeats, settings };
                replication::broker_fenced(view, id, broker.epoch, &mut records);
            }
            Some(_) => {}
        }
        if !settings.bugs.has(Bug::Kafka13173ExpiriesFromOneBase) {
            break;
        }
    }
    ControllerResult::of(records, expired)
}
