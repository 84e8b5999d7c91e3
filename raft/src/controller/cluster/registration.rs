//! Registration of brokers and controllers, and unregistration of brokers (controller-broker.md §3.1, §3.6).

use std::rc::Rc;

use super::heartbeats::BrokerHeartbeatManager;
use crate::bugs::Bug;
use crate::controller::replication::{self, View};
use crate::controller::result::{ControllerResult, bounded};
use crate::controller::settings::{ControllerSettings, KRAFT_VERSION, METADATA_VERSION, level};
use crate::controller::state::ControllerState;
use crate::fixes::Fix;
use crate::ids::{BrokerEpoch, Offset, Uuid};
use crate::message::ErrorCode;
use crate::message::admin::{UnregisterBrokerRequest, UnregisterBrokerResponse};
use crate::message::cluster::{
    BrokerRegistrationRequest, BrokerRegistrationResponse, ControllerRegistrationRequest,
    ControllerRegistrationResponse, FeatureRange, Listener,
};
use crate::metadata::MetadataRecord;
use crate::metadata::image::directory_id;
use crate::metadata::records::{BrokerEndpoint, BrokerFeature, RegisterBroker, RegisterController, UnregisterBroker};

/// The registration is the last record: a controller that fails in between leaves the broker unregistered, and the
/// retry repeats the cleanup. `next_write_offset` becomes the epoch of a new incarnation.
pub fn register_broker(
    state: &ControllerState,
    heartbeats: &mut BrokerHeartbeatManager,
    settings: &ControllerSettings,
    request: &BrokerRegistrationRequest,
    next_write_offset: Offset,
    now_ns: u64,
) -> Result<ControllerResult<BrokerRegistrationResponse>, ErrorCode> {
    let broker_id = request.broker_id;
    if request.cluster_id != settings.cluster_id {
        return Err(ErrorCode::InconsistentClusterId);
    }
    let existing = state.cluster.broker(broker_id);
    let same_incarnation = existing.filter(|broker| broker.incarnation_id == request.incarnation_id);
    let takes_over = existing.filter(|_| settings.bugs.has(Bug::RestartKeepsRoles));
    if let Some(existing) = existing
        && same_incarnation.or(takes_over).is_none()
        && heartbeats.has_valid_session(broker_id, existing.epoch, now_ns)
    {
        return Err(ErrorCode::DuplicateBrokerRegistration);
    }
    // Older records have no field for directories.
    let log_dirs = if state.features.metadata_version() >= level::DIRECTORIES {
        check_directories(state, request)?;
        Rc::clone(&request.log_dirs)
    } else {
        Rc::from([])
    };
    check_features(state, settings, &request.features)?;

    let mut records = Vec::new();
    let keeps = existing.filter(|_| settings.bugs.has(Bug::BrokerEpochReused));
    let again = same_incarnation.filter(|_| !settings.bugs.has(Bug::Kafka16952NewEpochAtReregistration));
    let broker_epoch = match again.or(keeps) {
        Some(existing) => existing.epoch,
        None => BrokerEpoch(next_write_offset.0),
    };
    if same_incarnation.or(takes_over).is_none() {
        let view = View { state, heartbeats, settings };
        // A broker that was never registered has no epoch that the marker could contain: unclean.
        let clean = existing.is_some_and(|broker| broker.epoch == request.previous_broker_epoch)
            || settings.bugs.has(Bug::Kafka18635UncleanShutdownUnnoticed);
        if state.elr_enabled() && !clean {
            replication::lost_uncleanly(view, broker_id, &mut records)?;
        } else {
            replication::leaves(view, broker_id, &mut records);
        }
        if let [dir] = log_dirs[..] {
            replication::directory_assigned(state, broker_id, dir, &mut records);
        }
        heartbeats.remove(broker_id);
    }
    // A registration of the same process may be a late duplicate, after the process has ended: it prolongs no session.
    let waits = same_incarnation
        .is_none_or(|broker| broker.fenced && !heartbeats.has_valid_session(broker_id, broker_epoch, now_ns));
    if waits && settings.fixes.has(Fix::SessionSinceRegistration) {
        heartbeats.contact(broker_id, broker_epoch, now_ns);
    }
    let unchanged = same_incarnation.filter(|_| !settings.bugs.has(Bug::Kafka16757ReregistrationFences));
    records.push(MetadataRecord::RegisterBroker(RegisterBroker {
        broker_id,
        is_migrating_zk_broker: false,
        incarnation_id: request.incarnation_id,
        broker_epoch,
        end_points: end_points(&request.listeners),
        features: features(&request.features),
        rack: request.rack.clone(),
        fenced: unchanged.or(takes_over).is_none_or(|broker| broker.fenced),
        in_controlled_shutdown: unchanged.is_some_and(|broker| broker.in_controlled_shutdown),
        log_dirs,
        cordoned_log_dirs: None,
    }));
    Ok(ControllerResult::of(records, BrokerRegistrationResponse { error: ErrorCode::None, broker_epoch }))
}

fn check_directories(state: &ControllerState, request: &BrokerRegistrationRequest) -> Result<(), ErrorCode> {
    let dirs = &request.log_dirs;
    let twice = |at: usize, dir: &Uuid| dirs[..at].contains(dir);
    let wrong = |(at, dir): (usize, &Uuid)| {
        let mut others = state.cluster.brokers().iter().filter(|(id, _)| **id != request.broker_id);
        directory_id::is_reserved(*dir) || twice(at, dir) || others.any(|(_, broker)| broker.log_dirs.contains(dir))
    };
    if dirs.is_empty() || dirs.iter().enumerate().any(wrong) { Err(ErrorCode::InvalidRegistration) } else { Ok(()) }
}

/// Every finalized level must be in the supported range; a feature that is not listed has the range 0..0.
fn check_features(
    state: &ControllerState,
    settings: &ControllerSettings,
    offered: &[FeatureRange],
) -> Result<(), ErrorCode> {
    let level_of = |name: &str| match name {
        KRAFT_VERSION => settings.kraft_version,
        METADATA_VERSION => state.features.metadata_version(),
        _ => state.features.level(name),
    };
    let contains =
        |range: &FeatureRange, level: i16| (range.min_supported_version..=range.max_supported_version).contains(&level);
    if !offered.iter().all(|range| contains(range, level_of(&range.name))) {
        return Err(ErrorCode::UnsupportedVersion);
    }
    if !offered.iter().any(|range| &*range.name == METADATA_VERSION) {
        return Err(ErrorCode::InvalidRegistration);
    }
    let kraft = (KRAFT_VERSION, settings.kraft_version);
    let mut finalized = state.features.finalized().chain([kraft]).filter(|(_, level)| *level != 0);
    if finalized.any(|(name, _)| !offered.iter().any(|range| &*range.name == name)) {
        return Err(ErrorCode::UnsupportedVersion);
    }
    Ok(())
}

/// UnregisterBroker. Permitted for a running broker, whose requests then fail until it is restarted
/// (with the switch `SessionSinceRegistration` it registers again).
pub fn unregister_broker(
    view: View<'_>,
    request: &UnregisterBrokerRequest,
) -> Result<ControllerResult<UnregisterBrokerResponse>, ErrorCode> {
    let broker_id = request.broker_id;
    let broker = view.state.cluster.broker(broker_id).ok_or(ErrorCode::BrokerIdNotRegistered)?;
    let mut records = Vec::new();
    replication::unregistered(view, broker_id, &mut records)?;
    records.push(MetadataRecord::UnregisterBroker(UnregisterBroker { broker_id, broker_epoch: broker.epoch }));
    bounded(ControllerResult::of(records, UnregisterBrokerResponse { error: ErrorCode::None }))
}

/// RegisterController: no session, no fencing, no epoch.
pub fn register_controller(
    state: &ControllerState,
    request: &ControllerRegistrationRequest,
) -> Result<ControllerResult<ControllerRegistrationResponse>, ErrorCode> {
    if state.features.metadata_version() < level::CONTROLLER_REGISTRATION {
        return Err(ErrorCode::UnsupportedVersion);
    }
    let record = MetadataRecord::RegisterController(RegisterController {
        controller_id: request.controller_id,
        incarnation_id: request.incarnation_id,
        zk_migration_ready: false,
        end_points: end_points(&request.listeners),
        features: features(&request.features),
    });
    Ok(ControllerResult::of(vec![record], ControllerRegistrationResponse { error: ErrorCode::None }))
}

fn end_points(listeners: &[Listener]) -> Rc<[BrokerEndpoint]> {
    let point = |listener: &Listener| BrokerEndpoint {
        name: Rc::clone(&listener.name),
        host: Rc::clone(&listener.host),
        port: listener.port,
        security_protocol: listener.security_protocol,
    };
    listeners.iter().map(point).collect()
}

fn features(ranges: &[FeatureRange]) -> Rc<[BrokerFeature]> {
    let feature = |range: &FeatureRange| BrokerFeature {
        name: Rc::clone(&range.name),
        min_supported_version: range.min_supported_version,
        max_supported_version: range.max_supported_version,
    };
    ranges.iter().map(feature).collect()
}
