package conformance.measure;

import conformance.measure.Jvm.Event;
import conformance.measure.recorder.Kind;
import org.apache.kafka.common.protocol.ApiKeys;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** Matches what one process wrote with what another received; nanoTime is the same clock in all processes of a machine. */
final class Messages {
    /** What names a message on the wire. */
    record Wire(int api, int correlation, int client, boolean isResponse) {
        static Wire of(Event event) {
            return new Wire(event.api(), event.correlation(), event.client(), event.isResponse());
        }
    }

    private record Written(Jvm jvm, Event event) {
    }

    private record Connect(long begin, long connected, long ready, String channel) {
    }

    /** A message is not on its way for longer; the next process of a node uses the same correlation ids. */
    private static final long LONGEST = 500_000_000L;
    /** The receiver may run before the sender's write has returned. */
    private static final long EARLY = 2_000_000L;

    final Map<String, Integer> doubts = new TreeMap<>();
    private final Samples sends;
    private final Samples receives;
    private final Samples connections;
    private final long link;
    private final Map<Wire, List<Written>> written = new HashMap<>();
    private final Set<Integer> clients = new HashSet<>();

    Messages(Samples sends, Samples receives, Samples connections, long link) {
        this.sends = sends;
        this.receives = receives;
        this.connections = connections;
        this.link = link;
    }

    void match(List<Jvm> jvms) {
        for (Jvm jvm : jvms) {
            jvm.events.stream().filter(it -> it.kind() == Kind.WRITTEN).forEach(it -> {
                written.computeIfAbsent(Wire.of(it), wire -> new ArrayList<>()).add(new Written(jvm, it));
                if (!it.isResponse()) {
                    clients.add(it.client());
                }
            });
        }
        written.values().forEach(it -> it.sort(Comparator.comparingLong(one -> one.event.end())));
        for (Jvm jvm : jvms) {
            send(jvm);
        }
        for (Jvm jvm : jvms) {
            receive(jvm);
        }
    }

    // ---- Sending, and connecting

    private void send(Jvm jvm) {
        sends.nextJvm();
        connections.nextJvm();
        Map<Integer, Event> latest = new HashMap<>();
        Map<Long, Connect> open = new HashMap<>();
        Map<Long, List<Connect>> all = new HashMap<>();
        for (Event event : jvm.events) {
            long connection = (long) event.thread() << 32 | event.identity() & 0xffffffffL;
            switch (event.kind()) {
                case Kind.HANDOVER_REQUEST, Kind.HANDOVER_RESPONSE -> latest.put(event.identity(), event);
                case Kind.CONNECTING -> open.put(connection, new Connect(event.end(), 0, 0, jvm.channelOf(event)));
                case Kind.CONNECTED -> open.computeIfPresent(connection,
                    (it, connect) -> connected(connect, event.end()));
                case Kind.READY -> {
                    Connect connect = open.remove(connection);
                    if (connect != null) {
                        Connect done = connect.connected > 0 ? connect : connected(connect, event.end());
                        all.computeIfAbsent(connection, it -> new ArrayList<>())
                            .add(new Connect(done.begin, done.connected, event.end(), done.channel));
                    }
                }
                case Kind.WRITTEN -> written(jvm, event, latest.get(event.identity()),
                    all.getOrDefault((long) event.thread() << 32 | event.auxiliary() & 0xffffffffL, List.of()));
                default -> { }
            }
        }
    }

    private Connect connected(Connect connect, long at) {
        connections.add(connect.channel, "", at - connect.begin - 2 * link);
        return new Connect(connect.begin, at, 0, connect.channel);
    }

    private void written(Jvm jvm, Event event, Event handover, List<Connect> connects) {
        String name = event.apiName() + (event.isResponse() ? " response" : " request");
        String thread = event.isResponse() ? (jvm.isBroker() ? Works.HANDLER : handlerOf(event.api()))
            : jvm.channelOf(event);
        boolean isExchange = event.api() == ApiKeys.API_VERSIONS.id && !event.isResponse();
        if (isExchange) {
            sends.add(thread, name, event.end() - event.begin());
            return;
        }
        if (handover == null || handover.end() > event.end()) {
            sends.skip(thread, name);
            count("sent without a hand-over");
            return;
        }
        long time = event.end() - handover.end();
        for (Connect connect : connects) {
            if (connect.ready > handover.end() && connect.begin < event.end()) {
                long before = Math.max(0, connect.begin - handover.end());
                time = before + event.end() - connect.ready;
                if (before > 20_000_000) {
                    // It waited to be allowed to connect.
                    time = -1;
                }
            }
        }
        if (time < 0) {
            sends.skip(thread, name);
            count("sent after a wait for a connection");
        } else {
            sends.add(thread, name, time);
        }
    }

    private static String handlerOf(int api) {
        return Works.RAFT_APIS.contains(api) ? Works.RAFT : Works.CONTROLLER_HANDLER;
    }

    // ---- Receiving

    private void receive(Jvm jvm) {
        receives.nextJvm();
        for (Event event : jvm.events) {
            String answer = event.isResponse() ? " response" : " request";
            switch (event.kind()) {
                case Kind.RECEIVED -> {
                    if (jvm.isBroker()) {
                        arrived(jvm, event, Works.HANDLER, event.apiName() + answer, event.end());
                    } else if (!Works.RAFT_APIS.contains(event.api())) {
                        arrived(jvm, event, Works.CONTROLLER_HANDLER, event.apiName() + answer, event.end());
                    }
                }
                case Kind.QUEUED_RAFT -> arrived(jvm, event, Works.RAFT, event.apiName() + answer, event.end());
                case Kind.QUEUED_EVENT -> {
                    if (event.parent() == Kind.CHANNEL_RESPONSE && event.isResponse()
                        && jvm.channelOf(event).equals(Works.LIFECYCLE)) {
                        arrived(jvm, event, Works.LIFECYCLE, event.apiName() + answer, event.end());
                    }
                }
                case Kind.CHANNEL_RESPONSE -> {
                    if (!jvm.channelOf(event).equals(Works.LIFECYCLE) && jvm.name(event).isEmpty()) {
                        arrived(jvm, event, Works.HANDLER, event.apiName() + answer, event.begin());
                    }
                }
                case Kind.API_VERSIONS_RESPONSE ->
                    arrived(jvm, event, jvm.channelOf(event), event.apiName() + answer, event.begin());
                default -> { }
            }
        }
        fetchers(jvm);
    }

    /** A blocking exchange ends when the answer is there: the request that it wrote names the answer. */
    private void fetchers(Jvm jvm) {
        Map<Integer, Event> requests = new HashMap<>();
        for (Event event : jvm.events) {
            if (event.kind() == Kind.WRITTEN && !event.isResponse()) {
                requests.put(event.identity(), event);
            } else if (event.kind() == Kind.FETCHER_WAIT) {
                Event request = requests.get(event.identity());
                if (request != null && request.end() > event.begin()) {
                    Wire answer = new Wire(request.api(), request.correlation(), request.client(), true);
                    arrived(jvm, event, answer, Works.HANDLER, event.apiName() + " response", event.end());
                }
            }
        }
    }

    private void arrived(Jvm jvm, Event event, String thread, String name, long at) {
        arrived(jvm, event, Wire.of(event), thread, name, at);
    }

    private void arrived(Jvm jvm, Event event, Wire wire, String thread, String name, long at) {
        Written best = null;
        for (Written one : written.getOrDefault(wire, List.of())) {
            if (one.event.end() <= at + EARLY && one.event.end() > at - LONGEST && one.jvm != jvm) {
                best = one;
            }
        }
        if (best == null) {
            receives.skip(thread, name);
            if (wire.isResponse || clients.contains(wire.client)) {
                count("received, sender unknown");
            }
            return;
        }
        count("received, matched");
        long time = at - best.event.end() - link;
        if (time < 0) {
            count("received before the write returned");
        }
        receives.add(thread, name, time);
    }

    private void count(String doubt) {
        doubts.merge(doubt, 1, Integer::sum);
    }
}
