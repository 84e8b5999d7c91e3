package org.apache.kafka.raft;

import findings.Finding;
import findings.Forces;
import findings.Steps;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.VoteRequestData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.raft.internals.KafkaRaftLog;
import org.apache.kafka.server.common.KRaftVersion;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** A recovered metadata log is counted as replicated, although nothing forced it. */
public final class FlushRecoveredLog extends Finding {
    private static final String KILLED = "killed";
    private static final String RESTARTED = "restarted";
    private static final Set<Integer> VOTERS = Set.of(1, 2, 3);

    @Override
    public String summary() {
        return "A restarted voter states recovered records in its Fetch and Vote that were never forced to disk.";
    }

    @Override
    public String trigger() {
        return "a kill between the write of records and their fsync";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Quorum world = new Quorum(steps);
        List<Forces.Happened> all = Forces.during(() -> {
            KafkaRaftLog log = RaftProcess.createLog(world, 2);
            log.appendAsFollower(MemoryRecords.withRecords(0L, Compression.NONE, 1,
                new SimpleRecord("a".getBytes()), new SimpleRecord("b".getBytes())), 1);
            steps.say("node 2", "KafkaRaftLog.appendAsFollower: offsets 0 and 1 of epoch 1");
            if (!triggered) {
                log.flush(false);
                steps.say("node 2", "KafkaRaftLog.flush");
            }
            Forces.mark(KILLED);
            // A killed process does not close its log; this gives back its files only.
            log.close();
            steps.say("node 2", "is killed");
            new FileQuorumStateStore(RaftProcess.directory(world, 2).resolve("quorum-state").toFile()).writeElectionState(
                ElectionState.withElectedLeader(1, 1, Optional.empty(), VOTERS), KRaftVersion.KRAFT_VERSION_0);
            Forces.mark(RESTARTED);
            RaftProcess<String> node = new RaftProcess<>(world, RaftProcess.Setup.voter(2, 1, 2, 3));
            steps.say("node 2", "boots: %s", node.state());
            node.run();
            var fetch = ((FetchRequestData) world.take(node, ApiKeys.FETCH, 1).body()).topics().get(0).partitions().get(0);
            steps.say("node 2", "Fetch: offset %d, last epoch %d", fetch.fetchOffset(), fetch.lastFetchedEpoch());
            world.advance(5_000);
            node.run();
            var vote = ((VoteRequestData) world.take(node, ApiKeys.VOTE, 1).body()).topics().get(0).partitions().get(0);
            steps.say("node 2", "Vote: last offset %d, last epoch %d", vote.lastOffset(), vote.lastOffsetEpoch());
            if (fetch.fetchOffset() != 2 || vote.lastOffset() != 2) {
                throw new IllegalStateException("the recovered log does not end at offset 2");
            }
        });
        Path segment = RaftProcess.segment(world, 2);
        long before = forces(all.stream().takeWhile(event -> !event.isMark(KILLED)), segment);
        long after = forces(all.stream().dropWhile(event -> !event.isMark(RESTARTED)), segment);
        steps.say("disk", "forces of node 2's segment: %d before the kill, %d from the boot to the Vote", before, after);
        return before + after == 0;
    }

    private static long forces(Stream<Forces.Happened> events, Path segment) {
        return events.filter(event -> event.isForceOf(segment)).count();
    }
}
