//! Requests to a controller and their responses in the JSON of Kafka's own converters. Responses have the fields that the
//! model has.

use raft::ids::Uuid;
use raft::message::admin::*;
use raft::message::cluster::*;
use raft::message::{AdminRequest, AdminResponse, ClusterRequest, ClusterResponse, Request, Response};
use serde_json::{Value, json};

/// Name, version, whether a broker has forwarded it, and the body of a request.
pub fn request(request: &Request) -> (&'static str, i16, bool, Value) {
    match request {
        Request::Cluster(request) => cluster_request(request),
        Request::Envelope(request) => {
            let (api, version, body) = admin_request(request);
            (api, version, true, body)
        }
        Request::Admin(request) => {
            let (api, version, body) = admin_request(request);
            (api, version, false, body)
        }
        other => (other.name(), -1, false, Value::Null),
    }
}

/// Name, version, whether it is in an envelope, and the body of a response.
pub fn response(response: &Response) -> (&'static str, i16, bool, Value) {
    match response {
        Response::Cluster(response) => cluster_response(response),
        Response::Admin(response) => {
            let (api, version, body) = admin_response(response);
            (api, version, false, body)
        }
        Response::Envelope(envelope) => match &envelope.response {
            Some(response) => {
                let (api, version, body) = admin_response(response);
                (api, version, true, body)
            }
            None => ("ENVELOPE", 0, true, json!({"errorCode": envelope.error as i16})),
        },
        other => (other.name(), -1, false, Value::Null),
    }
}

fn cluster_request(request: &ClusterRequest) -> (&'static str, i16, bool, Value) {
    let (api, version, body) = match request {
        ClusterRequest::AlterPartition(request) => ("ALTER_PARTITION", 3, alter_partition(request)),
        ClusterRequest::BrokerRegistration(request) => ("BROKER_REGISTRATION", 4, broker_registration(request)),
        ClusterRequest::BrokerHeartbeat(request) => {
            let body = json!({
                "brokerId": request.broker_id.0,
                "brokerEpoch": request.broker_epoch.0,
                "currentMetadataOffset": request.current_metadata_offset,
                "wantFence": request.want_fence,
                "wantShutDown": request.want_shut_down,
                "offlineLogDirs": uuids(&request.offline_log_dirs),
                "cordonedLogDirs": request.cordoned_log_dirs.as_deref().map(uuids),
            });
            ("BROKER_HEARTBEAT", 2, body)
        }
        ClusterRequest::AllocateProducerIds(request) => {
            let (id, epoch) = (request.broker_id.0, request.broker_epoch.0);
            ("ALLOCATE_PRODUCER_IDS", 0, json!({"brokerId": id, "brokerEpoch": epoch}))
        }
        ClusterRequest::ControllerRegistration(request) => {
            let body = json!({
                "controllerId": request.controller_id.0,
                "incarnationId": request.incarnation_id.to_string(),
                "zkMigrationReady": false,
                "listeners": listeners(&request.listeners),
                "features": features(&request.features),
            });
            ("CONTROLLER_REGISTRATION", 0, body)
        }
    };
    (api, version, false, body)
}

fn cluster_response(response: &ClusterResponse) -> (&'static str, i16, bool, Value) {
    let (api, version, body) = match response {
        ClusterResponse::AlterPartition(response) => {
            let topics = by_topic(response.partitions.iter().map(|result| {
                let partition = json!({
                    "partitionIndex": result.partition.partition,
                    "errorCode": result.error as i16,
                    "leaderId": result.leader_id.0,
                    "leaderEpoch": result.leader_epoch.0,
                    "isr": result.isr.iter().map(|id| id.0).collect::<Vec<_>>(),
                    "leaderRecoveryState": result.leader_recovery_state,
                    "partitionEpoch": result.partition_epoch.0,
                });
                (result.partition.topic_id, partition)
            }));
            ("ALTER_PARTITION", 3, json!({"errorCode": response.error as i16, "topics": topics}))
        }
        ClusterResponse::BrokerRegistration(response) => {
            let (error, epoch) = (response.error as i16, response.broker_epoch.0);
            ("BROKER_REGISTRATION", 4, json!({"errorCode": error, "brokerEpoch": epoch}))
        }
        ClusterResponse::BrokerHeartbeat(response) => {
            let body = json!({
                "errorCode": response.error as i16,
                "isCaughtUp": response.is_caught_up,
                "isFenced": response.is_fenced,
                "shouldShutDown": response.should_shut_down,
            });
            ("BROKER_HEARTBEAT", 1, body)
        }
        ClusterResponse::AllocateProducerIds(response) => {
            let (start, len) = (response.producer_id_start.0, response.producer_id_len);
            let body = json!({"errorCode": response.error as i16, "producerIdStart": start, "producerIdLen": len});
            ("ALLOCATE_PRODUCER_IDS", 0, body)
        }
        ClusterResponse::ControllerRegistration(response) => {
            ("CONTROLLER_REGISTRATION", 0, json!({"errorCode": response.error as i16}))
        }
    };
    (api, version, false, body)
}

fn alter_partition(request: &AlterPartitionRequest) -> Value {
    let member = |member: &BrokerState| json!({"brokerId": member.broker_id.0, "brokerEpoch": member.broker_epoch.0});
    let topics = by_topic(request.partitions.iter().map(|item| {
        let partition = json!({
            "partitionIndex": item.partition.partition,
            "leaderEpoch": item.leader_epoch.0,
            "newIsrWithEpochs": item.new_isr_with_epochs.iter().map(member).collect::<Vec<_>>(),
            "leaderRecoveryState": item.leader_recovery_state,
            "partitionEpoch": item.partition_epoch.0,
        });
        (item.partition.topic_id, partition)
    }));
    json!({"brokerId": request.broker_id.0, "brokerEpoch": request.broker_epoch.0, "topics": topics})
}

fn broker_registration(request: &BrokerRegistrationRequest) -> Value {
    json!({
        "brokerId": request.broker_id.0,
        "clusterId": &*request.cluster_id,
        "incarnationId": request.incarnation_id.to_string(),
        "listeners": listeners(&request.listeners),
        "features": features(&request.features),
        "rack": request.rack.as_deref(),
        "isMigratingZkBroker": false,
        "logDirs": uuids(&request.log_dirs),
        "previousBrokerEpoch": request.previous_broker_epoch.0,
    })
}

fn admin_request(request: &AdminRequest) -> (&'static str, i16, Value) {
    match request {
        AdminRequest::CreateTopics(request) => {
            let topics: Vec<Value> = request.topics.iter().map(creatable_topic).collect();
            let (timeout, validate) = (request.timeout_ms, request.validate_only);
            ("CREATE_TOPICS", 7, json!({"topics": topics, "timeoutMs": timeout, "validateOnly": validate}))
        }
        AdminRequest::DeleteTopics(request) => {
            let topic = |topic: &DeleteTopicState| json!({"name": topic.name.as_deref(), "topicId": topic.topic_id.to_string()});
            let topics: Vec<Value> = request.topics.iter().map(topic).collect();
            ("DELETE_TOPICS", 6, json!({"topics": topics, "timeoutMs": request.timeout_ms}))
        }
        AdminRequest::CreatePartitions(request) => {
            let assigned = |topic: &CreatePartitionsTopic| match &topic.assignments[..] {
                [] => Value::Null,
                some => some.iter().map(|it| json!({"brokerIds": ids(&it.broker_ids)})).collect(),
            };
            let topic = |topic: &CreatePartitionsTopic| json!({"name": &*topic.name, "count": topic.count, "assignments": assigned(topic)});
            let topics: Vec<Value> = request.topics.iter().map(topic).collect();
            let (timeout, validate) = (request.timeout_ms, request.validate_only);
            ("CREATE_PARTITIONS", 3, json!({"topics": topics, "timeoutMs": timeout, "validateOnly": validate}))
        }
        AdminRequest::IncrementalAlterConfigs(request) => {
            let config = |config: &AlterableConfig| {
                let (name, value) = (&*config.name, config.value.as_deref());
                json!({"name": name, "configOperation": config.config_operation, "value": value})
            };
            let resource = |resource: &AlterConfigsResource| {
                json!({
                    "resourceType": resource.resource_type,
                    "resourceName": &*resource.resource_name,
                    "configs": resource.configs.iter().map(config).collect::<Vec<_>>(),
                })
            };
            let resources: Vec<Value> = request.resources.iter().map(resource).collect();
            let body = json!({"resources": resources, "validateOnly": request.validate_only});
            ("INCREMENTAL_ALTER_CONFIGS", 1, body)
        }
        AdminRequest::DescribeConfigs(request) => {
            let resource = |resource: &DescribeConfigsResource| {
                let (kind, name) = (resource.resource_type, &*resource.resource_name);
                json!({"resourceType": kind, "resourceName": name, "configurationKeys": null})
            };
            let resources: Vec<Value> = request.resources.iter().map(resource).collect();
            let body = json!({"resources": resources, "includeSynonyms": false, "includeDocumentation": false});
            ("DESCRIBE_CONFIGS", 4, body)
        }
        AdminRequest::ElectLeaders(request) => {
            let topic =
                |topic: &ElectLeadersTopic| json!({"topic": &*topic.topic, "partitions": topic.partitions.to_vec()});
            let topics = request.topic_partitions.as_ref().map(|topics| topics.iter().map(topic).collect::<Vec<_>>());
            let (kind, timeout) = (request.election_type, request.timeout_ms);
            ("ELECT_LEADERS", 2, json!({"electionType": kind, "topicPartitions": topics, "timeoutMs": timeout}))
        }
        AdminRequest::UnregisterBroker(request) => ("UNREGISTER_BROKER", 0, json!({"brokerId": request.broker_id.0})),
        AdminRequest::UpdateFeatures(request) => {
            let update = |it: &raft::message::FeatureUpdate| json!({"feature": &*it.feature, "maxVersionLevel": it.max_version_level, "upgradeType": 1});
            let updates: Vec<Value> = request.feature_updates.iter().map(update).collect();
            let (timeout, validate) = (request.timeout_ms, request.validate_only);
            ("UPDATE_FEATURES", 2, json!({"timeoutMs": timeout, "featureUpdates": updates, "validateOnly": validate}))
        }
        // For the raft thread, and in its dialogue.
        AdminRequest::DescribeQuorum(_) | AdminRequest::AddRaftVoter(_) | AdminRequest::RemoveRaftVoter(_) => {
            (request.name(), -1, Value::Null)
        }
    }
}

fn creatable_topic(topic: &CreatableTopic) -> Value {
    let assignment = |it: &ReplicaAssignment| json!({"partitionIndex": it.partition, "brokerIds": ids(&it.broker_ids)});
    json!({
        "name": &*topic.name,
        "numPartitions": topic.num_partitions,
        "replicationFactor": topic.replication_factor,
        "assignments": topic.assignments.iter().map(assignment).collect::<Vec<_>>(),
        "configs": topic.configs.iter().map(config).collect::<Vec<_>>(),
    })
}

fn config(config: &TopicConfig) -> Value {
    json!({"name": &*config.name, "value": config.value.as_deref()})
}

fn admin_response(response: &AdminResponse) -> (&'static str, i16, Value) {
    match response {
        AdminResponse::CreateTopics(response) => {
            let topic = |topic: &CreatableTopicResult| {
                json!({
                    "name": &*topic.name,
                    "topicId": topic.topic_id.to_string(),
                    "errorCode": topic.error as i16,
                    "numPartitions": topic.num_partitions,
                    "replicationFactor": topic.replication_factor,
                })
            };
            ("CREATE_TOPICS", 7, json!({"topics": response.topics.iter().map(topic).collect::<Vec<_>>()}))
        }
        AdminResponse::DeleteTopics(response) => {
            let topic = |topic: &DeletableTopicResult| {
                let (name, id) = (topic.name.as_deref(), topic.topic_id.to_string());
                json!({"name": name, "topicId": id, "errorCode": topic.error as i16})
            };
            ("DELETE_TOPICS", 6, json!({"responses": response.responses.iter().map(topic).collect::<Vec<_>>()}))
        }
        AdminResponse::CreatePartitions(response) => {
            let topic = |it: &CreatePartitionsTopicResult| json!({"name": &*it.name, "errorCode": it.error as i16});
            ("CREATE_PARTITIONS", 3, json!({"results": response.results.iter().map(topic).collect::<Vec<_>>()}))
        }
        AdminResponse::IncrementalAlterConfigs(response) => {
            let resource = |it: &AlterConfigsResourceResponse| {
                let (kind, name) = (it.resource_type, &*it.resource_name);
                json!({"errorCode": it.error as i16, "resourceType": kind, "resourceName": name})
            };
            let responses: Vec<Value> = response.responses.iter().map(resource).collect();
            ("INCREMENTAL_ALTER_CONFIGS", 1, json!({"responses": responses}))
        }
        AdminResponse::DescribeConfigs(response) => {
            let resource = |it: &DescribeConfigsResult| {
                json!({
                    "errorCode": it.error as i16,
                    "resourceType": it.resource_type,
                    "resourceName": &*it.resource_name,
                    "configs": it.configs.iter().map(config).collect::<Vec<_>>(),
                })
            };
            ("DESCRIBE_CONFIGS", 4, json!({"results": response.results.iter().map(resource).collect::<Vec<_>>()}))
        }
        AdminResponse::ElectLeaders(response) => {
            let mut topics: Vec<(&str, Vec<Value>)> = Vec::new();
            for result in response.replica_election_results.iter() {
                let partition = json!({"partitionId": result.partition, "errorCode": result.error as i16});
                match topics.iter_mut().find(|(topic, _)| *topic == &*result.topic) {
                    Some((_, partitions)) => partitions.push(partition),
                    None => topics.push((&*result.topic, vec![partition])),
                }
            }
            let topic = |(topic, partitions)| json!({"topic": topic, "partitionResult": partitions});
            let results: Vec<Value> = topics.into_iter().map(topic).collect();
            ("ELECT_LEADERS", 2, json!({"errorCode": response.error as i16, "replicaElectionResults": results}))
        }
        AdminResponse::UnregisterBroker(response) => {
            ("UNREGISTER_BROKER", 0, json!({"errorCode": response.error as i16}))
        }
        AdminResponse::UpdateFeatures(response) => ("UPDATE_FEATURES", 2, json!({"errorCode": response.error as i16})),
        AdminResponse::DescribeQuorum(_) | AdminResponse::AddRaftVoter(_) | AdminResponse::RemoveRaftVoter(_) => {
            (response.name(), -1, Value::Null)
        }
    }
}

/// Partitions under their topics, in the order of the first of each.
fn by_topic(partitions: impl Iterator<Item = (Uuid, Value)>) -> Vec<Value> {
    let mut topics: Vec<(Uuid, Vec<Value>)> = Vec::new();
    for (id, partition) in partitions {
        match topics.iter_mut().find(|(topic, _)| *topic == id) {
            Some((_, partitions)) => partitions.push(partition),
            None => topics.push((id, vec![partition])),
        }
    }
    topics.into_iter().map(|(id, partitions)| json!({"topicId": id.to_string(), "partitions": partitions})).collect()
}

fn listeners(listeners: &[Listener]) -> Vec<Value> {
    let listener = |it: &Listener| json!({"name": &*it.name, "host": &*it.host, "port": it.port, "securityProtocol": it.security_protocol});
    listeners.iter().map(listener).collect()
}

fn features(features: &[FeatureRange]) -> Vec<Value> {
    let feature = |it: &FeatureRange| {
        let (min, max) = (it.min_supported_version, it.max_supported_version);
        json!({"name": &*it.name, "minSupportedVersion": min, "maxSupportedVersion": max})
    };
    features.iter().map(feature).collect()
}

fn ids(ids: &[raft::ids::NodeId]) -> Vec<i32> {
    ids.iter().map(|id| id.0).collect()
}

fn uuids(ids: &[Uuid]) -> Vec<String> {
    ids.iter().map(|id| id.to_string()).collect()
}
