package findings;

import findings.broker.AwaitMetadataOfIsr;
import findings.broker.FirstPublishAfterCaughtUp;
import findings.broker.ForceMarkerRemoval;
import findings.broker.KeepProposalOfSameEpoch;
import findings.broker.ResetReplicasOfMissedEpoch;
import findings.client.CompareEpochOfPosition;
import findings.client.KeepTopicIdsThroughRebootstrap;
import org.apache.kafka.controller.KeepElrOfEmptyIsr;
import org.apache.kafka.controller.SessionSinceRegistration;
import org.apache.kafka.controller.StayFencedInShutdown;
import org.apache.kafka.raft.CompareLogOfRepeatedVote;
import org.apache.kafka.raft.FlushRecoveredLog;
import org.apache.kafka.raft.RestartAsFollowerDespiteOwnVote;
import org.apache.kafka.raft.SingleVoterFlushFirst;

import java.util.List;

/** All reproductions: first those of the catalog's findings, in its order, then further defects. */
final class Findings {
    static final List<Finding> ALL = List.of(
        new FlushRecoveredLog(),
        new SingleVoterFlushFirst(),
        new CompareLogOfRepeatedVote(),
        new RestartAsFollowerDespiteOwnVote(),
        new FirstPublishAfterCaughtUp(),
        new SessionSinceRegistration(),
        new ForceMarkerRemoval(),
        new StayFencedInShutdown(),
        new KeepElrOfEmptyIsr(),
        new KeepProposalOfSameEpoch(),
        new KeepTopicIdsThroughRebootstrap(),
        new AwaitMetadataOfIsr(),
        new ResetReplicasOfMissedEpoch(),
        new CompareEpochOfPosition()
    );

    private Findings() {
    }
}
