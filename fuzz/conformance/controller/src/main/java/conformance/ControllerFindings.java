package conformance;

import java.io.IOException;
import java.io.PrintStream;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Findings about the controller, each reproduced on the released class. */
final class ControllerFindings {
    private interface Reproduction {
        /** Whether the released controller does what the finding says. */
        boolean shows(Story story);
    }

    private static final Map<String, Reproduction> ALL = new TreeMap<>(Map.of(
        "empty-append", ControllerFindings::emptyAppend,
        "stale-elr-of-deleted-topic", ControllerFindings::staleElr,
        "leaked-directory-of-deleted-topic", ControllerFindings::leakedDirectory));

    private ControllerFindings() {
    }

    /** All of them, or one by its name; true if all are there. */
    static boolean run(String name, PrintStream out) throws IOException {
        if (!name.equals("all") && !ALL.containsKey(name)) {
            throw new BadDialogue("no finding " + name + "; there are all, " + String.join(", ", ALL.keySet()));
        }
        boolean all = true;
        for (Map.Entry<String, Reproduction> finding : ALL.entrySet()) {
            if (name.equals("all") || name.equals(finding.getKey())) {
                out.println("== " + finding.getKey());
                try (Story story = new Story(out)) {
                    boolean shown = finding.getValue().shows(story);
                    out.println("== " + finding.getKey() + (shown ? " is there" : " is NOT there"));
                    all &= shown;
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
            }
        }
        return all;
    }

    /**
     * {@code ReplicationControlManager.removeTopicElrs} (ClearElr) does not update {@code brokersToElrs}; the topic goes, its
     * entry stays. When a member of that ELR registers after an unclean shutdown, {@code generateLeaderAndIsrUpdates} throws:
     * each try fails, and each makes the active controller resign.
     */
    private static boolean staleElr(Story story) {
        staleElrOfTopic(story);
        story.delete("t");
        story.pass();
        return failsOver(story, () -> story.register(102, -1, Story.id(2))) && failsOver(story,
            () -> story.register(102, -1, Story.id(2)));
    }

    /**
     * {@code replay(RemoveTopicRecord)} updates {@code directoriesToPartitions} in the loop over the ISR, so not at all if it is
     * empty. When that directory goes offline, the heartbeat throws: each try, with each active controller.
     */
    private static boolean leakedDirectory(Story story) {
        started(story);
        for (int broker : List.of(103, 102, 101)) {
            story.heartbeat(broker, true);
        }
        story.delete("t");
        story.pass();
        story.register(101, story.epochOf(101), Story.id(1), Story.id(4));
        story.heartbeat(101, false);
        return failsOver(story, () -> story.heartbeat(101, false, Story.id(1)))
            && failsOver(story, () -> story.heartbeat(101, false, Story.id(1)));
    }

    /**
     * {@code QuorumController.appendRecords} splits a result of exactly 10,000 records into one append of all and one of none,
     * which {@code KafkaRaftClient.append} refuses: the active controller resigns, with the first append scheduled.
     */
    private static boolean emptyAppend(Story story) {
        for (int broker = 101; broker <= 102; broker++) {
            story.register(broker, -1, Story.id(broker - 100));
            story.heartbeat(broker, false);
        }
        story.create("a", 5_000, List.of(101, 102));
        story.create("b", 4_999, List.of(101, 102));
        return failsOver(story, () -> story.heartbeat(102, true)) && story.hasAppendedNothing();
    }

    /** 102 was in the ELR of t, which a ClearElr record has emptied. */
    private static void staleElrOfTopic(Story story) {
        started(story);
        story.heartbeat(103, true);
        story.heartbeat(102, true);
        story.alterMinIsr("t", 3);
    }

    private static void started(Story story) {
        for (int broker = 101; broker <= 103; broker++) {
            story.register(broker, -1, Story.id(broker - 100));
            story.heartbeat(broker, false);
        }
        story.create("t", 1, List.of(101, 102, 103));
    }

    private static boolean failsOver(Story story, Runnable request) {
        request.run();
        boolean resigned = !story.isActive();
        if (resigned) {
            story.lead();
        }
        return resigned;
    }
}
