package org.apache.kafka.controller;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import conformance.BadDialogue;
import conformance.Entry;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.TopicDeletionDisabledException;
import org.apache.kafka.common.internals.Topic;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.message.CreatePartitionsRequestData.CreatePartitionsTopic;
import org.apache.kafka.common.message.CreatePartitionsResponseData.CreatePartitionsTopicResult;
import org.apache.kafka.common.message.CreateTopicsResponseData.CreatableTopicResult;
import org.apache.kafka.common.message.DeleteTopicsResponseData.DeletableTopicResult;
import org.apache.kafka.common.message.DeleteTopicsResponseData.DeletableTopicResultCollection;
import org.apache.kafka.common.message.DescribeConfigsResponseData.DescribeConfigsResourceResult;
import org.apache.kafka.common.message.DescribeConfigsResponseData.DescribeConfigsResult;
import org.apache.kafka.common.message.IncrementalAlterConfigsResponseData.AlterConfigsResourceResponse;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.requests.*;
import org.apache.kafka.common.security.auth.KafkaPrincipal;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.network.RequestConvertToJson;

import java.util.AbstractMap.SimpleEntry;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * What {@code kafka.server.ControllerApis} does with a request, without authorization and quotas: the class itself needs a
 * server around it.
 */
final class Apis {
    private final QuorumController controller;
    private final Time time;
    private final ControllerSetup setup;
    private final LongSupplier lastStableOffset;
    private final Consumer<Entry> outputs;

    Apis(QuorumController controller, Time time, ControllerSetup setup, LongSupplier lastStableOffset,
         Consumer<Entry> outputs) {
        this.lastStableOffset = lastStableOffset;
        this.controller = controller;
        this.time = time;
        this.setup = setup;
        this.outputs = outputs;
    }

    /** Handles a request of the dialogue; its answer is put out when there is one. */
    void receive(JsonNode request) {
        short version = (short) request.path("version").asInt();
        String api = request.path("api").asText();
        AbstractRequest parsed = parse(api, request.path("body"), version);
        boolean forwarded = request.path("forwarded").asBoolean();
        ControllerRequestContext context = new ControllerRequestContext(
            new RequestHeaderData().setRequestApiKey(parsed.apiKey().id).setRequestApiVersion(version),
            KafkaPrincipal.ANONYMOUS, deadline(parsed));
        CompletableFuture<? extends AbstractResponse> future;
        try {
            future = handle(parsed, context, forwarded);
        } catch (RuntimeException e) {
            future = CompletableFuture.failedFuture(e);
        }
        future.handle((response, error) -> {
            answer(request, forwarded, error == null ? response : parsed.getErrorResponse(0, error), version);
            return null;
        });
    }

    private void answer(JsonNode request, boolean forwarded, AbstractResponse response, short version) {
        ObjectNode answer = JsonNodeFactory.instance.objectNode();
        answer.set("connection", request.path("connection"));
        answer.set("correlation_id", request.path("correlation_id"));
        // RequestChannel.Request.buildResponseSend
        if (forwarded && response.errorCounts().containsKey(Errors.NOT_CONTROLLER)) {
            answer.put("api", "ENVELOPE").putObject("body").put("errorCode", Errors.NOT_CONTROLLER.code());
        } else {
            answer.put("api", response.apiKey().name()).set("body", RequestConvertToJson.response(response, version));
        }
        outputs.accept(new Entry("answer", answer));
    }

    private OptionalLong deadline(AbstractRequest request) {
        ApiKeys api = request.apiKey();
        int timeoutMs = switch (api) {
            case BROKER_HEARTBEAT -> (int) setup.number("broker.heartbeat.interval.ms") / 2;
            case CREATE_TOPICS -> ((CreateTopicsRequest) request).data().timeoutMs();
            case DELETE_TOPICS -> ((DeleteTopicsRequest) request).data().timeoutMs();
            case CREATE_PARTITIONS -> ((CreatePartitionsRequest) request).data().timeoutMs();
            case ELECT_LEADERS -> ((ElectLeadersRequest) request).data().timeoutMs();
            default -> -1;
        };
        boolean unlimited = timeoutMs == -1 && !List.of(ApiKeys.CREATE_TOPICS, ApiKeys.DELETE_TOPICS,
            ApiKeys.CREATE_PARTITIONS, ApiKeys.ELECT_LEADERS).contains(api);
        return unlimited ? OptionalLong.empty() : ControllerRequestContext.requestTimeoutMsToDeadlineNs(time, timeoutMs);
    }

    private static AbstractRequest parse(String api, JsonNode body, short version) {
        return switch (api) {
            case "ALTER_PARTITION" ->
                new AlterPartitionRequest.Builder(AlterPartitionRequestDataJsonConverter.read(body, version)).build(version);
            case "BROKER_REGISTRATION" -> new BrokerRegistrationRequest.Builder(
                BrokerRegistrationRequestDataJsonConverter.read(body, version)).build(version);
            case "BROKER_HEARTBEAT" -> new BrokerHeartbeatRequest.Builder(
                BrokerHeartbeatRequestDataJsonConverter.read(body, version)).build(version);
            case "ALLOCATE_PRODUCER_IDS" -> new AllocateProducerIdsRequest.Builder(
                AllocateProducerIdsRequestDataJsonConverter.read(body, version)).build(version);
            case "CONTROLLER_REGISTRATION" -> new ControllerRegistrationRequest.Builder(
                ControllerRegistrationRequestDataJsonConverter.read(body, version)).build(version);
            case "CREATE_TOPICS" ->
                new CreateTopicsRequest.Builder(CreateTopicsRequestDataJsonConverter.read(body, version)).build(version);
            case "DELETE_TOPICS" ->
                new DeleteTopicsRequest.Builder(DeleteTopicsRequestDataJsonConverter.read(body, version)).build(version);
            case "CREATE_PARTITIONS" -> new CreatePartitionsRequest.Builder(
                CreatePartitionsRequestDataJsonConverter.read(body, version)).build(version);
            case "INCREMENTAL_ALTER_CONFIGS" -> new IncrementalAlterConfigsRequest.Builder(
                IncrementalAlterConfigsRequestDataJsonConverter.read(body, version)).build(version);
            case "DESCRIBE_CONFIGS" -> new DescribeConfigsRequest.Builder(
                DescribeConfigsRequestDataJsonConverter.read(body, version)).build(version);
            case "ELECT_LEADERS" ->
                AbstractRequest.parseRequest(ApiKeys.ELECT_LEADERS, version, MessageUtil.toByteBufferAccessor(
                    ElectLeadersRequestDataJsonConverter.read(body, version), version)).request;
            case "UNREGISTER_BROKER" -> new UnregisterBrokerRequest.Builder(
                UnregisterBrokerRequestDataJsonConverter.read(body, version)).build(version);
            default -> throw new BadDialogue("a controller has no " + api);
        };
    }

    private CompletableFuture<? extends AbstractResponse> handle(
        AbstractRequest request, ControllerRequestContext context, boolean forwarded
    ) {
        if (request instanceof AlterPartitionRequest alter) {
            return controller.alterPartition(context, alter.data()).thenApply(AlterPartitionResponse::new);
        } else if (request instanceof BrokerRegistrationRequest registration) {
            return controller.registerBroker(context, registration.data()).thenApply(reply ->
                new BrokerRegistrationResponse(new BrokerRegistrationResponseData().setBrokerEpoch(reply.epoch())));
        } else if (request instanceof BrokerHeartbeatRequest heartbeat) {
            return controller.processBrokerHeartbeat(context, heartbeat.data()).thenApply(reply ->
                new BrokerHeartbeatResponse(new BrokerHeartbeatResponseData().setIsCaughtUp(reply.isCaughtUp())
                    .setIsFenced(reply.isFenced()).setShouldShutDown(reply.shouldShutDown())));
        } else if (request instanceof AllocateProducerIdsRequest allocate) {
            return controller.allocateProducerIds(context, allocate.data()).thenApply(AllocateProducerIdsResponse::new);
        } else if (request instanceof ControllerRegistrationRequest registration) {
            return controller.registerController(context, registration.data()).thenApply(done ->
                new ControllerRegistrationResponse(new ControllerRegistrationResponseData()));
        } else if (request instanceof CreateTopicsRequest create) {
            return createTopics(context, create.data(), forwarded);
        } else if (request instanceof DeleteTopicsRequest delete) {
            return deleteTopics(context, delete.data());
        } else if (request instanceof CreatePartitionsRequest create) {
            return createPartitions(context, create.data());
        } else if (request instanceof IncrementalAlterConfigsRequest alter) {
            return incrementalAlterConfigs(context, alter.data(), forwarded);
        } else if (request instanceof DescribeConfigsRequest describe) {
            return describeConfigs(context, describe.data());
        } else if (request instanceof ElectLeadersRequest elect) {
            return controller.electLeaders(context, elect.data()).thenApply(ElectLeadersResponse::new);
        } else {
            return controller.unregisterBroker(context, ((UnregisterBrokerRequest) request).data().brokerId())
                .thenApply(done -> new UnregisterBrokerResponse(new UnregisterBrokerResponseData()));
        }
    }

    private CompletableFuture<CreateTopicsResponse> createTopics(
        ControllerRequestContext context, CreateTopicsRequestData request, boolean forwarded
    ) {
        Set<String> names = new HashSet<>();
        Set<String> duplicates = new HashSet<>();
        request.topics().forEach(topic -> {
            if (!duplicates.contains(topic.name()) && !names.add(topic.name())) {
                names.remove(topic.name());
                duplicates.add(topic.name());
            }
        });
        Set<String> allowed = new HashSet<>(names);
        allowed.remove(Topic.CLUSTER_METADATA_TOPIC_NAME);
        CreateTopicsRequestData effective = request.duplicate();
        effective.topics().removeIf(topic -> duplicates.contains(topic.name()) || !allowed.contains(topic.name()));
        return controller.createTopics(context, effective, allowed, forwarded).thenApply(response -> {
            duplicates.forEach(name -> response.topics().add(
                new CreatableTopicResult().setName(name).setErrorCode(Errors.INVALID_REQUEST.code())));
            if (names.contains(Topic.CLUSTER_METADATA_TOPIC_NAME)) {
                response.topics().add(new CreatableTopicResult().setName(Topic.CLUSTER_METADATA_TOPIC_NAME)
                    .setErrorCode(Errors.INVALID_REQUEST.code()));
            }
            return new CreateTopicsResponse(response);
        });
    }

    private CompletableFuture<DeleteTopicsResponse> deleteTopics(
        ControllerRequestContext context, DeleteTopicsRequestData request
    ) {
        if (!setup.flag("delete.topic.enable")) {
            return CompletableFuture.failedFuture(new TopicDeletionDisabledException());
        }
        List<DeletableTopicResult> responses = new ArrayList<>();
        Distinct<String> names = new Distinct<>();
        Distinct<Uuid> ids = new Distinct<>();
        request.topics().forEach(topic -> {
            boolean hasId = !topic.topicId().equals(Uuid.ZERO_UUID);
            if (topic.name() == null && hasId) {
                ids.add(topic.topicId());
            } else if (topic.name() != null && !hasId) {
                names.add(topic.name());
            } else {
                responses.add(result(topic.name(), topic.topicId(), Errors.INVALID_REQUEST));
            }
        });
        names.twice.forEach(name -> responses.add(result(name, Uuid.ZERO_UUID, Errors.INVALID_REQUEST)));
        ids.twice.forEach(id -> responses.add(result(null, id, Errors.INVALID_REQUEST)));
        Map<Uuid, String> found = new HashMap<>();
        return controller.findTopicNames(context, ids.once).thenCompose(namesOfIds -> {
            namesOfIds.forEach((id, name) -> {
                if (name.isError()) {
                    responses.add(result(null, id, name.error().error()));
                } else {
                    found.put(id, name.result());
                }
            });
            return controller.findTopicIds(context, names.once);
        }).thenCompose(idsOfNames -> {
            idsOfNames.forEach((name, id) -> {
                if (id.isError()) {
                    responses.add(result(name, Uuid.ZERO_UUID, id.error().error()));
                } else if (ids.twice.contains(id.result()) || found.put(id.result(), name) != null) {
                    ids.twice.add(id.result());
                    found.remove(id.result());
                    responses.add(result(name, id.result(), Errors.INVALID_REQUEST));
                }
            });
            return controller.deleteTopics(context, found.keySet());
        }).thenApply(errors -> {
            errors.forEach((id, error) -> responses.add(result(found.get(id), id, error.error())));
            return new DeleteTopicsResponse(
                new DeleteTopicsResponseData().setResponses(new DeletableTopicResultCollection(responses.iterator())));
        });
    }

    /** What was given once, and what more often. */
    private static final class Distinct<T> {
        private final Set<T> once = new HashSet<>();
        private final Set<T> twice = new HashSet<>();

        void add(T value) {
            if (twice.contains(value) || !once.add(value)) {
                twice.add(value);
                once.remove(value);
            }
        }
    }

    private static DeletableTopicResult result(String name, Uuid id, Errors error) {
        return new DeletableTopicResult().setName(name).setTopicId(id).setErrorCode(error.code());
    }

    private CompletableFuture<CreatePartitionsResponse> createPartitions(
        ControllerRequestContext context, CreatePartitionsRequestData request
    ) {
        List<CreatePartitionsTopicResult> responses = new ArrayList<>();
        Set<String> names = new HashSet<>();
        Set<String> duplicates = new HashSet<>();
        request.topics().forEach(topic -> {
            if (!names.add(topic.name())) {
                duplicates.add(topic.name());
            }
        });
        duplicates.forEach(name -> {
            responses.add(new CreatePartitionsTopicResult().setName(name).setErrorCode(Errors.INVALID_REQUEST.code()));
            names.remove(name);
        });
        List<CreatePartitionsTopic> topics = new ArrayList<>();
        names.forEach(name -> topics.add(request.topics().find(name)));
        return controller.createPartitions(context, topics, request.validateOnly()).thenApply(results -> {
            responses.addAll(results);
            return new CreatePartitionsResponse(new CreatePartitionsResponseData().setResults(responses));
        });
    }

    private CompletableFuture<IncrementalAlterConfigsResponse> incrementalAlterConfigs(
        ControllerRequestContext context, IncrementalAlterConfigsRequestData request, boolean forwarded
    ) {
        IncrementalAlterConfigsResponseData response = new IncrementalAlterConfigsResponseData();
        Set<ConfigResource> duplicates = new HashSet<>();
        Map<ConfigResource, Map<String, Map.Entry<OpType, String>>> changes = new HashMap<>();
        request.resources().forEach(resource -> {
            ConfigResource key = new ConfigResource(ConfigResource.Type.forId(resource.resourceType()), resource.resourceName());
            if (key.type() == ConfigResource.Type.UNKNOWN) {
                response.responses().add(result(key, resource.resourceType(), Errors.UNSUPPORTED_VERSION));
            } else if (!duplicates.contains(key)) {
                Map<String, Map.Entry<OpType, String>> byName = new HashMap<>();
                resource.configs().forEach(config ->
                    byName.put(config.name(), new SimpleEntry<>(OpType.forId(config.configOperation()), config.value())));
                if (changes.put(key, byName) != null) {
                    duplicates.add(key);
                    changes.remove(key);
                    response.responses().add(result(key, resource.resourceType(), Errors.INVALID_REQUEST));
                }
            }
        });
        Iterator<ConfigResource> resources = changes.keySet().iterator();
        while (resources.hasNext()) {
            ConfigResource key = resources.next();
            // ControllerApis.authorizeAlterResource
            boolean expected = switch (key.type()) {
                case BROKER, CLIENT_METRICS, TOPIC, GROUP -> true;
                default -> false;
            };
            if (!expected) {
                response.responses().add(result(key, key.type().id(), Errors.INVALID_REQUEST));
                resources.remove();
            }
        }
        return controller.incrementalAlterConfigs(context, changes, request.validateOnly(), forwarded).thenApply(results -> {
            results.forEach((key, error) -> response.responses().add(result(key, key.type().id(), error.error())));
            return new IncrementalAlterConfigsResponse(response);
        });
    }

    private static AlterConfigsResourceResponse result(ConfigResource resource, byte type, Errors error) {
        return new AlterConfigsResourceResponse().setErrorCode(error.code()).setResourceName(resource.name())
            .setResourceType(type);
    }

    /** {@code ConfigHelper} on the controller's own state; {@code ControllerApis} has a metadata cache for it. */
    private CompletableFuture<DescribeConfigsResponse> describeConfigs(
        ControllerRequestContext context, DescribeConfigsRequestData request
    ) {
        Map<ConfigResource, Collection<String>> resources = new HashMap<>();
        request.resources().forEach(resource -> resources.put(
            new ConfigResource(ConfigResource.Type.forId(resource.resourceType()), resource.resourceName()), List.of()));
        return controller.describeConfigs(context, resources).thenApply(found -> {
            List<DescribeConfigsResult> results = new ArrayList<>();
            request.resources().forEach(resource -> {
                var values = found.get(new ConfigResource(
                    ConfigResource.Type.forId(resource.resourceType()), resource.resourceName()));
                DescribeConfigsResult result = new DescribeConfigsResult().setResourceName(resource.resourceName())
                    .setResourceType(resource.resourceType());
                if (resource.resourceType() == ConfigResource.Type.TOPIC.id() && !exists(resource.resourceName())) {
                    result.setErrorCode(Errors.UNKNOWN_TOPIC_OR_PARTITION.code());
                } else if (values.isError()) {
                    result.setErrorCode(values.error().error().code());
                } else {
                    values.result().entrySet().stream().sorted(Map.Entry.comparingByKey()).forEach(config ->
                        result.configs().add(
                            new DescribeConfigsResourceResult().setName(config.getKey()).setValue(config.getValue())));
                }
                results.add(result);
            });
            return new DescribeConfigsResponse(new DescribeConfigsResponseData().setResults(results));
        });
    }

    /** On the queue's thread. */
    private boolean exists(String topic) {
        return controller.replicationControl().findTopicIds(lastStableOffset.getAsLong(), List.of(topic)).get(topic).isResult();
    }
}
