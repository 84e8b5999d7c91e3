package findings;

import findings.broker.AwaitMetadataOfIsr;
import findings.broker.DropAbortedTransaction;
import findings.broker.DropSegmentsBehindGap;
import findings.broker.FirstPublishAfterCaughtUp;
import findings.broker.ForceMarkerRemoval;
import findings.broker.ForgetHighWatermarkOfFormerTopic;
import findings.broker.KeepProposalOfSameEpoch;
import findings.broker.ResetReplicasOfMissedEpoch;
import findings.broker.WriteEpochsBeforeAppend;
import findings.client.CompareEpochOfPosition;
import findings.client.KeepTopicIdsThroughRebootstrap;
import findings.network.ExpireRequestsOnTime;
import findings.network.FailRequestsInBackoffAtOnce;
import org.apache.kafka.controller.ClearIndexOfElr;
import org.apache.kafka.controller.ConfirmLeadershipOfHeartbeats;
import org.apache.kafka.controller.KeepElrOfEmptyIsr;
import org.apache.kafka.controller.SessionSinceRegistration;
import org.apache.kafka.controller.StableOffsetOfSnapshot;
import org.apache.kafka.controller.StayFencedInShutdown;
import org.apache.kafka.raft.AwaitUnwrittenVoterChange;
import org.apache.kafka.raft.CampaignAfterRefusingVote;
import org.apache.kafka.raft.CompareLogOfRepeatedVote;
import org.apache.kafka.raft.ElectDespiteEqualLatencies;
import org.apache.kafka.raft.EndpointsInEndQuorumEpoch;
import org.apache.kafka.raft.EpochOfSnapshotAtLogEnd;
import org.apache.kafka.raft.FlushRecoveredLog;
import org.apache.kafka.raft.FollowLeaderOfUnattached;
import org.apache.kafka.raft.GrantPreVoteAfterFetchTimeout;
import org.apache.kafka.raft.IgnoreAnswerOfRemovedVoter;
import org.apache.kafka.raft.IgnoreLeaderOfFormerDirectory;
import org.apache.kafka.raft.IgnoreLeaderWithoutEndpoints;
import org.apache.kafka.raft.KeepBufferUntilCommit;
import org.apache.kafka.raft.KeepVotersOfSnapshotEnd;
import org.apache.kafka.raft.LeaveSilentBootstrapServer;
import org.apache.kafka.raft.ReadControlRecordsAfterTruncation;
import org.apache.kafka.raft.RefuseMisroutedConnections;
import org.apache.kafka.raft.RemoveSnapshotsOfTruncatedRecords;
import org.apache.kafka.raft.ResignAfterExpiredRemoval;
import org.apache.kafka.raft.RestartAsFollowerDespiteOwnVote;
import org.apache.kafka.raft.SingleVoterFlushFirst;
import org.apache.kafka.raft.TakeNewLeaderEndpoints;

import java.util.List;

/** All reproductions. */
final class Findings {
    /** The one that the script {@code run} gives to the clients' harness. */
    static final String OF_CLIENTS = "RetryAssignedOnly";
    static final String OF_CLIENTS_SUMMARY =
        "A consumer loses an answer with an error for an unassigned partition: others stand still for 30 s.";
    static final List<Finding> ALL = List.of(
        // The findings of the catalog, in its order.
        new FlushRecoveredLog(),
        new SingleVoterFlushFirst(),
        new CompareLogOfRepeatedVote(),
        new RestartAsFollowerDespiteOwnVote(),
        new FirstPublishAfterCaughtUp(),
        new KeepProposalOfSameEpoch(),
        new SessionSinceRegistration(),
        new ForceMarkerRemoval(),
        new StayFencedInShutdown(),
        new KeepElrOfEmptyIsr(),
        new KeepTopicIdsThroughRebootstrap(),
        new AwaitMetadataOfIsr(),
        new ResetReplicasOfMissedEpoch(),
        new CompareEpochOfPosition(),
        new DropSegmentsBehindGap(),
        new WriteEpochsBeforeAppend(),
        new ForgetHighWatermarkOfFormerTopic(),
        new ClearIndexOfElr(),
        new StableOffsetOfSnapshot(),
        new EpochOfSnapshotAtLogEnd(),
        new KeepVotersOfSnapshotEnd(),
        new ReadControlRecordsAfterTruncation(),
        new AwaitUnwrittenVoterChange(),
        new ResignAfterExpiredRemoval(),
        new IgnoreAnswerOfRemovedVoter(),
        new FollowLeaderOfUnattached(),
        new IgnoreLeaderWithoutEndpoints(),
        new EndpointsInEndQuorumEpoch(),
        new IgnoreLeaderOfFormerDirectory(),
        new GrantPreVoteAfterFetchTimeout(),
        new LeaveSilentBootstrapServer(),
        new CampaignAfterRefusingVote(),
        new RefuseMisroutedConnections(),
        new TakeNewLeaderEndpoints(),
        // Further defects, which the simulator has no fix for.
        new RemoveSnapshotsOfTruncatedRecords(),
        new KeepBufferUntilCommit(),
        new ConfirmLeadershipOfHeartbeats(),
        new ElectDespiteEqualLatencies(),
        new DropAbortedTransaction(),
        new ExpireRequestsOnTime(),
        new FailRequestsInBackoffAtOnce()
    );

    private Findings() {
    }
}
