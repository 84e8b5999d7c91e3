package conformance.cluster;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads what a server has logged since the last reading; the file outlives the processes that write it. */
final class ServerLog {
    private static final Pattern EPOCH = Pattern.compile("epoch=(\\d+)");
    private static final Pattern OFFSET = Pattern.compile("offset=(\\d+)");
    private static final Pattern ACTIVE = Pattern.compile("Becoming the active controller at epoch (\\d+)");
    private static final Pattern LEADS =
        Pattern.compile("Leader \\S+-(\\d+) with topic id (?:Some\\()?([\\w-]+)\\)? starts at leader epoch (\\d+)");
    private static final String TRANSITION = "Completed transition to ";

    private final Node node;
    private long position;

    ServerLog(Node node) {
        this.node = node;
    }

    List<Event> read() throws IOException {
        List<Event> events = new ArrayList<>();
        if (!Files.exists(node.log())) {
            return events;
        }
        byte[] bytes;
        try (RandomAccessFile file = new RandomAccessFile(node.log().toFile(), "r")) {
            bytes = new byte[(int) (file.length() - position)];
            file.seek(position);
            file.readFully(bytes);
        }
        int from = 0;
        for (int at = 0; at < bytes.length; at++) {
            if (bytes[at] == '\n') {
                event(new String(bytes, from, at - from, StandardCharsets.UTF_8), events);
                from = at + 1;
            }
        }
        // A line that is being written is read the next time.
        position += from;
        return events;
    }

    private void event(String line, List<Event> events) {
        int space = line.indexOf(' ');
        if (space < 0 || !line.startsWith("Z", space - 1)) {
            return;
        }
        if (line.contains(TRANSITION)) {
            String state = line.substring(line.indexOf(TRANSITION) + TRANSITION.length());
            long atNs = ns(line, space);
            if (state.startsWith("ProspectiveState(")) {
                events.add(new Event.Prospective(atNs, node.id(), (int) first(EPOCH, state)));
            } else if (state.startsWith("CandidateState(")) {
                events.add(new Event.Candidate(atNs, node.id(), (int) first(EPOCH, state)));
            } else if (state.startsWith("Leader(")) {
                events.add(new Event.Elected(atNs, node.id(), (int) first(EPOCH, state)));
            }
        } else if (line.contains(" LeaderState ") && line.contains("High watermark set to ")) {
            events.add(new Event.Committed(ns(line, space), node.id(), first(OFFSET, line)));
        } else if (line.contains("Becoming the active controller")) {
            events.add(new Event.Activated(ns(line, space), node.id(), (int) first(ACTIVE, line)));
        } else if (line.contains("metadata at offset ")) {
            events.add(new Event.Published(ns(line, space), node.id(), first(OFFSET, line)));
        } else if (line.contains(" starts at leader epoch ")) {
            Matcher leads = LEADS.matcher(line);
            // The same line is written of followers.
            if (leads.find()) {
                Event.Partition of = new Event.Partition(leads.group(2), Integer.parseInt(leads.group(1)));
                events.add(new Event.BecameLeader(ns(line, space), node.id(), of, Integer.parseInt(leads.group(3))));
            }
        }
    }

    private static long first(Pattern pattern, String text) {
        Matcher matcher = pattern.matcher(text);
        if (!matcher.find()) {
            throw new BadInput("this Kafka's log is not understood, no " + pattern + ": " + text);
        }
        return Long.parseLong(matcher.group(1));
    }

    private static long ns(String line, int space) {
        return ns(Instant.parse(line.substring(0, space)));
    }

    static long ns(Instant at) {
        return at.getEpochSecond() * 1_000_000_000L + at.getNano();
    }
}
