package findings;

import org.apache.kafka.clients.ApiVersions;
import org.apache.kafka.clients.BootstrapConfiguration;
import org.apache.kafka.clients.KafkaClient;
import org.apache.kafka.clients.ManualMetadataUpdater;
import org.apache.kafka.clients.MetadataRecoveryStrategy;
import org.apache.kafka.clients.NetworkClient;
import org.apache.kafka.common.network.Selectable;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.common.utils.internals.LogContext;

/** What differs between releases in name or package only. */
public final class Release {
    private Release() {
    }

    public static LogContext logContext() {
        return new LogContext();
    }

    /** As {@code KafkaRaftManager.buildNetworkClient}, but without ApiVersions requests. */
    public static KafkaClient networkClient(Selectable selector, Time time, int requestTimeoutMs, long backoffMs) {
        return new NetworkClient(selector, new ManualMetadataUpdater(), "raft-client", 1, backoffMs, backoffMs, -1, -1,
            requestTimeoutMs, 10_000, 30_000, time, false, new ApiVersions(), logContext(), MetadataRecoveryStrategy.NONE,
            BootstrapConfiguration.DISABLED, false);
    }
}
